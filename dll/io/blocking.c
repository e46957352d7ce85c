/*
 * The model `threads`: a thread per connection that blocks in accept, recv and send.
 *
 * Threads are made ahead: each waits in accept itself, serves what it accepted, and comes back to accept. Whoever takes the last
 * place of a listener first starts another thread, so that a connection never waits for the one before it.
 *
 * Blocking calls are woken by CancelIoEx on the socket. A call that is just about to begin is not seen by it, so the waker repeats
 * until the threads have answered; they look at the flags before each call. A socket leaves the set, under the lock, before it
 * is closed: so nobody ever cancels on a number that already means another socket.
 *
 * A SEND that is cancelled does not tell how much of it went. So who wakes connections that are to go on leaves those alone that send; and
 * none begins to while he looks. (Where that could take too long the owner makes a connection interruptible: it then sends without blocking.)
 */
#include "io/driver.h"
#include "win/system.h"

/* The family has one model only: there is nothing to choose. */
extern const char w2e_blocking;
const char w2e_blocking = 0;

enum {
    WAITING_MAX = 16,            /* threads kept waiting in accept of one listener */
    WAKE_FIRST_MS = 2,           /* between two rounds of waking: first, and at most */
    WAKE_LAST_MS = 100,          /* … */
    REFRESH_MS = 500,            /* after that nobody is waited for who only sends */
    SELECT_SLICE_US = 500 * 1000 /* a select that no CancelIoEx reaches looks at the flags so often */
};

struct blocking {
    struct w2e_driver driver;
    struct w2e_service *service;
    struct w2e_flag stop_accepting;
    struct w2e_flag unlistened; /* nobody accepts: between unlisten and listen */
    struct w2e_flag abort;
    struct w2e_counter asked_again; /* how often sessions were to be asked again */
    struct w2e_counter refreshing;  /* how many are waking connections that are to go on; written with lock held */

    SRWLOCK lock;
    CONDITION_VARIABLE changed; /* a thread ended or was joined, the last one left accept, or a flag was set */

    /* Guarded by lock. */
    struct worker *serving; /* a list */
    struct worker *ended;   /* … to be joined */
    uint32_t threads;       /* started and not joined */
    uint32_t listening;     /* threads in accept, on their way to it, or with a socket of datagrams */
    uint32_t accepting;     /* … without the latter */
    uint32_t waiting_at[W2E_LISTENERS_MAX];
    struct w2e_listeners listeners; /* closed only when none listens: who waits reads its socket without the lock */
};

struct worker {
    struct blocking *driver;
    uint32_t listener; /* index */
    HANDLE thread;
    struct w2e_connection *connection; /* that it serves, or will serve first */
    struct w2e_flag sending;           /* it is in a SEND that blocks */

    /* Guarded by the driver's lock. */
    uint64_t answered; /* asked_again, as it was when the thread looked last */
    struct worker *next;
    struct worker *previous;
};

static DWORD WINAPI worker_run(void *argument);

/* Counts a thread that listens: at a listener, or with a socket of datagrams. */
static void count_listening_locked(struct blocking *driver, const struct worker *worker, bool more) {
    driver->listening = more ? driver->listening + 1 : driver->listening - 1;
    if (worker->connection == NULL) {
        uint32_t *waiting = &driver->waiting_at[worker->listener];
        *waiting = more ? *waiting + 1 : *waiting - 1;
        driver->accepting = more ? driver->accepting + 1 : driver->accepting - 1;
    }
}

static bool listens(const struct worker *worker) {
    return worker->connection == NULL || worker->connection->datagram;
}

static bool accepts(struct blocking *driver) {
    return !w2e_flag_is_set(&driver->stop_accepting) && !w2e_flag_is_set(&driver->unlistened);
}

/* Whether a session is to be wound down. Datagrams end with accepting. */
static bool ends(struct blocking *driver, const struct w2e_connection *connection) {
    return w2e_flag_is_set(connection->datagram ? &driver->stop_accepting : &driver->abort);
}

