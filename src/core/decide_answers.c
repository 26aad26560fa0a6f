/* Quizzes and surveys: attempts, right answers, how often. */
#include "base/base.h"
#include "core/decide.h"

#include "core/answers.h"
#include "core/award_vars.h"
#include "core/decide_internal.h"

/* Sets a counter over all time. */
static void set_total(struct deciding *d, int32_t symbol, int64_t value)
{
    const int64_t now = state_counter(d->out->state, symbol, DAY_TOTAL);
    state_counter_add(d->arena, d->out->state, symbol, DAY_TOTAL, value - now);
}

static bool is_open(const struct deciding *d, const struct window *window)
{
    return award_in_window(window, event_zone(d->program, d->event), d->event->time);
}

/* Each question's points are given once, in whichever attempt it was answered right first; passing
 * counts once. */
void decide_quiz(struct deciding *d, struct about *about)
{
    const struct quiz *quiz = program_quiz(d->program, json_str(json_at(d->event->data, "quiz")));
    const struct json *answers = json_at(d->event->data, "answers");
    if (quiz == NULL || !is_open(d, &quiz->window)) {
        (void)deciding_refuse(d, REASON_CLOSED); // always ERR_OK
        return;
    }
    const int64_t attempts = state_counter(d->out->state, quiz->attempts_symbol, DAY_TOTAL);
    if (quiz->attempts > 0 && attempts >= quiz->attempts) {
        (void)deciding_refuse(d, REASON_NO_ATTEMPTS_LEFT);
        return;
    }
    uint64_t known = (uint64_t)state_counter(d->out->state, quiz->right_symbol, DAY_TOTAL);
    int64_t right = 0;
    int64_t score = 0;
    for (size_t i = 0; i < quiz->questions_n; i++) {
        const struct question *q = &quiz->questions[i];
        if (!answer_is_right(q, json_find(answers, q->slug))) {
            continue;
        }
        right++;
        score += (known >> i & 1) == 0 ? q->points : 0;
        known |= (uint64_t)1 << i;
    }
    const bool passes = quiz->pass > 0 && right >= quiz->pass;
    const bool passes_first =
        passes && state_counter(d->out->state, quiz->passed_symbol, DAY_TOTAL) == 0;
    set_total(d, quiz->attempts_symbol, attempts + 1);
    set_total(d, quiz->right_symbol, (int64_t)known);
    if (passes_first) {
        set_total(d, quiz->passed_symbol, 1);
    }
    about_number(about, "right", right);
    about_number(about, "score", score);
    about_text(about, "passed", passes ? STR("yes") : STR("no"));
    about_text(about, "quiz", quiz->slug);
    if (score > 0) {
        about_follow(about, "quiz.scored", quiz->slug, score);
    }
    if (passes_first) {
        about_follow(about, "quiz.passed", quiz->slug, 1);
    }
}

void decide_survey(struct deciding *d)
{
    const struct survey *survey =
        program_survey(d->program, json_str(json_at(d->event->data, "survey")));
    const int32_t day = zone_day(d->program->zone, d->event->time);
    if (survey == NULL || !is_open(d, &survey->window)) {
        (void)deciding_refuse(d, REASON_CLOSED);
        return;
    }
    const int64_t last = state_counter(d->out->state, survey->answered_symbol, DAY_TOTAL);
    if (last != 0 && (!survey->may_repeat || day - last < survey->once_days)) {
        (void)deciding_refuse(d, REASON_TOO_SOON);
        return;
    }
    set_total(d, survey->answered_symbol, int64_max(last, day));
}
