/*
 * What the functions of win/system.h do beside their calls, in builds for tests; elsewhere all of it is nothing, and none of it is in the DLL.
 *
 *   W2E_COUNT_CALLS  how often the system was called, by function: what bench/ours/calls.c is made of
 *   W2E_FAIL_CALLS   calls fail when a test wants it: see win/failing.h
 *   W2E_GUARD_PAGES  a page that nobody may touch stands behind each block of memory: see win/guarded.h
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

#elif defined(W2E_FAIL_CALLS)

#include "win/failing.h"

#define W2E_CALLED() ((void)0)

/* A call that may be made to fail: then the function is left with what it gives when it has failed. */
#define W2E_CALLED_OR(failed)                                                                                                    \
    const struct w2e_failing *w2e_failing_ = w2e_failing_called(__func__);                                                       \
    if (w2e_failing_is(w2e_failing_, W2E_FAILS))                                                                                 \
    return failed

/* After it: the error to be told, and other ways to do something else than what is expected. */
#define W2E_ERROR                     (w2e_failing_->error)
#define W2E_IS_IDLE()                 w2e_failing_is(w2e_failing_, W2E_IDLE)
#define W2E_SHORTENED(socket, size)   w2e_failing_shortened(w2e_failing_, (socket), (size))
#define W2E_SHORTEN(socket, buffer)   ((buffer)->len = (ULONG)W2E_SHORTENED((socket), (int)(buffer)->len))
#define W2E_ALL_READY(entries, count) w2e_failing_all_ready((entries), (count))

/* The error of an operation that is over, which may be another than it really was. */
#define W2E_OUTCOME(error)            w2e_failing_outcome(__func__, (error))

/* What is held from now on, and no more. */
#define W2E_BLOCK(block)              w2e_failing_block(block)
#define W2E_FREED(block)              w2e_failing_free(block)
#define W2E_SOCKET(socket)            w2e_failing_socket(socket)
#define W2E_CLOSED(outcome)           w2e_failing_close(outcome)

#else
#define W2E_CALLED() ((void)0)
#endif

#ifndef W2E_FAIL_CALLS
#define W2E_CALLED_OR(failed)         W2E_CALLED()
#define W2E_IS_IDLE()                 false
#define W2E_SHORTENED(socket, size)   (size)
#define W2E_SHORTEN(socket, buffer)   ((void)0)
#define W2E_ALL_READY(entries, count) 0
#define W2E_OUTCOME(error)            (error)
#define W2E_BLOCK(block)              (block)
#define W2E_FREED(block)              ((void)0)
#define W2E_SOCKET(socket)            (socket)
#define W2E_CLOSED(outcome)           (outcome)
#endif

#ifdef W2E_GUARD_PAGES
#include "win/guarded.h"
#define W2E_CALLOC(size) w2e_guarded_alloc((size), 0)
#define W2E_MALLOC(size) w2e_guarded_alloc((size), W2E_GUARDED_FRESH)
#define W2E_FREE(memory) w2e_guarded_free(memory)
#else
#define W2E_CALLOC(size) calloc(1, (size))
#define W2E_MALLOC(size) malloc(size)
#define W2E_FREE(memory) free(memory)
#endif

#endif
