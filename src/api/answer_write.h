/* The answer to an event as JSON: the same bytes whenever it is asked for.
 *
 * Owns:    nothing.
 * Threads: that of the store.
 * Memory:  the buffer's arena.
 * Errors:  those of reading programs.
 * Limits:  the buffer's.
 */
#ifndef LOYALD_API_ANSWER_WRITE_H
#define LOYALD_API_ANSWER_WRITE_H

#include "base/json.h"
#include "engine/submission.h"

/* Writes the answer of a submission without fault. The store's programs are brought to the answer's
 * epoch. Of a dry run
 * (`is_dry`) ids are null. */
enum err answer_write(struct json_out *w, struct store *store, const struct submission *s,
                      bool is_dry) MUST_USE;

/* The lists that other resources show too: "balances" and "tiers" of an answer, as arrays. */
void balances_write(struct json_out *w, const struct store *store, const struct answer *answer);
/* The fields of one tier set, into an open object. */
void tier_fields_write(struct json_out *w, const struct store *store,
                       const struct answer_tier *tier, bool with_change);
void tiers_write(struct json_out *w, const struct store *store, const struct answer *answer,
                 bool with_change);

/* "free_product", "issued". */
struct str reward_kind_text(enum reward_kind kind);
struct str issued_state_text(enum issued_state state);

/* Brings the store's programs to an epoch, in a snapshot. */
enum err programs_follow(struct store *store, int64_t epoch) MUST_USE;

#endif
