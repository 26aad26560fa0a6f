/* Comparing program documents. */
#include "base/base.h"
#include "core/diff.h"

enum { TEXT_BYTES_MAX = 64 * 1024 };

/* Where the comparison is: a pointer, and the same in words. */
struct spot {
    struct str pointer;
    struct str words;
    int depth;
};

struct work {
    struct arena *arena;
    struct change *list;
    size_t n, max;
    bool is_full;
};

/* What one item of a list is called; sections that are not named here are called by their field. */
static const struct {
    const char *list;
    const char *item;
} ITEMS[] = {
    {"wallets", "Wallet"},
    {"earning_rules", "Earning rule"},
    {"campaigns", "Campaign"},
    {"offers", "Offer"},
    {"tier_sets", "Tier set"},
    {"tiers", "tier"},
    {"rewards", "Reward"},
    {"achievements", "Achievement"},
    {"segments", "Segment"},
    {"stores", "Store"},
    {"event_types", "Event type"},
    {"attributes", "Attribute"},
    {"quizzes", "Quiz"},
    {"surveys", "Survey"},
    {"redemption_codes", "Redemption code"},
    {"questions", "question"},
    {"options", "option"},
    {"effects", "effect"},
    {"caps", "cap"},
    {"tests", "Test"},
    {"price", "price"},
    {"referrals", "Referral"},
    {"contests", "Contest"},
    {"schedules", "Schedule"},
};

static struct str item_word(struct str list)
{
    for (size_t i = 0; i < ARRAY_N(ITEMS); i++) {
        if (str_eq(list, str_c(ITEMS[i].list))) {
            return str_c(ITEMS[i].item);
        }
    }
    return list;
}

/* What tells an item of a list from the others; empty: only its place. */
static struct str key_of(const struct json *item)
{
    static const char *const KEYS[] = {"slug", "type", "name"};
    for (size_t i = 0; i < ARRAY_N(KEYS); i++) {
        if (json_is_string(json_at(item, KEYS[i]))) {
            return json_str(json_at(item, KEYS[i]));
        }
    }
    return (struct str){0};
}

static struct str shown(struct arena *arena, const struct json *value)
{
    struct buf text;
    buf_open(&text, arena, TEXT_BYTES_MAX);
    json_write_canonical(&text, value);
    const struct str all = text.is_full ? STR("…") : buf_view(&text);
    return all.n <= DIFF_VALUE_BYTES ? all : str_fmt(arena, "%.*s…", DIFF_VALUE_BYTES, all.p);
}

static void note(struct work *w, struct spot at, const struct json *before,
                 const struct json *after)
{
    if (w->n == DIFF_CHANGES_MAX) {
        w->is_full = true;
        return;
    }
    struct change change = {.pointer = at.pointer, .before = before, .after = after};
    if (before == NULL) {
        change.kind = CHANGE_ADDED;
        change.text = str_fmt(w->arena, "%.*s added: %.*s.", STR_ARG(at.words),
                              STR_ARG(shown(w->arena, after)));
    } else if (after == NULL) {
        change.kind = CHANGE_REMOVED;
        change.text = str_fmt(w->arena, "%.*s removed; it was %.*s.", STR_ARG(at.words),
                              STR_ARG(shown(w->arena, before)));
    } else {
        change.kind = CHANGE_CHANGED;
        change.text = str_fmt(w->arena, "%.*s changed from %.*s to %.*s.", STR_ARG(at.words),
                              STR_ARG(shown(w->arena, before)), STR_ARG(shown(w->arena, after)));
    }
    arena_room(w->arena, w->list, w->n, w->max);
    w->list[w->n++] = change;
}

static struct spot field_spot(struct work *w, struct spot at, struct str name)
{
    return (struct spot){
        .pointer = pointer_key(w->arena, at.pointer, name),
        .words = at.words.n == 0
                     ? name
                     : str_fmt(w->arena, "%.*s: %.*s", STR_ARG(at.words), STR_ARG(name)),
        .depth = at.depth + 1,
    };
}

/* "Earning rule \"base\", effect 1". */
static struct spot item_spot(struct work *w, struct spot list, struct str outer, struct str name,
                             const struct json *item, size_t index)
{
    const struct str key = key_of(item);
    const struct str word = item_word(name);
    const struct str own = key.n > 0
                               ? str_fmt(w->arena, "%.*s \"%.*s\"", STR_ARG(word), STR_ARG(key))
                               : str_fmt(w->arena, "%.*s %zu", STR_ARG(word), index + 1);
    return (struct spot){
        .pointer = pointer_index(w->arena, list.pointer, index),
        .words = outer.n == 0 ? own : str_fmt(w->arena, "%.*s, %.*s", STR_ARG(outer), STR_ARG(own)),
        .depth = list.depth + 1,
    };
}

