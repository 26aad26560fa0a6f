/* How many rules one core evaluates a second: 8 rules with 20 conditions over a parsed event. */
#include "base/base.h"
#include "base/time.h"
#include "core/rule.h"

enum { RULES_N = 8, ROUNDS = 500000 };

enum slot { AMOUNT, CATEGORIES, STORE, CHANNEL, HOUR, WEEKDAY, TIER, PURCHASES };

static const struct {
    const char *name;
    struct rule_var var;
} VARS[] = {
    {"event.amount", {.slot = AMOUNT, .type = RULE_NUMBER}},
    {"event.categories", {.slot = CATEGORIES, .type = RULE_TEXTS}},
    {"event.store", {.slot = STORE, .type = RULE_TEXT}},
    {"event.channel", {.slot = CHANNEL, .type = RULE_TEXT}},
    {"event.local.hour", {.slot = HOUR, .type = RULE_NUMBER}},
    {"event.local.weekday", {.slot = WEEKDAY, .type = RULE_TEXT}},
    {"member.tier.main", {.slot = TIER, .type = RULE_TEXT}},
    {"member.stats.purchases_90d", {.slot = PURCHASES, .type = RULE_NUMBER}},
};

static const char *const RULES[RULES_N] = {
    "{\"and\":[{\">=\":[{\"var\":\"event.amount\"},1000]},{\"in\":[\"coffee\",{\"var\":\"event."
    "categories\"}]}]}",
    "{\"and\":[{\"==\":[{\"var\":\"event.store\"},\"ams-1\"]},{\"<\":[{\"var\":\"event.local."
    "hour\"},12]},{\">\":[{\"var\":\"event.amount\"},500]}]}",
    "{\"or\":[{\"==\":[{\"var\":\"member.tier.main\"},\"gold\"]},{\"==\":[{\"var\":\"member.tier."
    "main\"},\"silver\"]},{\">=\":[{\"var\":\"member.stats.purchases_90d\"},10]}]}",
    "{\"in\":[{\"var\":\"event.local.weekday\"},[\"sat\",\"sun\"]]}",
    "{\"and\":[{\"!=\":[{\"var\":\"event.channel\"},\"web\"]},{\"<=\":[100,{\"var\":\"event."
    "amount\"},100000]}]}",
    "{\"and\":[{\">\":[{\"+\":[{\"var\":\"event.amount\"},100]},2000]},{\"in\":[\"tea\",{\"var\":"
    "\"event.categories\"}]},{\"==\":[{\"var\":\"event.channel\"},\"store\"]}]}",
    "{\"!\":{\"in\":[\"gift\",{\"var\":\"event.categories\"}]}}",
    "{\"and\":[{\">=\":[{\"var\":\"member.stats.purchases_90d\"},4]},{\"<\":[{\"var\":\"event."
    "local.hour\"},18]},{\">=\":[{\"var\":\"event.local.hour\"},9]},"
    "{\"==\":[{\"var\":\"event.store\"},\"ams-1\"]},{\">\":[{\"var\":\"event.amount\"},0]}]}",
};

static bool find(void *self, struct str path, struct rule_var *out)
{
    (void)self;
    for (size_t i = 0; i < ARRAY_N(VARS); i++) {
        if (str_eq(path, str_c(VARS[i].name))) {
            *out = VARS[i].var;
            return true;
        }
    }
    return false;
}

struct world {
    struct rule_env env;
    const struct value *known[ARRAY_N(VARS)];
    struct value slots[ARRAY_N(VARS)];
};

static const struct value *get(const struct rule_env *env, int slot)
{
    return env->known[slot] = &((const struct world *)env)->slots[slot];
}

/* The slots from an event's JSON text, read anew for every event. */
static void read_slots(struct arena *arena, struct str text, struct world *world)
{
    static const char *const LOCAL[] = {"hour", "weekday"};
    const struct json *json = NULL;
    const enum err err = json_read(arena, text, NULL, &json);
    ensure(err == ERR_OK);
    const struct json *event = json_at(json, "event");
    const struct json *local = json_at(event, "local");
    const struct json *member = json_at(json, "member");
    world->slots[AMOUNT] = value_of_json(json_at(event, "amount"), arena);
    world->slots[CATEGORIES] = value_of_json(json_at(event, "categories"), arena);
    world->slots[STORE] = value_of_json(json_at(event, "store"), arena);
    world->slots[CHANNEL] = value_of_json(json_at(event, "channel"), arena);
    world->slots[HOUR] = value_of_json(json_at(local, LOCAL[0]), arena);
    world->slots[WEEKDAY] = value_of_json(json_at(local, LOCAL[1]), arena);
    world->slots[TIER] = value_of_json(json_at(json_at(member, "tier"), "main"), arena);
    world->slots[PURCHASES] =
        value_of_json(json_at(json_at(member, "stats"), "purchases_90d"), arena);
}

