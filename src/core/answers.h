/* Answers to quizzes and surveys: whether they are answers at all, and which are right.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given.
 * Errors:  ERR_INVALID with the pointer of the answer at fault.
 * Limits:  ANSWER_BYTES_MAX of a text.
 */
#ifndef LOYALD_ANSWERS_H
#define LOYALD_ANSWERS_H

#include "core/event.h"

enum { ANSWER_BYTES_MAX = 4000 };

/* Checks the `data` of quiz.completed or survey.completed: that the program has it, and each
 * answer. */
enum err answers_check(struct arena *arena, const struct program *program,
                       const struct event *event, struct fail *f) MUST_USE;

/* Whether an answer to a quiz's question is right: all right options and no other. */
bool answer_is_right(const struct question *question, const struct json *answer);

#endif
