/* Achievements: counts, different values, streaks. */
#include "base/base.h"
#include "core/achievement.h"

enum { VALUES_MAX = 200, VALUE_BYTES_MAX = 4096 };

/* ---- periods ---- */

static int32_t next_period(enum period_kind period, int32_t first)
{
    switch (period) {
    case PERIOD_DAY:
        return first + 1;
    case PERIOD_WEEK:
        return first + 7;
    case PERIOD_MONTH:
        return period_first_day(period, first + 31);
    case PERIOD_YEAR:
        return period_first_day(period, first + 366);
    case PERIOD_LIFETIME:
        break;
    }
    return first;
}

/* Steps in a row with something in them, from the one that holds `day` on, backwards or forwards.
 */
static int64_t run_from(const struct state *state, const struct achievement *a, int32_t day,
                        bool is_back)
{
    int64_t n = 0;
    int32_t first = period_first_day(a->period, day);
    while (state_counter(state, a->symbol, first) > 0) {
        n++;
        first = is_back ? period_first_day(a->period, first - 1) : next_period(a->period, first);
    }
    return n;
}

/* Where completions of this achievement are counted: once for all, or anew in each period. */
static int32_t completed_day(const struct achievement *a, int32_t day)
{
    const bool is_anew =
        a->repeats && a->kind != ACHIEVEMENT_STREAK && a->period != PERIOD_LIFETIME;
    return is_anew ? period_first_day(a->period, day) : DAY_TOTAL;
}

bool achievement_needs_counters(const struct program *program, const struct state *state,
                                const struct event *event)
{
    for (size_t i = 0; i < program->achievements_n && !state->counters_loaded; i++) {
        const struct achievement *a = &program->achievements[i];
        const int32_t first = period_first_day(a->period, zone_day(program->zone, event->time));
        if (a->kind == ACHIEVEMENT_STREAK ||
            (first != DAY_TOTAL && first <= state->cold_through_day)) {
            return true;
        }
    }
    return false;
}

/* ---- what an occasion brings ---- */

/* The number that one event adds. Not a number, or below zero: nothing. */
static int64_t counted(struct award_env *env, const struct achievement *a)
{
    const struct content *content = env->view->content;
    int64_t sum = 0;
    struct value value;
    switch (a->of) {
    case OF_EVENTS:
        return env->occasion->times;
    case OF_QUANTITY:
    case OF_AMOUNT:
        for (size_t i = 0; i < content->lines_n; i++) {
            const struct line *line = &content->lines[i].line;
            if (award_line_holds(env, &content->lines[i], a->lines)) {
                sum += a->of == OF_QUANTITY ? line->quantity_milli : line->amount;
            }
        }
        return sum;
    case OF_VALUE:
        rule_run(a->value, &env->rule, &value);
        return value.kind == VALUE_NUMBER && value.number >= 0 &&
                       value.number <= (double)TRANSFER_POINTS_MAX
                   ? (int64_t)value.number
                   : 0;
    }
    return 0;
}

static void add_value(struct arena *arena, const struct value *value, uint64_t *values, size_t *n)
{
    struct buf text;
    buf_open(&text, arena, VALUE_BYTES_MAX);
    struct json_out w = json_out(&text);
    if (value->kind == VALUE_NULL || *n == VALUES_MAX) {
        return;
    }
    value_write(value, &w);
    const uint64_t hash = match_hash(buf_view(&text));
    for (size_t i = 0; i < *n; i++) {
        if (values[i] == hash) {
            return;
        }
    }
    values[(*n)++] = hash;
}

/* The different values of one event: a list brings each of its items. */
static const uint64_t *different(struct arena *arena, struct award_env *env,
                                 const struct achievement *a, size_t *n)
{
    uint64_t *values = arena_new(arena, uint64_t, VALUES_MAX);
    struct value value;
    *n = 0;
    rule_run(a->value, &env->rule, &value);
    if (value.kind != VALUE_ARRAY) {
        add_value(arena, &value, values, n);
        return values;
    }
    for (size_t i = 0; i < value.array.n; i++) {
        add_value(arena, &value.array.items[i], values, n);
    }
    return values;
}

/* ---- inputs ---- */

static struct progress_input *find_input(const struct award_env *env, int index)
{
    const struct inputs *inputs = env->view->inputs;
    for (size_t i = 0; i < inputs->progress_n; i++) {
        if (inputs->progress[i].achievement == index) {
            return &inputs->progress[i];
        }
    }
    return NULL;
}

