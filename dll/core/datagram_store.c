#include "datagram_store.h"

#include <string.h>

void w2e_datagram_store_init(struct w2e_datagram_store *store, unsigned char *bytes, size_t capacity) {
    store->bytes = bytes;
    store->capacity = capacity;
    store->count = 0;
    for (unsigned i = 0; i < W2E_DATAGRAM_STORE_MAX; i++) {
        store->order[i] = i;
    }
}

/* ---- room ---- */

/* Bytes lie in the order in which they came; where one has left there is a gap. What is added comes behind the last. */
static size_t end_of(const struct w2e_datagram_store *store) {
    if (store->count == 0) {
        return 0;
    }
    const struct w2e_stored_datagram *last = &store->entries[store->order[store->count - 1]];
    return last->offset + last->fate.size;
}

static bool has_room(const struct w2e_datagram_store *store, size_t size) {
    return size <= store->capacity - end_of(store);
}

static void close_gaps(struct w2e_datagram_store *store) {
    size_t end = 0;
    for (unsigned i = 0; i < store->count; i++) {
        struct w2e_stored_datagram *each = &store->entries[store->order[i]];
        if (!each->lent && each->offset != end) {
            memmove(store->bytes + end, store->bytes + each->offset, each->fate.size);
            each->offset = end;
        }
        end = each->offset + each->fate.size;
    }
}

struct w2e_stored_datagram *w2e_datagram_store_add(struct w2e_datagram_store *store, const unsigned char *data,
                                                   const struct w2e_datagram_fate *fate) {
    if (store->count == W2E_DATAGRAM_STORE_MAX) {
        return NULL;
    }
    if (!has_room(store, fate->size)) {
        close_gaps(store);
    }
    if (!has_room(store, fate->size)) {
        return NULL;
    }
    size_t offset = end_of(store);
    struct w2e_stored_datagram *stored = &store->entries[store->order[store->count++]];
    stored->offset = offset;
    stored->lent = false;
    stored->fate = *fate;
    memcpy(store->bytes + offset, data, fate->size);
    return stored;
}

void w2e_datagram_store_remove(struct w2e_datagram_store *store, const struct w2e_stored_datagram *stored) {
    unsigned freed = (unsigned)(stored - store->entries);
    unsigned at = 0;
    while (store->order[at] != freed) {
        at++;
    }
    store->count--;
    memmove(&store->order[at], &store->order[at + 1], (store->count - at) * sizeof freed);
    store->order[store->count] = freed;
}

/* ---- who leaves ---- */

static uint64_t leaves_us(const struct w2e_datagram_store *store, unsigned entry) {
    return w2e_datagram_leaves_us(&store->entries[entry].fate);
}

/* The index of the one that leaves first; of several, that which came first. W2E_DATAGRAM_STORE_MAX if there is none. */
static unsigned next_to_leave(const struct w2e_datagram_store *store) {
    unsigned next = W2E_DATAGRAM_STORE_MAX;
    for (unsigned i = 0; i < store->count; i++) {
        unsigned each = store->order[i];
        if (next == W2E_DATAGRAM_STORE_MAX || leaves_us(store, each) < leaves_us(store, next)) {
            next = each;
        }
    }
    return next;
}

uint64_t w2e_datagram_store_due_us(const struct w2e_datagram_store *store) {
    unsigned next = next_to_leave(store);
    return next < W2E_DATAGRAM_STORE_MAX ? leaves_us(store, next) : W2E_NEVER;
}

struct w2e_stored_datagram *w2e_datagram_store_due(struct w2e_datagram_store *store, uint64_t now_us) {
    return w2e_datagram_store_due_us(store) <= now_us ? &store->entries[next_to_leave(store)] : NULL;
}

void w2e_datagram_store_let_go(struct w2e_datagram_store *store, uint32_t rule_id) {
    for (unsigned i = 0; i < store->count; i++) {
        w2e_datagram_let_go(&store->entries[store->order[i]].fate, rule_id);
    }
}

void w2e_datagram_store_passed(struct w2e_datagram_store *store, uint64_t number) {
    for (unsigned i = 0; i < store->count; i++) {
        struct w2e_datagram_fate *fate = &store->entries[store->order[i]].fate;
        if (fate->number < number && fate->behind > 0) {
            fate->behind--;
        }
    }
}
