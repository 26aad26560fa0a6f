/* Quizzes and surveys: what is asked, and answering. Right answers never leave the server. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/event_call.h"
#include "api/member.h"

enum { MEMBER_BYTES_MAX = 300, CHANNEL_BYTES_MAX = 64 };

static void question_write(struct json_out *w, const struct question *q, const struct json *json)
{
    static const char *const KINDS[] = {"quiz", "nps", "csat", "choice", "text"};
    const struct json *options = json_at(json, "options");
    json_open(w, '{');
    json_key(w, "slug");
    json_put_str(w, q->slug);
    json_key(w, "kind");
    json_put_str(w, str_c(KINDS[q->kind]));
    part_write(w, json, "text");
    json_key(w, "options");
    json_open(w, '[');
    for (size_t i = 0; i < q->options_n; i++) {
        json_open(w, '{');
        json_key(w, "slug");
        json_put_str(w, q->options[i].slug);
        part_write(w, json_array_get(options, i), "text");
        json_close(w, '}');
    }
    json_close(w, ']');
    json_key(w, "many");
    json_put_bool(w, q->has_many);
    json_key(w, "points");
    json_put_int(w, q->points);
    json_key(w, "required");
    json_put_bool(w, q->is_required);
    part_write(w, json, "if");
    json_close(w, '}');
}

static void questions_write(struct json_out *w, const struct question *questions, size_t n,
                            const struct json *json)
{
    const struct json *list = json_at(json, "questions");
    json_key(w, "questions");
    json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        question_write(w, &questions[i], json_array_get(list, i));
    }
    json_close(w, ']');
}

static void quiz_write(struct json_out *w, const struct quiz *quiz)
{
    json_open(w, '{');
    json_key(w, "slug");
    json_put_str(w, quiz->slug);
    part_write(w, quiz->json, "name");
    part_write(w, quiz->json, "window");
    json_key(w, "pass");
    json_put_int(w, quiz->pass);
    json_key(w, "attempts");
    json_put_int(w, quiz->attempts);
    questions_write(w, quiz->questions, quiz->questions_n, quiz->json);
    json_close(w, '}');
}

static void survey_write(struct json_out *w, const struct survey *survey)
{
    json_open(w, '{');
    json_key(w, "slug");
    json_put_str(w, survey->slug);
    part_write(w, survey->json, "name");
    part_write(w, survey->json, "window");
    part_write(w, survey->json, "once_per");
    questions_write(w, survey->questions, survey->questions_n, survey->json);
    json_close(w, '}');
}

enum err api_quizzes_get(struct api_call *call, struct store *store, struct json_out *w)
{
    const struct program *program = NULL;
    try(store_program_at(store, call->now, &program));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < program->quizzes_n; i++) {
        quiz_write(w, &program->quizzes[i]);
    }
    json_close(w, ']');
    json_close(w, '}');
    return ERR_OK;
}

enum err api_surveys_get(struct api_call *call, struct store *store, struct json_out *w)
{
    const struct program *program = NULL;
    try(store_program_at(store, call->now, &program));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < program->surveys_n; i++) {
        survey_write(w, &program->surveys[i]);
    }
    json_close(w, ']');
    json_close(w, '}');
    return ERR_OK;
}

/* The body {"member", "answers", "channel"} as the data of an event. */
static enum err prepare(struct api_call *call, struct store *store, struct submission *s,
                        enum event_kind kind, const char *field)
{
    static const char *const FIELDS[] = {"member", "answers", "channel"};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    struct str name = {0};
    struct str channel = {0};
    int64_t member = 0;
    if (read_object(&r, call->body, NULL, FIELDS, ARRAY_N(FIELDS))) {
        read_text(&r, call->body, NULL, "member", READ_REQUIRED, MEMBER_BYTES_MAX, &name);
        read_text(&r, call->body, NULL, "channel", READ_OPTIONAL, CHANNEL_BYTES_MAX, &channel);
        (void)read_child(&r, call->body, NULL, "answers",
                         READ_REQUIRED); // noted as a fault where it is none
    }
    try(read_done(&r));
    try(member_find(call, store, name, &member));
    api_event_open(call, s, kind, member);
    struct json *data = json_object_new(call->arena);
    json_set_text(call->arena, data, field, call->params[0]);
    json_set(call->arena, data, "answers", json_at(call->body, "answers"));
    s->event.data = data;
    s->event.channel = channel;
    event_call_ready(call, store, s);
    return ERR_OK;
}

static enum err prepare_attempt(struct api_call *call, struct store *store, struct submission *s)
{
    const struct program *program = NULL;
    try(store_program_at(store, call->now, &program));
    if (program_quiz(program, call->params[0]) == NULL) {
        return fail(&call->fail, ERR_NOT_FOUND, "", "The program has no such quiz.");
    }
    return prepare(call, store, s, EVENT_QUIZ_COMPLETED, "quiz");
}

static enum err prepare_response(struct api_call *call, struct store *store, struct submission *s)
{
    const struct program *program = NULL;
    try(store_program_at(store, call->now, &program));
    if (program_survey(program, call->params[0]) == NULL) {
        return fail(&call->fail, ERR_NOT_FOUND, "", "The program has no such survey.");
    }
    return prepare(call, store, s, EVENT_SURVEY_COMPLETED, "survey");
}

void api_attempts_post(struct api_call *call)
{
    event_call(call, prepare_attempt);
}

void api_responses_post(struct api_call *call)
{
    event_call(call, prepare_response);
}