/* How it was before the event: recorded at the first decision, read ever after. NULL: was not
 * recorded. */
static const struct progress_input *before_event(struct arena *arena, struct award_env *env,
                                                 int index, int32_t day, const uint64_t *values,
                                                 size_t values_n)
{
    const struct facts *facts = env->view->facts;
    const struct achievement *a = &env->view->program->achievements[index];
    struct inputs *inputs = env->view->inputs;
    struct progress_input *known = find_input(env, index);
    if (known != NULL || facts == NULL) {
        return known;
    }
    const int32_t first = period_first_day(a->period, day);
    struct progress_input input = {
        .achievement = index,
        .value = a->kind == ACHIEVEMENT_DISTINCT ? state_distincts(facts->state, a->symbol, first)
                                                 : state_counter(facts->state, a->symbol, first),
        .completed = state_counter(facts->state, a->completed_symbol, completed_day(a, day)),
    };
    if (a->kind == ACHIEVEMENT_STREAK) {
        input.left = run_from(facts->state, a, first - 1, true);
        input.right = run_from(facts->state, a, next_period(a->period, first), false);
    }
    input.present = arena_new(arena, uint64_t, values_n);
    for (size_t i = 0; i < values_n; i++) {
        if (state_distinct(facts->state, a->symbol, first, values[i]) > 0) {
            input.present[input.present_n++] = values[i];
        }
    }
    arena_room(arena, inputs->progress, inputs->progress_n, inputs->progress_max);
    inputs->progress[inputs->progress_n++] = input;
    return &inputs->progress[inputs->progress_n - 1];
}

/* ---- completing ---- */

/* A step that closes the gap between two runs makes one run of them. */
static int64_t streak_completes(const struct achievement *a, const struct progress_input *before)
{
    const int64_t length = before->left + 1 + before->right;
    if (before->value > 0) {
        return 0; // the step was there already
    }
    return a->repeats ? length / a->target - before->left / a->target - before->right / a->target
                      : length >= a->target;
}

static int64_t completes(const struct achievement *a, const struct progress_input *before,
                         int64_t added)
{
    const int64_t value = before->value + added;
    int64_t times = 0;
    if (added <= 0) {
        return 0;
    }
    if (a->kind == ACHIEVEMENT_STREAK) {
        times = streak_completes(a, before);
    } else {
        const int64_t target = a->target * a->unit;
        times = a->repeats ? value / target - before->completed : value >= target;
    }
    return a->repeats ? int64_max(0, times) : (times > 0 && before->completed == 0);
}

static enum err run_one(struct arena *arena, struct award_env *env, int index,
                        struct award_list *list)
{
    const struct program *program = env->view->program;
    const struct achievement *a = &program->achievements[index];
    const int32_t day = zone_day(program->zone, env->view->content->event->time);
    size_t values_n = 0;
    const uint64_t *values = NULL;
    if (a->kind == ACHIEVEMENT_DISTINCT) {
        values = different(arena, env, a, &values_n);
    }
    award_record_slots(env, a->member_slots, a->member_slots_n);
    const struct progress_input *before = before_event(arena, env, index, day, values, values_n);
    if (before == NULL || (a->when != NULL && !rule_holds(a->when, &env->rule))) {
        return ERR_OK;
    }
    struct progress progress = {.achievement = index,
                                .day = period_first_day(a->period, day),
                                .values = values,
                                .values_n = values_n};
    progress.added = a->kind == ACHIEVEMENT_STREAK  ? 1
                     : a->kind == ACHIEVEMENT_COUNT ? counted(env, a)
                                                    : (int64_t)values_n;
    for (size_t i = 0; i < values_n; i++) {
        for (size_t k = 0; k < before->present_n; k++) {
            progress.added -= before->present[k] == values[i];
        }
    }
    progress.completed = completes(a, before, progress.added);
    if (progress.added == 0 && values_n == 0) {
        return ERR_OK;
    }
    arena_room(arena, list->progress, list->progress_n, list->progress_max);
    list->progress[list->progress_n++] = progress;
    return progress.completed == 0 ? ERR_OK
                                   : award_follow(arena, env, list, STR("achievement.completed"),
                                                  STR("achievement"), a->slug, progress.completed);
}

/* The same achievement counts an event once, however often occasions of one type follow each other.
 */
