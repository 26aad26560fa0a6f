/* What statements cost where the books are large: SQLite tells which of them walk over a table. */
#include "shop.h"

#include "queries.h"

/* Those that do, and why that may be. */
static const struct {
    const char *name;
    const char *why;
} WALKS[] = {
    {"timers_parked", "an index that has only those"},
    {"held_any", "one row"},
    {"booked_any", "one row of each"},
    {"held_expired", "what waits is little, and only the clock asks"},
    {"held_of_member", "at erasure; what waits is little"},
    {"shared_counters_read", "as many as the program has rewards and budgets"},
    {"frozen_list", "pages of what should be empty"},
    {"frozen_count", "what should be empty"},
    {"symbols_list", "as many as the program has names"},
    {"versions_all", "as many as were published"},
    {"member_identifiers_delete", "at erasure, where a profile is damaged"},
    {"member_words_delete", "at erasure, where a profile is damaged"},
    {"members_count", "the self-check, once a pass"},
    {"verify_contest_entries", "the self-check, in pages of an index"},
    {"verify_newest", "the newest rows"},
    {"issued_counts", "the self-check, once a pass"},
};

static bool is_walk(struct str step)
{
    // Rows of a WITH, of constants and of pragmas are no tables.
    return str_starts(step, STR("SCAN ")) && !str_starts(step, STR("SCAN CONSTANT")) &&
           !str_starts(step, STR("SCAN chain")) && !str_starts(step, STR("SCAN pragma_"));
}

static struct db_result plan_of(struct shop *shop, const struct db_statement *statement)
{
    const struct db_value nothing[DB_PARAMS_MAX] = {0};
    struct db_result plan = {0};
    const struct str sql =
        str_fmt(shop->arena, "EXPLAIN QUERY PLAN %s", statement->text[DB_SQLITE]);
    assert_ok(db_query_text(store_db(shop->store), shop->arena, sql, nothing, statement->params_n,
                            &plan));
    return plan;
}

static bool walks(struct shop *shop, const struct db_statement *statement)
{
    struct db_result plan = plan_of(shop, statement);
    bool any = false;
    for (size_t i = 0; i < plan.rows_n; i++) {
        any |= is_walk(db_at_str(&plan, i, 3));
    }
    return any;
}

static size_t index_of(const char *name)
{
    size_t i = 0;
    while (i < ARRAY_N(WALKS) && strcmp(WALKS[i].name, name) != 0) {
        i++;
    }
    return i;
}

static void only_these_statements_walk_over_a_table(void **state)
{
    struct shop *shop = shop_open(*state);
    bool is_met[ARRAY_N(WALKS)] = {0};
    for (size_t i = 0; i < QUERIES.n; i++) {
        if (!walks(shop, &QUERIES.list[i])) {
            continue;
        }
        const size_t at = index_of(QUERIES.list[i].name);
        if (at == ARRAY_N(WALKS)) {
            fail_msg("%s walks over a whole table", QUERIES.list[i].name);
        }
        is_met[at] = true;
    }
    for (size_t i = 0; i < ARRAY_N(WALKS); i++) {
        if (!is_met[i]) {
            fail_msg("%s walks no more (%s)", WALKS[i].name, WALKS[i].why);
        }
    }
    shop_close(shop);
}

/* The metrics count them at every look. */
static void timers_that_were_given_up_are_few_among_many(void **state)
{
    struct shop *shop = shop_open(*state);
    struct db_result plan = plan_of(shop, &QUERIES.list[Q_TIMERS_PARKED]);
    assert_true(str_starts(db_at_str(&plan, 0, 3), STR("SCAN timer USING INDEX timer_parked")));
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONLY_SQLITE(only_these_statements_walk_over_a_table),
        ONLY_SQLITE(timers_that_were_given_up_are_few_among_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
