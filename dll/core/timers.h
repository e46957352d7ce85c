/* Times at which something is to be asked again: a pairing heap of timers that live inside of what they belong to. */
#ifndef W2E_TIMERS_H
#define W2E_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

struct w2e_timer {
    uint64_t due_us;
    bool set;
    /* The first of its children, and its place among its siblings: `previous` of the first one is the parent. */
    struct w2e_timer *child;
    struct w2e_timer *next;
    struct w2e_timer *previous;
};

struct w2e_timers {
    struct w2e_timer *first; /* the one that is due first */
};

/* Sets a timer, or moves it. */
void w2e_timers_set(struct w2e_timers *timers, struct w2e_timer *timer, uint64_t due_us);

/* Takes a timer out, if it is set. */
void w2e_timers_remove(struct w2e_timers *timers, struct w2e_timer *timer);

/* When the first timer is due; W2E_NEVER if none is set. */
uint64_t w2e_timers_due_us(const struct w2e_timers *timers);

/* Takes out the first timer if it is due, else NULL. */
struct w2e_timer *w2e_timers_pop(struct w2e_timers *timers, uint64_t now_us);

#endif
