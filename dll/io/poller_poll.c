/*
 * WSAPoll: an array says what is wanted of each socket, and gets back what is so. Each call looks at all of them, so a socket that
 * nothing is wanted of is left out: it would be reported for ever once its peer has hung up.
 *
 * WSAPoll reports a hang-up whether or not it is asked for, also of a peer that sent FIN and takes no more: who waits to write to that
 * peer would be woken without end. Such a watch rests for a while, without an entry, and is asked about again then.
 *
 * Entry 0 is the wake socket. A watch knows its entry; `watches` leads from an entry to its watch.
 */
#include "io/poller.h"
#include "io/wake_socket.h"
#include "win/system.h"
#include "win/thread.h"

#include <limits.h>
#include <string.h>

enum { FIRST_ENTRIES = 64, REST_MS = 10 };

static const uint32_t NO_ENTRY = UINT32_MAX;

struct w2e_poller {
    struct w2e_watch wake; /* of the wake socket */
    WSAPOLLFD *entries;
    struct w2e_watch **watches;
    uint32_t count;
    uint32_t room;
    uint32_t added;            /* watches, with or without an entry: there is room for all */
    struct w2e_watch *resting; /* a list */
    uint64_t rest_until_us;    /* of all of them */
};

static int grow(struct w2e_poller *poller, uint32_t room) {
    WSAPOLLFD *entries = w2e_sys_alloc(room * sizeof *entries);
    struct w2e_watch **watches = w2e_sys_alloc(room * sizeof(struct w2e_watch *));
    if (entries == NULL || watches == NULL) {
        w2e_sys_free(entries);
        w2e_sys_free(watches);
        return WSAENOBUFS;
    }
    if (poller->count > 0) {
        memcpy(entries, poller->entries, poller->count * sizeof *entries);
        memcpy(watches, poller->watches, poller->count * sizeof *watches);
    }
    w2e_sys_free(poller->entries);
    w2e_sys_free(poller->watches);
    poller->entries = entries;
    poller->watches = watches;
    poller->room = room;
    return 0;
}

static short events_of(unsigned interest) {
    return (short)((interest & W2E_READABLE ? POLLRDNORM : 0) | (interest & (W2E_WRITABLE | W2E_CONNECTED) ? POLLWRNORM : 0));
}

/* A hang-up or an error is for the next call to tell: whichever is wanted. */
static unsigned ready_of(short events) {
    unsigned ready = events & (POLLHUP | POLLERR | POLLNVAL) ? W2E_READABLE | W2E_WRITABLE | W2E_CONNECTED : 0;
    return ready | (events & POLLRDNORM ? W2E_READABLE : 0) | (events & POLLWRNORM ? W2E_WRITABLE | W2E_CONNECTED : 0);
}

static void enter(struct w2e_poller *poller, struct w2e_watch *watch) {
    watch->slot = poller->count++;
    poller->watches[watch->slot] = watch;
    poller->entries[watch->slot] = (WSAPOLLFD){.fd = watch->socket, .events = events_of(watch->interest)};
}

/* The last entry fills the gap. */
static void leave(struct w2e_poller *poller, struct w2e_watch *watch) {
    uint32_t last = --poller->count;
    poller->entries[watch->slot] = poller->entries[last];
    poller->watches[watch->slot] = poller->watches[last];
    poller->watches[watch->slot]->slot = watch->slot;
    watch->slot = NO_ENTRY;
}

static void rest(struct w2e_poller *poller, struct w2e_watch *watch) {
    leave(poller, watch);
    if (poller->resting == NULL) {
        poller->rest_until_us = w2e_deadline_us(w2e_sys_now_us(), REST_MS);
    }
    watch->next_own = poller->resting;
    poller->resting = watch;
}

static void end_rest(struct w2e_poller *poller) {
    bool over = poller->resting != NULL && w2e_sys_now_us() >= poller->rest_until_us;
    while (over && poller->resting != NULL) {
        struct w2e_watch *watch = poller->resting;
        poller->resting = watch->next_own;
        enter(poller, watch);
    }
}

