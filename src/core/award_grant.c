/* How many rewards rules give: at the first decision, when the event is decided again, and with a
 * new content. */
#include "base/base.h"
#include "core/award.h"

#include "core/award_vars.h"
#include "core/reward.h"

static int64_t first_granted(const struct award_list *list, int reward)
{
    int64_t n = 0;
    for (size_t i = 0; i < list->grants_n; i++) {
        n += list->grants[i].reward == reward ? list->grants[i].more : 0;
    }
    return n;
}

/* How many there are for the member of the view, at most `most`. */
static int64_t available(struct award_env *env, int index, int64_t most,
                         const struct award_list *list)
{
    const struct award_view *view = env->view;
    const struct reward *reward = &view->program->rewards[index];
    enum reason why = REASON_NONE;
    if (reward_refusal(env, reward) != REASON_NONE) {
        return 0;
    }
    const int64_t room =
        reward_room(view, view->facts->state, NULL, 0, reward, &why) - first_granted(list, index);
    return int64_max(0, int64_min(most, room));
}

static struct grant_input *grant_input(struct inputs *inputs, const struct grant *grant)
{
    for (size_t i = 0; i < inputs->grants_n; i++) {
        if (inputs->grants[i].rule == grant->rule && inputs->grants[i].effect == grant->effect) {
            return &inputs->grants[i];
        }
    }
    return NULL;
}

void inputs_note_grant(struct arena *arena, struct inputs *inputs, const struct grant *grant,
                       int64_t count)
{
    struct grant_input *known = grant_input(inputs, grant);
    if (known == NULL) {
        arena_room(arena, inputs->grants, inputs->grants_n, inputs->grants_max);
        known = &inputs->grants[inputs->grants_n++];
        *known = (struct grant_input){.rule = grant->rule, .effect = grant->effect};
    }
    known->count = count;
}

struct grant award_grants_of(const struct award_list *list, const struct grant *like)
{
    struct grant sum = {0};
    for (size_t i = 0; i < list->grants_n; i++) {
        const struct grant *g = &list->grants[i];
        if (grant_is_same(g, like)) {
            sum.wanted += g->wanted;
            sum.count += g->count;
            sum.more += g->more;
        }
    }
    return sum;
}

/* With a new content: what was given before stays, and what is wanted beyond the content before is
 * given as far as there is any. */
static void count_change(struct arena *arena, struct award_env *env, struct grant *grant,
                         const struct award_list *list)
{
    const struct award_view *view = env->view;
    const struct grant_input *known = grant_input(view->inputs, grant);
    const struct grant was = award_grants_of(view->was, grant);
    const struct grant so_far = award_grants_of(list, grant);
    const int64_t given = known != NULL ? known->count - (so_far.count - so_far.more) : 0;
    const int64_t old = int64_min(grant->wanted, int64_max(0, given));
    const int64_t beyond = so_far.wanted + grant->wanted - was.wanted - so_far.more;
    struct award_env now;
    award_env_open(arena, view->now, env->occasion, &now);
    grant->more = available(&now, grant->reward, int64_min(beyond, grant->wanted - old), list);
    grant->count = old + grant->more;
}

/* How many of the reward the effect gives: as many as there are, at the first decision; later as
 * many as then. It may fire several times, for different things that follow: what is noted is the
 * sum. */
static void count_grant(struct arena *arena, struct award_env *env, struct grant *grant,
                        const struct award_list *list)
{
    const struct award_view *view = env->view;
    const struct grant_input *known = grant_input(view->inputs, grant);
    const int64_t so_far = award_grants_of(list, grant).count;
    if (view->now != NULL) {
        count_change(arena, env, grant, list);
    } else if (view->facts != NULL) {
        grant->count = grant->more = available(env, grant->reward, grant->wanted, list);
        inputs_note_grant(arena, view->inputs, grant, so_far + grant->count);
    } else {
        grant->count =
            known != NULL ? int64_max(0, int64_min(grant->wanted, known->count - so_far)) : 0;
    }
}

enum err award_grants(struct arena *arena, struct award_env *env, const bool *fired,
                      struct award_list *list)
{
    const struct program *program = env->view->program;
    for (size_t r = 0; r < program->rules_n; r++) {
        for (size_t e = 0; fired[r] && e < program->rules[r].effects_n; e++) {
            const struct effect *effect = &program->rules[r].effects[e];
            if (effect->kind != EFFECT_REWARD) {
                continue;
            }
            struct grant grant = {.rule = (int)r,
                                  .effect = (int)e,
                                  .reward = effect->reward,
                                  .wanted = env->occasion->times};
            count_grant(arena, env, &grant, list);
            arena_room(arena, list->grants, list->grants_n, list->grants_max);
            list->grants[list->grants_n++] = grant;
            if (grant.count > 0) {
                try(award_follow(arena, env, list, STR("reward.issued"), STR("reward"),
                                 program->rewards[effect->reward].slug, grant.count));
            }
        }
    }
    return ERR_OK;
}
