/* Explain for events decided before: the rules are judged again from the stored inputs. */
#include "base/base.h"
#include "engine/batch.h"

#include "engine/batch_internal.h"

#include "core/award.h"

void explain_copy(struct arena *arena, const struct explain_rule *from, size_t n,
                  struct submission *to)
{
    to->explain = arena_new(arena, struct explain_rule, n);
    to->explain_n = n;
    for (size_t i = 0; i < n; i++) {
        to->explain[i] = from[i];
        to->explain[i].stage = str_dup(arena, from[i].stage);
        to->explain[i].pointer = str_dup(arena, from[i].pointer);
        to->explain[i].condition = str_dup(arena, from[i].condition);
        to->explain[i].gap = str_dup(arena, from[i].gap);
        to->explain[i].clipped_by = str_dup(arena, from[i].clipped_by);
        to->explain[i].actual = str_dup(arena, from[i].actual);
    }
}

enum err batch_explain_again(struct batch *b, struct submission *s, const struct event_row *row)
{
    const struct program *program = NULL;
    struct inputs inputs;
    struct content content;
    struct award_list list;
    if (row->inputs.n == 0) {
        return ERR_OK; // no rules were judged: a refund, a refusal
    }
    try(store_program_version(b->store, row->version, &program));
    try(inputs_unpack(b->arena, program, row->inputs, &inputs));
    content_open(b->arena, &row->event, &content);
    const struct award_view view = {
        .program = program,
        .content = &content,
        .inputs = &inputs,
        .booked_at = row->booked_at,
        .wants_explain = true,
    };
    try(award_run(b->arena, &view, &list));
    explain_copy(s->arena, list.explain, list.explain_n, s);
    return ERR_OK;
}
