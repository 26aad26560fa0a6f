/* Compiling quizzes and surveys. */
#include "base/base.h"
#include "core/program.h"

#include "core/program_internal.h"

/* ---- questions ---- */

static enum err compile_options(struct compile *c, const struct json *json, struct str pointer,
                                struct question *q)
{
    const struct json *list = json_at(json, "options");
    size_t right = 0;
    q->options_n = json_array_size(list);
    q->options = arena_new(c->arena, struct option, q->options_n);
    for (size_t i = 0; i < q->options_n; i++) {
        const struct json *option = json_array_get(list, i);
        try(check_unique(
            c, list, i,
            pointer_index(c->arena, pointer_key(c->arena, pointer, STR("options")), i)));
        q->options[i].slug = read_str(option, "slug");
        q->options[i].is_right = read_bool(option, "right", false);
        right += q->options[i].is_right;
    }
    q->has_many = read_bool(json, "many", right > 1);
    if (q->kind == QUESTION_QUIZ && right == 0) {
        return fail_at(c->f, ERR_INVALID, pointer,
                       "A question of a quiz has at least one option that is right.");
    }
    if (q->kind == QUESTION_CHOICE && q->options_n < 2) {
        return fail_at(c->f, ERR_INVALID, pointer, "A choice has two options or more.");
    }
    return ERR_OK;
}

/* What a question is asked for depends on the answers before it, which are free data. */
static enum err compile_if(struct compile *c, const struct json *json, struct str pointer,
                           struct question *q)
{
    const struct json *when = json_at(json, "if");
    if (when == NULL || (json_is_object(when) && json_object_size(when) == 0)) {
        return ERR_OK;
    }
    return rule_compile(c->arena, when, pointer_key(c->arena, pointer, STR("if")), NULL, RULE_ANY,
                        c->f, &q->when);
}

static enum err compile_questions(struct compile *c, const struct json *owner, struct str pointer,
                                  bool is_quiz, struct question **out, size_t *n)
{
    static const char *const KINDS[] = {"quiz", "nps", "csat", "choice", "text"};
    const struct json *list = json_at(owner, "questions");
    const struct str at = pointer_key(c->arena, pointer, STR("questions"));
    *n = json_array_size(list);
    *out = arena_new(c->arena, struct question, *n);
    for (size_t i = 0; i < *n; i++) {
        const struct json *json = json_array_get(list, i);
        const struct str here = pointer_index(c->arena, at, i);
        struct question *q = &(*out)[i];
        try(check_unique(c, list, i, here));
        q->slug = read_str(json, "slug");
        q->kind = is_quiz ? QUESTION_QUIZ
                          : (enum question_kind)read_choice(read_str(json, "kind"), KINDS,
                                                            ARRAY_N(KINDS), QUESTION_TEXT);
        q->points = read_int(json, "points", 0);
        q->is_required = read_bool(json, "required", q->kind != QUESTION_TEXT);
        try(compile_options(c, json, here, q));
        try(compile_if(c, json, here, q));
    }
    return ERR_OK;
}

/* ---- quizzes ---- */

/* Points for right answers are a bonus of one point, as many times as the score says. */
static enum err add_score_rule(struct compile *c, const struct json *json, struct str pointer,
                               const struct quiz *quiz)
{
    bool has_points = false;
    for (size_t i = 0; i < quiz->questions_n; i++) {
        has_points |= quiz->questions[i].points > 0;
    }
    if (!has_points) {
        return ERR_OK;
    }
    const struct str wallet =
        json_at(json, "wallet") ? read_str(json, "wallet") : c->program->wallets[0].slug;
    struct json *effect = json_object_new(c->arena);
    struct json *effects = json_array_new(c->arena);
    json_set_text(c->arena, effect, "kind", STR("earn"));
    json_set_text(c->arena, effect, "wallet", wallet);
    json_set_int(c->arena, effect, "points", 1);
    json_append(c->arena, effects, effect);
    const struct json *score = json_object_of(c->arena, "effects", effects);
    const struct section_rule rule = {
        .section = "quiz",
        .slug = str_fmt(c->arena, "%.*s/points", STR_ARG(quiz->slug)),
        .trigger = STR("quiz.scored"),
        .matches = {{.field = STR("quiz"), .value = quiz->slug}},
        .matches_n = 1,
        .pointer = pointer,
    };
    return compile_section_rule(c, score, &rule);
}

static enum err compile_quiz(struct compile *c, const struct json *json, struct str pointer,
                             struct quiz *quiz)
{
    quiz->slug = read_str(json, "slug");
    quiz->json = json;
    quiz->pass = (int)read_int(json, "pass", 0);
    quiz->attempts = read_int(json, "attempts", 1);
    quiz->attempts_symbol = take_symbol(c, "attempts", quiz->slug);
    quiz->right_symbol = take_symbol(c, "right", quiz->slug);
    quiz->passed_symbol = take_symbol(c, "passed", quiz->slug);
    try(compile_window(c, json_at(json, "window"), pointer, &quiz->window));
    try(compile_questions(c, json, pointer, true, &quiz->questions, &quiz->questions_n));
    if (quiz->pass > (int)quiz->questions_n) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("pass")),
                       "Nobody can answer more questions than there are.");
    }
    const struct section_rule rule = {
        .section = "quiz",
        .slug = quiz->slug,
        .trigger = STR("quiz.passed"),
        .matches = {{.field = STR("quiz"), .value = quiz->slug}},
        .matches_n = 1,
        .pointer = pointer,
    };
    try(compile_section_rule(c, json, &rule));
    return add_score_rule(c, json, pointer, quiz);
}

enum err compile_quizzes(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "quizzes");
    struct program *p = c->program;
    p->quizzes_n = json_array_size(list);
    p->quizzes = arena_new(c->arena, struct quiz, p->quizzes_n);
    for (size_t i = 0; i < p->quizzes_n; i++) {
        const struct str pointer = pointer_index(c->arena, STR("/quizzes"), i);
        try(check_unique(c, list, i, pointer));
        try(compile_quiz(c, json_array_get(list, i), pointer, &p->quizzes[i]));
    }
    return ERR_OK;
}

/* ---- surveys ---- */

static enum err compile_survey(struct compile *c, const struct json *json, struct str pointer,
                               struct survey *survey)
{
    const struct json *once = json_at(json, "once_per");
    survey->slug = read_str(json, "slug");
    survey->json = json;
    survey->may_repeat = once != NULL;
    survey->once_days = (int)read_int(once, "days", 0);
    survey->answered_symbol = take_symbol(c, "answered", survey->slug);
    try(compile_window(c, json_at(json, "window"), pointer, &survey->window));
    try(compile_questions(c, json, pointer, false, &survey->questions, &survey->questions_n));
    const struct section_rule rule = {
        .section = "survey",
        .slug = survey->slug,
        .trigger = STR("survey.completed"),
        .matches = {{.field = STR("survey"), .value = survey->slug}},
        .matches_n = 1,
        .pointer = pointer,
    };
    return compile_section_rule(c, json, &rule);
}

enum err compile_surveys(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "surveys");
    struct program *p = c->program;
    p->surveys_n = json_array_size(list);
    p->surveys = arena_new(c->arena, struct survey, p->surveys_n);
    for (size_t i = 0; i < p->surveys_n; i++) {
        const struct str pointer = pointer_index(c->arena, STR("/surveys"), i);
        try(check_unique(c, list, i, pointer));
        try(compile_survey(c, json_array_get(list, i), pointer, &p->surveys[i]));
    }
    return ERR_OK;
}
