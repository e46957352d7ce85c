#include "check.h"
#include "slots.h"

enum { CAPACITY = 8 };

static void ids_are_of_one_kind_and_one_object(void) {
    struct w2e_slot table[CAPACITY] = {0};
    struct w2e_slots slots = {.slots = table, .capacity = CAPACITY};
    int object = 1;
    uint64_t id = w2e_slots_add(&slots, 7, &object);
    CHECK(id != 0);
    CHECK(w2e_slots_find(&slots, 7, id) == &object);
    CHECK(w2e_slots_find(&slots, 8, id) == NULL);
    CHECK(w2e_slots_find(&slots, 7, 0) == NULL);
    CHECK(w2e_slots_find(&slots, 7, id + 1) == NULL);
    CHECK(w2e_slots_find(&slots, 7, UINT64_MAX) == NULL);
    for (int bit = 0; bit < 64; bit++) {
        CHECK(w2e_slots_find(&slots, 7, id ^ (uint64_t)1 << bit) == NULL);
    }
    for (unsigned kind = 0; kind < 256; kind++) {
        uint64_t relabelled = (id & ~((uint64_t)0xFF << 56)) | (uint64_t)kind << 56;
        CHECK(kind == 7 || w2e_slots_find(&slots, (uint8_t)kind, relabelled) == NULL);
    }
    CHECK(w2e_slots_remove(&slots, 8, id) == NULL);
    CHECK(w2e_slots_remove(&slots, 7, id) == &object);
    CHECK(w2e_slots_remove(&slots, 7, id) == NULL);
    CHECK(w2e_slots_find(&slots, 7, id) == NULL);
}

static void a_full_table_gives_no_id_until_one_is_removed(void) {
    struct w2e_slot table[CAPACITY] = {0};
    struct w2e_slots slots = {.slots = table, .capacity = CAPACITY};
    int objects[CAPACITY];
    uint64_t ids[CAPACITY];
    for (int i = 0; i < CAPACITY; i++) {
        ids[i] = w2e_slots_add(&slots, 1, &objects[i]);
        CHECK(ids[i] != 0);
    }
    int extra;
    CHECK(slots.live == CAPACITY);
    CHECK(w2e_slots_add(&slots, 1, &extra) == 0);
    CHECK(w2e_slots_remove(&slots, 1, ids[3]) == &objects[3]);
    CHECK(slots.live == CAPACITY - 1);
    uint64_t id = w2e_slots_add(&slots, 1, &extra);
    CHECK(id != 0 && id != ids[3]);
    CHECK(w2e_slots_find(&slots, 1, ids[3]) == NULL);
    CHECK(w2e_slots_find(&slots, 1, id) == &extra);
    for (int i = 0; i < CAPACITY; i++) {
        CHECK(i == 3 || w2e_slots_find(&slots, 1, ids[i]) == &objects[i]);
    }
}

static void an_id_is_never_given_twice(void) {
    enum { ROUNDS = 4096 };
    static uint64_t ids[ROUNDS];
    struct w2e_slot table[1] = {0};
    struct w2e_slots slots = {.slots = table, .capacity = 1};
    int object;
    for (int i = 0; i < ROUNDS; i++) {
        ids[i] = w2e_slots_add(&slots, 1, &object);
        w2e_slots_remove(&slots, 1, ids[i]);
        for (int j = 0; j < i; j++) {
            CHECK(ids[j] != ids[i]);
        }
    }
}

static void a_slot_with_no_generation_left_is_retired(void) {
    struct w2e_slot table[1] = {{.generation = UINT32_MAX - 1}};
    struct w2e_slots slots = {.slots = table, .capacity = 1};
    int object;
    uint64_t id = w2e_slots_add(&slots, 1, &object);
    CHECK(id != 0);
    CHECK(w2e_slots_remove(&slots, 1, id) == &object);
    CHECK(w2e_slots_add(&slots, 1, &object) == 0);
}

static void places_that_were_given_back_are_given_to_one_each(void) {
    struct w2e_slot table[CAPACITY] = {0};
    struct w2e_slots slots = {.slots = table, .capacity = CAPACITY};
    int objects[2 * CAPACITY];
    uint64_t ids[2 * CAPACITY];
    for (int i = 0; i < CAPACITY; i++) {
        ids[i] = w2e_slots_add(&slots, 1, &objects[i]);
    }
    for (int i = 0; i < CAPACITY; i += 2) {
        CHECK(w2e_slots_remove(&slots, 1, ids[i]) == &objects[i]);
    }
    for (int i = CAPACITY; i < CAPACITY + CAPACITY / 2; i++) {
        ids[i] = w2e_slots_add(&slots, 1, &objects[i]);
    }
    for (int i = 0; i < CAPACITY + CAPACITY / 2; i++) {
        int gone = i < CAPACITY && i % 2 == 0;
        CHECK(w2e_slots_find(&slots, 1, ids[i]) == (gone ? NULL : &objects[i]));
    }
    CHECK(slots.live == CAPACITY && slots.used == CAPACITY);
}

int main(void) {
    places_that_were_given_back_are_given_to_one_each();
    ids_are_of_one_kind_and_one_object();
    a_full_table_gives_no_id_until_one_is_removed();
    an_id_is_never_given_twice();
    a_slot_with_no_generation_left_is_retired();
    return 0;
}
