/* A member's state as stored: formats 1 and 2 are read for ever, format 3 is written, with sections
 * and a sum. */
#include "base/base.h"
#include "core/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena arena;

static struct str packed(const struct state *state)
{
    static struct buf buf;
    buf_open(&buf, &arena, 1 << 16);
    state_pack(&buf, state);
    assert_false(buf.is_full);
    return buf_view(&buf);
}

static struct state open_state(void)
{
    struct state state;
    state_open(&arena, 7, 1795308181979, &state);
    state_counter_add(&arena, &state, 3, 20000, 5);
    return state;
}

enum { SUM_BYTES = 8 };

static void records_of_formats_1_and_2_are_read(void **state)
{
    (void)state;
    const struct state plain = open_state();
    const struct str bytes = packed(&plain);
    struct state back;
    assert_int_equal(bytes.p[0], 3);
    assert_int_equal(state_unpack(&arena, 7, 1, bytes, &back), ERR_OK);
    assert_int_equal(state_counter(&back, 3, 20000), 5);
    char *old = arena_bytes(&arena, bytes.n);
    memcpy(old, bytes.p, bytes.n);
    old[0] = 2; // the same without the sum
    assert_int_equal(
        state_unpack(&arena, 7, 1, (struct str){.p = old, .n = bytes.n - SUM_BYTES}, &back),
        ERR_OK);
    assert_int_equal(state_counter(&back, 3, 20000), 5);
    old[0] = 1; // and without the end of the sections
    assert_int_equal(
        state_unpack(&arena, 7, 1, (struct str){.p = old, .n = bytes.n - SUM_BYTES - 1}, &back),
        ERR_OK);
    assert_int_equal(state_counter(&back, 3, 20000), 5);
}

static void floors_periods_warnings_and_gifts_come_back(void **state)
{
    (void)state;
    struct state with = open_state();
    struct state back;
    struct tier_floor floors[] = {{.set = 1,
                                   .tier = 2,
                                   .kind = FLOOR_MANUAL,
                                   .from_on = 20000,
                                   .until = AT_NEVER,
                                   .event = 9,
                                   .rule = 0},
                                  {.set = 1,
                                   .tier = 3,
                                   .kind = FLOOR_GIFT,
                                   .from_on = 20001,
                                   .until = 1795308181979,
                                   .event = 8,
                                   .rule = 4}};
    struct tier_kept kept[] = {{.set = 1, .tier = 2, .periods = 3}};
    struct tier_warned warned[] = {{.set = 1, .valid_until = 1795308181979}};
    struct tier_gift gifts[] = {{.set = 1,
                                 .tier = 2,
                                 .event = 9,
                                 .kind = TIER_GIFT_COUNTER,
                                 .symbol = 5,
                                 .day = DAY_TOTAL,
                                 .value = -7},
                                {.set = 1,
                                 .tier = 2,
                                 .event = 9,
                                 .kind = TIER_GIFT_SHARED,
                                 .symbol = 6,
                                 .day = 20001,
                                 .value = 70}};
    with.floors = floors;
    with.floors_n = ARRAY_N(floors);
    with.kept = kept;
    with.kept_n = ARRAY_N(kept);
    with.warned = warned;
    with.warned_n = ARRAY_N(warned);
    with.gifts = gifts;
    with.gifts_n = ARRAY_N(gifts);
    with.last_tier_event = 9;
    assert_int_equal(state_unpack(&arena, 7, 1, packed(&with), &back), ERR_OK);
    assert_int_equal(back.last_tier_event, 9);
    assert_int_equal(back.floors_n, 2);
    assert_int_equal(back.floors[0].until, AT_NEVER);
    assert_int_equal(back.floors[1].until, 1795308181979);
    assert_int_equal(back.floors[1].from_on, 20001);
    assert_int_equal(back.floors[1].rule, 4);
    assert_int_equal(back.kept[0].periods, 3);
    assert_int_equal(back.warned[0].valid_until, 1795308181979);
    assert_int_equal(back.gifts_n, 2);
    assert_int_equal(back.gifts[0].day, DAY_TOTAL);
    assert_int_equal(back.gifts[0].value, -7);
    assert_int_equal(back.gifts[1].symbol, 6);
    assert_int_equal(back.gifts[1].day, 20001);
    floors[1].kind = 0; // nobody wrote that
    assert_int_equal(state_unpack(&arena, 7, 1, packed(&with), &back), ERR_INTEGRITY);
}

static void every_turned_bit_is_found_and_so_is_a_record_of_somebody_else(void **state)
{
    (void)state;
    const struct state plain = open_state();
    const struct str bytes = packed(&plain);
    char *turned = arena_bytes(&arena, bytes.n);
    struct state back;
    memcpy(turned, bytes.p, bytes.n);
    for (size_t i = 0; i < bytes.n * 8; i++) {
        turned[i / 8] ^= (char)(1 << i % 8);
        assert_int_equal(state_unpack(&arena, 7, 1, (struct str){.p = turned, .n = bytes.n}, &back),
                         ERR_INTEGRITY);
        turned[i / 8] ^= (char)(1 << i % 8);
    }
    assert_int_equal(state_unpack(&arena, 8, 1, bytes, &back), ERR_INTEGRITY);
}

