/* Recorded inputs and purchase rows: what is stored beside an event. Format 1 is frozen; format 2
 * of inputs is format 1 and sections after it, written only where there is one. */
#include "base/base.h"
#include "core/decide.h"

#include "base/pack.h"

enum { RECORD_FORMAT = 1, SECTIONS_FORMAT = 2, LIST_MAX = 100000, VALUE_NESTING_MAX = 4 };
enum {
    SECTION_END = 0,
    SECTION_PROGRESS = 1,
    SECTION_GRANTS = 2,
    SECTION_ABOUT = 3,
    SECTION_TIERS = 10,
    SECTION_FOLLOWS = 20
}; // tags of sections: append only

void inputs_open(struct arena *arena, const struct program *program, struct inputs *out)
{
    *out = (struct inputs){
        .program = program,
        .vars = arena_new(arena, struct input_var, program->vars_n),
        .audiences = arena_new(arena, int8_t, program->segments_n),
        .caps_used = arena_new(arena, int64_t, program->caps_n),
    };
    if (program->segments_n > 0) {
        memset(out->audiences, -1, program->segments_n);
    }
    for (size_t i = 0; i < program->caps_n; i++) {
        out->caps_used[i] = -1;
    }
}

static void pack_value(struct buf *out, const struct value *value, int depth)
{
    enum value_kind kind = value->kind;
    if (kind == VALUE_OBJECT || (kind == VALUE_ARRAY && depth == VALUE_NESTING_MAX)) {
        kind = VALUE_NULL; // member variables hold neither
    }
    pack_u(out, (uint64_t)kind);
    switch (kind) {
    case VALUE_NULL:
    case VALUE_OBJECT:
        break;
    case VALUE_BOOL:
        pack_u(out, value->boolean);
        break;
    case VALUE_NUMBER:
        buf_add(out, &value->number, sizeof value->number);
        break;
    case VALUE_STR:
        pack_str(out, value->str);
        break;
    case VALUE_ARRAY:
        pack_u(out, value->array.n);
        for (size_t i = 0; i < value->array.n; i++) {
            pack_value(out, &value->array.items[i], depth + 1);
        }
        break;
    }
}

static struct value unpack_value(struct arena *arena, struct unpack *in, int depth)
{
    const uint64_t kind = unpack_u(in);
    if (kind == VALUE_BOOL) {
        return value_bool(unpack_u(in) != 0);
    }
    if (kind == VALUE_NUMBER) {
        struct value value = value_number(0);
        const unsigned char *bytes = unpack_bytes(in, sizeof value.number);
        if (bytes != NULL) {
            memcpy(&value.number, bytes, sizeof value.number);
        }
        return value;
    }
    if (kind == VALUE_STR) {
        return value_str(unpack_str(in));
    }
    if (kind == VALUE_ARRAY && depth < VALUE_NESTING_MAX) {
        const size_t n = unpack_count(in, LIST_MAX);
        struct value *items = arena_new(arena, struct value, n);
        for (size_t i = 0; i < n; i++) {
            items[i] = unpack_value(arena, in, depth + 1);
        }
        return value_array(items, n);
    }
    in->is_bad |= kind != VALUE_NULL;
    return value_null();
}

static bool is_member_var(const struct var *var)
{
    return var->source != VAR_EVENT && var->source != VAR_EVENT_DATA && var->source != VAR_LINE;
}

static void pack_progress(struct buf *out, const struct inputs *inputs)
{
    pack_u(out, SECTION_PROGRESS);
    pack_u(out, inputs->progress_n);
    for (size_t i = 0; i < inputs->progress_n; i++) {
        const struct progress_input *p = &inputs->progress[i];
        pack_u(out, (uint64_t)p->achievement);
        pack_i(out, p->value);
        pack_i(out, p->completed);
        pack_i(out, p->left);
        pack_i(out, p->right);
        pack_u(out, p->present_n);
        for (size_t k = 0; k < p->present_n; k++) {
            buf_add(out, &p->present[k], sizeof p->present[k]);
        }
    }
}

