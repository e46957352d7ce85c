#include "io/acceptor.h"

#include "win/system.h"
#include "win/wine.h"

enum {
    IN_A_ROW = 64 /* connections that are accepted from one listener at a time */
};

struct source {
    HANDLE event; /* there is something to accept */
    SOCKET listener;
};

struct w2e_acceptor {
    struct w2e_shards *shards;
    HANDLE thread;
    HANDLE stop_event;
    /* Whichever had its turn goes to the end, for a wait tells of the first that is signalled. */
    struct source sources[W2E_LISTENERS_MAX];
    uint32_t count;
};

/* What was accepted has inherited that it does not block, and the event of its listener. */
static void make_plain(SOCKET socket) {
    w2e_sys_event_select(socket, NULL, 0);
    w2e_sys_set_nonblocking(socket, false);
}

/* Accepts one connection: 0 or an error. */
static int accept_one(struct w2e_acceptor *acceptor, SOCKET listener) {
    SOCKADDR_STORAGE peer = {0};
    int size = sizeof peer;
    SOCKET socket = w2e_sys_accept(listener, (struct sockaddr *)&peer, &size);
    if (socket == INVALID_SOCKET) {
        return WSAGetLastError();
    }
    make_plain(socket);
    w2e_shards_accepted(acceptor->shards, socket, &peer);
    return 0;
}

/* Makes Winsock look again: 0 or an error. */
static int select_again(const struct source *source) {
    return w2e_sys_event_select(source->listener, source->event, FD_ACCEPT) == 0 ? 0 : WSAGetLastError();
}

static void accept_failed(struct w2e_acceptor *acceptor, const struct source *source) {
    struct w2e_service *service = acceptor->shards->service;
    service->accept_failed(service->owner);
    w2e_sys_wait_any(&acceptor->stop_event, 1, W2E_RETRY_MS);
    if (select_again(source) != 0) {
        SetEvent(source->event); /* it is tried again, which pauses again */
    }
}

/* Wine may not tell again after a stale report (win/wine.h): what came while it was made to is looked for. */
static int accept_after_stale(struct w2e_acceptor *acceptor, const struct source *source) {
    if (!w2e_on_wine()) {
        return WSAEWOULDBLOCK;
    }
    w2e_wine_forget_reports(source->listener);
    int error = select_again(source);
    return error != 0 ? error : accept_one(acceptor, source->listener);
}

/* Accepts what waits. Each call makes Winsock signal the event if more is waiting. */
static void accept_some(struct w2e_acceptor *acceptor, const struct source *source) {
    int error = 0;
    bool accepted = false;
    ResetEvent(source->event);
    for (unsigned i = 0; i < IN_A_ROW && (error == 0 || w2e_driver_peer_is_gone(error)); i++) {
        error = accept_one(acceptor, source->listener);
        accepted = accepted || error == 0;
    }
    if (error == WSAEWOULDBLOCK && !accepted) {
        error = accept_after_stale(acceptor, source);
    }
    if (error != WSAEWOULDBLOCK && error != 0 && !w2e_driver_peer_is_gone(error)) {
        accept_failed(acceptor, source);
    }
}

static void move_to_end(struct w2e_acceptor *acceptor, uint32_t index) {
    struct source source = acceptor->sources[index];
    for (; index + 1 < acceptor->count; index++) {
        acceptor->sources[index] = acceptor->sources[index + 1];
    }
    acceptor->sources[index] = source;
}

static DWORD wait_any(const struct w2e_acceptor *acceptor) {
    HANDLE objects[1 + W2E_LISTENERS_MAX] = {acceptor->stop_event};
    for (uint32_t i = 0; i < acceptor->count; i++) {
        objects[1 + i] = acceptor->sources[i].event;
    }
    return w2e_sys_wait_any(objects, 1 + acceptor->count, INFINITE);
}

static DWORD WINAPI acceptor_run(void *argument) {
    struct w2e_acceptor *acceptor = argument;
    for (;;) {
        DWORD signalled = wait_any(acceptor);
        if (signalled == WAIT_OBJECT_0) {
            return 0;
        }
        if (signalled <= WAIT_OBJECT_0 + acceptor->count) {
            uint32_t index = signalled - WAIT_OBJECT_0 - 1;
            accept_some(acceptor, &acceptor->sources[index]);
            move_to_end(acceptor, index);
        } else {
            w2e_sys_sleep(W2E_RETRY_MS); /* the wait failed for want of memory */
        }
    }
}

static void free_acceptor(struct w2e_acceptor *acceptor) {
    for (uint32_t i = 0; i < acceptor->count; i++) {
        CloseHandle(acceptor->sources[i].event);
    }
    if (acceptor->stop_event != NULL) {
        CloseHandle(acceptor->stop_event);
    }
    w2e_sys_free(acceptor);
}

static int watch(struct w2e_acceptor *acceptor, SOCKET listener) {
    HANDLE event = w2e_sys_create_event();
    if (event == NULL) {
        return WSAENOBUFS;
    }
    acceptor->sources[acceptor->count++] = (struct source){.event = event, .listener = listener};
    return w2e_sys_event_select(listener, event, FD_ACCEPT) == 0 ? 0 : WSAGetLastError();
}

static int prepare(struct w2e_acceptor *acceptor) {
    const struct w2e_listeners *listeners = &acceptor->shards->listeners;
    acceptor->stop_event = w2e_sys_create_event();
    int error = acceptor->stop_event != NULL ? 0 : WSAENOBUFS;
    for (uint32_t i = 0; i < listeners->count && error == 0; i++) {
        if (listeners->sockets[i] != INVALID_SOCKET) {
            error = watch(acceptor, listeners->sockets[i]);
        }
    }
    return error;
}

int w2e_acceptor_start(struct w2e_acceptor **started, struct w2e_shards *shards) {
    struct w2e_acceptor *acceptor = w2e_sys_alloc(sizeof *acceptor);
    if (acceptor == NULL) {
        return WSAENOBUFS;
    }
    acceptor->shards = shards;
    int error = prepare(acceptor);
    if (error == 0) {
        error = w2e_thread_start(&acceptor->thread, acceptor_run, acceptor);
    }
    if (error != 0) {
        free_acceptor(acceptor);
        return error;
    }
    *started = acceptor;
    return 0;
}

void w2e_acceptor_stop(struct w2e_acceptor *acceptor) {
    SetEvent(acceptor->stop_event);
    w2e_thread_join(acceptor->thread);
    free_acceptor(acceptor);
}
