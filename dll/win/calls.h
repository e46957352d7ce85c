/*
 * How often the system was called, by function. Only in a build with W2E_COUNT_CALLS, which bench/ours/calls.c is made of: elsewhere
 * W2E_CALLED() is nothing, and none of this is in the DLL.
 */
#ifndef W2E_CALLS_H
#define W2E_CALLS_H

#include "win/win.h"

#ifdef W2E_COUNT_CALLS

/* A place in the program that calls; there may be several for one function. */
struct w2e_call_site {
    const char *function;
    volatile LONG64 count;
    struct w2e_call_site *next;
    volatile LONG listed;
};

void w2e_call_count(struct w2e_call_site *site);

/* The first of all places that have been called. */
const struct w2e_call_site *w2e_call_sites(void);

#define W2E_CALLED_AS(name)                                                                                                      \
    do {                                                                                                                         \
        static struct w2e_call_site w2e_site_ = {(name), 0, NULL, 0};                                                            \
        w2e_call_count(&w2e_site_);                                                                                              \
    } while (0)
#define W2E_CALLED() W2E_CALLED_AS(__func__)

/* Locks are no calls of the system while nobody waits, but are to be counted, too. */
static inline void w2e_counted_lock(SRWLOCK *lock) {
    W2E_CALLED_AS("lock");
    AcquireSRWLockExclusive(lock);
}
#define AcquireSRWLockExclusive w2e_counted_lock

#else
#define W2E_CALLED() ((void)0)
#endif

#endif
