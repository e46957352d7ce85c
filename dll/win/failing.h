/*
 * System calls that fail when a test wants it. Only in a build with W2E_FAIL_CALLS, which tests/reliability is made of: elsewhere the macros of
 * win/calls.h are nothing, and none of this is in the DLL.
 */
#ifndef W2E_FAILING_H
#define W2E_FAILING_H

#include "win/win.h"

#include <stdbool.h>
#include <stddef.h>

/* What a call is made to do. */
enum w2e_failing_kind {
    W2E_FAILS_NEVER, /* it has no failure that anybody could do something about */
    W2E_FAILS,       /* it does nothing, and tells the error */
    W2E_FAILS_LATE,  /* what it asks about has failed with the error */
    W2E_SHORT,       /* it moves one byte, of a stream */
    W2E_IDLE         /* it returns at once for no reason, and tells nothing, or what is not so */
};

/* One thing that a function can be made to do. */
struct w2e_failing {
    const char *function; /* without w2e_sys_ */
    enum w2e_failing_kind kind;
    const char *name; /* of the error, or of what it does */
    int error;
    unsigned
        in_a_row;    /* when it does so from some call on: so often at most, since nothing could go on without it; 0: for ever */
    unsigned models; /* where it can happen: 1 << enum ws2echo_model, added up; 0: everywhere */
};

/* All that any function can be made to do; *count is how many, unless count is NULL. */
const struct w2e_failing *w2e_failing_all(size_t *count);

/* From now on the nth call (1, 2, …) of the function does what `failing` says, or that and the later ones. NULL: no call does. Counts begin anew. */
void w2e_failing_arm(const struct w2e_failing *failing, unsigned nth, bool from_there_on);

/* How often the function was called since then, and how many calls were struck. */
unsigned w2e_failing_calls(const char *function);
unsigned w2e_failing_strikes(void);

/* What is held now. */
struct w2e_failing_held {
    LONG blocks; /* of memory */
    LONG sockets;
};
struct w2e_failing_held w2e_failing_held(void);

/* ---- for win/system.h ---- */

/* Counts a call of a function of that name: what it has to do, or NULL. The thread's last error is set. */
const struct w2e_failing *w2e_failing_called(const char *function);

/* Counts what an operation came to, unless it is still out: its error, or the one that it is to have. */
int w2e_failing_outcome(const char *function, int error);

bool w2e_failing_is(const struct w2e_failing *failing, enum w2e_failing_kind kind);

/* How much of size to move. */
int w2e_failing_shortened(const struct w2e_failing *failing, SOCKET socket, int size);

/* Says that every entry is as it is asked whether it is: how many there are. */
int w2e_failing_all_ready(WSAPOLLFD *entries, ULONG count);

/* Count what is held from now on, or no more. Each gives back what it was given. */
void *w2e_failing_block(void *block);
void w2e_failing_free(const void *block);
SOCKET w2e_failing_socket(SOCKET socket);
int w2e_failing_close(int outcome);

#endif
