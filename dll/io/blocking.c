/*
 * The model `threads`: a thread per connection that blocks in accept, recv and send.
 *
 * Threads are made ahead: each waits in accept itself, serves what it accepted, and comes back to accept. Whoever takes the last
 * place of a listener first starts another thread, so that a connection never waits for the one before it.
 *
 * Blocking calls are woken by CancelIoEx on the socket. A call that is just about to begin is not seen by it, so the waker repeats
 * until the threads have answered; they look at the flags before each call. A socket leaves the set, under the lock, before it
 * is closed: so nobody ever cancels on a number that already means another socket.
 */
#include "io/driver.h"
#include "win/system.h"

#include <limits.h>

enum {
    WAITING_MAX = 16,            /* threads kept waiting in accept of one listener */
    WAKE_FIRST_MS = 2,           /* between two rounds of waking: first, and at most */
    WAKE_LAST_MS = 100,          /* … */
    ACCEPT_RETRY_MS = 50,        /* after accept failed for want of resources */
    SELECT_SLICE_US = 500 * 1000 /* a select that no CancelIoEx reaches looks at the flags so often */
};

struct blocking {
    struct w2e_driver driver;
    struct w2e_service *service;
    struct w2e_flag stop_accepting;
    struct w2e_flag abort;

    SRWLOCK lock;
    CONDITION_VARIABLE changed; /* a thread ended or was joined, the last one left accept, or a flag was set */

    /* Guarded by lock. */
    struct w2e_connection *connections;
    struct worker *ended;
    uint32_t threads; /* started and not joined */
    uint32_t waiting; /* threads in accept, or on their way to it */
    uint32_t waiting_at[W2E_LISTENERS_MAX];
    struct w2e_listeners listeners; /* closed only when none waits: who waits reads its socket without the lock */
};

struct worker {
    struct blocking *driver;
    uint32_t listener; /* index */
    HANDLE thread;
    struct worker *next_ended;
};

static DWORD WINAPI worker_run(void *argument);

/* Starts a thread that waits in accept: 0 or WSAENOBUFS. */
static int start_worker(struct blocking *driver, uint32_t listener) {
    struct worker *worker = w2e_sys_alloc(sizeof *worker);
    if (worker == NULL) {
        return WSAENOBUFS;
    }
    *worker = (struct worker){.driver = driver, .listener = listener};
    AcquireSRWLockExclusive(&driver->lock);
    driver->threads++;
    driver->waiting++;
    driver->waiting_at[listener]++;
    int error = w2e_thread_start(&worker->thread, worker_run, worker);
    if (error != 0) {
        driver->threads--;
        driver->waiting--;
        driver->waiting_at[listener]--;
        WakeAllConditionVariable(&driver->changed);
    }
    ReleaseSRWLockExclusive(&driver->lock);
    if (error != 0) {
        w2e_sys_free(worker);
    }
    return error;
}

/* ---- one operation ---- */

static int call(SOCKET socket, const struct w2e_op *op, size_t *bytes) {
    int size = op->size > INT_MAX ? INT_MAX : (int)op->size;
    int moved = op->kind == W2E_OP_RECV ? w2e_sys_recv(socket, (char *)op->data, size)
                                        : w2e_sys_send(socket, (const char *)op->data, size);
    *bytes = moved > 0 ? (size_t)moved : 0;
    if (moved < 0) {
        return WSAGetLastError();
    }
    return moved == 0 && op->kind == W2E_OP_RECV ? w2e_socket_end_error(socket) : 0;
}

static bool cancelled(int error) {
    return error == WSA_OPERATION_ABORTED || error == WSAEINTR;
}

/* Waits until the operation would not block: false when it is time to ask the session again. */
static bool wait_ready(struct blocking *driver, SOCKET socket, const struct w2e_op *op) {
    for (;;) {
        uint64_t now_us = w2e_sys_now_us();
        if (w2e_flag_is_set(&driver->abort) || now_us >= op->ask_again_us) {
            return false;
        }
        uint64_t left_us = op->ask_again_us - now_us;
        struct timeval timeout = {.tv_usec = (long)(left_us < SELECT_SLICE_US ? left_us : SELECT_SLICE_US)};
        fd_set ready = {.fd_count = 1, .fd_array = {socket}};
        bool receiving = op->kind == W2E_OP_RECV;
        int count = w2e_sys_select(receiving ? &ready : NULL, receiving ? NULL : &ready, NULL, &timeout);
        if (count != 0) {
            return true; /* ready; or an error, which the call itself will tell */
        }
    }
}