static void pack_field(struct buf *out, const struct occasion_field *field)
{
    pack_str(out, field->name);
    pack_u(out, field->is_number);
    if (field->is_number) {
        pack_i(out, field->number);
    } else {
        pack_str(out, field->text);
    }
}

static struct occasion_field unpack_field(struct unpack *in)
{
    struct occasion_field field = {.name = unpack_str(in)};
    field.is_number = unpack_u(in) != 0;
    if (field.is_number) {
        field.number = unpack_i(in);
    } else {
        field.text = unpack_str(in);
    }
    return field;
}

static void pack_about(struct buf *out, const struct inputs *inputs)
{
    const struct about *about = &inputs->about;
    pack_u(out, SECTION_ABOUT);
    pack_u(out, about->fields_n);
    for (size_t i = 0; i < about->fields_n; i++) {
        pack_field(out, &about->fields[i]);
    }
    pack_u(out, about->follows_n);
    for (size_t i = 0; i < about->follows_n; i++) {
        pack_str(out, about->follows[i].type);
        pack_i(out, about->follows[i].times);
        pack_field(out, &about->follows[i].fields[0]);
    }
}

/* Fields beyond the first of what followed: there were none when SECTION_ABOUT was made. */
static size_t more_fields_n(const struct about *about)
{
    size_t n = 0;
    for (size_t i = 0; i < about->follows_n; i++) {
        n += about->follows[i].fields_n - 1;
    }
    return n;
}

static void pack_follows(struct buf *out, const struct inputs *inputs)
{
    const struct about *about = &inputs->about;
    pack_u(out, SECTION_FOLLOWS);
    pack_u(out, more_fields_n(about));
    for (size_t i = 0; i < about->follows_n; i++) {
        for (size_t k = 1; k < about->follows[i].fields_n; k++) {
            pack_u(out, i);
            pack_field(out, &about->follows[i].fields[k]);
        }
    }
}

static void unpack_follows(struct unpack *in, struct inputs *inputs)
{
    struct about *about = &inputs->about;
    const size_t n = unpack_count(in, FOLLOWS_MAX * OCCASION_FIELDS_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        const uint64_t at = unpack_u(in);
        const struct occasion_field field = unpack_field(in);
        if (at >= about->follows_n || about->follows[at].fields_n == OCCASION_FIELDS_MAX) {
            in->is_bad = true;
            return;
        }
        about->follows[at].fields[about->follows[at].fields_n++] = field;
    }
}

static void unpack_about(struct unpack *in, struct inputs *inputs)
{
    struct about *about = &inputs->about;
    about->fields_n = unpack_count(in, OCCASION_FIELDS_MAX);
    for (size_t i = 0; i < about->fields_n; i++) {
        about->fields[i] = unpack_field(in);
    }
    about->follows_n = unpack_count(in, FOLLOWS_MAX);
    for (size_t i = 0; i < about->follows_n; i++) {
        struct occasion *follows = &about->follows[i];
        follows->type = unpack_str(in);
        follows->times = unpack_i(in);
        follows->level = 1;
        follows->fields[0] = unpack_field(in);
        follows->fields_n = 1;
    }
}

static void pack_tiers(struct buf *out, const struct inputs *inputs)
{
    pack_u(out, SECTION_TIERS);
    pack_u(out, inputs->tier_follows_n);
    for (size_t i = 0; i < inputs->tier_follows_n; i++) {
        const struct tier_follow *f = &inputs->tier_follows[i];
        pack_str(out, f->set);
        pack_str(out, f->from);
        pack_str(out, f->to);
        pack_u(out, (uint64_t)f->why);
        pack_u(out, f->is_up);
        pack_u(out, (uint64_t)f->level);
    }
}

