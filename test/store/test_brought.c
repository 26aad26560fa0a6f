/* Damage in the tables of referrals and reviews, planted one at a time, is found and named. */
#include "base/base.h"

#include "engine/verify.h"
#include "scenario.h"

static const char PROGRAM[] =
    "{\"format\":\"loyald.program/1\",\"name\":\"Test\",\"currency\":\"EUR\",\"timezone\":\"Europe/"
    "Amsterdam\","
    "\"wallets\":[{\"slug\":\"points\"}],\"reviews\":{\"effects\":[{\"kind\":\"earn\",\"wallet\":"
    "\"points\",\"points\":20}]},"
    "\"referrals\":[{\"slug\":\"friend\",\"hold_days\":0,\"advocate\":{\"effects\":[{\"kind\":"
    "\"earn\",\"wallet\":\"points\",\"points\":5}]},"
    "\"referee\":{\"effects\":[{\"kind\":\"earn\",\"wallet\":\"points\",\"points\":2}]}}]}";

static const char SCENARIO[] =
    "{\"name\":\"damage\",\"steps\":[{\"enrol\":\"bob\",\"brought_by\":\"ext:m\"},{\"enrol\":"
    "\"eve\",\"brought_by\":\"ext:m\"},"
    "{\"event\":{\"id\":\"p1\",\"type\":\"purchase\",\"subject\":\"ext:bob\",\"data\":{\"amount\":"
    "400,\"lines\":[{\"sku\":\"LATTE\",\"amount\":400}]}}},"
    "{\"event\":{\"type\":\"review.submitted\",\"subject\":\"ext:bob\",\"data\":{\"original\":{"
    "\"id\":\"p1\"},\"sku\":\"LATTE\",\"stars\":4}}}]}";

static const struct verify_report *verified(struct scenario *s)
{
    struct verify_report *report = arena_new(&s->both->arena, struct verify_report, 1);
    report->arena = &s->both->arena;
    assert_ok(verify_run(s->reader, NULL, report));
    return report;
}

/* What SQL can do, undone again; each is one violation at least, in that table. */
static const struct {
    const char *table;
    const char *harm;
    const char *mend;
} HARMS[] = {
    {"review", "UPDATE review SET stars = 5", "UPDATE review SET stars = 4"},
    {"review", "UPDATE review SET state = 1", "UPDATE review SET state = 2"},
    {"review", "UPDATE review SET sku = 'TEA'", "UPDATE review SET sku = 'LATTE'"},
    {"review", "UPDATE review SET purchase_id = purchase_id + 1",
     "UPDATE review SET purchase_id = purchase_id - 1"},
    {"referral", "UPDATE referral SET state = 3 WHERE state = 1",
     "UPDATE referral SET state = 1 WHERE qualified_at = 0"},
    {"referral", "UPDATE referral SET referee_id = referee_id + 1",
     "UPDATE referral SET referee_id = referee_id - 1"},
    {"referral_code_hash", "UPDATE referral_code_hash SET member_id = member_id + 1",
     "UPDATE referral_code_hash SET member_id = member_id - 1"},
    {"referral_code", "UPDATE referral_code SET member_id = member_id + 1000000",
     "UPDATE referral_code SET member_id = member_id - 1000000"},
};

static void damage_is_found_where_it_is(void **state)
{
    struct both *both = *state;
    struct scenario s;
    const struct json *program = NULL;
    const struct json *scenario = NULL;
    assert_ok(json_read(&both->arena, str_c(PROGRAM), &both->fail, &program));
    assert_ok(json_read(&both->arena, str_c(SCENARIO), &both->fail, &scenario));
    scenario_open(both, &s);
    scenario_run(&s, program, scenario);
    assert_int_equal(verified(&s)->violations, 0);
    for (size_t i = 0; i < ARRAY_N(HARMS); i++) {
        bool is_named = false;
        scenario_sql(&s, HARMS[i].harm);
        const struct verify_report *report = verified(&s);
        for (size_t k = 0; k < report->n; k++) {
            is_named |= str_eq(report->list[k].table, str_c(HARMS[i].table));
        }
        scenario_check(&s, is_named, "not found: %s", HARMS[i].harm);
        scenario_sql(&s, HARMS[i].mend);
        scenario_check(&s, verified(&s)->violations == 0, "not mended: %s", HARMS[i].mend);
    }
    scenario_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {BOTH(damage_is_found_where_it_is)};
    return cmocka_run_group_tests_name("brought", tests, NULL, NULL);
}
