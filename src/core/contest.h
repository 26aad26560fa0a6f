/* The draw of a contest, so that anyone can recompute it.
 *
 * Before the contest opens the SHA-256 of a secret seed is published, at its close the SHA-256 of
 * the entries in their order, at the draw the seed. docs/contests.md has the bytes and a program of
 * 30 lines that comes to the same winners.
 *
 * Owns:    nothing.
 * Threads: any thread; no state.
 * Memory:  the caller's.
 * Errors:  none.
 * Limits:  CONTEST_WINNERS_MAX winners; the tickets of all entries together stay below 2^63.
 */
#ifndef LOYALD_CONTEST_H
#define LOYALD_CONTEST_H

#include "core/program.h"

enum { CONTEST_HASH_BYTES = 32, CONTEST_ALIAS_BYTES = 8, CONTEST_LINE_BYTES = 64 };

/* One entry: a lot of the contest's wallet. */
struct contest_entry {
    int64_t lot;
    int64_t member;
    int64_t tickets;                          // > 0
    unsigned char alias[CONTEST_ALIAS_BYTES]; // what the member is called in this contest's list
    bool is_withdrawn;                        // nobody is left who could win
};

/* One who has won: place 1 is drawn first. */
struct contest_winner {
    int64_t lot;
    int64_t member;
    unsigned char alias[CONTEST_ALIAS_BYTES];
};

/* Bytes as lower-case hex digits and a zero: 2 * n + 1 characters. */
void contest_hex(const unsigned char *bytes, size_t n, char *out);

/* What is published of a seed before the draw: its SHA-256. */
void contest_seed_hash(const unsigned char seed[CONTEST_HASH_BYTES],
                       unsigned char out[CONTEST_HASH_BYTES]);

/* "lot_… ALIAS TICKETS" and a line feed; returns how many bytes. */
size_t contest_line(const struct contest_entry *entry, char out[CONTEST_LINE_BYTES]);

/* SHA-256 of the lines of all entries, in the order of the list. */
void contest_entries_hash(const struct contest_entry *list, size_t n,
                          unsigned char out[CONTEST_HASH_BYTES]);

/* Draws at most `max` winners, each member once; returns how many there are. The list loses those
 * who have won. */
size_t contest_draw(const unsigned char seed[CONTEST_HASH_BYTES],
                    const unsigned char entries_hash[CONTEST_HASH_BYTES],
                    struct contest_entry *list, size_t n, struct contest_winner *out, size_t max);

#endif