static void unpack_tiers(struct arena *arena, struct unpack *in, struct inputs *inputs)
{
    inputs->tier_follows_n = inputs->tier_follows_max = unpack_count(in, LIST_MAX);
    inputs->tier_follows = arena_new(arena, struct tier_follow, inputs->tier_follows_n);
    for (size_t i = 0; i < inputs->tier_follows_n && !in->is_bad; i++) {
        struct tier_follow *f = &inputs->tier_follows[i];
        f->set = unpack_str(in);
        f->from = unpack_str(in);
        f->to = unpack_str(in);
        const uint64_t why = unpack_u(in);
        in->is_bad |= why == WHY_UNCHANGED || why >= WHYS_N;
        f->why = in->is_bad ? WHY_ENTERED : (enum tier_why)why;
        f->is_up = unpack_u(in) != 0;
        f->level = (int)unpack_u(in);
    }
}

static bool has_about(const struct inputs *inputs)
{
    return inputs->about.fields_n + inputs->about.follows_n > 0;
}

static bool has_sections(const struct inputs *inputs)
{
    return inputs->progress_n + inputs->grants_n + inputs->tier_follows_n > 0 || has_about(inputs);
}

static void pack_grants(struct buf *out, const struct inputs *inputs)
{
    pack_u(out, inputs->grants_n);
    for (size_t i = 0; i < inputs->grants_n; i++) {
        pack_u(out, (uint64_t)inputs->grants[i].rule);
        pack_u(out, (uint64_t)inputs->grants[i].effect);
        pack_u(out, (uint64_t)inputs->grants[i].count);
    }
}

static void unpack_grants(struct arena *arena, struct unpack *in, struct inputs *inputs)
{
    inputs->grants_n = inputs->grants_max = unpack_count(in, LIST_MAX);
    inputs->grants = arena_new(arena, struct grant_input, inputs->grants_n);
    for (size_t i = 0; i < inputs->grants_n && !in->is_bad; i++) {
        inputs->grants[i].rule = (int32_t)unpack_u(in);
        inputs->grants[i].effect = (int32_t)unpack_u(in);
        inputs->grants[i].count = (int64_t)unpack_u(in);
    }
}

static void unpack_progress(struct arena *arena, struct unpack *in, struct inputs *inputs)
{
    inputs->progress_n = inputs->progress_max = unpack_count(in, ACHIEVEMENTS_MAX);
    inputs->progress = arena_new(arena, struct progress_input, inputs->progress_n);
    for (size_t i = 0; i < inputs->progress_n && !in->is_bad; i++) {
        struct progress_input *p = &inputs->progress[i];
        const uint64_t achievement = unpack_u(in);
        in->is_bad |= achievement >= inputs->program->achievements_n;
        p->achievement = (int)achievement;
        p->value = unpack_i(in);
        p->completed = unpack_i(in);
        p->left = unpack_i(in);
        p->right = unpack_i(in);
        p->present_n = unpack_count(in, LIST_MAX);
        p->present = arena_new(arena, uint64_t, p->present_n);
        for (size_t k = 0; k < p->present_n; k++) {
            const unsigned char *bytes = unpack_bytes(in, sizeof p->present[k]);
            if (bytes != NULL) {
                memcpy(&p->present[k], bytes, sizeof p->present[k]);
            }
        }
    }
}