static void different_values_come_back_with_their_numbers(void **state)
{
    (void)state;
    struct state member = open_state();
    assert_true(state_distinct_add(
        &arena, &member, (struct distinct){.symbol = 4, .day = DAY_TOTAL, .value = 99, .n = 1}));
    assert_true(state_distinct_add(
        &arena, &member, (struct distinct){.symbol = 4, .day = -30, .value = UINT64_MAX, .n = 1}));
    assert_true(state_distinct_add(
        &arena, &member, (struct distinct){.symbol = 4, .day = -30, .value = UINT64_MAX, .n = 1}));
    const struct str bytes = packed(&member);
    assert_int_equal(bytes.p[0], 3);
    struct state back;
    assert_int_equal(state_unpack(&arena, 7, 1, bytes, &back), ERR_OK);
    assert_int_equal(state_distinct(&back, 4, DAY_TOTAL, 99), 1);
    assert_int_equal(state_distinct(&back, 4, -30, UINT64_MAX), 2);
    assert_int_equal(state_distincts(&back, 4, -30), 1);
    assert_int_equal(state_counter(&back, 3, 20000), 5);
}

static void a_value_whose_events_all_went_back_is_gone(void **state)
{
    (void)state;
    struct state member = open_state();
    assert_true(state_distinct_add(
        &arena, &member, (struct distinct){.symbol = 4, .day = DAY_TOTAL, .value = 99, .n = 1}));
    assert_true(state_distinct_add(
        &arena, &member, (struct distinct){.symbol = 4, .day = DAY_TOTAL, .value = 99, .n = -1}));
    assert_int_equal(state_distincts(&member, 4, DAY_TOTAL), 0);
    const struct state empty = open_state();
    assert_int_equal(packed(&member).n, packed(&empty).n);
}

static void moments_come_back(void **state)
{
    (void)state;
    struct state with = open_state();
    struct state back;
    struct moment moments[] = {
        {.symbol = 3, .due_at = 1795308181979, .fired_at = AT_MIN, .base = -7000},
        {.symbol = 4, .object = 2, .due_at = AT_NEVER, .fired_at = -86400000, .base = AT_MIN},
        {.symbol = 5, .due_at = AT_MAX, .fired_at = 0, .base = 0}};
    with.moments = moments;
    with.moments_n = ARRAY_N(moments);
    assert_int_equal(state_unpack(&arena, 7, 1, packed(&with), &back), ERR_OK);
    assert_int_equal(back.moments_n, with.moments_n);
    for (size_t i = 0; i < with.moments_n; i++) {
        assert_int_equal(back.moments[i].symbol, moments[i].symbol);
        assert_int_equal(back.moments[i].object, moments[i].object);
        assert_true(back.moments[i].due_at == moments[i].due_at);
        assert_true(back.moments[i].fired_at == moments[i].fired_at);
        assert_true(back.moments[i].base == moments[i].base);
    }
}

static void members_without_moments_pay_nothing_for_them(void **state)
{
    (void)state;
    struct state with = open_state();
    struct moment moment = {.symbol = 3, .due_at = 5, .fired_at = AT_MIN};
    const size_t without_n = packed(&with).n;
    with.moments = &moment;
    with.moments_n = 1;
    assert_true(packed(&with).n > without_n);
    with.moments_n = 0;
    assert_int_equal(packed(&with).n, without_n);
}

static void subscriptions_come_back(void **state)
{
    (void)state;
    struct state with = open_state();
    struct state back;
    struct subscription all[] = {{.key = UINT64_MAX - 1,
                                  .number = 1,
                                  .opened_by = 77,
                                  .changed_at = -5,
                                  .plan = STR("fibre"),
                                  .state = SUBSCRIPTION_PAUSED,
                                  .is_started = true,
                                  .start_on = -40000,
                                  .paused_on = 20000,
                                  .judged = 12,
                                  .kept = 9,
                                  .lost_from = 3,
                                  .lost_through = 5,
                                  .credit = 2,
                                  .owed = 1,
                                  .ready = 1,
                                  .ready_at = 1795308181979},
                                 {.key = 0,
                                  .number = 2,
                                  .opened_by = 78,
                                  .changed_at = AT_MIN,
                                  .state = SUBSCRIPTION_ACTIVE,
                                  .ready_at = AT_MIN}};
    with.subscriptions = all;
    with.subscriptions_n = ARRAY_N(all);
    const struct str bytes = packed(&with);
    assert_int_equal(state_unpack(&arena, 7, 1, bytes, &back), ERR_OK);
    assert_int_equal(back.subscriptions_n, with.subscriptions_n);
    assert_true(str_eq(back.subscriptions[0].plan, STR("fibre")));
    assert_int_equal(back.subscriptions[0].lost_through, 5);
    assert_true(back.subscriptions[1].ready_at == AT_MIN);
    const struct str again = packed(&back);
    assert_true(str_eq(bytes, again)); // every field: what was written is written again
    with.subscriptions_n = 0;
    const struct state empty = open_state();
    assert_int_equal(packed(&with).n, packed(&empty).n);
}

