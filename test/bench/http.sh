#!/bin/sh
# Purchases over HTTP by wrk beside bare SQLite: test/bench/http.sh DIR MEMBERS. DIR is an instance made by bench_engine.
# Three rounds: a file that is appended to and synced and bare SQLite in batches of 64, 256 and 512, then the server, which is
# measured when it has been under load for WARM seconds (40). Prints the start, p50 and p99, and each rate with its ratio to the
# yardstick of the same round.
set -eu
cd "$(dirname "$0")/../.."
command -v wrk >/dev/null || { echo "wrk is not installed: apt-get install wrk"; exit 1; }
bin=build/release/loyald
export LOYALD_DATABASE="$1/loyald.db" MEMBERS="$2" PREFIX=M LOYALD_LISTEN=127.0.0.1:18099
KEY=$($bin key create --name bench --scopes all --json | sed -n 's/.*"key":"\([^"]*\)".*/\1/p')
export KEY
load() { # CONNECTIONS SECONDS SCRIPT
    RUN="$1-$3-$(date +%s)" wrk -t1 -c"$1" -d"$2s" --latency -s "test/bench/$3.lua" http://$LOYALD_LISTEN
}
singles() { # CONNECTIONS BARE
    load "$1" 10 purchase | awk -v c="$1" -v bare="$2" '/50%/ {p50 = $2} /99%/ {p99 = $2} /Requests\/sec/ {r = $2} /Non-2xx/ {print "errors:", $0}
        END {printf "HTTP single events, %d connections: %.0f/s, p50 %s, p99 %s", c, r, p50, p99; if (bare) printf "; %.2f of bare SQLite (%d/s)", r / bare, bare; print ""}'
}
pid=
trap '[ -z "$pid" ] || kill $pid' EXIT
for round in 1 2 3; do
    bare=$(BENCH_BARE="64 256 512" build/release/bench/bench_engine "$2" 100000 "$1")
    of() { echo "$bare" | awk -v size="$1" '$1 == size {print $2}'; }
    start=$(date +%s%N)
    $bin serve >build/bench-serve.log 2>&1 &
    pid=$!
    until curl -sf http://$LOYALD_LISTEN/readyz >/dev/null; do sleep 0.01; done
    echo "start to ready: $((($(date +%s%N) - start) / 1000000)) ms; resident, idle: $(awk '/VmRSS/ {print int($2 / 1024)}' /proc/$pid/status) MiB"
    load 4 "${WARM:-40}" batch >/dev/null
    echo "append and fdatasync: $(of sync) us"
    singles 1 0
    singles 64 "$(of 64)"
    singles 256 "$(of 256)"
    load 4 10 batch | awk -v bare="$(of 512)" '/Requests\/sec/ {printf "HTTP batches, 4 connections x 500: %.0f events/s; %.2f of bare SQLite (%d/s)\n", $2 * 500, $2 * 500 / bare, bare} /Non-2xx/ {print "errors:", $0}'
    echo "resident, under load: $(awk '/VmRSS/ {print int($2 / 1024)}' /proc/$pid/status) MiB"
    kill $pid
    wait $pid || true
    pid=
done
