#include "datagram_store.h"

#include <string.h>

static unsigned index_at(const struct w2e_datagram_store *store, unsigned i) {
    return (store->first + i) % W2E_DATAGRAM_STORE_MAX;
}

/* Bytes lie in a ring, each datagram in one piece; an empty one takes a byte, so that no two begin at one place. */
static size_t room_of(size_t size) {
    return size > 0 ? size : 1;
}

static bool find_room(const struct w2e_datagram_store *store, size_t size, size_t *offset) {
    if (store->count == 0) {
        *offset = 0;
        return size <= store->capacity;
    }
    const struct w2e_stored_datagram *oldest = &store->entries[store->first];
    const struct w2e_stored_datagram *newest = &store->entries[index_at(store, store->count - 1)];
    size_t end = newest->offset + room_of(newest->size);
    bool wrapped = newest->offset < oldest->offset;
    size_t behind = (wrapped ? oldest->offset : store->capacity) - end;
    bool before = !wrapped && behind < size && size <= oldest->offset;
    *offset = before ? 0 : end;
    return before || size <= behind;
}

struct w2e_stored_datagram *w2e_datagram_store_add(struct w2e_datagram_store *store, const unsigned char *data, size_t size) {
    size_t offset;
    if (store->count == W2E_DATAGRAM_STORE_MAX || !find_room(store, room_of(size), &offset)) {
        return NULL;
    }
    struct w2e_stored_datagram *stored = &store->entries[index_at(store, store->count++)];
    *stored = (struct w2e_stored_datagram){.present = true, .offset = offset, .size = size};
    memcpy(store->bytes + offset, data, size);
    return stored;
}

void w2e_datagram_store_remove(struct w2e_datagram_store *store, struct w2e_stored_datagram *stored) {
    stored->present = false;
    while (store->count > 0 && !store->entries[store->first].present) {
        store->first = index_at(store, 1);
        store->count--;
    }
}

static uint64_t leaves_us(const struct w2e_stored_datagram *stored) {
    return stored->behind > 0 ? stored->latest_us : stored->due_us;
}

/* The index of the one that leaves first; of several, that which came first. The size of the ring if there is none. */
static unsigned next_to_leave(const struct w2e_datagram_store *store) {
    unsigned next = W2E_DATAGRAM_STORE_MAX;
    for (unsigned i = 0; i < store->count; i++) {
        unsigned each = index_at(store, i);
        bool present = store->entries[each].present;
        if (present && (next == W2E_DATAGRAM_STORE_MAX || leaves_us(&store->entries[each]) < leaves_us(&store->entries[next]))) {
            next = each;
        }
    }
    return next;
}

uint64_t w2e_datagram_store_due_us(const struct w2e_datagram_store *store) {
    unsigned next = next_to_leave(store);
    return next < W2E_DATAGRAM_STORE_MAX ? leaves_us(&store->entries[next]) : W2E_NEVER;
}

struct w2e_stored_datagram *w2e_datagram_store_due(struct w2e_datagram_store *store, uint64_t now_us) {
    return w2e_datagram_store_due_us(store) <= now_us ? &store->entries[next_to_leave(store)] : NULL;
}

void w2e_datagram_store_passed(struct w2e_datagram_store *store, uint64_t number) {
    for (unsigned i = 0; i < store->count; i++) {
        struct w2e_stored_datagram *each = &store->entries[index_at(store, i)];
        if (each->number < number && each->behind > 0) {
            each->behind--;
        }
    }
}
