#!/bin/sh
# House rules that a compiler does not check: formatting, includes only go down, no SQL outside sql/, no malloc outside base/ and
# start-up code, refused SQL forms, headers that stand alone. Lists the longest files as questions to their authors.
set -u
cd "$(dirname "$0")/.."
bad=0
mkdir -p build
complain() { echo "tidy: $1"; bad=1; }

# Each folder may include itself and those named.
allowed() {
    case $1 in
    base) echo base ;;
    db) echo "base db" ;;
    vault) echo "base db vault" ;;
    core) echo "base core" ;;
    store) echo "base db vault core store" ;;
    engine) echo "base db vault core store engine" ;;
    http) echo "base http" ;;
    words) echo "base core words" ;;
    api) echo "base db vault core store engine http words api" ;;
    cli) echo "base db vault core store engine http words api cli" ;;
    esac
}
for dir in base db vault core store engine http words api cli; do
    [ -d "src/$dir" ] || continue
    may=$(allowed $dir)
    found=$(grep -nE '^#include "[a-z]+/' src/$dir/*.[ch] | sed -E 's/^([^:]+:[0-9]+):#include "([a-z]+)\/.*/\1 \2/')
    echo "$found" | while read -r place target; do
        [ -n "$target" ] || continue
        case " $may " in *" $target "*) ;; *) echo "tidy: $place: $dir/ must not include $target/" ;; esac
    done > build/tidy-includes.txt
    if [ -s build/tidy-includes.txt ]; then cat build/tidy-includes.txt; bad=1; fi
done

sql=$(grep -nE '"(SELECT|INSERT INTO|UPDATE [a-z]|DELETE FROM|CREATE TABLE) ' src/*/*.c | grep -v '^src/db/' || true)
[ -z "$sql" ] || complain "SQL outside sql/:
$sql"
alloc=$(grep -nE '[^a-z_](malloc|calloc|realloc|free)\(' src/*/*.c | grep -vE '^src/base/|start-up|/open\.c|/server\.c|close|/db/|/http/|/vault/' |
        grep -vE 'getline|free\((store|engine|engine->batch|pool|server|app)\)' || true)
[ -z "$alloc" ] || complain "malloc outside base/ and start-up code:
$alloc"
forms=$(grep -niE 'CREATE TRIGGER|\bMERGE INTO\b|ROLLUP|LANGUAGE sql|SKIP LOCKED|\bnow\(\)|random\(\)|nextval|clock_timestamp' sql/*/*.sql sql/*/*/*.sql 2>/dev/null | grep -v '^[^:]*:[0-9]*:--' || true)
[ -z "$forms" ] || complain "SQL forms that do not run everywhere:
$forms"
for header in src/*/*.h; do
    grep -q '^ \* Owns:' "$header" || case $header in *_internal.h | *_vars.h | *def.h) ;; *) complain "$header: the five lines (Owns, Threads, Memory, Errors, Limits) are missing" ;; esac
done
unformatted=$(clang-format --dry-run src/*/*.[ch] src/*.c test/*/*.[ch] test/*.h 2>&1 | grep -E '^[^ ]+:[0-9]+:[0-9]+:' | cut -d: -f1 | sort | uniq -c)
[ -z "$unformatted" ] || complain "not as clang-format has it (make fmt):
$unformatted"
echo "longest files:"
wc -l src/*/*.[ch] | sort -rn | sed -n '2,6p'
exit $bad
