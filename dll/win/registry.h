/*
 * The handles that are given out, and who uses the objects behind them right now. A close cannot race: it retires the id, so
 * that no new call finds the object, lets the object wake those inside, and waits until the last one has left.
 */
#ifndef W2E_REGISTRY_H
#define W2E_REGISTRY_H

#include "win/win.h"

#include <stdbool.h>
#include <stdint.h>

/* The kinds of handle: the top byte of the ids. */
enum w2e_kind { W2E_KIND_SERVER = 0x53, W2E_KIND_CLIENT = 0x43, W2E_KIND_LOAD = 0x4C };

/* The first field of an object with a handle. */
struct w2e_object {
    uint32_t users; /* calls inside; guarded by the registry's lock */
};

/* Whether there is room for one more handle, to be told before anything else is tried. */
bool w2e_registry_has_room(void);

/* Gives the object an id, or 0 if there are too many. */
uint64_t w2e_registry_add(enum w2e_kind kind, struct w2e_object *object);

/* The object of the id, which stays until released; NULL if the id names none of the kind. */
struct w2e_object *w2e_registry_acquire(enum w2e_kind kind, uint64_t id);
void w2e_registry_release(struct w2e_object *object);

/* The object of the id, which from now on no acquire finds; NULL if the id names none of the kind. */
struct w2e_object *w2e_registry_retire(enum w2e_kind kind, uint64_t id);

/* Waits until nobody uses a retired object. */
void w2e_registry_wait_unused(struct w2e_object *object);

#endif
