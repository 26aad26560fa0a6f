#!/usr/bin/env bash
# Builds and runs the tests: ./test.sh in minutes, ./test.sh --long adds sanitizers, fuzzing, torture and many seeds.
# Needs Debian 12 and, where packages are missing, root or sudo. A second run works without a network.
set -euo pipefail
cd "$(dirname "$0")"

packages=(gcc make pkg-config libmicrohttpd-dev libsqlite3-dev libpq-dev libsodium-dev liboath-dev libicu-dev zlib1g-dev
          libcmocka-dev postgresql-15 curl clang-format)
command -v node >/dev/null || packages+=(nodejs)
[ "${1:-}" = --long ] && packages+=(clang libclang-rt-14-dev libjansson-dev)
. tools/packages.sh
install_packages "${packages[@]}"
export LOYALD_SHARED=${LOYALD_SHARED:-$(cd .. && pwd)/shared}
if [ ! -d "$LOYALD_SHARED/data" ]; then
    echo "The conformance data is expected in $LOYALD_SHARED/data (set LOYALD_SHARED)." >&2
    exit 1
fi

passed=0
failed=0
# step NAME COMMAND...: runs it, keeps going, remembers.
step() {
    local name=$1 start=$SECONDS
    shift
    if "$@" > "build/log-$name.txt" 2>&1; then
        passed=$((passed + 1))
        echo "ok    $name ($((SECONDS - start)) s)"
    else
        failed=$((failed + 1))
        echo "FAIL  $name ($((SECONDS - start)) s), the end of build/log-$name.txt:"
        grep -aE 'FAILED|ERROR|error:|not ok|# fail' "build/log-$name.txt" | head -n 20 || true
        tail -n 40 "build/log-$name.txt"
    fi
}
mkdir -p build

if [ "${1:-}" != --long ]; then
    step build make -s -j2 all tests
    step tidy make -s tidy
    step unit make -s unit
    step store make -s store-tests
    step api make -s FLAVOUR=debug api-tests
    step sim make -s FLAVOUR=debug sim
    step data make -s data-tests
    step upgrade make -s upgrade-tests
else
    step release make -s -j2 FLAVOUR=release all
    step asan-build make -s -j2 FLAVOUR=asan all tests
    step asan-unit make -s FLAVOUR=asan unit
    step asan-store make -s FLAVOUR=asan store-tests
    step fuzz make -s fuzz FUZZ_S=20
    step torture make -s torture
    step sim make -s FLAVOUR=release sim SEEDS=1-1000
    step pages make -s pages
fi
echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