static void run_from_text(const struct rule **rules, struct world *world, struct arena *scratch)
{
    enum { TEXT_ROUNDS = 100000, TEXTS_N = 3000 };
    static struct str texts[TEXTS_N]; // made before, as in the yardstick
    struct arena arena;
    arena_open(&arena, 16 << 20);
    for (int64_t i = 0; i < TEXTS_N; i++) {
        texts[i] = str_fmt(
            &arena,
            "{\"event\":{\"amount\":%" PRId64
            ",\"categories\":[\"pastry\",\"coffee\"],\"store\":\"ams-1\",\"channel\":\"store\","
            "\"local\":{\"hour\":10,\"weekday\":\"sat\"}},\"member\":{\"tier\":{\"main\":"
            "\"silver\"},\"stats\":{\"purchases_90d\":5}}}",
            i);
    }
    size_t held_n = 0;
    const int64_t start = clock_monotonic_us();
    for (size_t round = 0; round < TEXT_ROUNDS; round++) {
        read_slots(scratch, texts[round % TEXTS_N], world);
        for (size_t i = 0; i < RULES_N; i++) {
            held_n += rule_holds(rules[i], &world->env);
        }
        arena_reset(scratch);
    }
    const double seconds = (double)(clock_monotonic_us() - start) / 1e6;
    (void)printf("rules from JSON text: %.2f M/s on one core (%zu of %d held)\n",
                 TEXT_ROUNDS * (double)RULES_N / seconds / 1e6, held_n, TEXT_ROUNDS * RULES_N);
    arena_close(&arena);
}

int main(void)
{
    struct arena arena;
    struct arena scratch;
    arena_open(&arena, 16 << 20);
    arena_open(&scratch, 16 << 20);
    const struct rule_vars vars = {.find = find};
    const struct rule *rules[RULES_N];
    for (size_t i = 0; i < RULES_N; i++) {
        const struct json *json = NULL;
        struct fail f = {.arena = &arena};
        const bool is_fine =
            json_read(&arena, str_c(RULES[i]), &f, &json) == ERR_OK &&
            rule_compile(&arena, json, STR(""), &vars, RULE_BOOL, &f, &rules[i]) == ERR_OK;
        if (!is_fine) {
            (void)printf("rule %zu: %s %s\n", i, f.items[0].pointer.p, f.items[0].detail.p);
            return 1;
        }
    }
    const struct value categories[] = {value_str(STR("pastry")), value_str(STR("coffee"))};
    struct world world = {.env = {.get = get, .arena = &scratch},
                          .slots = {[AMOUNT] = value_int(1450),
                                    [CATEGORIES] = value_array(categories, 2),
                                    [STORE] = value_str(STR("ams-1")),
                                    [CHANNEL] = value_str(STR("store")),
                                    [HOUR] = value_int(10),
                                    [WEEKDAY] = value_str(STR("sat")),
                                    [TIER] = value_str(STR("silver")),
                                    [PURCHASES] = value_int(5)}};
    world.env.known = world.known;
    size_t held_n = 0;
    const int64_t start = clock_monotonic_us();
    for (size_t round = 0; round < ROUNDS; round++) {
        world.slots[AMOUNT] = value_int((int64_t)(round % 3000));
        for (size_t i = 0; i < RULES_N; i++) {
            held_n += rule_holds(rules[i], &world.env);
        }
        arena_reset(&scratch);
    }
    const double seconds = (double)(clock_monotonic_us() - start) / 1e6;
    (void)printf("rules: %.1f M/s on one core (%zu of %d held)\n",
                 ROUNDS * (double)RULES_N / seconds / 1e6, held_n, ROUNDS * RULES_N);
    run_from_text(rules, &world, &scratch);
    arena_close(&scratch);
    arena_close(&arena);
    return 0;
}
