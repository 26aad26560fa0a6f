/* API keys and stored answers, on both databases. */
#include "base/base.h"

#include "shop.h"
#include "store/credentials.h"

static void begin(struct shop *shop)
{
    assert_ok(db_begin(store_db(shop->store), DB_WRITE));
}

static void commit(struct shop *shop)
{
    assert_ok(db_commit(store_db(shop->store)));
}

static struct api_key make_key(struct shop *shop, const char *scopes, int64_t expires_at,
                               char *token)
{
    struct api_key key = {.name = STR("till"), .created_at = shop->now, .expires_at = expires_at};
    assert_ok(scope_set_read(str_c(scopes), &shop->both->fail, "", &key.scopes));
    begin(shop);
    assert_ok(store_key_create(shop->store, shop->arena, &key, &shop->both->fail, token));
    commit(shop);
    return key;
}

static void a_key_is_found_by_its_token_with_its_scopes(void **state)
{
    struct shop *shop = shop_open(*state);
    char token[VAULT_TOKEN_BYTES + 1];
    struct api_key found;
    const struct api_key key = make_key(shop, "events:write, members:read", AT_NEVER, token);
    assert_ok(store_key_find(shop->store, shop->arena, str_c(token), shop->now, &found));
    assert_int_equal(found.id, key.id);
    assert_true(str_eq(found.name, STR("till")));
    assert_true(scope_is_in(found.scopes, SCOPE_EVENTS_WRITE));
    assert_true(scope_is_in(found.scopes, SCOPE_MEMBERS_READ));
    assert_false(scope_is_in(found.scopes, SCOPE_MEMBERS_WRITE));
    assert_int_equal(found.expires_at, AT_NEVER);
    token[20] = token[20] == 'a' ? 'b' : 'a';
    assert_err(store_key_find(shop->store, shop->arena, str_c(token), shop->now, &found),
               ERR_UNAUTHENTICATED);
    assert_err(store_key_find(shop->store, shop->arena, STR("lk_"), shop->now, &found),
               ERR_UNAUTHENTICATED);
    shop_close(shop);
}

static void the_token_itself_is_nowhere_in_the_database(void **state)
{
    struct shop *shop = shop_open(*state);
    char token[VAULT_TOKEN_BYTES + 1];
    struct db_result rows;
    (void)make_key(shop, "all", AT_NEVER, token);
    assert_ok(db_query_text(store_db(shop->store), shop->arena,
                            STR("SELECT name, hash, scopes FROM api_key"), NULL, 0, &rows));
    for (size_t i = 0; i < 3; i++) {
        const struct str value = db_at_str(&rows, 0, i);
        assert_null(memmem(value.p, value.n, token + 3, VAULT_TOKEN_BYTES - 3));
    }
    assert_true(str_eq(db_at_str(&rows, 0, 2), STR("all")));
    shop_close(shop);
}

static void an_expired_or_revoked_key_opens_nothing(void **state)
{
    struct shop *shop = shop_open(*state);
    char token[VAULT_TOKEN_BYTES + 1];
    char other[VAULT_TOKEN_BYTES + 1];
    struct api_key found;
    struct api_key *list = NULL;
    size_t n = 0;
    (void)make_key(shop, "all", shop->now + 1000, token);
    const struct api_key revoked = make_key(shop, "all", AT_NEVER, other);
    assert_ok(store_key_find(shop->store, shop->arena, str_c(token), shop->now + 999, &found));
    assert_err(store_key_find(shop->store, shop->arena, str_c(token), shop->now + 1000, &found),
               ERR_UNAUTHENTICATED);
    begin(shop);
    assert_ok(store_key_revoke(shop->store, shop->arena, revoked.id, shop->now + 5));
    assert_ok(store_key_revoke(shop->store, shop->arena, revoked.id, shop->now + 9));
    assert_err(store_key_revoke(shop->store, shop->arena, 12345, shop->now), ERR_NOT_FOUND);
    commit(shop);
    assert_err(store_key_find(shop->store, shop->arena, str_c(other), shop->now, &found),
               ERR_UNAUTHENTICATED);
    assert_ok(store_keys_list(shop->store, shop->arena, INT64_MAX, 10, &list, &n));
    assert_int_equal(n, 2);
    assert_int_equal(list[0].id, revoked.id); // newest first
    assert_int_equal(list[0].revoked_at, shop->now + 5);
    assert_ok(store_keys_list(shop->store, shop->arena, revoked.id, 10, &list, &n));
    assert_int_equal(n, 1);
    shop_close(shop);
}

