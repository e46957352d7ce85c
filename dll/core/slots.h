/*
 * Generational ids over a fixed table: an id names one object for its life, and nothing ever after. The table is the caller's, all
 * zero at first, and so is any lock.
 */
#ifndef W2E_SLOTS_H
#define W2E_SLOTS_H

#include <stdint.h>

struct w2e_slot {
    void *object;
    uint32_t generation; /* of the object in it, or of the last one */
    uint32_t next_free;  /* index + 1 of the next free slot; 0 ends the list */
    uint8_t kind;        /* of the object */
};

struct w2e_slots {
    struct w2e_slot *slots;
    uint32_t capacity;
    uint32_t used;       /* slots that were ever in use: the first so many */
    uint32_t first_free; /* index + 1; 0 if none was given back */
    uint32_t live;       /* objects in the table */
};

/* Gives object an id of the kind (1 to 255), or 0 if the table is full. */
uint64_t w2e_slots_add(struct w2e_slots *slots, uint8_t kind, void *object);

/* Gives the object that the id names, or NULL if it names none of that kind. */
void *w2e_slots_find(const struct w2e_slots *slots, uint8_t kind, uint64_t id);

/* Like find, and takes the object out: the id is dead from now on. */
void *w2e_slots_remove(struct w2e_slots *slots, uint8_t kind, uint64_t id);

#endif
