/*
 * select: three sets of sockets go in, and come back with those that are readable, writable, and could not connect.
 *
 * In Winsock an fd_set is a count and an array, not a bit mask: FD_SETSIZE says only how long the array is that winsock2.h declares. With
 * an array of its own length a set holds any number of sockets. What comes back are sockets, not places: `places` finds their
 * watches again.
 */
#include "io/poller.h"
#include "io/wake_socket.h"
#include "win/system.h"
#include "win/thread.h"

#include <string.h>

enum { FIRST_WATCHES = 64, SELECT_SECONDS_MAX = 3600 };

/* An fd_set with room for more than FD_SETSIZE. */
struct socket_set {
    u_int count;
    SOCKET sockets[];
};

struct w2e_poller {
    SOCKET wake;
    struct w2e_watch **watches;
    uint32_t count;
    uint32_t room;
    struct socket_set *reads;
    struct socket_set *writes;
    struct socket_set *failures;
    /* A hash table from socket to watch, of 4 * room places; made anew when the watches have changed. */
    struct w2e_watch **places;
    bool places_stale;
};

static struct socket_set *new_set(uint32_t room) {
    return w2e_sys_alloc(sizeof(struct socket_set) + (room + 1) * sizeof(SOCKET)); /* and the wake socket */
}

static void free_memory(const struct w2e_poller *poller) {
    w2e_sys_free(poller->watches);
    w2e_sys_free(poller->reads);
    w2e_sys_free(poller->writes);
    w2e_sys_free(poller->failures);
    w2e_sys_free(poller->places);
}

static int grow(struct w2e_poller *poller, uint32_t room) {
    struct w2e_poller grown = {.watches = w2e_sys_alloc(room * sizeof(struct w2e_watch *)),
                               .reads = new_set(room),
                               .writes = new_set(room),
                               .failures = new_set(room),
                               .places = w2e_sys_alloc(4 * room * sizeof(struct w2e_watch *))};
    if (grown.watches == NULL || grown.reads == NULL || grown.writes == NULL || grown.failures == NULL || grown.places == NULL) {
        free_memory(&grown);
        return WSAENOBUFS;
    }
    if (poller->count > 0) {
        memcpy(grown.watches, poller->watches, poller->count * sizeof(struct w2e_watch *));
    }
    free_memory(poller);
    poller->watches = grown.watches;
    poller->reads = grown.reads;
    poller->writes = grown.writes;
    poller->failures = grown.failures;
    poller->places = grown.places;
    poller->room = room;
    poller->places_stale = true;
    return 0;
}

/* The place of a socket's watch, or the free one where it would be. */
static struct w2e_watch **place_of(const struct w2e_poller *poller, SOCKET socket) {
    uint32_t mask = 4 * poller->room - 1;                          /* room is a power of two */
    uint32_t place = (uint32_t)(socket >> 2) * 2654435761u & mask; /* socket numbers are multiples of 4 */
    while (poller->places[place] != NULL && poller->places[place]->socket != socket) {
        place = (place + 1) & mask;
    }
    return &poller->places[place];
}

static void refresh_places(struct w2e_poller *poller) {
    if (poller->places_stale) {
        memset(poller->places, 0, 4 * poller->room * sizeof(struct w2e_watch *));
        for (uint32_t i = 0; i < poller->count; i++) {
            *place_of(poller, poller->watches[i]->socket) = poller->watches[i];
        }
        poller->places_stale = false;
    }
}

static int select_add(struct w2e_poller *poller, struct w2e_watch *watch) {
    int error = poller->count == poller->room ? grow(poller, 2 * poller->room) : 0;
    if (error == 0 && w2e_sys_set_nonblocking(watch->socket, true) != 0) {
        error = WSAGetLastError();
    }
    if (error == 0) {
        watch->slot = poller->count++;
        poller->watches[watch->slot] = watch;
        poller->places_stale = true;
    }
    return error;
}

static void select_remove(struct w2e_poller *poller, struct w2e_watch *watch) {
    struct w2e_watch *last = poller->watches[--poller->count];
    poller->watches[watch->slot] = last;
    last->slot = watch->slot;
    poller->places_stale = true;
}

static void select_changed(struct w2e_poller *poller, struct w2e_watch *watch) {
    (void)poller;
    (void)watch; /* the sets are made for each call */
}

static void fill_sets(struct w2e_poller *poller) {
    poller->reads->count = 0;
    poller->writes->count = 0;
    poller->failures->count = 0;
    poller->reads->sockets[poller->reads->count++] = poller->wake;
    for (uint32_t i = 0; i < poller->count; i++) {
        const struct w2e_watch *watch = poller->watches[i];
        if (watch->interest & W2E_READABLE) {
            poller->reads->sockets[poller->reads->count++] = watch->socket;
        }
        if (watch->interest & (W2E_WRITABLE | W2E_CONNECTED)) {
            poller->writes->sockets[poller->writes->count++] = watch->socket;
        }
        if (watch->interest & W2E_CONNECTED) {
            poller->failures->sockets[poller->failures->count++] = watch->socket;
        }
    }
}

static void report(struct w2e_poller *poller, const struct socket_set *set, unsigned what, struct w2e_watch **reports) {
    for (u_int i = 0; i < set->count; i++) {
        if (set->sockets[i] == poller->wake) {
            w2e_wake_socket_clear(poller->wake);
            continue;
        }
        w2e_watch_report(*place_of(poller, set->sockets[i]), what, reports);
    }
}

/* Winsock refuses a set without sockets. */
static fd_set *set_or_null(struct socket_set *set) {
    return set->count > 0 ? (fd_set *)set : NULL;
}

static int select_wait(struct w2e_poller *poller, uint64_t until_us, struct w2e_watch **reports) {
    DWORD left_ms = w2e_left_ms(until_us);
    long seconds = left_ms / 1000 < SELECT_SECONDS_MAX ? (long)(left_ms / 1000) : SELECT_SECONDS_MAX;
    struct timeval timeout = {.tv_sec = seconds, .tv_usec = (long)(left_ms % 1000 * 1000)};
    refresh_places(poller);
    fill_sets(poller);
    if (w2e_sys_select((fd_set *)poller->reads, set_or_null(poller->writes), set_or_null(poller->failures),
                       left_ms == INFINITE ? NULL : &timeout) < 0) {
        return WSAGetLastError();
    }
    report(poller, poller->reads, W2E_READABLE, reports);
    report(poller, poller->writes, W2E_WRITABLE | W2E_CONNECTED, reports);
    report(poller, poller->failures, W2E_CONNECTED, reports);
    return 0;
}

static void select_wake(struct w2e_poller *poller) {
    w2e_wake_socket_wake(poller->wake);
}

static void select_close(struct w2e_poller *poller) {
    w2e_sys_close_socket(poller->wake);
    free_memory(poller);
    w2e_sys_free(poller);
}

static int select_open(struct w2e_poller **opened) {
    struct w2e_poller *poller = w2e_sys_alloc(sizeof *poller);
    int error = poller != NULL ? w2e_wake_socket_open(&poller->wake) : WSAENOBUFS;
    if (error != 0) {
        w2e_sys_free(poller);
        return error;
    }
    error = grow(poller, FIRST_WATCHES);
    if (error != 0) {
        select_close(poller);
        return error;
    }
    *opened = poller;
    return 0;
}

const struct w2e_poller_ops w2e_poller_select = {.open = select_open,
                                                 .close = select_close,
                                                 .add = select_add,
                                                 .remove = select_remove,
                                                 .changed = select_changed,
                                                 .wait = select_wait,
                                                 .wake = select_wake};