static bool is_counted(const struct award_list *list, int index)
{
    for (size_t i = 0; i < list->progress_n; i++) {
        if (list->progress[i].achievement == index) {
            return true;
        }
    }
    return false;
}

enum err achievement_run(struct arena *arena, struct award_env *env, struct award_list *list)
{
    const struct program *program = env->view->program;
    for (size_t i = 0; i < program->achievements_n; i++) {
        if (str_eq(program->achievements[i].trigger, env->occasion->type) &&
            !is_counted(list, (int)i)) {
            try(run_one(arena, env, (int)i, list));
        }
    }
    return ERR_OK;
}

/* ---- the books ---- */

static enum err book_values(struct booking *b, const struct achievement *a,
                            const struct progress *p, int sign)
{
    for (size_t i = 0; i < p->values_n; i++) {
        const struct distinct added = {
            .symbol = a->symbol, .day = p->day, .value = p->values[i], .n = sign};
        if (!state_distinct_add(b->arena, b->state, added)) {
            return ERR_OVERFLOW;
        }
    }
    return ERR_OK;
}

/* The instant of the first completion stands while there is one. */
static void book_first(struct booking *b, const struct achievement *a)
{
    const int64_t completed = state_counter(b->state, a->completed_symbol, DAY_TOTAL);
    const int64_t first = state_counter(b->state, a->first_symbol, DAY_TOTAL);
    if (completed > 0 && first == 0) {
        state_counter_add(b->arena, b->state, a->first_symbol, DAY_TOTAL, b->booked_at);
    } else if (completed <= 0 && first != 0) {
        state_counter_add(b->arena, b->state, a->first_symbol, DAY_TOTAL, -first);
    }
}

enum err achievement_book(struct booking *b, const struct program *program,
                          const struct award_list *list, int sign)
{
    for (size_t i = 0; i < list->progress_n; i++) {
        const struct progress *p = &list->progress[i];
        const struct achievement *a = &program->achievements[p->achievement];
        if (a->kind == ACHIEVEMENT_DISTINCT) {
            try(book_values(b, a, p, sign));
        } else {
            state_counter_add(b->arena, b->state, a->symbol, p->day, sign * p->added);
        }
        if (p->completed > 0) {
            const int32_t day = a->repeats && a->kind != ACHIEVEMENT_STREAK ? p->day : DAY_TOTAL;
            state_counter_add(b->arena, b->state, a->completed_symbol, DAY_TOTAL,
                              sign * p->completed);
            if (day != DAY_TOTAL) {
                state_counter_add(b->arena, b->state, a->completed_symbol, day,
                                  sign * p->completed);
            }
        }
    }
    return ERR_OK;
}

void achievement_book_first(struct booking *b, const struct program *program,
                            const struct award_list *list)
{
    for (size_t i = 0; i < list->progress_n; i++) {
        book_first(b, &program->achievements[list->progress[i].achievement]);
    }
}

/* The run that is still alive on a day: one that ended a step before can be gone on with today. */
static int64_t streak_now(const struct state *state, const struct achievement *a, int32_t day)
{
    const int64_t today = run_from(state, a, day, true);
    return today > 0 ? today : run_from(state, a, period_first_day(a->period, day) - 1, true);
}

struct achievement_standing achievement_standing(const struct state *state,
                                                 const struct achievement *a, int32_t day)
{
    const int32_t first = period_first_day(a->period, day);
    struct achievement_standing out = {
        .target = a->target,
        .completed = int64_max(0, state_counter(state, a->completed_symbol, DAY_TOTAL)),
        .completed_at = state_counter(state, a->first_symbol, DAY_TOTAL),
    };
    switch (a->kind) {
    case ACHIEVEMENT_COUNT:
        out.value = int64_max(0, state_counter(state, a->symbol, first)) / a->unit;
        break;
    case ACHIEVEMENT_DISTINCT:
        out.value = state_distincts(state, a->symbol, first);
        break;
    case ACHIEVEMENT_STREAK:
        out.value = streak_now(state, a, day);
        break;
    }
    if (a->repeats && a->kind != ACHIEVEMENT_STREAK) {
        const int64_t done =
            state_counter(state, a->completed_symbol, completed_day(a, day)) * a->target;
        out.value = int64_max(0, out.value - done);
    } else if (a->repeats) {
        out.value %= a->target;
    } else {
        out.value = int64_min(out.value, a->target);
    }
    return out;
}
