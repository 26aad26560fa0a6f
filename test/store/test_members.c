/* Members one by one, on both databases. */
#include "base/base.h"

#include "shop.h"

static const char ANN[] =
    "{\"external_id\":\"C-1\",\"email\":\" Ann@Example.ORG \",\"phone\":\"+31 6 1234 "
    "5678\",\"card\":\"77\","
    "\"name\":{\"given\":\"Ann Marie\",\"family\":\"de "
    "Groß\"},\"birth_date\":\"1990-02-28\",\"gender\":\"female\","
    "\"language\":\"nl\",\"country\":\"NL\",\"city\":\"Utrecht\",\"timezone\":\"Europe/Amsterdam\","
    "\"attributes\":{\"contract_end\":\"2027-01-01\",\"shoe_size\":42,\"motto\":\"carpe "
    "diem\"},\"tags\":[\"vip\",\"early\"],"
    "\"consents\":[{\"purpose\":\"marketing\",\"channel\":\"email\",\"granted\":true}]}";

static void begin(struct shop *shop)
{
    assert_ok(db_begin(store_db(shop->store), DB_WRITE));
}

static void commit(struct shop *shop)
{
    assert_ok(db_commit(store_db(shop->store)));
}

static struct str text_of(struct shop *shop, const struct member_profile *profile)
{
    struct buf buf;
    buf_open(&buf, shop->arena, 64 * 1024);
    struct json_out w = json_out(&buf);
    json_open(&w, '{');
    profile_write(&w, profile);
    json_close(&w, '}');
    buf_char(&buf, 0);
    return buf_view(&buf);
}

static int64_t rows(struct shop *shop, const char *sql)
{
    struct db_result result;
    assert_ok(db_query_text(store_db(shop->store), shop->arena, str_c(sql), NULL, 0, &result));
    return db_at_int(&result, 0, 0);
}

static enum err patch(struct shop *shop, int64_t member, int64_t revision, const char *json,
                      struct fail *f)
{
    struct member_row row;
    struct member_profile changed;
    begin(shop);
    assert_ok(store_member_read(shop->store, shop->arena, member, &row));
    enum err err = profile_read(shop->arena, shop_json(shop, json), &row.profile, NULL, shop->now,
                                f, &changed);
    if (err == ERR_OK) {
        err = store_member_update(shop->store, shop->arena, shop_program(shop), member, revision,
                                  &changed, f);
    }
    if (err == ERR_OK) {
        commit(shop);
    } else {
        db_rollback(store_db(shop->store));
    }
    return err;
}

static void a_profile_comes_back_as_it_was_given(void **state)
{
    struct shop *shop = shop_open(*state);
    struct member_row row;
    const int64_t ann = shop_enrol(shop, ANN);
    assert_ok(store_member_read(shop->store, shop->arena, ann, &row));
    assert_int_equal(row.status, MEMBER_ACTIVE);
    assert_int_equal(row.revision, 1);
    assert_int_equal(row.enrolled_at, SHOP_OPENED);
    assert_string_equal(
        text_of(shop, &row.profile).p,
        "{\"external_id\":\"C-1\",\"email\":\"Ann@Example.ORG\",\"phone\":\"+31 6 1234 "
        "5678\",\"card\":\"77\","
        "\"gender\":\"female\",\"language\":\"nl\",\"country\":\"NL\",\"city\":\"Utrecht\","
        "\"timezone\":\"Europe/Amsterdam\",\"name\":{\"given\":\"Ann Marie\",\"family\":\"de "
        "Groß\"},"
        "\"birth_date\":\"1990-02-28\",\"attributes\":{\"contract_end\":\"2027-01-01\",\"motto\":"
        "\"carpe diem\","
        "\"shoe_size\":42},\"tags\":[\"vip\",\"early\"],\"consents\":[{\"purpose\":\"marketing\","
        "\"channel\":\"email\","
        "\"granted\":true,\"at\":\"2026-01-01T00:00:00.000Z\"}]}");
    shop_close(shop);
}

static void only_what_may_be_clear_stands_in_clear(void **state)
{
    struct shop *shop = shop_open(*state);
    struct db_result result;
    (void)shop_enrol(shop, ANN);
    assert_ok(db_query_text(store_db(shop->store), shop->arena,
                            STR("SELECT attributes FROM member_clear"), NULL, 0, &result));
    assert_true(str_eq(db_at_str(&result, 0, 0), STR("{\"contract_end\":\"2027-01-01\"}")));
    assert_ok(db_query_text(store_db(shop->store), shop->arena, STR("SELECT sealed FROM member"),
                            NULL, 0, &result));
    const struct str sealed = db_at_str(&result, 0, 0);
    assert_null(memmem(sealed.p, sealed.n, "carpe", 5));
    shop_close(shop);
}