/* Starts a thread that waits in accept, or serves the connection: 0, WSAENOBUFS, or WSA_OPERATION_ABORTED if that comes too late. */
static int start_worker(struct blocking *driver, uint32_t listener, struct w2e_connection *connection) {
    struct worker *worker = w2e_sys_alloc(sizeof *worker);
    if (worker == NULL) {
        return WSAENOBUFS;
    }
    *worker = (struct worker){.driver = driver, .listener = listener, .connection = connection};
    AcquireSRWLockExclusive(&driver->lock);
    if (connection != NULL && ends(driver, connection)) {
        ReleaseSRWLockExclusive(&driver->lock);
        w2e_sys_free(worker);
        return WSA_OPERATION_ABORTED;
    }
    driver->threads++;
    if (listens(worker)) {
        count_listening_locked(driver, worker, true);
    }
    int error = w2e_thread_start(&worker->thread, worker_run, worker);
    if (error != 0) {
        driver->threads--;
        if (listens(worker)) {
            count_listening_locked(driver, worker, false);
        }
        WakeAllConditionVariable(&driver->changed);
    }
    ReleaseSRWLockExclusive(&driver->lock);
    if (error != 0) {
        w2e_sys_free(worker);
    }
    return error;
}

/* ---- one operation ---- */

static bool cancelled(int error) {
    return error == WSA_OPERATION_ABORTED || error == WSAEINTR;
}

/* What the thread of a connection knows beside it. */
struct run {
    struct blocking *driver;
    struct worker *worker;
    struct w2e_connection *connection;
    uint64_t asked_again; /* as it was before the session was asked */
    bool nonblocking;     /* the socket is */
};

/* Whether to let go of an operation because the session is to be asked again. A connect begins only once. */
static bool is_asked_again(const struct run *run, const struct w2e_op *op) {
    return op->kind != W2E_OP_CONNECT && w2e_counter_get(&run->driver->asked_again) != run->asked_again;
}

/*
 * Waits until the operation would not block: false when it is time to ask the session again. *error: that of the wait; of a transfer the
 * call itself tells more.
 */
static bool wait_ready(const struct run *run, const struct w2e_op *op, int *error) {
    for (;;) {
        uint64_t now_us = w2e_sys_now_us();
        if (ends(run->driver, run->connection) || now_us >= op->ask_again_us || is_asked_again(run, op)) {
            return false;
        }
        uint64_t left_us = op->ask_again_us - now_us;
        struct timeval timeout = {.tv_usec = (long)(left_us < SELECT_SLICE_US ? left_us : SELECT_SLICE_US)};
        fd_set ready = {.fd_count = 1, .fd_array = {run->connection->socket}};
        fd_set failed = ready; /* to connect */
        bool receiving = op->kind == W2E_OP_RECV;
        int count = w2e_sys_select(receiving ? &ready : NULL, receiving ? NULL : &ready, receiving ? NULL : &failed, &timeout);
        if (count != 0) {
            *error = count < 0 ? WSAGetLastError() : 0;
            if (count < 0 && op->kind != W2E_OP_CONNECT) {
                w2e_sys_sleep(W2E_RETRY_MS); /* the transfer is tried all the same, again and again, but not all the time */
            }
            return true;
        }
    }
}

/* Moves bytes under a time limit, on a socket that does not block: false if it did not happen. */
static bool transfer_timed(const struct run *run, const struct w2e_op *op, int *error, size_t *bytes) {
    do {
        if (!wait_ready(run, op, error)) {
            return false;
        }
        *error = w2e_connection_transfer(run->connection, op, bytes);
    } while (*error == WSAEWOULDBLOCK);
    return true;
}

/* Who refreshes either sees that this thread sends, or is seen here, and then has done with his look before the SEND begins. */
static int send_blocking(const struct run *run, const struct w2e_op *op, size_t *bytes) {
    struct blocking *driver = run->driver;
    w2e_flag_set(&run->worker->sending);
    if (w2e_counter_get(&driver->refreshing) != 0) {
        AcquireSRWLockExclusive(&driver->lock);
        ReleaseSRWLockExclusive(&driver->lock);
    }
    int error = w2e_connection_transfer(run->connection, op, bytes);
    w2e_flag_clear(&run->worker->sending);
    return error;
}

