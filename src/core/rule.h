/* Rules: JsonLogic conditions and expressions, checked and compiled once, run many times.
 *
 * The language is classic JsonLogic with JavaScript's coercions (docs/rules.md); operators are
 * listed in rule.def. A compiled rule is a read-only tree in one array. Running it is total: it
 * cannot fail, and its work is bounded by RULE_STEPS_MAX, beyond which the result is null.
 *
 * Owns:    nothing.
 * Threads: a compiled rule may be run by any number of threads; an environment belongs to one.
 * Memory:  the rule lives in the arena given to rule_compile() and borrows strings from the JSON,
 * which must live as long. Results live in the environment's arena or borrow from variables.
 * Errors:  rule_compile(): ERR_INVALID with the pointer of the part at fault. Running: none.
 * Limits:  RULE_DEPTH_MAX, RULE_NODES_MAX, RULE_STEPS_MAX.
 */
#ifndef LOYALD_RULE_H
#define LOYALD_RULE_H

#include "base/time.h"
#include "core/ratio.h"
#include "core/table.h"
#include "core/value.h"

enum {
    RULE_DEPTH_MAX = 32,  // nested operators and arrays
    RULE_NODES_MAX = 500, // operators, variables and constants in one rule
    RULE_STEPS_MAX =
        250000, // nodes evaluated, items made and 16-byte pieces of memory used in one run
};

/* What a variable or expression is, as far as it is known when the rule is saved. Any value may be
 * null when the rule is run: what a member or an event does not have. */
enum rule_type {
    RULE_ANY,  // not known, fits everything
    RULE_NULL, // only null
    RULE_BOOL,
    RULE_NUMBER,
    RULE_TEXT,
    RULE_DATE,    // at run time a text "YYYY-MM-DD", so that texts' order is theirs
    RULE_INSTANT, // at run time a text as instant_write() makes it
    RULE_TEXTS,   // a list of texts
    RULE_NUMBERS, // a list of numbers
    RULE_LIST,    // a list of anything else, objects above all
    RULE_OBJECT,
    RULE_TYPE_N
};

struct rule_vars;

/* What is known about a variable when a rule is compiled. */
struct rule_var {
    int slot; // handed to rule_env.get; >= 0
    enum rule_type type;
    const struct rule_vars
        *item; // RULE_LIST: the fields of an item, of which only the types count; NULL: not checked
    bool is_money; // RULE_NUMBER: minor units of the program's currency
};

/* The variables that a rule may name. */
struct rule_vars {
    void *self;
    /* The variable of a dotted path; false when there is none. */
    bool (*find)(void *self, struct str path, struct rule_var *out);
    /* The program's sets and tables by name, NULL when there is none of that name. The functions
     * may be NULL. */
    const struct text_set *(*set)(void *self, struct str name);
    const struct table *(*table)(void *self, struct str name);
    const struct zone *zone; // of the program, NULL: UTC
    struct str currency;     // of the program; amounts written with "money" are of it
};

struct rule;

/* Compiles a rule. `pointer` is where it stands in its document and goes before the pointers of
 * failures. With vars the rule is type-checked, each variable is resolved to a slot, and the result
 * must be `wanted` (RULE_ANY: anything). vars == NULL compiles for free data (env->data), unchecked
 * but for operators and limits. All faults are noted, the first is returned. The JSON must outlive
 * the rule. */
enum err rule_compile(struct arena *arena, const struct json *json, struct str pointer,
                      const struct rule_vars *vars, enum rule_type wanted, struct fail *f,
                      const struct rule **out) MUST_USE;

/* What a rule is run against. Embed it as the first field to reach your own data from get(). */
struct rule_env {
    /* By slot: its value, once it is known and for as long as it stays the same. NULL: get() is
     * asked. Not needed for rules without vars. */
    const struct value **known;
    /* The value of a slot; null when the member or event does not have it. Notes in `known` what
     * stays; anything else is good until the next call. Not NULL where `known` is not. */
    const struct value *(*get)(const struct rule_env *env, int slot);
    const struct value *data; // free data for rules compiled without vars; NULL is null
    const struct zone *zone;  // in which instants become dates; NULL: UTC
    struct arena *arena;      // for results; reset by the caller
};

/* The value of a slot, good until the next call. */
static inline const struct value *rule_slot(const struct rule_env *env, int slot)
{
    const struct value *known = env->known[slot];
    return known != NULL ? known : env->get(env, slot);
}

/* Runs the rule. */
void rule_run(const struct rule *rule, const struct rule_env *env, struct value *out);

/* Runs the rule as a condition. */
bool rule_holds(const struct rule *rule, const struct rule_env *env);

/* Compiles a formula: an expression that gives a number and is computed exactly. Decimals in it are
 * texts ("0.5"). Operators whose arithmetic is not exact are refused where a number is computed;
 * conditions inside may use all. */
enum err rule_compile_formula(struct arena *arena, const struct json *json, struct str pointer,
                              const struct rule_vars *vars, struct fail *f,
                              const struct rule **out) MUST_USE;

enum rule_exact {
    RULE_EXACT_OK,
    RULE_EXACT_GAP, // a part has no number: a missing variable, no row of a table, a division by
                    // zero
    RULE_EXACT_OVERFLOW, // a part does not fit
};

/* Computes a formula. *gap is then, for RULE_EXACT_GAP, what was missing: the variable
 * "event.nights", the table "fares" or the operator "/". */
enum rule_exact rule_run_exact(const struct rule *rule, const struct rule_env *env,
                               struct ratio *out, struct str *gap);

/* The distinct slots that the rule can read, ascending; *n of them. */
const int *rule_slots(const struct rule *rule, size_t *n);

/* The type of the result, RULE_ANY when it is not known. */
enum rule_type rule_result_type(const struct rule *rule);

/* The JSON that the rule was compiled from. */
const struct json *rule_json(const struct rule *rule);

/* Why a condition does not hold. */
struct rule_reason {
    struct str pointer;           // RFC 6901, from the rule's root: "/and/0"
    const struct json *condition; // the part there
    struct value
        actual; // what it found: its one operand that is no constant, or all operands as an array
};

/* Finds the innermost part that decided, through and, or, ! and if: the first failing one of an
 * `and`, the first of an `or`. False when the rule holds. */
bool rule_explain(const struct rule *rule, const struct rule_env *env, struct arena *arena,
                  struct rule_reason *out);

/* The name of a type as messages say it: "a number". */
const char *rule_type_text(enum rule_type type);

#endif
