/*
 * WSAAsyncSelect: Winsock posts a message to a window when something happens to a socket, once, until the call that it invites is made.
 *
 * The window is a message-only one: it shows nothing and needs no desktop. Its messages are read where they are waited for, so it
 * needs no procedure of its own. Each socket has a message number of its own, from which its watch is found. What was posted for a
 * socket before it was removed is taken out of the queue, so that a number can be used again.
 */
#include "io/poller.h"
#include "session.h"
#include "win/system.h"
#include "win/thread.h"

/* A queue takes 10,000 messages. A socket has four in it at most (of a connection that connects: FD_CONNECT, FD_WRITE, FD_READ, FD_CLOSE), and
 * one more FD_READ, as it is asked once before the first. */
enum { WATCHES_MAX = 1500, MESSAGE_WAKE = WM_APP, MESSAGE_FIRST = WM_APP + 1 };

enum { EVENTS = FD_READ | FD_WRITE | FD_ACCEPT | FD_CONNECT | FD_CLOSE };

struct w2e_poller {
    HWND window;
    struct w2e_watch *watches[WATCHES_MAX];
    uint32_t free_slots[WATCHES_MAX];
    uint32_t free_count;
};

static int async_add(struct w2e_poller *poller, struct w2e_watch *watch) {
    uint32_t slot = poller->free_slots[poller->free_count - 1]; /* the engine keeps to the capacity */
    if (w2e_sys_async_select(watch->socket, poller->window, MESSAGE_FIRST + slot, EVENTS) != 0) {
        return WSAGetLastError();
    }
    poller->free_count--;
    poller->watches[slot] = watch;
    watch->slot = slot;
    /* What the socket told before, by the number inherited from its listener, is lost, its end included: it is asked once. */
    watch->ready |= W2E_READABLE;
    return 0;
}

static void async_remove(struct w2e_poller *poller, struct w2e_watch *watch) {
    unsigned number = MESSAGE_FIRST + watch->slot;
    MSG message;
    w2e_sys_async_select(watch->socket, poller->window, 0, 0);
    while (w2e_sys_peek_message(poller->window, &message, number, number)) {
    }
    poller->watches[watch->slot] = NULL;
    poller->free_slots[poller->free_count++] = watch->slot;
}

static void async_changed(struct w2e_poller *poller, struct w2e_watch *watch) {
    (void)poller;
    (void)watch; /* what is of no interest is not asked for by a call, and hence told only once */
}

/* Selecting again makes Winsock look at once whether there is something to tell. */
static int async_renew(struct w2e_poller *poller, struct w2e_watch *watch) {
    return w2e_sys_async_select(watch->socket, poller->window, MESSAGE_FIRST + watch->slot, EVENTS) == 0 ? 0 : WSAGetLastError();
}

static unsigned ready_of(long event) {
    switch (event) {
    case FD_READ:
    case FD_ACCEPT:
        return W2E_READABLE;
    case FD_WRITE:
        return W2E_WRITABLE;
    case FD_CONNECT:
        return W2E_CONNECTED;
    default: /* FD_CLOSE, or an error, which the next call will tell */
        return W2E_READABLE | W2E_WRITABLE | W2E_CLOSED;
    }
}

static void report(struct w2e_poller *poller, const MSG *message, struct w2e_watch **reports) {
    if (message->hwnd != poller->window) { /* of this thread, by a hook or the like: left alone it would end each wait at once */
        DispatchMessageW(message);
        return;
    }
    if (message->message < MESSAGE_FIRST || message->message >= MESSAGE_FIRST + WATCHES_MAX) {
        return;
    }
    struct w2e_watch *watch = poller->watches[message->message - MESSAGE_FIRST];
    /* An accepted socket inherits the number of its listener until it gets its own. */
    if (watch != NULL && watch->socket == message->wParam) {
        if (WSAGETSELECTEVENT(message->lParam) == FD_CONNECT) {
            watch->connect_error = WSAGETSELECTERROR(message->lParam);
        }
        w2e_watch_report(watch, ready_of(WSAGETSELECTEVENT(message->lParam)), reports);
    }
}

static int async_wait(struct w2e_poller *poller, uint64_t until_us, struct w2e_watch **reports) {
    MSG message;
    if (until_us == W2E_NEVER) {
        if (!w2e_sys_get_message(&message)) {
            return WSAENOBUFS;
        }
        report(poller, &message, reports);
        return 0;
    }
    w2e_sys_wait_message(w2e_left_ms(until_us));
    while (w2e_sys_peek_message(NULL, &message, 0, 0)) {
        report(poller, &message, reports);
    }
    return 0;
}

/* When the queue is full its thread is busy, and looks by itself; a wake that is lost otherwise would let it sleep for ever. */
static void async_wake(struct w2e_poller *poller) {
    while (!w2e_sys_post_message(poller->window, MESSAGE_WAKE) && GetLastError() != ERROR_NOT_ENOUGH_QUOTA) {
        w2e_sys_sleep(W2E_WAKE_AGAIN_MS);
    }
}

static void async_close(struct w2e_poller *poller) {
    DestroyWindow(poller->window);
    w2e_sys_free(poller);
}

static int async_open(struct w2e_poller **opened) {
    struct w2e_poller *poller = w2e_sys_alloc(sizeof *poller);
    HWND window = poller != NULL ? w2e_sys_create_message_window() : NULL;
    if (window == NULL) {
        w2e_sys_free(poller);
        return WSAENOBUFS;
    }
    poller->window = window;
    while (poller->free_count < WATCHES_MAX) {
        poller->free_slots[poller->free_count] = WATCHES_MAX - 1 - poller->free_count;
        poller->free_count++;
    }
    *opened = poller;
    return 0;
}

const struct w2e_poller_ops w2e_poller_async = {.capacity = WATCHES_MAX,
                                                .open = async_open,
                                                .close = async_close,
                                                .add = async_add,
                                                .remove = async_remove,
                                                .changed = async_changed,
                                                .renew = async_renew,
                                                .wait = async_wait,
                                                .wake = async_wake};