static void a_patch_changes_what_it_names_and_nothing_else(void **state)
{
    struct shop *shop = shop_open(*state);
    struct member_row row;
    struct fail f = {.arena = shop->arena};
    const int64_t ann = shop_enrol(shop, ANN);
    assert_ok(
        patch(shop, ann, 1,
              "{\"phone\":null,\"city\":\"Leiden\",\"name\":{\"family\":\"Bakker\"},"
              "\"attributes\":{\"motto\":null,\"shoe_size\":43},\"tags\":[\"vip\"],"
              "\"consents\":[{\"purpose\":\"marketing\",\"channel\":\"sms\",\"granted\":true}]}",
              &f));
    assert_ok(store_member_read(shop->store, shop->arena, ann, &row));
    assert_int_equal(row.revision, 2);
    assert_string_equal(
        text_of(shop, &row.profile).p,
        "{\"external_id\":\"C-1\",\"email\":\"Ann@Example.ORG\",\"phone\":null,\"card\":\"77\","
        "\"gender\":\"female\",\"language\":\"nl\",\"country\":\"NL\",\"city\":\"Leiden\","
        "\"timezone\":\"Europe/Amsterdam\",\"name\":{\"given\":\"Ann "
        "Marie\",\"family\":\"Bakker\"},"
        "\"birth_date\":\"1990-02-28\",\"attributes\":{\"contract_end\":\"2027-01-01\","
        "\"shoe_size\":43},\"tags\":[\"vip\"],\"consents\":[{\"purpose\":\"marketing\",\"channel\":"
        "\"email\","
        "\"granted\":true,\"at\":\"2026-01-01T00:00:00.000Z\"},{\"purpose\":\"marketing\","
        "\"channel\":\"sms\","
        "\"granted\":true,\"at\":\"2026-01-01T00:00:00.000Z\"}]}");
    assert_int_equal(rows(shop, "SELECT count(*) FROM identifier"), 3);
    shop_close(shop);
}

static void an_old_revision_changes_nothing(void **state)
{
    struct shop *shop = shop_open(*state);
    struct fail f = {.arena = shop->arena};
    const int64_t ann = shop_enrol(shop, ANN);
    assert_ok(patch(shop, ann, 1, "{\"city\":\"Leiden\"}", &f));
    assert_err(patch(shop, ann, 1, "{\"city\":\"Delft\"}", &f), ERR_PRECONDITION);
    assert_ok(patch(shop, ann, 0, "{\"city\":\"Delft\"}", &f));
    shop_close(shop);
}

static void a_taken_identifier_is_refused_with_its_field(void **state)
{
    struct shop *shop = shop_open(*state);
    struct fail f = {.arena = shop->arena};
    (void)shop_enrol(shop, ANN);
    const int64_t bob = shop_enrol(shop, "{\"email\":\"bob@example.org\"}");
    assert_err(patch(shop, bob, 0, "{\"email\":\"ANN@example.org\"}", &f), ERR_IDENTIFIER_TAKEN);
    assert_true(str_eq(f.items[0].pointer, STR("/email")));
    assert_ok(patch(shop, bob, 0, "{\"email\":\"BOB@example.org\"}", &f));
    assert_ok(patch(shop, bob, 0, "{\"email\":\"robert@example.org\"}", &f));
    const int64_t third = shop_enrol(shop, "{\"email\":\"bob@example.org\"}"); // free again
    assert_int_not_equal(third, bob);
    shop_close(shop);
}

/* Whose purchase it is that names this subject; 0 where it waits for somebody. */
static int64_t buyer(struct shop *shop, const char *subject)
{
    const char *id = str_fmt(shop->arena, "buy-%d", ++shop->events_n).p;
    const int64_t event = shop_purchase(shop, subject, 1000, id);
    const char *sql =
        "SELECT coalesce((SELECT member_id FROM event WHERE event_id = %" PRId64 "), 0)";
    return shop_number(shop, str_fmt(shop->arena, sql, event).p);
}