static void standings_that_a_refund_may_bring_back_come_back(void **state)
{
    (void)state;
    struct state with = open_state();
    struct state back;
    struct tier_state before[] = {{.set = 3,
                                   .tier = 4,
                                   .reached_on = 20000,
                                   .valid_from = 19999,
                                   .met_on = 19998,
                                   .valid_until = 1795308181979,
                                   .is_renewed = true,
                                   .before_tier = 5,
                                   .before_valid_until = AT_NEVER,
                                   .lost_valid_until = AT_NEVER},
                                  {.set = 3,
                                   .tier = 6,
                                   .reached_on = -7,
                                   .valid_until = AT_NEVER,
                                   .before_valid_until = 5,
                                   .lost_valid_until = AT_NEVER}};
    with.tiers_before = before;
    with.tiers_before_n = ARRAY_N(before);
    const struct str bytes = packed(&with);
    assert_int_equal(state_unpack(&arena, 7, 1, bytes, &back), ERR_OK);
    assert_int_equal(back.tiers_before_n, with.tiers_before_n);
    assert_int_equal(back.tiers_before[0].valid_from, 19999);
    assert_true(back.tiers_before[0].is_renewed);
    assert_int_equal(back.tiers_before[1].reached_on, -7);
    assert_true(str_eq(bytes, packed(&back)));
}

/* The section of a state that has only one, as format 2: tag, content; without the tag 0 that ends
 * it. */
static struct str only_section(const struct state *with)
{
    const struct state plain = open_state();
    const size_t head = packed(&plain).n - SUM_BYTES - 1;
    const struct str bytes = packed(with);
    return (struct str){.p = bytes.p + head, .n = bytes.n - SUM_BYTES - 1 - head};
}

/* A record of format 2 with sections that are nobody's own. */
static struct str record_with(struct str first, struct str second)
{
    static struct buf buf;
    const struct state plain = open_state();
    const struct str head = packed(&plain);
    buf_open(&buf, &arena, 1 << 16);
    buf_add(&buf, "\2", 1);
    buf_add(&buf, head.p + 1, head.n - SUM_BYTES - 2);
    buf_add(&buf, first.p, first.n);
    buf_add(&buf, second.p, second.n);
    buf_add(&buf, "", 1);
    return buf_view(&buf);
}

static void a_section_of_a_newer_release_is_refused(void **state)
{
    (void)state;
    struct state member = open_state();
    assert_true(state_distinct_add(
        &arena, &member, (struct distinct){.symbol = 4, .day = DAY_TOTAL, .value = 99, .n = 1}));
    const struct str section = only_section(&member);
    const struct str newer = str_dup(&arena, section);
    ((char *)newer.p)[0] = 77;
    struct state back;
    assert_int_equal(state_unpack(&arena, 7, 1, record_with(section, (struct str){0}), &back),
                     ERR_OK);
    assert_int_equal(state_unpack(&arena, 7, 1, record_with(newer, (struct str){0}), &back),
                     ERR_INTEGRITY);
}

static void a_section_that_comes_twice_is_refused(void **state)
{
    (void)state;
    struct state with = open_state();
    struct state back;
    with.stays = (struct stay[]){{.store = 1, .in_on = 20000, .out_on = 20001}};
    with.stays_n = 1;
    const struct str stays = only_section(&with);
    with.stays_n = 0;
    with.moments = (struct moment[]){{.symbol = 3, .due_at = AT_NEVER, .fired_at = AT_MIN}};
    with.moments_n = 1;
    const struct str moments = only_section(&with);
    const struct str old_moments = {.p = "\5\1\3\0\0\0\0",
                                    .n = 7}; // symbol, object, two instants, base
    assert_int_equal(state_unpack(&arena, 7, 1, record_with(stays, moments), &back), ERR_OK);
    assert_int_equal(back.stays_n, 1);
    assert_int_equal(state_unpack(&arena, 7, 1, record_with(stays, stays), &back), ERR_INTEGRITY);
    assert_int_equal(state_unpack(&arena, 7, 1, record_with(old_moments, stays), &back), ERR_OK);
    assert_int_equal(state_unpack(&arena, 7, 1, record_with(old_moments, moments), &back),
                     ERR_INTEGRITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floors_periods_warnings_and_gifts_come_back),
        cmocka_unit_test(records_of_formats_1_and_2_are_read),
        cmocka_unit_test(every_turned_bit_is_found_and_so_is_a_record_of_somebody_else),
        cmocka_unit_test(moments_come_back),
        cmocka_unit_test(members_without_moments_pay_nothing_for_them),
        cmocka_unit_test(subscriptions_come_back),
        cmocka_unit_test(standings_that_a_refund_may_bring_back_come_back),
        cmocka_unit_test(different_values_come_back_with_their_numbers),
        cmocka_unit_test(a_value_whose_events_all_went_back_is_gone),
        cmocka_unit_test(a_section_of_a_newer_release_is_refused),
        cmocka_unit_test(a_section_that_comes_twice_is_refused),
    };
    arena_open(&arena, 1 << 20);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