void inputs_pack(struct buf *out, const struct inputs *inputs)
{
    const struct program *program = inputs->program;
    size_t known = 0;
    for (size_t i = 0; i < program->vars_n; i++) {
        known += inputs->vars[i].is_known && is_member_var(&program->vars[i]);
    }
    pack_u(out, has_sections(inputs) ? SECTIONS_FORMAT : RECORD_FORMAT);
    pack_u(out, known);
    for (size_t i = 0; i < program->vars_n; i++) {
        if (inputs->vars[i].is_known && is_member_var(&program->vars[i])) {
            pack_u(out, i);
            pack_value(out, &inputs->vars[i].value, 0);
        }
    }
    for (size_t i = 0; i < program->segments_n; i++) {
        if (inputs->audiences[i] >= 0) {
            pack_u(out, i + 1);
            pack_u(out, (uint64_t)inputs->audiences[i]);
        }
    }
    pack_u(out, 0);
    for (size_t i = 0; i < program->caps_n; i++) {
        if (inputs->caps_used[i] > 0) { // a cap that was not asked counts as unused: the same
            pack_u(out, i + 1);
            pack_u(out, (uint64_t)inputs->caps_used[i]);
        }
    }
    pack_u(out, 0);
    size_t carried = 0;
    for (size_t i = 0; i < inputs->remainders_n; i++) {
        carried += inputs->remainders[i].value > 0;
    }
    pack_u(out, carried);
    for (size_t i = 0; i < inputs->remainders_n; i++) {
        if (inputs->remainders[i].value > 0) {
            pack_u(out, (uint64_t)inputs->remainders[i].symbol);
            pack_u(out, (uint64_t)inputs->remainders[i].value);
        }
    }
    if (inputs->progress_n > 0) {
        pack_progress(out, inputs);
    }
    if (inputs->grants_n > 0) {
        pack_u(out, SECTION_GRANTS);
        pack_grants(out, inputs);
    }
    if (has_about(inputs)) {
        pack_about(out, inputs);
    }
    if (more_fields_n(&inputs->about) > 0) {
        pack_follows(out, inputs);
    }
    if (inputs->tier_follows_n > 0) {
        pack_tiers(out, inputs);
    }
    if (has_sections(inputs)) {
        pack_u(out, SECTION_END);
    }
}

static void unpack_numbered(struct unpack *in, size_t max,
                            void (*set)(struct inputs *, size_t, uint64_t), struct inputs *inputs)
{
    for (uint64_t i = unpack_u(in); i > 0; i = unpack_u(in)) {
        if (i > max) {
            in->is_bad = true;
            return;
        }
        set(inputs, (size_t)i - 1, unpack_u(in));
    }
}

static void set_audience(struct inputs *inputs, size_t i, uint64_t value)
{
    inputs->audiences[i] = value != 0;
}

static void set_cap(struct inputs *inputs, size_t i, uint64_t value)
{
    inputs->caps_used[i] = (int64_t)value;
}

static void unpack_sections(struct arena *arena, struct unpack *in, struct inputs *inputs)
{
    for (uint64_t tag = unpack_u(in); tag != SECTION_END && !in->is_bad; tag = unpack_u(in)) {
        if (tag == SECTION_PROGRESS) {
            unpack_progress(arena, in, inputs);
        } else if (tag == SECTION_GRANTS) {
            unpack_grants(arena, in, inputs);
        } else if (tag == SECTION_ABOUT) {
            unpack_about(in, inputs);
        } else if (tag == SECTION_FOLLOWS) {
            unpack_follows(in, inputs);
        } else if (tag == SECTION_TIERS) {
            unpack_tiers(arena, in, inputs);
        } else {
            in->is_bad = true; // of a newer release
        }
    }
}

enum err inputs_unpack(struct arena *arena, const struct program *program, struct str bytes,
                       struct inputs *out)
{
    struct inputs inputs;
    inputs_open(arena, program, &inputs);
    struct unpack in = unpack_open(bytes);
    const uint64_t format = unpack_u(&in);
    in.is_bad |= format != RECORD_FORMAT && format != SECTIONS_FORMAT;
    const size_t known = unpack_count(&in, VARS_MAX);
    for (size_t i = 0; i < known && !in.is_bad; i++) {
        const uint64_t slot = unpack_u(&in);
        const struct value value = unpack_value(arena, &in, 0);
        if (slot >= program->vars_n) {
            return ERR_INTEGRITY;
        }
        inputs.vars[slot] = (struct input_var){.value = value, .is_known = true};
    }
    unpack_numbered(&in, program->segments_n, set_audience, &inputs);
    unpack_numbered(&in, program->caps_n, set_cap, &inputs);
    for (size_t i = 0; i < program->caps_n; i++) {
        inputs.caps_used[i] = int64_max(inputs.caps_used[i], 0);
    }
    const size_t carried = unpack_count(&in, LIST_MAX);
    for (size_t i = 0; i < carried && !in.is_bad; i++) {
        arena_room(arena, inputs.remainders, inputs.remainders_n, inputs.remainders_max);
        struct remainder *r = &inputs.remainders[inputs.remainders_n++];
        r->symbol = (int32_t)unpack_u(&in);
        r->value = (int64_t)unpack_u(&in);
    }
    if (format == SECTIONS_FORMAT) {
        unpack_sections(arena, &in, &inputs);
    }
    if (!unpack_done(&in)) {
        return ERR_INTEGRITY;
    }
    *out = inputs;
    return ERR_OK;
}

