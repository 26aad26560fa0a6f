# Makes the table of statements from named queries: awk -f tools/sqlgen.awk -v out=DIR/queries FILES
#
#   -- name: member_state_read :each      kinds are :one :many :exec :each
#   -- A line that says what it is for.
#   -- params: member_id version          optional: the order of parameters, else that of first appearance
#   -- sqlite:                            without these marks one text serves both databases
#   SELECT … WHERE member_id = :member_id
#   -- postgres:
#   SELECT … WHERE member_id = ANY(:member_id::bigint[])
#
# Optional: -v enum=key_query -v prefix=KQ_ -v table=KEY_QUERIES -v include=gen/key_queries.h
# Runs in mawk and gawk alike.

function complain(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text > "/dev/stderr"
    bad = 1
}

function trim(s) {
    sub(/^[ \t]+/, "", s)
    sub(/[ \t]+$/, "", s)
    return s
}

# Adds a parameter to query q by its name unless it is known; returns its number.
function param_number(q, name, may_add) {
    if ((q, name) in number) {
        return number[q, name]
    }
    if (!may_add) {
        printf "%s: :%s is not in the sqlite text or the params line\n", names[q], name > "/dev/stderr"
        bad = 1
        return 0
    }
    params[q]++
    number[q, name] = params[q]
    list[q] = list[q] (params[q] > 1 ? " " : "") name
    return params[q]
}

# The text with :name replaced by mark and number; strings, quoted names, casts and comments are left alone.
function numbered(q, text, mark, may_add, seen,    i, c, rest, done, end, name) {
    done = ""
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "'" || c == "\"") {
            end = index(substr(text, i + 1), c)
            if (end == 0) {
                printf "%s: a quote is not closed\n", names[q] > "/dev/stderr"
                bad = 1
                return text
            }
            done = done substr(text, i, end + 1)
            i += end
            continue
        }
        if (c == ":" && substr(text, i + 1, 1) == ":") {
            done = done "::"
            i++
            continue
        }
        rest = substr(text, i + 1)
        if (c == ":" && match(rest, /^[a-z_][a-z0-9_]*/)) {
            name = substr(rest, 1, RLENGTH)
            done = done mark param_number(q, name, may_add)
            seen[name] = 1
            i += RLENGTH
            continue
        }
        done = done c
    }
    return done
}

# A C string literal, one line of source for each line of SQL.
function literal(text,    lines, n, i, s) {
    sub(/[ \t\n;]+$/, "", text)
    n = split(text, lines, "\n")
    s = ""
    for (i = 1; i <= n; i++) {
        gsub(/\\/, "\\\\", lines[i])
        gsub(/"/, "\\\"", lines[i])
        s = s "\n         \"" lines[i] (i < n ? " " : "") "\""
    }
    return s
}

BEGIN {
    if (enum == "") enum = "query"
    if (prefix == "") prefix = "Q_"
    if (table == "") table = "QUERIES"
    if (include == "") include = "queries.h"
    n = 0
    KIND[":one"] = "DB_ONE"
    KIND[":many"] = "DB_MANY"
    KIND[":exec"] = "DB_EXEC"
    KIND[":each"] = "DB_EACH"
}

/^-- name:/ {
    words = split(trim(substr($0, 9)), word, /[ \t]+/)
    if (words != 2 || word[1] !~ /^[a-z][a-z0-9_]*$/ || !(word[2] in KIND)) {
        complain("expected -- name: noun_verb :one|:many|:exec|:each")
        next
    }
    if (word[1] in known) {
        complain("the name " word[1] " is taken")
    }
    known[word[1]] = 1
    n++
    names[n] = word[1]
    kind[n] = KIND[word[2]]
    section = "both"
    params[n] = 0
    list[n] = ""
    next
}
/^-- sqlite:/ { section = "sqlite"; next }
/^-- postgres:/ { section = "postgres"; next }
/^-- params:/ {
    words = split(trim(substr($0, 11)), word, /[ \t]+/)
    for (i = 1; i <= words; i++) {
        param_number(n, word[i], 1)
    }
    ordered[n] = 1
    next
}
/^[ \t]*--/ {
    if (n > 0) {
        explained[n] = 1
    }
    next
}
/^[ \t]*$/ { next }
{
    if (n == 0) {
        complain("SQL before the first -- name:")
        next
    }
    if ($0 ~ / -- /) {
        complain("put the comment on a line of its own")
    }
    if (!explained[n]) {
        complain(names[n] " has no line of explanation")
        explained[n] = 1
    }
    text[n, section] = text[n, section] trim($0) "\n"
}

END {
    for (q = 1; q <= n; q++) {
        is_split = text[q, "sqlite"] != "" || text[q, "postgres"] != ""
        if (is_split && (text[q, "both"] != "" || text[q, "sqlite"] == "" || text[q, "postgres"] == "")) {
            printf "%s: give one text, or one for sqlite and one for postgres\n", names[q] > "/dev/stderr"
            bad = 1
        }
        if (!is_split && kind[q] == "DB_EACH") {
            printf "%s: :each needs a text for sqlite (one row) and one for postgres (arrays)\n", names[q] > "/dev/stderr"
            bad = 1
        }
        first = is_split ? "sqlite" : "both"
        second = is_split ? "postgres" : "both"
        for (name in in_first) delete in_first[name]
        for (name in in_second) delete in_second[name]
        sqlite[q] = numbered(q, text[q, first], "?", !ordered[q], in_first)
        postgres[q] = numbered(q, text[q, second], "$", 0, in_second)
        words = split(list[q], word, " ")
        for (i = 1; i <= words; i++) {
            if (!(word[i] in in_first) || !(word[i] in in_second)) {
                printf "%s: :%s is not used in both texts\n", names[q], word[i] > "/dev/stderr"
                bad = 1
            }
        }
    }
    if (bad) {
        exit 1
    }
    header = out ".h"
    source = out ".c"
    print "/* Generated by tools/sqlgen.awk. */" > header
    print "#ifndef LOYALD_" table "_H\n#define LOYALD_" table "_H\n\n#include \"db/db.h\"\n" > header
    print "enum " enum " {" > header
    for (q = 1; q <= n; q++) {
        print "    " prefix toupper(names[q]) ", // " list[q] > header
    }
    print "    " prefix "N\n};\n\nextern const struct db_queries " table ";\n\n#endif" > header
    print "/* Generated by tools/sqlgen.awk. */\n#include \"base/base.h\"\n#include \"" include "\"\n" > source
    print "static const struct db_statement LIST[] = {" > source
    for (q = 1; q <= n; q++) {
        print "    {\"" names[q] "\", " kind[q] ", " params[q] ", \"" list[q] "\"," > source
        print "     {" literal(sqlite[q]) "," literal(postgres[q]) "}}," > source
    }
    print "    {0}, // never empty\n};\n" > source
    print "const struct db_queries " table " = {.list = LIST, .n = " prefix "N};" > source
}