/* Moves bytes under a time limit, on a socket that does not block: false if it did not happen. */
static bool call_timed(struct blocking *driver, SOCKET socket, const struct w2e_op *op, int *error, size_t *bytes) {
    do {
        if (!wait_ready(driver, socket, op)) {
            return false;
        }
        *error = call(socket, op, bytes);
    } while (*error == WSAEWOULDBLOCK);
    return true;
}

static void count_bytes(struct w2e_service *service, enum w2e_op_kind kind, size_t bytes) {
    w2e_counter_add(kind == W2E_OP_RECV ? &service->bytes_received : &service->bytes_sent, bytes);
}

static void transfer(struct blocking *driver, struct w2e_connection *connection, const struct w2e_op *op, bool *nonblocking) {
    size_t bytes = 0;
    int error = 0;
    bool happened = true;
    if (op->ask_again_us != W2E_NEVER && !*nonblocking) {
        *nonblocking = w2e_sys_set_nonblocking(connection->socket, true) == 0;
        error = *nonblocking ? 0 : WSAGetLastError(); /* without it the time limit could not be kept */
    }
    if (*nonblocking) {
        happened = call_timed(driver, connection->socket, op, &error, &bytes);
    } else if (error == 0) {
        error = call(connection->socket, op, &bytes);
    }
    if (w2e_flag_is_set(&driver->abort)) {
        w2e_session_abort(connection->session, WS2ECHO_REASON_STOPPED, 0);
    }
    if (!happened || (op->kind == W2E_OP_RECV && cancelled(error))) {
        w2e_session_undo(connection->session, op->kind);
        return;
    }
    count_bytes(driver->service, op->kind, bytes);
    w2e_session_done(connection->session, op->kind, error, bytes, w2e_sys_now_us());
}

static void sleep_until(struct blocking *driver, uint64_t time_us) {
    AcquireSRWLockExclusive(&driver->lock);
    while (!w2e_flag_is_set(&driver->abort) && w2e_condition_wait(&driver->changed, &driver->lock, time_us)) {
    }
    ReleaseSRWLockExclusive(&driver->lock);
}

/* ---- one connection ---- */

static void run_session(struct blocking *driver, struct w2e_connection *connection) {
    struct w2e_session *session = connection->session;
    bool nonblocking = false;
    for (;;) {
        if (w2e_flag_is_set(&driver->abort)) {
            w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
        }
        w2e_connection_fit_buffer(connection);
        struct w2e_op op = w2e_session_next(session, w2e_sys_now_us());
        int error = 0;
        switch (op.kind) {
        case W2E_OP_NONE:
            sleep_until(driver, op.ask_again_us);
            break;
        case W2E_OP_RECV:
        case W2E_OP_SEND:
            transfer(driver, connection, &op, &nonblocking);
            break;
        case W2E_OP_SHUTDOWN:
            driver->service->ending(driver->service->owner, connection);
            error = w2e_sys_shutdown(connection->socket, SD_SEND) == 0 ? 0 : WSAGetLastError();
            w2e_session_done(session, op.kind, error, 0, w2e_sys_now_us());
            break;
        case W2E_OP_RESET:
            driver->service->ending(driver->service->owner, connection);
            w2e_socket_reset_on_close(connection->socket);
            w2e_session_done(session, op.kind, 0, 0, w2e_sys_now_us());
            break;
        case W2E_OP_CLOSE:
            if (nonblocking) {
                w2e_sys_set_nonblocking(connection->socket, false); /* closesocket lingers only on a socket that blocks */
            }
            return;
        }
    }
}