static void pack_at(struct buf *out, int64_t at)
{
    pack_u(out, at == AT_NEVER);
    pack_i(out, at == AT_NEVER ? 0 : at);
}

static int64_t unpack_at(struct unpack *in)
{
    const bool never = unpack_u(in) != 0;
    const int64_t at = unpack_i(in);
    return never ? AT_NEVER : at;
}

void spent_pack(struct buf *out, const struct spent_lot *spent, size_t n)
{
    pack_u(out, n);
    for (size_t i = 0; i < n; i++) {
        pack_i(out, spent[i].lot);
        pack_i(out, spent[i].event);
        pack_i(out, spent[i].earned_at);
        pack_u(out, (uint64_t)spent[i].wallet);
        pack_u(out, (uint64_t)spent[i].version);
        pack_at(out, spent[i].expires_at);
        pack_u(out, (uint64_t)spent[i].sliding_months);
        pack_i(out, spent[i].points);
    }
}

void spent_unpack(struct arena *arena, struct unpack *in, struct spent_lot **out, size_t *n)
{
    *n = unpack_count(in, LIST_MAX);
    *out = arena_new(arena, struct spent_lot, *n);
    for (size_t i = 0; i < *n; i++) {
        struct spent_lot *s = &(*out)[i];
        s->lot = unpack_i(in);
        s->event = unpack_i(in);
        s->earned_at = unpack_i(in);
        s->wallet = (int32_t)unpack_u(in);
        s->version = (int32_t)unpack_u(in);
        s->expires_at = unpack_at(in);
        s->sliding_months = (int32_t)unpack_u(in);
        s->points = unpack_i(in);
    }
}

/* Lines of content_open(): as given and perhaps a nameless one more. */
static size_t purchase_lines_n(const struct purchase *purchase)
{
    return purchase->content.lines_n + 1;
}

static void pack_reviews(struct buf *out, const struct purchase *purchase)
{
    pack_u(out, purchase->reviews_n);
    for (size_t i = 0; i < purchase->reviews_n; i++) {
        const struct review *r = &purchase->reviews[i];
        pack_i(out, r->id);
        pack_i(out, r->line);
        pack_u(out, (uint64_t)r->state);
        pack_u(out, (uint64_t)r->stars);
        pack_u(out, (uint64_t)r->characters);
        pack_i(out, r->gave);
    }
}

static void unpack_reviews(struct arena *arena, struct unpack *in, struct purchase *purchase)
{
    const size_t n = unpack_count(in, REVIEWS_PER_PURCHASE_MAX);
    struct review *list = arena_new(arena, struct review, n);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        struct review r = {.id = unpack_i(in)};
        const int64_t line = unpack_i(in);
        const uint64_t state = unpack_u(in);
        const uint64_t stars = unpack_u(in);
        r.characters = (int32_t)unpack_u(in);
        r.gave = unpack_i(in);
        in->is_bad |= line < REVIEW_OF_LINE_GONE || line >= (int64_t)purchase->content.lines_n ||
                      state == REVIEW_NONE || state >= REVIEW_STATES_N || stars < 1 ||
                      stars > REVIEW_STARS_MAX;
        r.line = in->is_bad ? REVIEW_OF_LINE_GONE : (int32_t)line;
        r.state = in->is_bad ? REVIEW_REJECTED : (enum review_state)state;
        r.stars = in->is_bad ? 1 : (int32_t)stars;
        list[i] = r;
    }
    purchase->reviews = list;
    purchase->reviews_n = n;
}

