/* The audit log, on both databases. */
#include "base/base.h"

#include "shop.h"
#include "store/audit.h"

static int64_t last_fault_seq;
static char faults[4096];

static void note_fault(void *self, int64_t seq, const char *text)
{
    int *n = self;
    (*n)++;
    last_fault_seq = last_fault_seq == 0 ? seq : last_fault_seq;
    const size_t used = strlen(faults);
    (void)snprintf(faults + used, sizeof faults - used, "%" PRId64 ": %s\n", seq, text);
}

static int verify(struct shop *shop, const struct audit_checkpoint *checkpoints, size_t n)
{
    int found = 0;
    int64_t entries = 0;
    const struct audit_listener listener = {.self = &found, .fault = note_fault};
    last_fault_seq = 0;
    faults[0] = 0;
    assert_ok(store_audit_verify(shop->store, checkpoints, n, &listener, &entries));
    return found;
}

static void add(struct shop *shop, const char *object, const char *after)
{
    const struct audit_entry entry = {.actor = STR("cli"),
                                      .action = STR("test.do"),
                                      .object = str_c(object),
                                      .after = str_c(after),
                                      .at = shop->now};
    assert_ok(db_begin(store_db(shop->store), DB_WRITE));
    assert_ok(store_audit_write(shop->store, shop->arena, &entry));
    assert_ok(db_commit(store_db(shop->store)));
}

static struct shop *ten_entries(void **state)
{
    struct shop *shop = shop_open(*state);
    for (int i = 1; i <= 10; i++) {
        add(shop, str_fmt(shop->arena, "thing/%d", i).p, "{\"n\":1}");
    }
    assert_int_equal(verify(shop, NULL, 0), 0);
    return shop;
}

static void run(struct shop *shop, const char *sql)
{
    both_run(shop->both, store_db(shop->store), sql);
}

static void entries_count_from_one_and_commit_to_their_content(void **state)
{
    struct shop *shop = ten_entries(state);
    struct audit_row *rows = NULL;
    size_t n = 0;
    const struct vault *vault = store_vault(shop->store);
    assert_ok(store_audit_list(shop->store, shop->arena, INT64_MAX, 3, &rows, &n));
    assert_int_equal(n, 3);
    assert_int_equal(rows[0].seq, 10);
    assert_int_equal(rows[2].seq, 8);
    assert_false(rows[0].has_before);
    assert_true(audit_commits_to(vault, NULL, 0, true, STR("{\"n\":1}"), rows[0].after));
    assert_false(audit_commits_to(vault, NULL, 0, true, STR("{\"n\":2}"), rows[0].after));
    assert_false(audit_commits_to(vault, NULL, 0, false, STR("{\"n\":1}"), rows[0].after));
    assert_ok(store_audit_list_after(shop->store, shop->arena, 8, 100, &rows, &n));
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].seq, 9);
    shop_close(shop);
}

static void what_is_rolled_back_leaves_no_entry(void **state)
{
    struct shop *shop = ten_entries(state);
    struct audit_row *rows = NULL;
    size_t n = 0;
    const struct audit_entry entry = {
        .actor = STR("cli"), .action = STR("test.undo"), .at = shop->now};
    assert_ok(db_begin(store_db(shop->store), DB_WRITE));
    assert_ok(store_audit_write(shop->store, shop->arena, &entry));
    db_rollback(store_db(shop->store));
    add(shop, "thing/11", "{}");
    assert_ok(store_audit_list(shop->store, shop->arena, INT64_MAX, 1, &rows, &n));
    assert_int_equal(rows[0].seq, 11);
    assert_true(str_eq(rows[0].object, STR("thing/11")));
    assert_int_equal(verify(shop, NULL, 0), 0);
    shop_close(shop);
}

static void a_members_commitments_say_nothing_without_the_members_key(void **state)
{
    struct shop *shop = shop_open(*state);
    struct audit_row *rows = NULL;
    size_t n = 0;
    struct vault_key key;
    const struct vault_key none = {0};
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"C-1\"}");
    assert_ok(store_member_key(shop->store, ann, &key));
    const struct audit_entry entry = {.actor = STR("cli"),
                                      .action = STR("member.patch"),
                                      .object = str_c(shop_mbr(shop, ann)),
                                      .before = STR("{}"),
                                      .after = STR("{\"city\":\"Delft\"}"),
                                      .member = ann,
                                      .key = &key,
                                      .at = shop->now};
    assert_ok(db_begin(store_db(shop->store), DB_WRITE));
    assert_ok(store_audit_write(shop->store, shop->arena, &entry));
    assert_ok(db_commit(store_db(shop->store)));
    assert_ok(store_audit_list(shop->store, shop->arena, INT64_MAX, 1, &rows, &n));
    const struct vault *vault = store_vault(shop->store);
    assert_true(rows[0].has_before);
    assert_true(
        audit_commits_to(vault, &key, ann, true, STR("{\"city\":\"Delft\"}"), rows[0].after));
    assert_false(
        audit_commits_to(vault, NULL, 0, true, STR("{\"city\":\"Delft\"}"), rows[0].after));
    assert_false(
        audit_commits_to(vault, &none, ann, true, STR("{\"city\":\"Delft\"}"), rows[0].after));
    shop_close(shop);
}