static void add_connection(struct blocking *driver, struct w2e_connection *connection) {
    AcquireSRWLockExclusive(&driver->lock);
    connection->previous = NULL;
    connection->next = driver->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    driver->connections = connection;
    ReleaseSRWLockExclusive(&driver->lock);
}

static void remove_connection(struct blocking *driver, struct w2e_connection *connection) {
    AcquireSRWLockExclusive(&driver->lock);
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        driver->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    ReleaseSRWLockExclusive(&driver->lock);
}

static void serve(struct blocking *driver, struct w2e_connection *connection) {
    SOCKET socket = connection->socket;
    add_connection(driver, connection);
    run_session(driver, connection);
    remove_connection(driver, connection);
    w2e_connection_free_buffer(connection);
    w2e_sys_close_socket(socket);
    driver->service->finished(driver->service->owner, connection);
}

/* ---- accepting ---- */

static void accept_failed(struct blocking *driver) {
    driver->service->accept_failed(driver->service->owner);
    AcquireSRWLockExclusive(&driver->lock);
    if (!w2e_flag_is_set(&driver->stop_accepting)) {
        w2e_sys_wait_condition(&driver->changed, &driver->lock, ACCEPT_RETRY_MS);
    }
    ReleaseSRWLockExclusive(&driver->lock);
}

static struct w2e_connection *make_connection(struct blocking *driver, SOCKET socket, const SOCKADDR_STORAGE *peer) {
    struct w2e_connection *connection = driver->service->accepted(driver->service->owner, socket, peer);
    if (connection == NULL) {
        w2e_socket_reset_on_close(socket);
        w2e_sys_close_socket(socket);
    }
    return connection;
}

/* Waits in accept for the next connection: NULL once accepting has stopped. */
static struct w2e_connection *accept_next(struct blocking *driver, uint32_t listener) {
    struct w2e_connection *connection = NULL;
    while (connection == NULL && !w2e_flag_is_set(&driver->stop_accepting)) {
        SOCKADDR_STORAGE peer = {0};
        int size = sizeof peer;
        SOCKET socket = w2e_sys_accept(driver->listeners.sockets[listener], (struct sockaddr *)&peer, &size);
        int error = socket == INVALID_SOCKET ? WSAGetLastError() : 0;
        if (error == 0) {
            connection = make_connection(driver, socket, &peer);
        } else if (!cancelled(error) && error != WSAECONNRESET) {
            /* WSAECONNRESET: the peer was gone before it could be accepted. That is no failure of accept. */
            accept_failed(driver);
        }
    }
    return connection;
}

/* Leaves accept: whether nobody else waits there. */
static bool leave_accept(struct blocking *driver, uint32_t listener) {
    AcquireSRWLockExclusive(&driver->lock);
    bool last = --driver->waiting_at[listener] == 0;
    if (--driver->waiting == 0) {
        WakeAllConditionVariable(&driver->changed);
    }
    ReleaseSRWLockExclusive(&driver->lock);
    return last;
}

/* Goes back to accept, unless enough threads wait there. */
static bool return_to_accept(struct blocking *driver, uint32_t listener) {
    AcquireSRWLockExclusive(&driver->lock);
    bool wanted = !w2e_flag_is_set(&driver->stop_accepting) && driver->waiting_at[listener] < WAITING_MAX;
    if (wanted) {
        driver->waiting_at[listener]++;
        driver->waiting++;
    }
    ReleaseSRWLockExclusive(&driver->lock);
    return wanted;
}

static void join_ended_locked(struct blocking *driver) {
    while (driver->ended != NULL) {
        struct worker *worker = driver->ended;
        driver->ended = worker->next_ended;
        ReleaseSRWLockExclusive(&driver->lock);
        w2e_thread_join(worker->thread);
        w2e_sys_free(worker);
        AcquireSRWLockExclusive(&driver->lock);
        driver->threads--;
        WakeAllConditionVariable(&driver->changed);
    }
}

static void end_worker(struct worker *worker) {
    struct blocking *driver = worker->driver;
    AcquireSRWLockExclusive(&driver->lock);
    join_ended_locked(driver); /* the threads that ended before; this one is left to the next */
    worker->next_ended = driver->ended;
    driver->ended = worker;
    WakeAllConditionVariable(&driver->changed);
    ReleaseSRWLockExclusive(&driver->lock);
}

