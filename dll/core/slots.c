#include "slots.h"

#include <stddef.h>

/* An id: kind in the top 8 bits, then 32 bits that stand for the generation, then 24 bits of index. */
enum { INDEX_BITS = 24, KIND_SHIFT = 56 };

/* The generation is mixed with the index, so that the ids of two objects do not differ in a bit or two: a number that was made up, or
 * suffered, names nothing. For one index the mixture is a different one for each generation: both factors are odd. */
static uint64_t id_of(const struct w2e_slots *slots, uint32_t index) {
    const struct w2e_slot *slot = &slots->slots[index];
    uint32_t mixed = slot->generation * 0x9E3779B1u;
    mixed = (mixed ^ mixed >> 15) * 0x85EBCA6Bu ^ index * 0xC2B2AE35u;
    return (uint64_t)slot->kind << KIND_SHIFT | (uint64_t)mixed << INDEX_BITS | index;
}

static struct w2e_slot *slot_of(const struct w2e_slots *slots, uint8_t kind, uint64_t id) {
    uint32_t index = (uint32_t)(id & ((1u << INDEX_BITS) - 1));
    if (index >= slots->used || slots->slots[index].object == NULL || slots->slots[index].kind != kind) {
        return NULL;
    }
    return id == id_of(slots, index) ? &slots->slots[index] : NULL;
}

uint64_t w2e_slots_add(struct w2e_slots *slots, uint8_t kind, void *object) {
    uint32_t index;
    if (slots->first_free != 0) {
        index = slots->first_free - 1;
        slots->first_free = slots->slots[index].next_free;
    } else if (slots->used < slots->capacity) {
        index = slots->used++;
    } else {
        return 0;
    }
    struct w2e_slot *slot = &slots->slots[index];
    slot->object = object;
    slot->kind = kind;
    slot->generation++;
    slots->live++;
    return id_of(slots, index);
}

void *w2e_slots_find(const struct w2e_slots *slots, uint8_t kind, uint64_t id) {
    struct w2e_slot *slot = slot_of(slots, kind, id);
    return slot != NULL ? slot->object : NULL;
}

void *w2e_slots_remove(struct w2e_slots *slots, uint8_t kind, uint64_t id) {
    struct w2e_slot *slot = slot_of(slots, kind, id);
    if (slot == NULL) {
        return NULL;
    }
    void *object = slot->object;
    slot->object = NULL;
    slots->live--;
    /* A slot whose generations are used up stays out of use: an id is never given twice. */
    if (slot->generation != UINT32_MAX) {
        slot->next_free = slots->first_free;
        slots->first_free = (uint32_t)(slot - slots->slots) + 1;
    }
    return object;
}