static int transfer_blocking(const struct run *run, const struct w2e_op *op, size_t *bytes) {
    return op->kind == W2E_OP_SEND ? send_blocking(run, op, bytes) : w2e_connection_transfer(run->connection, op, bytes);
}

static void transfer(struct run *run, const struct w2e_op *op) {
    struct blocking *driver = run->driver;
    struct w2e_connection *connection = run->connection;
    size_t bytes = 0;
    int error = 0;
    bool happened = true;
    bool timed = op->ask_again_us != W2E_NEVER || (connection->interruptible && op->kind == W2E_OP_SEND);
    if (timed && !run->nonblocking) {
        run->nonblocking = w2e_sys_set_nonblocking(connection->socket, true) == 0;
        error = run->nonblocking ? 0 : WSAGetLastError(); /* without it the time limit could not be kept */
    }
    if (run->nonblocking) {
        happened = transfer_timed(run, op, &error, &bytes);
    } else if (error == 0) {
        error = transfer_blocking(run, op, &bytes);
    }
    if (ends(driver, connection)) {
        w2e_session_abort(connection->session, WS2ECHO_REASON_STOPPED, 0);
    }
    if (!happened || (op->kind == W2E_OP_RECV && cancelled(error))) {
        w2e_session_undo(connection->session, op->kind);
        return;
    }
    w2e_connection_done(connection, op->kind, error, bytes, w2e_sys_now_us());
}

/* Always on a socket that does not block: nothing else ends a connect that nobody answers. */
static void connect_to_peer(struct run *run, const struct w2e_op *op) {
    struct blocking *driver = run->driver;
    struct w2e_connection *connection = run->connection;
    run->nonblocking = w2e_sys_set_nonblocking(connection->socket, true) == 0;
    int error = run->nonblocking ? w2e_connection_connect(connection) : WSAGetLastError();
    while (error == WSAEWOULDBLOCK) {
        int failed; /* of a socket on which nothing has gone wrong yet, SO_ERROR would tell that it is connected */
        if (wait_ready(run, op, &failed)) {
            error = failed != 0 ? failed : w2e_connection_connected(connection);
        } else {
            /* The session knows why; a second connect on this socket would not do. */
            error = ends(driver, connection) ? WSA_OPERATION_ABORTED : WSAETIMEDOUT;
        }
    }
    if (error == 0) { /* whoever needs a time limit makes it so again */
        run->nonblocking = w2e_sys_set_nonblocking(connection->socket, false) != 0;
    }
    w2e_connection_done(connection, W2E_OP_CONNECT, error, 0, w2e_sys_now_us());
}

static void sleep_until(const struct run *run, uint64_t time_us) {
    struct blocking *driver = run->driver;
    AcquireSRWLockExclusive(&driver->lock);
    while (!ends(driver, run->connection) && w2e_counter_get(&driver->asked_again) == run->asked_again &&
           w2e_condition_wait(&driver->changed, &driver->lock, time_us)) {
    }
    ReleaseSRWLockExclusive(&driver->lock);
}

/* ---- one connection ---- */

static void refresh(const struct run *run) {
    struct w2e_service *service = run->driver->service;
    if (service->refresh != NULL) {
        service->refresh(service->owner, run->connection);
    }
}

static void refresh_again(struct run *run, uint64_t asked_again) {
    struct blocking *driver = run->driver;
    run->asked_again = asked_again;
    refresh(run);
    AcquireSRWLockExclusive(&driver->lock);
    run->worker->answered = asked_again;
    WakeAllConditionVariable(&driver->changed);
    ReleaseSRWLockExclusive(&driver->lock);
}