static void bad_keys_are_refused(void **state)
{
    struct shop *shop = shop_open(*state);
    char token[VAULT_TOKEN_BYTES + 1];
    scope_set set = 0;
    struct api_key key = {.scopes = SCOPE_SET_ALL, .created_at = shop->now, .expires_at = AT_NEVER};
    begin(shop);
    assert_err(store_key_create(shop->store, shop->arena, &key, &shop->both->fail, token),
               ERR_INVALID);
    key.name = STR("x");
    key.expires_at = shop->now;
    assert_err(store_key_create(shop->store, shop->arena, &key, &shop->both->fail, token),
               ERR_INVALID);
    db_rollback(store_db(shop->store));
    assert_err(scope_set_read(STR(""), &shop->both->fail, "", &set), ERR_INVALID);
    assert_err(scope_set_read(STR(" , "), &shop->both->fail, "", &set), ERR_INVALID);
    assert_err(scope_set_read(STR("events:write,root"), &shop->both->fail, "", &set), ERR_INVALID);
    assert_ok(scope_set_read(STR("metrics test"), &shop->both->fail, "", &set));
    assert_true(str_eq(scope_set_text(shop->arena, set), STR("metrics test")));
    shop_close(shop);
}

/* ---- stored answers ---- */

static struct idempotency request(struct shop *shop, int64_t credential, const char *key,
                                  const char *body)
{
    struct idempotency idempotency;
    idempotency_open(store_vault(shop->store), credential, STR("POST /v1/keys"), str_c(key),
                     STR("POST"), STR("/v1/keys"), str_c(body), &idempotency);
    return idempotency;
}

static void an_answer_is_given_again_to_the_same_request_only(void **state)
{
    struct shop *shop = shop_open(*state);
    struct stored_answer answer = {
        .status = 201, .body = STR("{\"key\":\"secret\"}"), .extra = STR("x")};
    struct stored_answer again;
    bool has = true;
    const struct idempotency first = request(shop, 1, "k-1", "{}");
    assert_ok(store_idempotency_find(shop->store, shop->arena, &first, shop->now, &has, &again));
    assert_false(has);
    begin(shop);
    assert_ok(store_idempotency_store(shop->store, shop->arena, &first, shop->now, &answer));
    commit(shop);
    assert_ok(store_idempotency_find(shop->store, shop->arena, &first, shop->now, &has, &again));
    assert_true(has);
    assert_int_equal(again.status, 201);
    assert_true(str_eq(again.body, answer.body));
    assert_true(str_eq(again.extra, STR("x")));
    const struct idempotency other_body = request(shop, 1, "k-1", "{\"a\":1}");
    assert_err(
        store_idempotency_find(shop->store, shop->arena, &other_body, shop->now, &has, &again),
        ERR_KEY_REUSED);
    const struct idempotency other_credential = request(shop, 2, "k-1", "{}");
    assert_ok(store_idempotency_find(shop->store, shop->arena, &other_credential, shop->now, &has,
                                     &again));
    assert_false(has);
    begin(shop);
    assert_err(store_idempotency_store(shop->store, shop->arena, &first, shop->now, &answer),
               ERR_CONFLICT);
    db_rollback(store_db(shop->store));
    shop_close(shop);
}