static void wake_up(struct w2e_poller *poller, const struct w2e_watch *watch) {
    struct w2e_watch **place = &poller->resting;
    while (*place != NULL && *place != watch) {
        place = &(*place)->next_own;
    }
    if (*place != NULL) {
        *place = watch->next_own;
    }
}

static void poll_changed(struct w2e_poller *poller, struct w2e_watch *watch) {
    wake_up(poller, watch);
    if (watch->interest == 0) {
        if (watch->slot != NO_ENTRY) {
            leave(poller, watch);
        }
    } else if (watch->slot == NO_ENTRY) {
        enter(poller, watch);
    } else {
        poller->entries[watch->slot].events = events_of(watch->interest);
    }
}

static int poll_add(struct w2e_poller *poller, struct w2e_watch *watch) {
    int error = poller->added + 1 == poller->room ? grow(poller, 2 * poller->room) : 0;
    if (error == 0 && w2e_sys_set_nonblocking(watch->socket, true) != 0) {
        error = WSAGetLastError();
    }
    if (error == 0) {
        poller->added++;
        watch->slot = NO_ENTRY;
        poll_changed(poller, watch);
    }
    return error;
}

static void poll_remove(struct w2e_poller *poller, struct w2e_watch *watch) {
    poller->added--;
    wake_up(poller, watch);
    if (watch->slot != NO_ENTRY) {
        leave(poller, watch);
    }
}

static bool hung_up_only(const struct w2e_watch *watch, short events) {
    return watch->interest == W2E_WRITABLE && (events & (POLLHUP | POLLERR | POLLNVAL | POLLWRNORM)) == POLLHUP;
}

/* From the last: leaving moves an entry that was looked at already. */
static void report(struct w2e_poller *poller, int count, struct w2e_watch **reports) {
    for (uint32_t i = poller->count - 1; i > 0 && count > 0; i--) {
        struct w2e_watch *watch = poller->watches[i];
        short events = poller->entries[i].revents;
        count -= events != 0;
        if (events != 0 && hung_up_only(watch, events)) {
            rest(poller, watch);
        } else if (events != 0) {
            w2e_watch_report(watch, ready_of(events), reports);
        }
    }
}

static int poll_wait(struct w2e_poller *poller, uint64_t until_us, struct w2e_watch **reports) {
    end_rest(poller);
    DWORD left_ms = w2e_left_ms(poller->resting != NULL && poller->rest_until_us < until_us ? poller->rest_until_us : until_us);
    int timeout_ms = left_ms == INFINITE ? -1 : left_ms < INT_MAX ? (int)left_ms : INT_MAX;
    int count = w2e_sys_poll(poller->entries, poller->count, timeout_ms);
    if (count < 0) {
        return WSAGetLastError();
    }
    report(poller, count, reports);
    if (poller->entries[0].revents != 0) {
        w2e_wake_socket_clear(poller->entries[0].fd);
    }
    return 0;
}

static void poll_wake(struct w2e_poller *poller) {
    w2e_wake_socket_wake(poller->wake.socket);
}

static void poll_close(struct w2e_poller *poller) {
    w2e_sys_close_socket(poller->wake.socket);
    w2e_sys_free(poller->entries);
    w2e_sys_free(poller->watches);
    w2e_sys_free(poller);
}

static int poll_open(struct w2e_poller **opened) {
    struct w2e_poller *poller = w2e_sys_alloc(sizeof *poller);
    int error = poller != NULL ? w2e_wake_socket_open(&poller->wake.socket) : WSAENOBUFS;
    if (error != 0) {
        w2e_sys_free(poller);
        return error;
    }
    error = grow(poller, FIRST_ENTRIES);
    if (error != 0) {
        poll_close(poller);
        return error;
    }
    poller->wake.interest = W2E_READABLE;
    enter(poller, &poller->wake);
    *opened = poller;
    return 0;
}

const struct w2e_poller_ops w2e_poller_poll = {.open = poll_open,
                                               .close = poll_close,
                                               .add = poll_add,
                                               .remove = poll_remove,
                                               .changed = poll_changed,
                                               .wait = poll_wait,
                                               .wake = poll_wake};
