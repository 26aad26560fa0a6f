#!/bin/sh
# The engine on PostgreSQL beside one PL/pgSQL call per event at 16 connections, both durable, on MEMBERS members and as many
# events: test/bench/pg.sh MEMBERS. The calls are counted twice, as they return, and with the checkpoint that brings their
# pages into the files, which the server's own calls to SQLite always have beside them.
set -eu
cd "$(dirname "$0")/../.."
members=${1:-1000000}
bin=/usr/lib/postgresql/15/bin
export PG_OPTIONS="-c shared_buffers=2GB -c max_wal_size=4GB"
test/pg.sh stop >/dev/null 2>&1 || true
test/pg.sh start
trap 'test/pg.sh stop' EXIT
url=$(test/pg.sh url)
psql "$url" -qc 'DROP DATABASE IF EXISTS bench' -c 'CREATE DATABASE bench' 2>/dev/null
url=${url%/*}/bench
rm -rf build/bench-pg
mkdir -p build/bench-pg
BENCH_DATABASE=$url build/release/bench/bench_engine "$members" 60000 build/bench-pg
psql "$url" -qf test/bench/pg.sql
psql "$url" -qc 'CREATE TABLE bench_member AS SELECT row_number() OVER (ORDER BY member_id) AS n, member_id FROM member_state' \
    -c 'CREATE UNIQUE INDEX ON bench_member (n)' -c 'VACUUM ANALYZE' -c 'CHECKPOINT'
cat > build/bench-pg/call.sql <<EOF
\set n random(1, $members)
\set id random(1, 9000000000000000)
SELECT bench_book(decode(md5(CAST(:id AS bigint)::text), 'hex'), (SELECT member_id FROM bench_member WHERE n = :n), CAST(:id AS bigint) * 8)
EOF
for run in 1 2 3; do
    start=$(date +%s%N)
    calls=$($bin/pgbench -n -M prepared -c 16 -j 1 -T 10 -f build/bench-pg/call.sql "$url" 2>/dev/null |
        sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p')
    called=$(date +%s%N)
    psql "$url" -qc CHECKPOINT
    done=$(date +%s%N)
    echo "one PL/pgSQL call per event, 16 connections: $((calls * 1000000 / ((called - start) / 1000)))/s, with their checkpoint $((calls * 1000000 / ((done - start) / 1000)))/s"
done
