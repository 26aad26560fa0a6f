/* Reading answers. */
#include "base/base.h"
#include "core/answers.h"

#include "core/pan.h"

enum { NPS_MAX = 10, CSAT_MIN = 1, CSAT_MAX = 5 };

static const struct json *answers_of(const struct event *event)
{
    return json_at(event->data, "answers");
}

static int option_of(const struct question *q, const struct json *value)
{
    for (size_t i = 0; i < q->options_n; i++) {
        if (str_eq(q->options[i].slug, json_str(value))) {
            return (int)i;
        }
    }
    return -1;
}

/* One option as a text, several as a list of different ones. */
static bool is_choice(const struct question *q, const struct json *answer)
{
    if (json_is_string(answer)) {
        return option_of(q, answer) >= 0;
    }
    if (!json_is_array(answer) || !q->has_many || json_array_size(answer) > q->options_n) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(answer); i++) {
        const int option = option_of(q, json_array_get(answer, i));
        for (size_t k = 0; k < i; k++) {
            if (option_of(q, json_array_get(answer, k)) == option) {
                return false;
            }
        }
        if (option < 0) {
            return false;
        }
    }
    return true;
}

static bool is_whole(const struct json *answer, int64_t min, int64_t max)
{
    return json_is_integer(answer) && json_integer_value(answer) >= min &&
           json_integer_value(answer) <= max;
}

/* What is wrong with an answer, as a sentence; NULL: nothing. */
static const char *fault_of(const struct question *q, const struct json *answer)
{
    switch (q->kind) {
    case QUESTION_QUIZ:
    case QUESTION_CHOICE:
        return is_choice(q, answer) ? NULL
               : q->has_many
                   ? "Answer by one of the question's options, or a list of different ones."
                   : "Answer by one of the question's options.";
    case QUESTION_NPS:
        return is_whole(answer, 0, NPS_MAX) ? NULL : "The answer is a whole number from 0 to 10.";
    case QUESTION_CSAT:
        return is_whole(answer, CSAT_MIN, CSAT_MAX) ? NULL
                                                    : "The answer is a whole number from 1 to 5.";
    case QUESTION_TEXT:
        if (!json_is_string(answer) || json_str(answer).n == 0 ||
            json_str(answer).n > ANSWER_BYTES_MAX) {
            return "The answer is a text of up to 4,000 bytes.";
        }
        return pan_is_in(json_str(answer))
                   ? "This looks like the number of a payment card, which is not kept here."
                   : NULL;
    }
    return NULL;
}

static bool is_asked(struct arena *arena, const struct question *q, const struct json *answers)
{
    if (q->when == NULL) {
        return true;
    }
    const struct value data = value_of_json(answers, arena);
    const struct rule_env env = {.data = &data, .arena = arena};
    return rule_holds(q->when, &env);
}

static enum err check_questions(struct arena *arena, const struct question *questions, size_t n,
                                const struct json *answers, bool is_quiz, struct fail *f)
{
    const struct str at = STR("/data/answers");
    struct str name = {0};
    const struct json *value = NULL;
    json_object_foreach(answers, name, value)
    {
        const struct question *question = NULL;
        for (size_t i = 0; i < n; i++) {
            question = str_eq(questions[i].slug, name) ? &questions[i] : question;
        }
        const char *fault =
            question == NULL ? "There is no such question." : fault_of(question, value);
        if (fault == NULL && !is_asked(arena, question, answers)) {
            fault = "With the other answers this question is not asked.";
        }
        if (fault != NULL) {
            return fail_at(f, ERR_INVALID, pointer_key(arena, at, name), "%s", fault);
        }
    }
    for (size_t i = 0; i < n && !is_quiz; i++) {
        const struct question *q = &questions[i];
        if (q->is_required && is_asked(arena, q, answers) && json_find(answers, q->slug) == NULL) {
            return fail_at(f, ERR_INVALID, pointer_key(arena, at, q->slug),
                           "This question needs an answer.");
        }
    }
    return ERR_OK;
}

enum err answers_check(struct arena *arena, const struct program *program,
                       const struct event *event, struct fail *f)
{
    const bool is_quiz = event->kind == EVENT_QUIZ_COMPLETED;
    const struct str slug = json_str(json_at(event->data, is_quiz ? "quiz" : "survey"));
    const struct quiz *quiz = is_quiz ? program_quiz(program, slug) : NULL;
    const struct survey *survey = is_quiz ? NULL : program_survey(program, slug);
    if (!json_is_object(answers_of(event))) {
        return fail(f, ERR_INVALID, "/data/answers",
                    "Answers are an object: {\"QUESTION\": ANSWER}.");
    }
    if (quiz == NULL && survey == NULL) {
        return fail(f, ERR_INVALID, is_quiz ? "/data/quiz" : "/data/survey",
                    "The program has no %s \"%.*s\".", is_quiz ? "quiz" : "survey", STR_ARG(slug));
    }
    return quiz ? check_questions(arena, quiz->questions, quiz->questions_n, answers_of(event),
                                  true, f)
                : check_questions(arena, survey->questions, survey->questions_n, answers_of(event),
                                  false, f);
}

bool answer_is_right(const struct question *question, const struct json *answer)
{
    uint64_t chosen = 0;
    uint64_t right = 0;
    for (size_t i = 0; i < question->options_n; i++) {
        right |= (uint64_t)question->options[i].is_right << i;
    }
    if (json_is_string(answer)) {
        const int option = option_of(question, answer);
        chosen = option >= 0 ? 1u << option : 0;
    }
    for (size_t i = 0; i < json_array_size(answer); i++) {
        const int option = option_of(question, json_array_get(answer, i));
        chosen |= option >= 0 ? (uint64_t)1 << option : 0;
    }
    return answer != NULL && chosen == right;
}