static void purchases_go_to_whoever_has_the_identifier_now(void **state)
{
    struct shop *shop = shop_open(*state);
    struct fail f = {.arena = shop->arena};
    const int64_t ann = shop_enrol(shop, "{\"email\":\"a@example.org\",\"card\":\"77\"}");
    const int64_t bob = shop_enrol(shop, "{\"email\":\"bob@example.org\"}");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(buyer(shop, "email:a@example.org"), ann);
        assert_int_equal(buyer(shop, "card:77"), ann);
    }

    assert_ok(patch(shop, ann, 0, "{\"email\":\"b@example.org\"}", &f));
    assert_int_equal(buyer(shop, "email:b@example.org"), ann);
    assert_int_equal(buyer(shop, "card:77"), ann);
    const int64_t cas = shop_enrol(shop, "{\"email\":\"a@example.org\"}");
    assert_int_equal(buyer(shop, "email:a@example.org"), cas);

    struct store *here = shop->store; // and by another process
    assert_ok(store_open(shop->base, DB_WRITER, &f, &shop->store));
    assert_ok(patch(shop, ann, 0, "{\"card\":\"78\"}", &f));
    assert_ok(patch(shop, bob, 0, "{\"card\":\"77\"}", &f));
    store_close(shop->store);
    shop->store = here;
    assert_int_equal(buyer(shop, "card:77"), bob);
    assert_int_equal(buyer(shop, "card:78"), ann);

    assert_err(patch(shop, ann, 0, "{\"card\":\"79\",\"email\":\"bob@example.org\"}", &f),
               ERR_IDENTIFIER_TAKEN);
    assert_int_equal(buyer(shop, "card:78"), ann);
    bool is_final = false;
    begin(shop);
    assert_ok(store_member_erase(shop->store, shop->arena, ann, shop->now, &is_final));
    commit(shop);
    assert_int_equal(buyer(shop, "card:78"), 0);
    shop_close(shop);
}

static size_t found(struct shop *shop, const char *query, int64_t before, int64_t *first)
{
    struct member_row *list = NULL;
    size_t n = 0;
    assert_ok(store_members_search(shop->store, shop->arena, str_c(query), before, 10,
                                   &shop->both->fail, &list, &n));
    *first = n > 0 ? list[0].id : 0;
    return n;
}

static void members_are_found_by_identifier_in_any_spelling_and_by_words(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, ANN);
    const int64_t eve = shop_enrol(
        shop, "{\"external_id\":\"C-2\",\"name\":{\"given\":\"Ann\",\"family\":\"Bakker\"}}");
    int64_t first = 0;
    static const char *const OF_ANN[] = {
        "ann@EXAMPLE.org", "email:ann@example.org", "+31612345678", "ext:C-1", "C-1", "77"};
    for (size_t i = 0; i < ARRAY_N(OF_ANN); i++) {
        assert_int_equal(found(shop, OF_ANN[i], INT64_MAX, &first), 1);
        assert_int_equal(first, ann);
    }
    assert_int_equal(found(shop, shop_mbr(shop, eve), INT64_MAX, &first), 1);
    assert_int_equal(first, eve);
    assert_int_equal(found(shop, "ann", INT64_MAX, &first), 2);
    assert_int_equal(first, eve); // newest first
    assert_int_equal(found(shop, "ann", eve, &first), 1);
    assert_int_equal(first, ann);
    assert_int_equal(found(shop, "GROSS ann marie", INT64_MAX, &first), 1);
    assert_int_equal(first, ann);
    assert_int_equal(found(shop, "bakker marie", INT64_MAX, &first), 0);
    assert_int_equal(found(shop, "an", INT64_MAX, &first), 0); // whole words only
    struct member_row *list = NULL;
    size_t n = 0;
    assert_err(store_members_search(shop->store, shop->arena, STR("a b c d e"), INT64_MAX, 10,
                                    &shop->both->fail, &list, &n),
               ERR_INVALID);
    shop_close(shop);
}

static void lists_go_from_the_newest_by_cursor(void **state)
{
    struct shop *shop = shop_open(*state);
    int64_t ids[5];
    for (int i = 0; i < 5; i++) {
        ids[i] = shop_enrol(shop, str_fmt(shop->arena, "{\"external_id\":\"%d\"}", i).p);
    }
    struct member_row *list = NULL;
    size_t n = 0;
    assert_ok(store_members_list(shop->store, shop->arena, INT64_MAX, 2, &list, &n));
    assert_int_equal(n, 2);
    assert_int_equal(list[0].id, ids[4]);
    assert_ok(store_members_list(shop->store, shop->arena, list[1].id, 10, &list, &n));
    assert_int_equal(n, 3);
    assert_int_equal(list[2].id, ids[0]);
    assert_true(str_eq(list[2].profile.external_id, STR("0")));
    shop_close(shop);
}

static void a_suspended_member_says_so(void **state)
{
    struct shop *shop = shop_open(*state);
    struct member_row row;
    const int64_t ann = shop_enrol(shop, ANN);
    begin(shop);
    assert_ok(store_member_status_set(shop->store, shop->arena, ann, MEMBER_SUSPENDED));
    commit(shop);
    assert_ok(store_member_read(shop->store, shop->arena, ann, &row));
    assert_int_equal(row.status, MEMBER_SUSPENDED);
    assert_int_equal(row.revision, 2);
    shop_close(shop);
}

