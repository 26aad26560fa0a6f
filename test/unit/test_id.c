/* Ids: they only grow, also behind another process. */
#include "base/base.h"
#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW ((int64_t)1795308181979)

static int process_of(int64_t id)
{
    return (int)(id >> ID_COUNTER_BITS) & ((1 << ID_PROCESS_BITS) - 1);
}

static void ids_of_one_process_only_grow_and_keep_its_number(void **state)
{
    (void)state;
    struct id_source source = {.process = 5};
    int64_t before = 0;
    for (int i = 0; i < 100000; i++) { // runs over the counter of a millisecond three times
        const int64_t id = id_next(&source, NOW);
        assert_true(id > before);
        assert_int_equal(process_of(id), 5);
        before = id;
    }
}

static void an_id_behind_another_process_is_larger_and_ones_own(void **state)
{
    (void)state;
    struct id_source high = {.process = 9};
    struct id_source low = {.process = 0};
    for (int i = 0; i < 1000; i++) {
        const int64_t theirs = id_next(&high, NOW);
        id_beyond(&low, theirs);
        const int64_t ours = id_next(&low, NOW);
        assert_true(ours > theirs);
        assert_int_equal(process_of(ours), 0);
        id_beyond(&high, ours);
    }
    const int64_t last = low.last;
    id_beyond(&low, last - 1);
    assert_int_equal(low.last, last);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    char text[ID_TEXT_BYTES + 1];
    int64_t id = 0;
    id_write("evt_", 456068879897069223, text);
    assert_true(id_read("evt_", str_c(text), &id));
    assert_int_equal(id, 456068879897069223);
    assert_false(id_read("mbr_", str_c(text), &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_one_process_only_grow_and_keep_its_number),
        cmocka_unit_test(an_id_behind_another_process_is_larger_and_ones_own),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
