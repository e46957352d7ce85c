/* Datagrams that wait for their time, in the order in which they came, to leave in any. Whoever leaves makes room at once. */
#ifndef W2E_DATAGRAM_STORE_H
#define W2E_DATAGRAM_STORE_H

#include "datagram_fate.h"
#include "session.h"

#include <stdbool.h>

enum { W2E_DATAGRAM_STORE_MAX = 256 };

struct w2e_stored_datagram {
    size_t offset; /* of its bytes */
    bool lent;     /* to a driver: its bytes do not move */
    struct w2e_ends ends;
    struct w2e_datagram_fate
        fate; /* of the copies, those that are still to be sent; of later ones, those that it still waits for */
};

struct w2e_datagram_store {
    unsigned char *bytes; /* the caller's */
    size_t capacity;
    unsigned count;
    unsigned order
        [W2E_DATAGRAM_STORE_MAX]; /* indices of entries: of the `count` that are there, as they came, then of those that are free */
    struct w2e_stored_datagram entries[W2E_DATAGRAM_STORE_MAX];
};

void w2e_datagram_store_init(struct w2e_datagram_store *store, unsigned char *bytes, size_t capacity);

/*
 * Copies a datagram in, of the size that its fate says: its entry, which stays where it is, for the caller to set the ends; or NULL if there is
 * no room. For that bytes may move, but those that are lent.
 */
struct w2e_stored_datagram *w2e_datagram_store_add(struct w2e_datagram_store *store, const unsigned char *data,
                                                   const struct w2e_datagram_fate *fate);

void w2e_datagram_store_remove(struct w2e_datagram_store *store, const struct w2e_stored_datagram *stored);

/* The one that is to leave next, if any may at now_us; else NULL. */
struct w2e_stored_datagram *w2e_datagram_store_due(struct w2e_datagram_store *store, uint64_t now_us);

/* When the next one will be due by time alone; W2E_NEVER. */
uint64_t w2e_datagram_store_due_us(const struct w2e_datagram_store *store);

/* A rule is gone: what it holds back waits for it no longer. */
void w2e_datagram_store_let_go(struct w2e_datagram_store *store, uint32_t rule_id);

/* Datagram `number` was sent: earlier ones that wait for that wait for one less. */
void w2e_datagram_store_passed(struct w2e_datagram_store *store, uint64_t number);

#endif
