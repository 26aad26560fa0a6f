/* What was read lately: what is found is what was noted last, and what is forgotten is gone. */
#include "base/base.h"
#include "base/recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SLOTS_MAX = 4096, VALUE_BYTES = 24 };

struct key {
    unsigned char bytes[RECENT_KEY_BYTES];
};

struct value {
    char text[VALUE_BYTES];
};

static struct key key_of(int i)
{
    struct key key = {{1}};
    memcpy(key.bytes + 8, &i, sizeof i);
    return key;
}

static struct value value_of(int i, const char *word)
{
    struct value value = {{0}};
    (void)snprintf(value.text, sizeof value.text, "%s-%d", word, i); // short by construction
    return value;
}

static void note(struct recent *recent, int i, const char *word)
{
    const struct value value = value_of(i, word);
    recent_note(recent, key_of(i).bytes, &value);
}

static bool is_noted(const struct recent *recent, int i, const char *word)
{
    const struct value value = value_of(i, word);
    const void *found = recent_find(recent, key_of(i).bytes);
    return found != NULL && memcmp(found, &value, sizeof value) == 0;
}

static struct recent opened(void)
{
    struct recent recent;
    recent_open(&recent, sizeof(struct value), SLOTS_MAX);
    return recent;
}

static void few_are_all_found_and_cost_little(void **state)
{
    (void)state;
    struct recent recent = opened();
    assert_null(recent_find(&recent, key_of(1).bytes));
    recent_forget(&recent, key_of(1).bytes);
    assert_null(recent.now.slots);
    note(&recent, 1, "one");
    note(&recent, 2, "two");
    note(&recent, 1, "other");
    assert_true(is_noted(&recent, 1, "other"));
    assert_true(is_noted(&recent, 2, "two"));
    assert_int_equal(recent.used_n, 2);
    assert_true(recent.now.slots_n <= 1024);
    recent_clear(&recent);
}

static void many_take_no_more_room_than_was_given_and_most_of_as_many_are_found(void **state)
{
    (void)state;
    struct recent recent = opened();
    for (int i = 0; i < SLOTS_MAX * 4; i++) {
        note(&recent, i, "many");
        assert_true(is_noted(&recent, i, "many")); // the newest always
        assert_true(recent.now.slots_n <= SLOTS_MAX);
        assert_true(recent.used_n <= recent.now.slots_n);
    }
    int found = 0;
    for (int i = 0; i < SLOTS_MAX * 4; i++) {
        const void *value = recent_find(&recent, key_of(i).bytes);
        assert_true(value == NULL || is_noted(&recent, i, "many"));
        found += value != NULL;
    }
    assert_true(found > SLOTS_MAX * 9 / 10);
    recent_clear(&recent);
    for (int i = 0; i < SLOTS_MAX; i++) {
        note(&recent, i, "fit");
    }
    found = 0;
    for (int i = 0; i < SLOTS_MAX; i++) {
        found += is_noted(&recent, i, "fit");
    }
    assert_true(found > SLOTS_MAX * 7 / 10);
    recent_clear(&recent);
}

/* Whether the bytes of a word stand anywhere in the tables. */
static bool is_in(const struct recent *recent, const char *word)
{
    const size_t slot_bytes = RECENT_KEY_BYTES + recent->value_bytes;
    const struct recent_table *tables[] = {&recent->now, &recent->before};
    bool is_there = false;
    for (size_t i = 0; i < 2; i++) {
        is_there |=
            tables[i]->slots != NULL &&
            memmem(tables[i]->slots, tables[i]->slots_n * slot_bytes, word, strlen(word)) != NULL;
    }
    return is_there;
}

static void while_it_grows_each_is_found_with_its_last_value_and_none_comes_back(void **state)
{
    (void)state;
    struct recent recent = opened();
    int n = 0;
    while (recent.before.slots == NULL) {
        note(&recent, n++, "first");
    }
    int done = 0;
    for (; recent.before.slots != NULL; done += 3) { // of three one is noted anew, one forgotten
        assert_true(done + 2 < n);
        note(&recent, done, "second");
        recent_forget(&recent, key_of(done + 1).bytes);
        assert_true(is_noted(&recent, done, "second"));
        assert_null(recent_find(&recent, key_of(done + 1).bytes));
        assert_true(recent.used_n <= recent.now.slots_n);
    }
    int found = 0;
    for (int i = 0; i < n; i++) {
        const bool is_anew = i < done && i % 3 == 0;
        const void *value = recent_find(&recent, key_of(i).bytes);
        assert_true(value == NULL || is_noted(&recent, i, is_anew ? "second" : "first"));
        assert_true(value == NULL || i >= done || i % 3 != 1);
        found += value != NULL;
    }
    assert_true(found >= (n - done / 3) * 19 / 20); // a full set gives up one
    recent_clear(&recent);
}

static void what_is_forgotten_leaves_no_bytes(void **state)
{
    (void)state;
    struct recent recent = opened();
    note(&recent, 1, "secret");
    note(&recent, 2, "known");
    assert_true(is_in(&recent, "secret-1"));
    recent_forget(&recent, key_of(1).bytes);
    assert_false(is_in(&recent, "secret-1"));
    assert_null(recent_find(&recent, key_of(1).bytes));
    assert_true(is_noted(&recent, 2, "known"));
    assert_int_equal(recent.used_n, 1);
    recent_clear(&recent);
    assert_null(recent_find(&recent, key_of(2).bytes));
    note(&recent, 3, "again");
    assert_true(is_noted(&recent, 3, "again"));
    recent_clear(&recent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_are_all_found_and_cost_little),
        cmocka_unit_test(many_take_no_more_room_than_was_given_and_most_of_as_many_are_found),
        cmocka_unit_test(while_it_grows_each_is_found_with_its_last_value_and_none_comes_back),
        cmocka_unit_test(what_is_forgotten_leaves_no_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
