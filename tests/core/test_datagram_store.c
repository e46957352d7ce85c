/* The store of datagrams by hand: where there is room, and which one leaves when. */
#include "check.h"
#include "datagram_store.h"

#include <string.h>

enum { CAPACITY = 100 };

static struct w2e_datagram_store store;
static unsigned char memory[CAPACITY];
static uint64_t last_number;

static void begin(void) {
    memset(&store, 0, sizeof store);
    store.bytes = memory;
    store.capacity = CAPACITY;
    last_number = 0;
}

/* Its bytes are all its number. */
static struct w2e_stored_datagram *add(size_t size) {
    unsigned char data[CAPACITY + 1];
    memset(data, (int)(last_number + 1), sizeof data);
    struct w2e_stored_datagram *stored = w2e_datagram_store_add(&store, data, size);
    if (stored != NULL) {
        stored->number = ++last_number;
        CHECK(stored->present && stored->size == size && stored->offset + size <= CAPACITY);
        CHECK(stored->copies == 0 && stored->behind == 0 && stored->due_us == 0 && stored->latest_us == 0);
    }
    return stored;
}

static struct w2e_stored_datagram *add_due(uint64_t due_us) {
    struct w2e_stored_datagram *stored = add(1);
    stored->due_us = due_us;
    return stored;
}

static void is_whole(const struct w2e_stored_datagram *stored) {
    for (size_t i = 0; i < stored->size; i++) {
        CHECK(memory[stored->offset + i] == stored->number);
    }
}

/* ---- room ---- */

static void an_empty_store_takes_one_as_large_as_it_is(void) {
    begin();
    CHECK(add(CAPACITY + 1) == NULL && store.count == 0);
    CHECK(add(CAPACITY) != NULL && add(0) == NULL);
    w2e_datagram_store_remove(&store, &store.entries[0]);
    CHECK(store.count == 0 && add(CAPACITY)->offset == 0);
}

static void what_does_not_fit_behind_goes_before(void) {
    begin();
    struct w2e_stored_datagram *first = add(40);
    struct w2e_stored_datagram *second = add(40);
    CHECK(first->offset == 0 && second->offset == 40);
    CHECK(add(21) == NULL); /* before the first there is no room at all */
    w2e_datagram_store_remove(&store, first);
    CHECK(add(41) == NULL);
    struct w2e_stored_datagram *third = add(30);
    CHECK(third->offset == 0);
    CHECK(add(11) == NULL);
    struct w2e_stored_datagram *fourth = add(10);
    CHECK(fourth->offset == 30 && add(0) == NULL);
    is_whole(second);
    is_whole(third);
    is_whole(fourth);
    w2e_datagram_store_remove(&store, second);
    CHECK(add(61) == NULL && add(60)->offset == 40 && add(0) == NULL);
}

static void what_fits_behind_exactly_goes_there(void) {
    begin();
    struct w2e_stored_datagram *first = add(30);
    struct w2e_stored_datagram *second = add(50);
    w2e_datagram_store_remove(&store, first);
    CHECK(add(20)->offset == 80 && add(30)->offset == 0 && add(0) == NULL);
    is_whole(second);
}

static void an_empty_one_takes_a_byte(void) {
    begin();
    for (size_t i = 0; i < CAPACITY; i++) {
        CHECK(add(0)->offset == i);
    }
    CHECK(add(0) == NULL);
}

/* The place of one in the middle is free when those before it are gone. */
static void places_are_free_in_the_order_of_coming(void) {
    begin();
    struct w2e_stored_datagram *first = add(30);
    struct w2e_stored_datagram *second = add(30);
    add(40);
    w2e_datagram_store_remove(&store, second);
    CHECK(store.count == 3 && add(1) == NULL);
    w2e_datagram_store_remove(&store, first);
    CHECK(store.count == 1 && add(60)->offset == 0);
}

static void so_many_are_the_most(void) {
    static unsigned char large[2 * W2E_DATAGRAM_STORE_MAX];
    begin();
    store.bytes = large;
    store.capacity = sizeof large;
    for (unsigned i = 0; i < W2E_DATAGRAM_STORE_MAX; i++) {
        CHECK(w2e_datagram_store_add(&store, large, 1) != NULL);
    }
    CHECK(w2e_datagram_store_add(&store, large, 1) == NULL && store.count == W2E_DATAGRAM_STORE_MAX);
    w2e_datagram_store_remove(&store, &store.entries[0]);
    CHECK(w2e_datagram_store_add(&store, large, 1) == &store.entries[0]);
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
    patient->behind = 2;
    patient->latest_us = 500;
    CHECK(w2e_datagram_store_due_us(&store) == 500);
    w2e_datagram_store_passed(&store, patient->number); /* itself does not count, … */
    w2e_datagram_store_passed(&store, 0);               /* … nor does an earlier one */
    w2e_datagram_store_passed(&store, 2);
    CHECK(patient->behind == 1 && w2e_datagram_store_due_us(&store) == 500);
    w2e_datagram_store_passed(&store, 3);
    CHECK(patient->behind == 0 && w2e_datagram_store_due_us(&store) == 100);
    w2e_datagram_store_passed(&store, 4);
    CHECK(patient->behind == 0);
}

static void each_that_waits_waits_for_one_less(void) {
    begin();
    struct w2e_stored_datagram *waiting[3];
    for (uint64_t i = 0; i < 3; i++) {
        waiting[i] = add_due(10);
        waiting[i]->behind = 5;
    }
    w2e_datagram_store_passed(&store, 3);
    CHECK(waiting[0]->behind == 4 && waiting[1]->behind == 4 && waiting[2]->behind == 5);
    w2e_datagram_store_passed(&store, 4);
    CHECK(waiting[0]->behind == 3 && waiting[1]->behind == 3 && waiting[2]->behind == 4);
}

int main(void) {
    an_empty_store_takes_one_as_large_as_it_is();
    what_does_not_fit_behind_goes_before();
    what_fits_behind_exactly_goes_there();
    an_empty_one_takes_a_byte();
    places_are_free_in_the_order_of_coming();
    so_many_are_the_most();
    nobody_leaves_before_it_is_due();
    the_one_that_is_due_first_leaves_first();
    who_waits_for_later_ones_is_due_when_they_have_gone();
    each_that_waits_waits_for_one_less();
    return 0;
}