static const struct json *find_item(const struct json *list, struct str key, size_t *index)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (str_eq(key_of(json_array_get(list, i)), key)) {
            *index = i;
            return json_array_get(list, i);
        }
    }
    return NULL;
}

/* All items are objects, and where they have keys these differ. */
static bool is_keyed(const struct json *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct str key = key_of(json_array_get(list, i));
        size_t first = 0;
        if (!json_is_object(json_array_get(list, i)) || key.n == 0 ||
            find_item(list, key, &first) == NULL || first != i) {
            return false;
        }
    }
    return true;
}

static bool all_objects(const struct json *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!json_is_object(json_array_get(list, i))) {
            return false;
        }
    }
    return true;
}

static void compare(struct work *w, struct spot at, struct str outer, struct str name,
                    const struct json *before, const struct json *after);

static void compare_objects(struct work *w, struct spot at, const struct json *before,
                            const struct json *after)
{
    struct str name = {0};
    const struct json *value = NULL;
    json_object_foreach(before, name, value)
    {
        compare(w, field_spot(w, at, name), at.words, name, value, json_find(after, name));
    }
    json_object_foreach(after, name, value)
    {
        if (json_find(before, name) == NULL) {
            compare(w, field_spot(w, at, name), at.words, name, NULL, value);
        }
    }
}

/* Items with keys are found by them, wherever they stand. */
static void compare_keyed(struct work *w, struct spot at, struct str outer, struct str name,
                          const struct json *before, const struct json *after)
{
    size_t index = 0;
    for (size_t i = 0; i < json_array_size(before); i++) {
        const struct json *was = json_array_get(before, i);
        const struct json *is = find_item(after, key_of(was), &index);
        const struct spot here = item_spot(w, at, outer, name, was, is ? index : i);
        if (is == NULL) {
            note(w, here, was, NULL);
        } else {
            compare_objects(w, here, was, is);
        }
    }
    for (size_t i = 0; i < json_array_size(after); i++) {
        const struct json *is = json_array_get(after, i);
        if (find_item(before, key_of(is), &index) == NULL) {
            note(w, item_spot(w, at, outer, name, is, i), NULL, is);
        }
    }
}

/* Items without keys are told apart by their place. */
static void compare_placed(struct work *w, struct spot at, struct str outer, struct str name,
                           const struct json *before, const struct json *after)
{
    const size_t n = json_array_size(before) > json_array_size(after) ? json_array_size(before)
                                                                      : json_array_size(after);
    for (size_t i = 0; i < n; i++) {
        const struct json *was = json_array_get(before, i);
        const struct json *is = json_array_get(after, i);
        const struct spot here = item_spot(w, at, outer, name, is ? is : was, i);
        if (was != NULL && is != NULL) {
            compare_objects(w, here, was, is);
        } else {
            note(w, here, was, is);
        }
    }
}

/* Conditions and free values are compared as wholes: half a condition says nothing. */
static bool is_whole(struct str name)
{
    static const char *const WHOLES[] = {"when",    "lines", "while",  "if",
                                         "formula", "rows",  "schema", "steps"};
    for (size_t i = 0; i < ARRAY_N(WHOLES); i++) {
        if (str_eq(name, str_c(WHOLES[i]))) {
            return true;
        }
    }
    return false;
}

static void compare(struct work *w, struct spot at, struct str outer, struct str name,
                    const struct json *before, const struct json *after)
{
    if (before != NULL && after != NULL && json_is_same(before, after)) {
        return;
    }
    const bool are_lists =
        (before == NULL || json_is_array(before)) && (after == NULL || json_is_array(after));
    if (at.depth >= DIFF_DEPTH_MAX || is_whole(name)) {
        note(w, at, before, after);
    } else if (json_is_object(before) && json_is_object(after)) {
        compare_objects(w, at, before, after);
    } else if (are_lists && is_keyed(before) && is_keyed(after)) {
        compare_keyed(w, at, outer, name, before, after);
    } else if (are_lists && all_objects(before) && all_objects(after)) {
        compare_placed(w, at, outer, name, before, after);
    } else {
        note(w, at, before, after);
    }
}

enum err program_diff(struct arena *arena, const struct json *before, const struct json *after,
                      struct change **out, size_t *n)
{
    struct work w = {.arena = arena};
    compare_objects(&w, (struct spot){0}, before, after);
    if (w.is_full) {
        return ERR_TOO_LARGE;
    }
    *out = w.list;
    *n = w.n;
    return ERR_OK;
}