static DWORD WINAPI worker_run(void *argument) {
    struct worker *worker = argument;
    struct blocking *driver = worker->driver;
    uint32_t listener = worker->listener;
    do {
        struct w2e_connection *connection = accept_next(driver, listener);
        bool last = leave_accept(driver, listener);
        if (connection == NULL) {
            break;
        }
        int error = last && !w2e_flag_is_set(&driver->stop_accepting) ? start_worker(driver, listener) : 0;
        if (error != 0) {
            /* Without a thread to take this one's place nobody would accept: this connection is given up instead. */
            w2e_session_abort(connection->session, WS2ECHO_REASON_ERROR, error);
        }
        serve(driver, connection);
    } while (return_to_accept(driver, listener));
    end_worker(worker);
    return 0;
}

/* ---- the driver ---- */

/* After a round of waking: waits for the threads to answer, a little longer each time, with the lock held. */
static void await_answers_locked(struct blocking *driver, const uint32_t *left, DWORD *pause_ms) {
    uint64_t until_us = w2e_deadline_us(w2e_sys_now_us(), *pause_ms);
    do {
        join_ended_locked(driver);
    } while (*left > 0 && w2e_condition_wait(&driver->changed, &driver->lock, until_us));
    *pause_ms = *pause_ms * 2 < WAKE_LAST_MS ? *pause_ms * 2 : WAKE_LAST_MS;
}

static void blocking_stop_accepting(struct w2e_driver *base) {
    struct blocking *driver = (struct blocking *)base;
    DWORD pause_ms = WAKE_FIRST_MS;
    AcquireSRWLockExclusive(&driver->lock);
    w2e_flag_set(&driver->stop_accepting);
    WakeAllConditionVariable(&driver->changed);
    while (driver->waiting > 0) {
        for (uint32_t i = 0; i < driver->listeners.count; i++) {
            w2e_sys_cancel(driver->listeners.sockets[i], NULL);
        }
        await_answers_locked(driver, &driver->waiting, &pause_ms);
    }
    w2e_listeners_close(&driver->listeners);
    ReleaseSRWLockExclusive(&driver->lock);
}

static void blocking_stop(struct w2e_driver *base) {
    struct blocking *driver = (struct blocking *)base;
    DWORD pause_ms = WAKE_FIRST_MS;
    blocking_stop_accepting(base);
    AcquireSRWLockExclusive(&driver->lock);
    w2e_flag_set(&driver->abort);
    WakeAllConditionVariable(&driver->changed);
    while (driver->threads > 0) {
        for (struct w2e_connection *each = driver->connections; each != NULL; each = each->next) {
            w2e_sys_cancel(each->socket, NULL);
        }
        await_answers_locked(driver, &driver->threads, &pause_ms);
    }
    ReleaseSRWLockExclusive(&driver->lock);
}

static void blocking_free(struct w2e_driver *base) {
    w2e_sys_free(base);
}

static int blocking_open(struct w2e_driver **opened, struct w2e_listeners *listeners, struct w2e_service *service);

const struct w2e_driver_ops w2e_driver_blocking = {
    .open = blocking_open, .stop_accepting = blocking_stop_accepting, .stop = blocking_stop, .free = blocking_free};

static int blocking_open(struct w2e_driver **opened, struct w2e_listeners *listeners, struct w2e_service *service) {
    struct blocking *driver = w2e_sys_alloc(sizeof *driver);
    if (driver == NULL) {
        w2e_listeners_close(listeners);
        return WSAENOBUFS;
    }
    driver->driver.ops = &w2e_driver_blocking;
    driver->service = service;
    driver->listeners = *listeners;
    InitializeSRWLock(&driver->lock);
    InitializeConditionVariable(&driver->changed);
    int error = 0;
    for (uint32_t i = 0; i < listeners->count && error == 0; i++) {
        error = start_worker(driver, i);
    }
    if (error != 0) {
        blocking_stop(&driver->driver);
        blocking_free(&driver->driver);
        return error;
    }
    *opened = &driver->driver;
    return 0;
}
