/*
 * A poller tells which sockets are ready. There are four, one for each way in which Winsock can be asked that; the engine over them
 * (readiness.c) is the same.
 *
 * The engine makes one call for each report: it calls recv or accept once after W2E_READABLE, and send until it would block. That
 * suits both kinds of pollers: those that ask each time (select, WSAPoll), and those that are told once (WSAEventSelect,
 * WSAAsyncSelect), where that very call is what makes Winsock tell again. A report may be stale; the call then would block.
 *
 * A poller is opened, used and closed by one thread; only wake may be called from others.
 */
#ifndef W2E_POLLER_H
#define W2E_POLLER_H

#include "win/win.h"

#include <stdbool.h>
#include <stdint.h>

/* CLOSED: the peer's end has come, maybe with data still to read. It is told once and stands: until recv tells the end itself. CONNECTED: connecting is
 * over, well or not. */
enum { W2E_READABLE = 1, W2E_WRITABLE = 2, W2E_CLOSED = 4, W2E_CONNECTED = 8 };

/* A socket under watch. */
struct w2e_watch {
    SOCKET socket;
    bool datagram;     /* of UDP */
    unsigned interest; /* what wait is to look for */
    unsigned ready;    /* what it found: set by the poller, cleared by the engine with the call that it makes */
    int connect_error; /* with CONNECTED: how that went, where the poller is told; else 0, and SO_ERROR tells */
    uint32_t slot;     /* the poller's own */
    bool reported;     /* in the list that wait gives */
    struct w2e_watch *next_reported;
    struct w2e_watch *next_own; /* in a list of the poller's */
};

/* For pollers: adds what was found to a list of reports. */
static inline void w2e_watch_report(struct w2e_watch *watch, unsigned ready, struct w2e_watch **reports) {
    watch->ready |= ready;
    if (!watch->reported) {
        watch->reported = true;
        watch->next_reported = *reports;
        *reports = watch;
    }
}

/* For the engine: takes the next one out. */
static inline struct w2e_watch *w2e_watch_next(struct w2e_watch **reports) {
    struct w2e_watch *watch = *reports;
    if (watch != NULL) {
        *reports = watch->next_reported;
        watch->reported = false;
    }
    return watch;
}

struct w2e_poller; /* each poller has its own */

struct w2e_poller_ops {
    uint32_t capacity; /* most sockets that one poller can watch; 0: no limit */
    /* 0, or WSAENOBUFS and the like. */
    int (*open)(struct w2e_poller **poller);
    void (*close)(struct w2e_poller *poller);
    /* Begins to watch a socket: the poller makes it non-blocking. 0 or an error. */
    int (*add)(struct w2e_poller *poller, struct w2e_watch *watch);
    /* Ends watching: the socket is still open. */
    void (*remove)(struct w2e_poller *poller, struct w2e_watch *watch);
    /* watch->interest has changed. */
    void (*changed)(struct w2e_poller *poller, struct w2e_watch *watch);
    /* Makes Winsock look again, after a call on the socket that is not known to have that effect (WSARecvMsg, WSASendMsg, under Wine an accept in
     * vain): 0 or an error. NULL where it looks each time. */
    int (*renew)(struct w2e_poller *poller, struct w2e_watch *watch);
    /* Waits until a watched socket is ready, wake was called, or the time has come: 0 and reports, or an error. */
    int (*wait)(struct w2e_poller *poller, uint64_t until_us, struct w2e_watch **reports);
    /* Ends a wait, or the next one if none is under way. From any thread. */
    void (*wake)(struct w2e_poller *poller);
};

#endif