/* asked_again: as the thread noted it when it came into the set. */
static void run_session(struct worker *worker, struct w2e_connection *connection, uint64_t asked_again) {
    struct blocking *driver = worker->driver;
    struct run run = {.driver = driver, .worker = worker, .connection = connection, .asked_again = asked_again};
    refresh(&run);
    for (;;) {
        if (ends(driver, connection)) {
            w2e_session_abort(connection->session, WS2ECHO_REASON_STOPPED, 0);
        }
        asked_again = w2e_counter_get(&driver->asked_again);
        if (asked_again != run.asked_again) {
            refresh_again(&run, asked_again);
        }
        struct w2e_op op = w2e_connection_next(connection, w2e_sys_now_us());
        switch (op.kind) {
        case W2E_OP_NONE:
        case W2E_OP_CANCEL: /* is not lent, for nothing is out while a session is asked */
            sleep_until(&run, op.ask_again_us);
            break;
        case W2E_OP_CONNECT:
            connect_to_peer(&run, &op);
            break;
        case W2E_OP_RECV:
        case W2E_OP_SEND:
            transfer(&run, &op);
            break;
        case W2E_OP_SHUTDOWN:
        case W2E_OP_RESET:
            w2e_driver_wind_down(driver->service, connection, op.kind);
            break;
        case W2E_OP_CLOSE:
            return;
        }
    }
}

/* Gives asked_again as it is by then. */
static uint64_t add_to_set(struct worker *worker, struct w2e_connection *connection) {
    struct blocking *driver = worker->driver;
    AcquireSRWLockExclusive(&driver->lock);
    uint64_t asked_again = w2e_counter_get(&driver->asked_again);
    worker->answered = asked_again;
    worker->connection = connection;
    worker->previous = NULL;
    worker->next = driver->serving;
    if (worker->next != NULL) {
        worker->next->previous = worker;
    }
    driver->serving = worker;
    ReleaseSRWLockExclusive(&driver->lock);
    return asked_again;
}

static void remove_from_set(struct worker *worker) {
    struct blocking *driver = worker->driver;
    AcquireSRWLockExclusive(&driver->lock);
    if (worker->previous != NULL) {
        worker->previous->next = worker->next;
    } else {
        driver->serving = worker->next;
    }
    if (worker->next != NULL) {
        worker->next->previous = worker->previous;
    }
    if (w2e_counter_get(&driver->refreshing) > 0) {
        WakeAllConditionVariable(&driver->changed);
    }
    ReleaseSRWLockExclusive(&driver->lock);
}

static void serve(struct worker *worker, struct w2e_connection *connection) {
    uint64_t asked_again = add_to_set(worker, connection);
    run_session(worker, connection, asked_again);
    remove_from_set(worker);
    w2e_driver_finish(worker->driver->service, connection);
}

/* ---- accepting ---- */

static void accept_failed(struct blocking *driver) {
    driver->service->accept_failed(driver->service->owner);
    AcquireSRWLockExclusive(&driver->lock);
    if (accepts(driver)) {
        w2e_sys_wait_condition(&driver->changed, &driver->lock, W2E_RETRY_MS);
    }
    ReleaseSRWLockExclusive(&driver->lock);
}

/*
 * Waits in accept for the next connection: NULL once accepting has stopped. Wine 8 says WSAEWOULDBLOCK on a blocking socket too, if a
 * connection was reset, or accepted by another thread, between its report and this thread's turn.
 */
static struct w2e_connection *accept_next(struct blocking *driver, uint32_t listener) {
    struct w2e_connection *connection = NULL;
    while (connection == NULL && accepts(driver)) {
        SOCKADDR_STORAGE peer = {0};
        int size = sizeof peer;
        SOCKET socket = w2e_sys_accept(driver->listeners.sockets[listener], (struct sockaddr *)&peer, &size);
        int error = socket == INVALID_SOCKET ? WSAGetLastError() : 0;
        if (error == 0) {
            connection = w2e_driver_accepted(driver->service, socket, &peer);
        } else if (error != WSAEWOULDBLOCK && !cancelled(error) && !w2e_driver_peer_is_gone(error)) {
            accept_failed(driver);
        }
    }
    return connection;
}

/* Stops listening: whether nobody else waits at the listener. */
static bool leave_accept(struct worker *worker) {
    struct blocking *driver = worker->driver;
    AcquireSRWLockExclusive(&driver->lock);
    count_listening_locked(driver, worker, false);
    bool last = driver->waiting_at[worker->listener] == 0;
    if (driver->listening == 0 || driver->accepting == 0) {
        WakeAllConditionVariable(&driver->changed);
    }
    ReleaseSRWLockExclusive(&driver->lock);
    return last;
}