static void a_stored_answer_is_sealed_and_bound_to_its_row(void **state)
{
    struct shop *shop = shop_open(*state);
    struct stored_answer answer = {.status = 200, .body = STR("CANARY-CANARY")};
    struct db_result rows;
    bool has = false;
    const struct idempotency a = request(shop, 1, "k", "{}");
    const struct idempotency b =
        request(shop, 2, "k", "{}"); // the same Idempotency-Key, another credential
    begin(shop);
    assert_ok(store_idempotency_store(shop->store, shop->arena, &a, shop->now, &answer));
    assert_ok(store_idempotency_store(shop->store, shop->arena, &b, shop->now, &answer));
    commit(shop);
    assert_ok(db_query_text(store_db(shop->store), shop->arena,
                            STR("SELECT sealed FROM idempotency"), NULL, 0, &rows));
    assert_null(memmem(db_at_str(&rows, 0, 0).p, db_at_str(&rows, 0, 0).n, "CANARY", 6));
    both_run(shop->both, store_db(shop->store),
             "UPDATE idempotency SET sealed = (SELECT i.sealed FROM idempotency i WHERE i.hash <> "
             "idempotency.hash)");
    // One of the two may have got its own again.
    const enum err first =
        store_idempotency_find(shop->store, shop->arena, &a, shop->now, &has, &answer);
    const enum err second =
        store_idempotency_find(shop->store, shop->arena, &b, shop->now, &has, &answer);
    assert_true(first == ERR_INTEGRITY || second == ERR_INTEGRITY);
    shop_close(shop);
}

static void a_running_request_keeps_others_out_until_it_is_done_or_released(void **state)
{
    struct shop *shop = shop_open(*state);
    struct stored_answer answer = {.status = 200, .body = STR("{}")};
    bool has = false;
    const struct idempotency r = request(shop, 1, "k", "{}");
    begin(shop);
    assert_ok(store_idempotency_reserve(shop->store, shop->arena, &r, shop->now));
    commit(shop);
    assert_err(store_idempotency_find(shop->store, shop->arena, &r, shop->now, &has, &answer),
               ERR_IN_PROGRESS);
    begin(shop);
    assert_err(store_idempotency_reserve(shop->store, shop->arena, &r, shop->now), ERR_CONFLICT);
    db_rollback(store_db(shop->store));
    assert_ok(store_idempotency_release(shop->store, &r));
    begin(shop);
    assert_ok(store_idempotency_reserve(shop->store, shop->arena, &r, shop->now));
    assert_ok(store_idempotency_store(shop->store, shop->arena, &r, shop->now, &answer));
    commit(shop);
    assert_ok(store_idempotency_find(shop->store, shop->arena, &r, shop->now, &has, &answer));
    assert_true(has);
    shop_close(shop);
}

static void after_seven_days_the_key_is_new_again(void **state)
{
    struct shop *shop = shop_open(*state);
    struct stored_answer answer = {.status = 200, .body = STR("{}")};
    const int64_t later = shop->now + IDEMPOTENCY_DAYS * MS_PER_DAY;
    int64_t forgotten = 0;
    bool has = false;
    const struct idempotency r = request(shop, 1, "k", "{}");
    begin(shop);
    assert_ok(store_idempotency_store(shop->store, shop->arena, &r, shop->now, &answer));
    commit(shop);
    assert_ok(store_idempotency_find(shop->store, shop->arena, &r, later - 1, &has, &answer));
    assert_true(has);
    assert_ok(store_idempotency_find(shop->store, shop->arena, &r, later, &has, &answer));
    assert_false(has);
    begin(shop);
    assert_ok(
        store_idempotency_store(shop->store, shop->arena, &r, later, &answer)); // swept or not
    commit(shop);
    assert_ok(store_idempotency_expire(shop->store, later, &forgotten));
    assert_int_equal(forgotten, 0);
    assert_ok(
        store_idempotency_expire(shop->store, later + IDEMPOTENCY_DAYS * MS_PER_DAY, &forgotten));
    assert_int_equal(forgotten, 1);
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_key_is_found_by_its_token_with_its_scopes),
        BOTH(the_token_itself_is_nowhere_in_the_database),
        BOTH(an_expired_or_revoked_key_opens_nothing),
        BOTH(bad_keys_are_refused),
        BOTH(an_answer_is_given_again_to_the_same_request_only),
        BOTH(a_stored_answer_is_sealed_and_bound_to_its_row),
        BOTH(a_running_request_keeps_others_out_until_it_is_done_or_released),
        BOTH(after_seven_days_the_key_is_new_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
