/*
 * WSAEventSelect: Winsock signals an event object when something happens to a socket, once, until the call that it invites is made.
 *
 * One wait takes at most 64 objects: one to wake the thread, 63 sockets. With more sockets the engine starts more pollers. A wait tells
 * of one object only, the first that is signalled: its entry then goes to the end of the row and the others move up, so that however many
 * sockets are busy, each has its turn.
 *
 * What happened to a stream has to be asked for, as FD_CLOSE is told only once. A socket of datagrams has none: there the call that
 * follows finds out, and no other call is made.
 */
#include "io/poller.h"
#include "win/system.h"
#include "win/thread.h"

enum { OBJECTS_MAX = WSA_MAXIMUM_WAIT_EVENTS, EVENTS = FD_READ | FD_WRITE | FD_ACCEPT | FD_CONNECT | FD_CLOSE };

struct w2e_poller {
    HANDLE objects[OBJECTS_MAX]; /* the first is to wake; beyond count, spare ones or NULL */
    struct w2e_watch *watches[OBJECTS_MAX];
    uint32_t count;
};

static void move_to_end(struct w2e_poller *poller, uint32_t slot) {
    HANDLE object = poller->objects[slot];
    struct w2e_watch *watch = poller->watches[slot];
    for (; slot + 1 < poller->count; slot++) {
        poller->objects[slot] = poller->objects[slot + 1];
        poller->watches[slot] = poller->watches[slot + 1];
        poller->watches[slot]->slot = slot;
    }
    poller->objects[slot] = object;
    poller->watches[slot] = watch;
    watch->slot = slot;
}

static int event_add(struct w2e_poller *poller, struct w2e_watch *watch) {
    uint32_t slot = poller->count;
    if (poller->objects[slot] == NULL) {
        poller->objects[slot] = w2e_sys_create_auto_event();
    }
    if (poller->objects[slot] == NULL) {
        return WSAENOBUFS;
    }
    if (w2e_sys_event_select(watch->socket, poller->objects[slot], EVENTS) != 0) {
        return WSAGetLastError();
    }
    watch->slot = slot;
    poller->watches[slot] = watch;
    poller->count++;
    return 0;
}

static void event_remove(struct w2e_poller *poller, struct w2e_watch *watch) {
    w2e_sys_event_select(watch->socket, NULL, 0);
    move_to_end(poller, watch->slot);
    poller->count--;
    ResetEvent(poller->objects[poller->count]); /* it stays, for the next socket */
}

static void event_changed(struct w2e_poller *poller, struct w2e_watch *watch) {
    (void)poller;
    (void)watch; /* what is of no interest is not asked for by a call, and hence told only once */
}

/* Selecting again makes Winsock look at once whether there is something to tell. */
static int event_renew(struct w2e_poller *poller, struct w2e_watch *watch) {
    return w2e_sys_event_select(watch->socket, poller->objects[watch->slot], EVENTS) == 0 ? 0 : WSAGetLastError();
}

static unsigned ready_of(long events) {
    unsigned ready = events & (FD_READ | FD_ACCEPT) ? W2E_READABLE : 0;
    ready |= events & FD_WRITE ? W2E_WRITABLE : 0;
    ready |= events & FD_CONNECT ? W2E_CONNECTED : 0;
    return ready | (events & FD_CLOSE ? W2E_READABLE | W2E_WRITABLE | W2E_CLOSED : 0);
}

static int ask_what_happened(struct w2e_watch *watch, unsigned *ready) {
    WSANETWORKEVENTS happened = {0};
    if (watch->datagram) {
        *ready = W2E_READABLE | W2E_WRITABLE;
        return 0;
    }
    if (w2e_sys_enum_events(watch->socket, NULL, &happened) != 0) {
        return WSAGetLastError();
    }
    if (happened.lNetworkEvents & FD_CONNECT) {
        watch->connect_error = happened.iErrorCode[FD_CONNECT_BIT];
    }
    *ready = ready_of(happened.lNetworkEvents);
    return 0;
}

static int report(struct w2e_poller *poller, uint32_t slot, struct w2e_watch **reports) {
    struct w2e_watch *watch = poller->watches[slot];
    unsigned ready = 0;
    int error = ask_what_happened(watch, &ready);
    if (error == 0) {
        w2e_watch_report(watch, ready, reports);
    } else {
        SetEvent(poller->objects[slot]); /* the wait has reset it, and Winsock tells once only */
    }
    move_to_end(poller, slot);
    return error;
}

static int event_wait(struct w2e_poller *poller, uint64_t until_us, struct w2e_watch **reports) {
    DWORD signalled = w2e_sys_wait_any(poller->objects, poller->count, w2e_left_ms(until_us));
    if (signalled == WAIT_FAILED) {
        return (int)GetLastError();
    }
    if (signalled > WAIT_OBJECT_0 && signalled < WAIT_OBJECT_0 + poller->count) {
        return report(poller, signalled - WAIT_OBJECT_0, reports);
    }
    return 0;
}

static void event_wake(struct w2e_poller *poller) {
    SetEvent(poller->objects[0]);
}

static void event_close(struct w2e_poller *poller) {
    for (uint32_t i = 0; i < OBJECTS_MAX && poller->objects[i] != NULL; i++) {
        CloseHandle(poller->objects[i]);
    }
    w2e_sys_free(poller);
}

static int event_open(struct w2e_poller **opened) {
    struct w2e_poller *poller = w2e_sys_alloc(sizeof *poller);
    if (poller == NULL) {
        return WSAENOBUFS;
    }
    poller->objects[0] = w2e_sys_create_auto_event();
    poller->count = 1;
    if (poller->objects[0] == NULL) {
        event_close(poller);
        return WSAENOBUFS;
    }
    *opened = poller;
    return 0;
}

const struct w2e_poller_ops w2e_poller_event = {.capacity = OBJECTS_MAX - 1,
                                                .open = event_open,
                                                .close = event_close,
                                                .add = event_add,
                                                .remove = event_remove,
                                                .changed = event_changed,
                                                .renew = event_renew,
                                                .wait = event_wait,
                                                .wake = event_wake};