struct purchase *purchase_copy(struct arena *arena, const struct purchase *purchase)
{
    struct purchase *copy = arena_new(arena, struct purchase, 1);
    *copy = *purchase;
    copy->inputs.grants_max = copy->inputs.grants_n;
    copy->inputs.grants = arena_new(arena, struct grant_input, copy->inputs.grants_n);
    if (copy->inputs.grants_n > 0) {
        memcpy(copy->inputs.grants, purchase->inputs.grants,
               copy->inputs.grants_n * sizeof *copy->inputs.grants);
    }
    return copy;
}

/* The purchase's rewards since a change of its content; and how many of them each effect of its
 * rules gave. */
static void pack_own_rewards(struct buf *out, const struct purchase *purchase)
{
    pack_u(out, purchase->rewards_n);
    for (size_t i = 0; i < purchase->rewards_n; i++) {
        pack_i(out, purchase->rewards[i].id);
        pack_i(out, purchase->rewards[i].amount);
    }
    pack_grants(out, &purchase->inputs);
}

static void unpack_own_rewards(struct arena *arena, struct unpack *in, struct purchase *purchase)
{
    const size_t n = unpack_count(in, LIST_MAX);
    struct answer_reward *list = arena_new(arena, struct answer_reward, n);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        list[i].id = unpack_i(in);
        list[i].amount = unpack_i(in);
    }
    unpack_grants(arena, in, &purchase->inputs);
    purchase->rewards = list;
    purchase->rewards_n = n;
    purchase->has_own_rewards = true;
}

void purchase_pack(struct buf *out, const struct purchase *purchase)
{
    const bool has_lines = purchase->refunded_milli != NULL;
    pack_u(out, RECORD_FORMAT);
    pack_u(out, (uint64_t)purchase->is_cancelled | (uint64_t)purchase->is_completed << 1 |
                    (uint64_t)has_lines << 2 | (uint64_t)(purchase->returned_value > 0) << 3 |
                    (uint64_t)(purchase->reviews_n > 0) << 4 |
                    (uint64_t)purchase->has_own_rewards << 5);
    pack_i(out, purchase->refunded_total);
    pack_i(out, purchase->restored_points);
    spent_pack(out, purchase->spent, purchase->spent_n);
    for (size_t i = 0; has_lines && i < purchase_lines_n(purchase); i++) {
        pack_i(out, purchase->refunded_milli[i]);
        pack_i(out, purchase->refunded_amount[i]);
    }
    if (purchase->returned_value > 0) {
        pack_i(out, purchase->returned_value);
    }
    if (purchase->reviews_n > 0) {
        pack_reviews(out, purchase);
    }
    if (purchase->has_own_rewards) {
        pack_own_rewards(out, purchase);
    }
}

enum err purchase_unpack(struct arena *arena, struct str bytes, struct purchase *purchase)
{
    struct purchase p = *purchase;
    struct unpack in = unpack_open(bytes);
    in.is_bad |= unpack_u(&in) != RECORD_FORMAT;
    const uint64_t flags = unpack_u(&in);
    p.is_cancelled = (flags & 1) != 0;
    p.is_completed = (flags & 2) != 0;
    p.refunded_total = unpack_i(&in);
    p.restored_points = unpack_i(&in);
    spent_unpack(arena, &in, &p.spent, &p.spent_n);
    if ((flags & 4) != 0) {
        const size_t n = purchase_lines_n(&p);
        p.refunded_milli = arena_new(arena, int64_t, n);
        p.refunded_amount = arena_new(arena, int64_t, n);
        for (size_t i = 0; i < n; i++) {
            p.refunded_milli[i] = unpack_i(&in);
            p.refunded_amount[i] = unpack_i(&in);
        }
    }
    p.returned_value = (flags & 8) != 0 ? unpack_i(&in) : 0;
    if ((flags & 16) != 0) {
        unpack_reviews(arena, &in, &p);
    }
    if ((flags & 32) != 0) {
        unpack_own_rewards(arena, &in, &p);
    }
    if (!unpack_done(&in)) {
        return ERR_INTEGRITY;
    }
    *purchase = p;
    return ERR_OK;
}