static void nothing_of_an_erased_member_is_left_but_the_books(void **state)
{
    struct shop *shop = shop_open(*state);
    struct member_row row;
    bool is_final = false;
    const int64_t ann = shop_enrol(shop, ANN);
    const int64_t bob =
        shop_enrol(shop, "{\"email\":\"bob@example.org\",\"name\":{\"given\":\"Bob\"}}");
    (void)shop_purchase(shop, "ext:C-1", 5000, "p-1");
    shop_refund(shop, "ext:C-1", "not-there-yet");
    assert_int_equal(rows(shop, "SELECT count(*) FROM held"), 1);
    begin(shop);
    assert_ok(store_member_erase(shop->store, shop->arena, ann, shop->now, &is_final));
    commit(shop);
    assert_true(is_final);
    assert_ok(store_member_read(shop->store, shop->arena, ann, &row));
    assert_int_equal(row.status, MEMBER_ERASED);
    assert_int_equal(row.profile.external_id.n, 0);
    assert_int_equal(rows(shop, "SELECT count(*) FROM identifier"), 1);
    assert_int_equal(rows(shop, "SELECT count(*) FROM name_word"), 1);
    assert_int_equal(rows(shop, "SELECT count(*) FROM member_clear"), 1);
    assert_int_equal(rows(shop, "SELECT count(*) FROM timer"), 1);
    assert_int_equal(rows(shop, "SELECT count(*) FROM held"), 0);
    assert_true(rows(shop, "SELECT count(*) FROM transfer") > 0);
    assert_int_equal(rows(shop, str_fmt(shop->arena,
                                        "SELECT count(*) FROM member WHERE sealed IS NULL AND "
                                        "status = 0 AND member_id = %" PRId64,
                                        ann)
                                    .p),
                     1);
    assert_ok(store_member_read(shop->store, shop->arena, bob, &row));
    assert_int_equal(row.status, MEMBER_ACTIVE);
    struct member_profile profile = row.profile;
    begin(shop);
    assert_err(store_member_update(shop->store, shop->arena, shop_program(shop), ann, 0, &profile,
                                   &shop->both->fail),
               ERR_NOT_FOUND);
    db_rollback(store_db(shop->store));
    (void)shop_enrol(shop, ANN); // the same person may come again
    shop_close(shop);
}

static enum err forget(struct store *store, struct arena *arena, int64_t member, int64_t erased_at)
{
    bool is_final = false;
    return store_member_erase(store, arena, member, erased_at, &is_final);
}

static void an_erasure_cut_short_is_finished_later(void **state)
{
    struct shop *shop = shop_open(*state);
    struct member_row row;
    bool is_final = false;
    const int64_t ann = shop_enrol(shop, ANN);
    begin(shop);
    assert_ok(store_member_erase(shop->store, shop->arena, ann, shop->now, &is_final));
    db_rollback(store_db(shop->store)); // the process ends between the key store and the books
    assert_int_equal(rows(shop, "SELECT count(*) FROM identifier"), 4);
    assert_ok(store_member_read(shop->store, shop->arena, ann, &row));
    assert_int_equal(row.status, MEMBER_ERASED); // nobody can read them
    size_t forgotten = 0;
    assert_ok(store_erasures_finish(shop->store, forget, &shop->both->fail, &forgotten));
    assert_int_equal(forgotten, 1);
    assert_int_equal(rows(shop, "SELECT count(*) FROM identifier"), 0);
    assert_int_equal(rows(shop, "SELECT count(*) FROM name_word"), 0);
    assert_ok(store_erasures_finish(shop->store, forget, &shop->both->fail, &forgotten));
    assert_int_equal(forgotten, 0);
    shop_close(shop);
}

static void what_was_held_too_long_is_not_decided_any_more(void **state)
{
    struct shop *shop = shop_open(*state);
    (void)shop_purchase(shop, "ext:SOON", 1000, "soon");
    (void)shop_purchase(shop, "ext:LATE", 1000, "late");
    shop_clock(shop, shop->now + 90 * MS_PER_DAY - 1);
    (void)shop_enrol(shop, "{\"external_id\":\"SOON\"}");
    shop_clock(shop, shop->now + 1);
    (void)shop_enrol(shop, "{\"external_id\":\"LATE\"}");
    assert_int_equal(rows(shop, "SELECT count(*) FROM event WHERE kind = 1"), 1);
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_profile_comes_back_as_it_was_given),
        BOTH(only_what_may_be_clear_stands_in_clear),
        BOTH(a_patch_changes_what_it_names_and_nothing_else),
        BOTH(an_old_revision_changes_nothing),
        BOTH(a_taken_identifier_is_refused_with_its_field),
        BOTH(purchases_go_to_whoever_has_the_identifier_now),
        BOTH(members_are_found_by_identifier_in_any_spelling_and_by_words),
        BOTH(lists_go_from_the_newest_by_cursor),
        BOTH(a_suspended_member_says_so),
        BOTH(nothing_of_an_erased_member_is_left_but_the_books),
        BOTH(an_erasure_cut_short_is_finished_later),
        BOTH(what_was_held_too_long_is_not_decided_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
