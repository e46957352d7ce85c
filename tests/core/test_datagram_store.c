/* The store of datagrams by hand: where there is room, and which one leaves when. */
#include "check.h"
#include "datagram_store.h"

#include <string.h>

enum { CAPACITY = 100 };

static struct w2e_datagram_store store;
static unsigned char memory[CAPACITY];
static uint64_t last_number;

static void begin_with(unsigned char *bytes, size_t capacity) {
    memset(&store, 0xA5, sizeof store); /* init leaves nothing to chance */
    w2e_datagram_store_init(&store, bytes, capacity);
    last_number = 0;
}

static void begin(void) {
    begin_with(memory, CAPACITY);
}

/* Its bytes are all its number. */
static struct w2e_stored_datagram *add(size_t size) {
    unsigned char data[CAPACITY + 1];
    struct w2e_datagram_fate fate = {.number = last_number + 1, .size = size};
    memset(data, (int)fate.number, sizeof data);
    struct w2e_stored_datagram *stored = w2e_datagram_store_add(&store, data, &fate);
    if (stored != NULL) {
        last_number++;
        CHECK(!stored->lent && stored->fate.number == last_number && stored->fate.size == size);
        CHECK(stored->offset + size <= CAPACITY);
    }
    return stored;
}

static struct w2e_stored_datagram *add_due(uint64_t due_us) {
    struct w2e_stored_datagram *stored = add(1);
    stored->fate.due_us = due_us;
    return stored;
}

static void is_whole(const struct w2e_stored_datagram *stored) {
    for (size_t i = 0; i < stored->fate.size; i++) {
        CHECK(memory[stored->offset + i] == stored->fate.number);
    }
}

/* ---- room ---- */

static void an_empty_store_takes_one_as_large_as_it_is(void) {
    begin();
    CHECK(add(CAPACITY + 1) == NULL && store.count == 0);
    struct w2e_stored_datagram *only = add(CAPACITY);
    CHECK(only->offset == 0 && add(1) == NULL);
    w2e_datagram_store_remove(&store, only);
    CHECK(store.count == 0 && add(CAPACITY)->offset == 0);
}

static void an_empty_one_has_room_among_full_ones(void) {
    begin();
    struct w2e_stored_datagram *full = add(CAPACITY);
    struct w2e_stored_datagram *empty = add(0);
    CHECK(empty != NULL && add(0) != NULL && add(1) == NULL);
    w2e_datagram_store_remove(&store, full);
    CHECK(add(CAPACITY)->offset == 0 && store.count == 3);
    w2e_datagram_store_remove(&store, empty);
    CHECK(add(1) == NULL && store.count == 2);
}

/* Whichever it was, and in however many pieces. */
static void who_leaves_makes_room_at_once(void) {
    for (unsigned leaving = 0; leaving < 8; leaving++) {
        struct w2e_stored_datagram *stored[3];
        size_t room = 10;
        begin();
        for (unsigned i = 0; i < 3; i++) {
            stored[i] = add(30);
        }
        for (unsigned i = 0; i < 3; i++) {
            if (leaving >> i & 1) {
                w2e_datagram_store_remove(&store, stored[i]);
                room += 30;
            }
        }
        CHECK(add(room + 1) == NULL);
        is_whole(add(room));
        CHECK(add(1) == NULL);
        for (unsigned i = 0; i < 3; i++) {
            if (!(leaving >> i & 1)) {
                is_whole(stored[i]);
            }
        }
    }
}

static void bytes_do_not_move_without_need(void) {
    begin();
    struct w2e_stored_datagram *first = add(30);
    struct w2e_stored_datagram *second = add(30);
    w2e_datagram_store_remove(&store, first);
    CHECK(add(40)->offset == 60 && second->offset == 30);
    is_whole(second);
    struct w2e_stored_datagram *last = add(30);
    CHECK(second->offset == 0 && last->offset == 70);
    w2e_datagram_store_remove(&store, last);
    CHECK(add(30)->offset == 70);
}

/* A driver has them. Those behind come as near as they can. */
static void what_is_lent_does_not_move(void) {
    begin();
    struct w2e_stored_datagram *first = add(20);
    struct w2e_stored_datagram *lent = add(20);
    struct w2e_stored_datagram *third = add(20);
    struct w2e_stored_datagram *fourth = add(40);
    lent->lent = true;
    w2e_datagram_store_remove(&store, first);
    w2e_datagram_store_remove(&store, third);
    CHECK(add(21) == NULL && add(20)->offset == 80);
    CHECK(lent->offset == 20 && fourth->offset == 40);
    is_whole(lent);
    is_whole(fourth);
    lent->lent = false;
    CHECK(add(20)->offset == 80 && lent->offset == 0 && add(1) == NULL);
    is_whole(lent);
    is_whole(fourth);
}

