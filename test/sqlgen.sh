#!/bin/sh
# tools/sqlgen.awk refuses what would fail later or on the other database only. Run by `make unit`.
set -eu
cd "$(dirname "$0")/.."
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT

generate() {
    printf '%b' "$1" > "$DIR/q.sql"
    awk -f tools/sqlgen.awk -v out="$DIR/q" "$DIR/q.sql" /dev/null 2> "$DIR/why"
}

# refuses WHY SQL
refuses() {
    if generate "$2"; then
        echo "sqlgen took: $2" >&2
        exit 1
    fi
    grep -q -- "$1" "$DIR/why" || { echo "sqlgen said: $(cat "$DIR/why"), not: $1" >&2; exit 1; }
    [ ! -e "$DIR/q.c" ] || { echo "sqlgen wrote in spite of: $1" >&2; exit 1; }
}

refuses 'is taken' '-- name: a :one\n-- x\nSELECT 1\n-- name: a :one\n-- x\nSELECT 1\n'
refuses 'expected -- name' '-- name: a :two\n-- x\nSELECT 1\n'
refuses 'expected -- name' '-- name: A-b :one\n-- x\nSELECT 1\n'
refuses 'needs a text for sqlite' '-- name: a :each\n-- x\nSELECT :a\n'
refuses 'no line of explanation' '-- name: a :one\nSELECT 1\n'
refuses 'is not in the sqlite text' '-- name: a :one\n-- x\n-- sqlite:\nSELECT :a\n-- postgres:\nSELECT :b\n'
refuses 'is not used in both' '-- name: a :one\n-- x\n-- sqlite:\nSELECT :a\n-- postgres:\nSELECT 1\n'
refuses 'is not used in both' '-- name: a :exec\n-- x\n-- params: a b\nSELECT :a\n'
refuses 'a quote is not closed' "-- name: a :one\n-- x\nSELECT 'a\n"
refuses 'give one text' '-- name: a :one\n-- x\n-- sqlite:\nSELECT 1\n'
refuses 'before the first' 'SELECT 1\n'
refuses 'a line of its own' '-- name: a :one\n-- x\nSELECT 1 -- why\n'

generate "-- name: a_b :one\n-- x\nSELECT ':no', \":no\", :b::bigint, c::text, :a, :b;\n"
grep -q 'Q_A_B, // b a' "$DIR/q.h"
grep -qF "\"SELECT ':no', \\\":no\\\", ?1::bigint, c::text, ?2, ?1\"" "$DIR/q.c"
grep -qF "\"SELECT ':no', \\\":no\\\", \$1::bigint, c::text, \$2, \$1\"" "$DIR/q.c"
generate ''
grep -q 'Q_N' "$DIR/q.h"
