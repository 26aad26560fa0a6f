/* The hash of a contest's entries, and its winners. */
#include "base/base.h"
#include "core/contest.h"

#include <sodium.h>

#include "base/id.h"

void contest_hex(const unsigned char *bytes, size_t n, char *out)
{
    (void)sodium_bin2hex(out, n * 2 + 1, bytes, n); // returns its first argument
}

void contest_seed_hash(const unsigned char seed[CONTEST_HASH_BYTES],
                       unsigned char out[CONTEST_HASH_BYTES])
{
    (void)crypto_hash_sha256(out, seed, CONTEST_HASH_BYTES); // always 0
}

size_t contest_line(const struct contest_entry *entry, char out[CONTEST_LINE_BYTES])
{
    char lot[ID_TEXT_BYTES + 1];
    char alias[CONTEST_ALIAS_BYTES * 2 + 1];
    id_write("lot_", entry->lot, lot);
    contest_hex(entry->alias, CONTEST_ALIAS_BYTES, alias);
    const int n =
        snprintf(out, CONTEST_LINE_BYTES, "%s %s %" PRId64 "\n", lot, alias, entry->tickets);
    ensure(n > 0 && n < CONTEST_LINE_BYTES);
    return (size_t)n;
}

void contest_entries_hash(const struct contest_entry *list, size_t n,
                          unsigned char out[CONTEST_HASH_BYTES])
{
    crypto_hash_sha256_state state;
    char line[CONTEST_LINE_BYTES];
    (void)crypto_hash_sha256_init(&state); // these three always return 0
    for (size_t i = 0; i < n; i++) {
        const size_t bytes = contest_line(&list[i], line);
        (void)crypto_hash_sha256_update(&state, (const unsigned char *)line, bytes);
    }
    (void)crypto_hash_sha256_final(&state, out);
}

/* The counter-th number drawn: the first eight bytes of SHA-256(start, counter), all big endian. */
static uint64_t number_at(const unsigned char start[CONTEST_HASH_BYTES], uint64_t counter)
{
    unsigned char bytes[CONTEST_HASH_BYTES + 8];
    unsigned char hash[CONTEST_HASH_BYTES];
    uint64_t number = 0;
    memcpy(bytes, start, CONTEST_HASH_BYTES);
    for (size_t i = 0; i < 8; i++) {
        bytes[CONTEST_HASH_BYTES + i] = (unsigned char)(counter >> (56 - 8 * i));
    }
    (void)crypto_hash_sha256(hash, bytes, sizeof bytes); // always 0
    for (size_t i = 0; i < 8; i++) {
        number = number << 8 | hash[i];
    }
    return number;
}

/* Those of the list who can still win, and their tickets. */
static uint64_t keep(struct contest_entry *list, size_t *n, const unsigned char *won)
{
    uint64_t tickets = 0;
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        if (!list[i].is_withdrawn &&
            (won == NULL || memcmp(list[i].alias, won, CONTEST_ALIAS_BYTES) != 0)) {
            tickets += (uint64_t)list[i].tickets;
            list[kept++] = list[i];
        }
    }
    *n = kept;
    return tickets;
}

static const struct contest_entry *entry_of(const struct contest_entry *list, uint64_t ticket)
{
    while (ticket >= (uint64_t)list->tickets) {
        ticket -= (uint64_t)list->tickets;
        list++;
    }
    return list;
}

size_t contest_draw(const unsigned char seed[CONTEST_HASH_BYTES],
                    const unsigned char entries_hash[CONTEST_HASH_BYTES],
                    struct contest_entry *list, size_t n, struct contest_winner *out, size_t max)
{
    unsigned char both[CONTEST_HASH_BYTES * 2];
    unsigned char start[CONTEST_HASH_BYTES];
    size_t winners = 0;
    memcpy(both, seed, CONTEST_HASH_BYTES);
    memcpy(both + CONTEST_HASH_BYTES, entries_hash, CONTEST_HASH_BYTES);
    (void)crypto_hash_sha256(start, both, sizeof both); // always 0
    uint64_t tickets = keep(list, &n, NULL);
    for (uint64_t counter = 0; winners < max && tickets > 0; counter++) {
        const uint64_t number = number_at(start, counter);
        if (number >= UINT64_MAX / tickets * tickets) {
            continue; // the rest of the division would favour the first
        }
        const struct contest_entry won = *entry_of(list, number % tickets);
        struct contest_winner *winner = &out[winners++];
        *winner = (struct contest_winner){.lot = won.lot, .member = won.member};
        memcpy(winner->alias, won.alias, CONTEST_ALIAS_BYTES);
        tickets = keep(list, &n, won.alias);
    }
    return winners;
}
