#!/bin/sh
# Single purchases over HTTP by wrk, at 1, 64 and 256 connections: test/bench/http.sh DIR MEMBERS. DIR is an instance
# made by bench_engine. Prints rate, p50 and p99.
set -eu
cd "$(dirname "$0")/../.."
command -v wrk >/dev/null || { echo "wrk is not installed: apt-get install wrk"; exit 1; }
bin=build/release/loyald
export LOYALD_DATABASE="$1/loyald.db" MEMBERS="$2" PREFIX=M LOYALD_LISTEN=127.0.0.1:18099
KEY=$($bin key create --name bench --scopes all --json | sed -n 's/.*"key":"\([^"]*\)".*/\1/p')
export KEY
start=$(date +%s%N)
$bin serve >build/bench-serve.log 2>&1 &
pid=$!
trap 'kill $pid' EXIT
until curl -sf http://$LOYALD_LISTEN/readyz >/dev/null; do sleep 0.01; done
echo "start to ready: $((($(date +%s%N) - start) / 1000000)) ms; resident, idle: $(awk '/VmRSS/ {print int($2 / 1024)}' /proc/$pid/status) MiB"
for connections in 1 64 256; do
    RUN="$connections-$(date +%s)" wrk -t1 -c$connections -d10s --latency -s test/bench/purchase.lua http://$LOYALD_LISTEN |
        awk -v c=$connections '/50%/ {p50 = $2} /99%/ {p99 = $2} /Requests\/sec/ {r = $2} /Non-2xx/ {print "errors:", $0} END {printf "HTTP single events, %d connections: %s/s, p50 %s, p99 %s\n", c, r, p50, p99}'
done
RUN="batch-$(date +%s)" wrk -t1 -c4 -d10s -s test/bench/batch.lua http://$LOYALD_LISTEN |
    awk '/Requests\/sec/ {printf "HTTP batches, 4 connections x 500: %.0f events/s\n", $2 * 500} /Non-2xx/ {print "errors:", $0}'
