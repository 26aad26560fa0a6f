#!/usr/bin/env bash
# Builds loyald, makes an instance with a small shop and a year of its life the first time, and serves it.
# Needs Debian 12 and, where packages are missing, root or sudo. A second run works without a network.
set -euo pipefail
cd "$(dirname "$0")"

packages=(gcc make pkg-config libmicrohttpd-dev libsqlite3-dev libpq-dev libsodium-dev liboath-dev libicu-dev zlib1g-dev curl)
. tools/packages.sh
install_packages "${packages[@]}"

echo "Building (release) ..." >&2
make -s -j2 FLAVOUR=release
bin=build/release/loyald
dir=${LOYALD_DIR:-var}
mkdir -p "$dir"
export LOYALD_DATABASE=${LOYALD_DATABASE:-$dir/loyald.db}
export LOYALD_LISTEN=${LOYALD_LISTEN:-127.0.0.1:8080}

if [ ! -e "$dir/.ready" ]; then
    echo "Making an instance in $dir with the retail preset and a year of generated life ..." >&2
    "$bin" init --preset retail
    "$bin" demo --members "${LOYALD_DEMO_MEMBERS:-2000}" --days 365 --seed 1
    "$bin" key create --name quickstart --scopes all --json | sed -n 's/.*"key":"\([^"]*\)".*/\1/p' > "$dir/quickstart.key"
    chmod 600 "$dir/quickstart.key"
    touch "$dir/.ready"
fi
key=$(cat "$dir/quickstart.key")

cat <<EOF

loyald serves on http://$LOYALD_LISTEN (stop it with Ctrl-C)
API key: $key

Post a purchase and see points:

curl -s http://$LOYALD_LISTEN/v1/events -H 'Authorization: Bearer $key' -H 'Content-Type: application/json' -d '{"specversion":"1.0","id":"'\$(date +%s%N)'","source":"quickstart","type":"purchase","time":"'\$(date -u +%Y-%m-%dT%H:%M:%SZ)'","subject":"ext:C-1","data":{"amount":4550,"currency":"EUR"}}'

EOF
exec "$bin" serve