static void every_change_inside_the_log_is_found_and_named(void **state)
{
    static const struct {
        const char *sql[3];
        int64_t seq;
    } DAMAGE[] = {
        {{"UPDATE audit SET actor = 'clj' WHERE seq = 4"}, 4},
        {{"UPDATE audit SET action = 'test.dp' WHERE seq = 4"}, 4},
        {{"UPDATE audit SET object = '' WHERE seq = 4"}, 4},
        {{"UPDATE audit SET at = at + 1 WHERE seq = 10"}, 10},
        {{"UPDATE audit SET after_commitment = NULL WHERE seq = 1"}, 1},
        {{"UPDATE audit SET before_commitment = after_commitment WHERE seq = 3"}, 3},
        {{"UPDATE audit SET hash = after_commitment WHERE seq = 6"}, 6},
        {{"DELETE FROM audit WHERE seq = 5"}, 5},
        {{"DELETE FROM audit WHERE seq = 1"}, 1},
        {{"DELETE FROM audit WHERE seq > 7"}, 8},
        {{"DELETE FROM audit"}, 1},
        {{"UPDATE audit SET seq = 100 WHERE seq = 3", "UPDATE audit SET seq = 3 WHERE seq = 4",
          "UPDATE audit SET seq = 4 WHERE seq = 100"},
         3},
        {{"UPDATE instance SET audit_seq = 9"}, 10},
        {{"UPDATE instance SET audit_hash = 'no hash'"}, 10},
        {{"INSERT INTO audit SELECT 11, at, actor, action, object, NULL, NULL, hash FROM audit "
          "WHERE seq = 10"},
         11},
    };
    struct shop *shop = ten_entries(state);
    for (size_t i = 0; i < ARRAY_N(DAMAGE); i++) {
        run(shop, "CREATE TABLE kept AS SELECT * FROM audit");
        run(shop, "CREATE TABLE kept_head AS SELECT audit_seq, audit_hash FROM instance");
        for (size_t k = 0; k < ARRAY_N(DAMAGE[i].sql) && DAMAGE[i].sql[k] != NULL; k++) {
            run(shop, DAMAGE[i].sql[k]);
        }
        const int n = verify(shop, NULL, 0);
        if (n == 0 || last_fault_seq != DAMAGE[i].seq) {
            print_error("%s:\n%s", DAMAGE[i].sql[0], faults);
        }
        assert_int_not_equal(n, 0);
        assert_int_equal(last_fault_seq, DAMAGE[i].seq);
        run(shop, "DELETE FROM audit");
        run(shop, "INSERT INTO audit SELECT * FROM kept");
        run(shop, "UPDATE instance SET audit_seq = (SELECT audit_seq FROM kept_head), audit_hash = "
                  "(SELECT audit_hash FROM kept_head)");
        run(shop, "DROP TABLE kept");
        run(shop, "DROP TABLE kept_head");
        assert_int_equal(verify(shop, NULL, 0), 0);
    }
    shop_close(shop);
}

static void a_saved_checkpoint_sees_a_cut_tail_and_a_log_written_anew(void **state)
{
    struct shop *shop = ten_entries(state);
    struct audit_checkpoint saved[2];
    struct fail f = {.arena = shop->arena};
    assert_ok(store_audit_checkpoint(shop->store, shop->arena, shop->now, &saved[0]));
    add(shop, "thing/11", "{}");
    assert_ok(store_audit_checkpoint(shop->store, shop->arena, shop->now, &saved[1]));
    assert_int_equal(verify(shop, saved, 2), 0);
    // Through the line that is kept.
    struct buf line;
    buf_open(&line, shop->arena, 2048);
    audit_checkpoint_write(&line, &saved[1]);
    assert_ok(audit_checkpoint_read(shop->arena, buf_view(&line), &f, &saved[1]));
    assert_int_equal(verify(shop, saved, 2), 0);
    struct audit_checkpoint forged = saved[0];
    forged.size = 9;
    assert_int_not_equal(verify(shop, &forged, 1), 0);
    forged = saved[0];
    forged.signature[3] ^= 1;
    assert_int_equal(verify(shop, &forged, 1), 1);
    // The tail is cut off, and the head with it.
    run(shop, "DELETE FROM audit");
    run(shop, "UPDATE instance SET audit_seq = 0, audit_hash = ''");
    assert_int_equal(verify(shop, NULL, 0), 0);
    assert_int_equal(verify(shop, saved, 1), 1);
    assert_int_equal(last_fault_seq, 1);
    // And everything is written anew, with other content.
    for (int i = 1; i <= 11; i++) {
        add(shop, "other", "{\"n\":1}");
    }
    assert_int_equal(verify(shop, NULL, 0), 0);
    assert_int_equal(verify(shop, saved, 2), 2);
    assert_int_equal(last_fault_seq, 10);
    shop_close(shop);
}

static void a_broken_checkpoint_line_is_refused(void **state)
{
    struct shop *shop = shop_open(*state);
    static const char *const LINES[] = {"", "{}", "[]",
                                        "{\"format\":\"loyald.audit.checkpoint/1\"}", "no json"};
    for (size_t i = 0; i < ARRAY_N(LINES); i++) {
        struct audit_checkpoint c;
        struct fail f = {.arena = shop->arena};
        assert_true(audit_checkpoint_read(shop->arena, str_c(LINES[i]), &f, &c) != ERR_OK);
    }
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(entries_count_from_one_and_commit_to_their_content),
        BOTH(what_is_rolled_back_leaves_no_entry),
        BOTH(a_members_commitments_say_nothing_without_the_members_key),
        BOTH(every_change_inside_the_log_is_found_and_named),
        BOTH(a_saved_checkpoint_sees_a_cut_tail_and_a_log_written_anew),
        BOTH(a_broken_checkpoint_line_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
