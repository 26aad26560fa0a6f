# Sourced by run.sh and test.sh: installs the Debian packages that are missing, or says which and stops.
install_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    local run=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
            echo "These Debian packages are missing, and installing them needs root: ${missing[*]}" >&2
            echo "As root: apt-get install ${missing[*]}" >&2
            exit 1
        fi
        run=(sudo)
    fi
    echo "Installing ${missing[*]} ..." >&2
    "${run[@]}" apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive "${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}
