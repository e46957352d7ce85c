#include "win/registry.h"

#include "slots.h"
#include "win/system.h"

#include <stddef.h>

/* More than the sockets that a process can have; a fixed table, so that loading the DLL needs no code and unloading it no more. */
enum { HANDLES_MAX = 65536 };

static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE unused = CONDITION_VARIABLE_INIT;

/* Guarded by lock. */
static struct w2e_slot slot_table[HANDLES_MAX];
static struct w2e_slots slots = {.slots = slot_table, .capacity = HANDLES_MAX};

bool w2e_registry_has_room(void) {
    AcquireSRWLockExclusive(&lock);
    bool room = slots.live < HANDLES_MAX;
    ReleaseSRWLockExclusive(&lock);
    return room;
}

uint64_t w2e_registry_add(enum w2e_kind kind, struct w2e_object *object) {
    AcquireSRWLockExclusive(&lock);
    uint64_t id = w2e_slots_add(&slots, (uint8_t)kind, object);
    ReleaseSRWLockExclusive(&lock);
    return id;
}

struct w2e_object *w2e_registry_acquire(enum w2e_kind kind, uint64_t id) {
    AcquireSRWLockExclusive(&lock);
    struct w2e_object *object = w2e_slots_find(&slots, (uint8_t)kind, id);
    if (object != NULL) {
        object->users++;
    }
    ReleaseSRWLockExclusive(&lock);
    return object;
}

void w2e_registry_release(struct w2e_object *object) {
    AcquireSRWLockExclusive(&lock);
    if (--object->users == 0) {
        WakeAllConditionVariable(&unused);
    }
    ReleaseSRWLockExclusive(&lock);
}

struct w2e_object *w2e_registry_retire(enum w2e_kind kind, uint64_t id) {
    AcquireSRWLockExclusive(&lock);
    struct w2e_object *object = w2e_slots_remove(&slots, (uint8_t)kind, id);
    ReleaseSRWLockExclusive(&lock);
    return object;
}

void w2e_registry_wait_unused(struct w2e_object *object) {
    AcquireSRWLockExclusive(&lock);
    while (object->users > 0) {
        w2e_sys_wait_condition(&unused, &lock, INFINITE);
    }
    ReleaseSRWLockExclusive(&lock);
}