/* Goes back to accept, unless enough threads wait there. */
static bool return_to_accept(struct worker *worker) {
    struct blocking *driver = worker->driver;
    AcquireSRWLockExclusive(&driver->lock);
    bool wanted = accepts(driver) && driver->waiting_at[worker->listener] < WAITING_MAX;
    worker->connection = NULL;
    if (wanted) {
        count_listening_locked(driver, worker, true);
    }
    ReleaseSRWLockExclusive(&driver->lock);
    return wanted;
}

static void join_ended_locked(struct blocking *driver) {
    while (driver->ended != NULL) {
        struct worker *worker = driver->ended;
        driver->ended = worker->next;
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
    worker->next = driver->ended;
    driver->ended = worker;
    WakeAllConditionVariable(&driver->changed);
    ReleaseSRWLockExclusive(&driver->lock);
}

static void serve_connections(struct worker *worker) {
    struct blocking *driver = worker->driver;
    do {
        struct w2e_connection *connection = accept_next(driver, worker->listener);
        bool last = leave_accept(worker);
        if (connection == NULL) {
            break;
        }
        int error = last && accepts(driver) ? start_worker(driver, worker->listener, NULL) : 0;
        if (error != 0) {
            /* Without a thread to take this one's place nobody would accept: this connection is given up instead. */
            w2e_session_abort(connection->session, WS2ECHO_REASON_ERROR, error);
        }
        serve(worker, connection);
    } while (return_to_accept(worker));
}

static DWORD WINAPI worker_run(void *argument) {
    struct worker *worker = argument;
    w2e_thread_enter();
    if (worker->connection != NULL) {
        bool listening = listens(worker);
        serve(worker, worker->connection);
        if (listening) {
            leave_accept(worker);
        }
    } else {
        serve_connections(worker);
    }
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

static void cancel_serving_locked(struct blocking *driver, bool datagrams_only) {
    for (const struct worker *each = driver->serving; each != NULL; each = each->next) {
        if (each->connection->datagram || !datagrams_only) {
            w2e_sys_cancel(each->connection->socket, NULL);
        }
    }
}

/* Who is inside recv or send comes back by itself, or not at all; the others sleep. */
static void blocking_ask_again(struct w2e_driver *base) {
    struct blocking *driver = (struct blocking *)base;
    AcquireSRWLockExclusive(&driver->lock);
    w2e_counter_add(&driver->asked_again, 1);
    WakeAllConditionVariable(&driver->changed);
    ReleaseSRWLockExclusive(&driver->lock);
}

/* Calls those back who have not looked yet: whether there are any to wait for. */
static bool call_back_locked(struct blocking *driver, uint64_t asked_again, bool patient) {
    bool any = false;
    for (struct worker *each = driver->serving; each != NULL; each = each->next) {
        bool looked = each->answered >= asked_again;
        bool sends = w2e_flag_is_set(&each->sending);
        if (!looked && !sends) {
            w2e_sys_cancel(each->connection->socket, NULL);
        }
        any |= !looked && (patient || !sends);
    }
    return any;
}

static void blocking_refresh(struct w2e_driver *base) {
    struct blocking *driver = (struct blocking *)base;
    DWORD pause_ms = WAKE_FIRST_MS;
    uint64_t patient_us = w2e_deadline_us(w2e_sys_now_us(), REFRESH_MS);
    AcquireSRWLockExclusive(&driver->lock);
    w2e_counter_add(&driver->asked_again, 1);
    uint64_t asked_again = w2e_counter_get(&driver->asked_again);
    w2e_counter_add(&driver->refreshing, 1);
    WakeAllConditionVariable(&driver->changed);
    while (call_back_locked(driver, asked_again, w2e_sys_now_us() < patient_us)) {
        w2e_sys_wait_condition(&driver->changed, &driver->lock, pause_ms);
        pause_ms = pause_ms * 2 < WAKE_LAST_MS ? pause_ms * 2 : WAKE_LAST_MS;
    }
    w2e_counter_add(&driver->refreshing, (uint64_t)0 - 1);
    ReleaseSRWLockExclusive(&driver->lock);
}

static void cancel_accepting_locked(const struct blocking *driver) {
    for (uint32_t i = 0; i < driver->listeners.count; i++) {
        if (driver->listeners.sockets[i] != INVALID_SOCKET) {
            w2e_sys_cancel(driver->listeners.sockets[i], NULL);
        }
    }
}

static void end_accepting_locked(struct blocking *driver) {
    DWORD pause_ms = WAKE_FIRST_MS;
    w2e_flag_set(&driver->unlistened);
    WakeAllConditionVariable(&driver->changed);
    while (driver->accepting > 0) {
        cancel_accepting_locked(driver);
        await_answers_locked(driver, &driver->accepting, &pause_ms);
    }
}

static void blocking_unlisten(struct w2e_driver *base, struct w2e_listeners *streams) {
    struct blocking *driver = (struct blocking *)base;
    AcquireSRWLockExclusive(&driver->lock);
    end_accepting_locked(driver);
    *streams = driver->listeners;
    driver->listeners.count = 0;
    ReleaseSRWLockExclusive(&driver->lock);
}

static int start_workers(struct blocking *driver) {
    int error = 0;
    for (uint32_t i = 0; i < driver->listeners.count && error == 0; i++) {
        if (driver->listeners.sockets[i] != INVALID_SOCKET) {
            error = start_worker(driver, i, NULL);
        }
    }
    return error;
}

static int blocking_listen(struct w2e_driver *base, const struct w2e_listeners *streams) {
    struct blocking *driver = (struct blocking *)base;
    AcquireSRWLockExclusive(&driver->lock);
    bool late = w2e_flag_is_set(&driver->stop_accepting);
    if (!late) {
        driver->listeners = *streams;
        w2e_flag_clear(&driver->unlistened);
    }
    ReleaseSRWLockExclusive(&driver->lock);
    if (late) {
        return WSA_OPERATION_ABORTED;
    }
    int error = start_workers(driver);
    if (error != 0) {
        struct w2e_listeners given_back;
        blocking_unlisten(base, &given_back);
    }
    return error;
}

static void blocking_stop_accepting(struct w2e_driver *base) {
    struct blocking *driver = (struct blocking *)base;
    DWORD pause_ms = WAKE_FIRST_MS;
    AcquireSRWLockExclusive(&driver->lock);
    w2e_flag_set(&driver->stop_accepting);
    WakeAllConditionVariable(&driver->changed);
    while (driver->listening > 0) {
        cancel_accepting_locked(driver);
        cancel_serving_locked(driver, true);
        await_answers_locked(driver, &driver->listening, &pause_ms);
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
        cancel_serving_locked(driver, false);
        await_answers_locked(driver, &driver->threads, &pause_ms);
    }
    ReleaseSRWLockExclusive(&driver->lock);
}

static void blocking_free(struct w2e_driver *base) {
    w2e_sys_free(base);
}

static int blocking_add(struct w2e_driver *base, struct w2e_connection *connection) {
    return start_worker((struct blocking *)base, 0, connection);
}

static int blocking_open(struct w2e_driver **opened, const void *part, const struct w2e_driver_config *config,
                         struct w2e_listeners *listeners, struct w2e_service *service) {
    (void)part;
    (void)config;
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
    int error = start_workers(driver);
    if (error != 0) {
        blocking_stop(&driver->driver);
        blocking_free(&driver->driver);
        return error;
    }
    *opened = &driver->driver;
    return 0;
}

const struct w2e_driver_ops w2e_driver_blocking = {.open = blocking_open,
                                                   .add = blocking_add,
                                                   .ask_again = blocking_ask_again,
                                                   .refresh = blocking_refresh,
                                                   .unlisten = blocking_unlisten,
                                                   .listen = blocking_listen,
                                                   .stop_accepting = blocking_stop_accepting,
                                                   .stop = blocking_stop,
                                                   .free = blocking_free};
