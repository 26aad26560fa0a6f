#!/bin/sh
# A private PostgreSQL 15 cluster for the tests: test/pg.sh start [nofsync] | stop | restart | url
# It lives in build/pg of this tree, listens on loopback and on a socket there, and trusts whoever asks.
set -eu
cd "$(dirname "$0")/.."
DIR=$(pwd)/build/pg
BIN=${PG_BIN:-/usr/lib/postgresql/15/bin}
# A port of its own for each tree.
PORT=$((54000 + $(printf '%s' "$DIR" | cksum | cut -d' ' -f1) % 1000))

# PostgreSQL refuses to run as root.
as_owner() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=postgres --regid=postgres --clear-groups env HOME=/tmp "$@"
    else
        "$@"
    fi
}

running() {
    [ -f "$DIR/data/PG_VERSION" ] && as_owner "$BIN/pg_ctl" -D "$DIR/data" status >/dev/null 2>&1
}

start() {
    # What tests that were cut short have left behind goes once it is much.
    if ! running && [ -d "$DIR" ] && [ "$(du -sm "$DIR" | cut -f1)" -gt 400 ]; then
        rm -rf "$DIR"
    fi
    mkdir -p "$DIR"
    [ "$(id -u)" != 0 ] || chown postgres:postgres "$DIR"
    if [ ! -f "$DIR/data/PG_VERSION" ]; then
        as_owner "$BIN/initdb" -D "$DIR/data" -U loyald -A trust -E UTF8 --locale=C.UTF-8 >"$DIR.log" 2>&1 ||
            { cat "$DIR.log" >&2; exit 1; }
    fi
    if ! running; then
        as_owner "$BIN/pg_ctl" -D "$DIR/data" -w -t 30 -l "$DIR/server.log" -o "-p $PORT -c listen_addresses=127.0.0.1 \
            -c unix_socket_directories=$DIR -c max_connections=60 -c shared_buffers=64MB -c max_prepared_transactions=0 \
            -c max_locks_per_transaction=256 -c fsync=${1:-on} ${PG_OPTIONS:-}" start >/dev/null
    fi
}

stop() {
    if [ -f "$DIR/data/postmaster.pid" ]; then
        as_owner "$BIN/pg_ctl" -D "$DIR/data" -m fast -w stop >/dev/null
    fi
}

case ${1:-} in
start) start "$([ "${2:-}" = nofsync ] && echo off || echo on)" ;;
stop) stop ;;
restart) stop; start on ;;
url) echo "postgresql://loyald@127.0.0.1:$PORT/postgres" ;;
*) sed -n 2,3p "$0"; exit 2 ;;
esac