static void so_many_are_the_most(void) {
    static unsigned char large[2 * W2E_DATAGRAM_STORE_MAX];
    static const struct w2e_datagram_fate fate = {.size = 1};
    begin_with(large, sizeof large);
    for (unsigned i = 0; i < W2E_DATAGRAM_STORE_MAX; i++) {
        CHECK(w2e_datagram_store_add(&store, large, &fate) == &store.entries[i]);
    }
    CHECK(w2e_datagram_store_add(&store, large, &fate) == NULL && store.count == W2E_DATAGRAM_STORE_MAX);
    for (unsigned leaving = 0; leaving < W2E_DATAGRAM_STORE_MAX; leaving += 85) { /* the first, two in the midst, the last */
        w2e_datagram_store_remove(&store, &store.entries[leaving]);
        CHECK(w2e_datagram_store_add(&store, large, &fate) == &store.entries[leaving]);
        CHECK(w2e_datagram_store_add(&store, large, &fate) == NULL);
    }
}

/* ---- who leaves ---- */

static void nobody_leaves_before_it_is_due(void) {
    begin();
    CHECK(w2e_datagram_store_due_us(&store) == W2E_NEVER && w2e_datagram_store_due(&store, W2E_NEVER - 1) == NULL);
    struct w2e_stored_datagram *only = add_due(100);
    CHECK(w2e_datagram_store_due_us(&store) == 100);
    CHECK(w2e_datagram_store_due(&store, 99) == NULL && w2e_datagram_store_due(&store, 100) == only);
}

static void the_one_that_is_due_first_leaves_first(void) {
    begin();
    struct w2e_stored_datagram *third = add_due(300);
    struct w2e_stored_datagram *first = add_due(100);
    struct w2e_stored_datagram *second = add_due(100);
    CHECK(w2e_datagram_store_due(&store, 1000) == first);
    w2e_datagram_store_remove(&store, first);
    CHECK(w2e_datagram_store_due(&store, 1000) == second); /* of two it is the one that came first */
    w2e_datagram_store_remove(&store, second);
    CHECK(w2e_datagram_store_due_us(&store) == 300 && w2e_datagram_store_due(&store, 1000) == third);
    w2e_datagram_store_remove(&store, third);
    CHECK(store.count == 0 && w2e_datagram_store_due_us(&store) == W2E_NEVER);
}

static void who_waits_for_later_ones_is_due_when_they_have_gone(void) {
    begin();
    struct w2e_stored_datagram *patient = add_due(100);
    patient->fate.behind = 2;
    patient->fate.patient_us = 400;
    CHECK(w2e_datagram_store_due_us(&store) == 500);
    w2e_datagram_store_passed(&store, patient->fate.number); /* itself does not count, … */
    w2e_datagram_store_passed(&store, 0);                    /* … nor does an earlier one */
    w2e_datagram_store_passed(&store, 2);
    CHECK(patient->fate.behind == 1 && w2e_datagram_store_due_us(&store) == 500);
    w2e_datagram_store_passed(&store, 3);
    CHECK(patient->fate.behind == 0 && w2e_datagram_store_due_us(&store) == 100);
    w2e_datagram_store_passed(&store, 4);
    CHECK(patient->fate.behind == 0);
}

static void each_that_waits_waits_for_one_less(void) {
    begin();
    struct w2e_stored_datagram *waiting[3];
    for (uint64_t i = 0; i < 3; i++) {
        waiting[i] = add_due(10);
        waiting[i]->fate.behind = 5;
    }
    w2e_datagram_store_passed(&store, 3);
    CHECK(waiting[0]->fate.behind == 4 && waiting[1]->fate.behind == 4 && waiting[2]->fate.behind == 5);
    w2e_datagram_store_passed(&store, 4);
    CHECK(waiting[0]->fate.behind == 3 && waiting[1]->fate.behind == 3 && waiting[2]->fate.behind == 4);
}

int main(void) {
    an_empty_store_takes_one_as_large_as_it_is();
    an_empty_one_has_room_among_full_ones();
    who_leaves_makes_room_at_once();
    bytes_do_not_move_without_need();
    what_is_lent_does_not_move();
    so_many_are_the_most();
    nobody_leaves_before_it_is_due();
    the_one_that_is_due_first_leaves_first();
    who_waits_for_later_ones_is_due_when_they_have_gone();
    each_that_waits_waits_for_one_less();
    return 0;
}
