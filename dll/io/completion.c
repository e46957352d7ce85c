/*
 * The engine of the completion models: operations are started, and a reaper tells when they are completed.
 *
 * What the session has lent stays lent until then. Nothing of a task goes while Windows still has one of its operations: the session
 * lends CLOSE only after each has come back, and a listening task counts its one AcceptEx the same way.
 */
#include "io/acceptor.h"
#include "io/reaper.h"
#include "io/shards.h"
#include "win/extension.h"
#include "win/system.h"

#include <string.h>

enum {
    STEPS_IN_A_ROW = 32 /* operations of one connection that are done at once, until the others have their turn */
};

/* What AcceptEx writes for each of the two addresses. */
enum { ADDRESS_BYTES = sizeof(SOCKADDR_STORAGE) + 16 };

struct completion {
    struct w2e_shards shards; /* first */
    const struct w2e_reaper_ops *reaper_ops;
    struct w2e_acceptor *acceptor;      /* NULL where AcceptEx accepts */
    uint32_t accepts_pending;           /* on each listener; 0: it is not AcceptEx that accepts */
    SOCKET attached[W2E_LISTENERS_MAX]; /* the listener that stood at this index when it was attached last; 0: none was */
    struct w2e_accept_functions accept;
};

struct shard {
    struct w2e_shard shard; /* first */
    const struct w2e_reaper_ops *ops;
    struct w2e_reaper *reaper;
};

/* A connection, with an operation each way. CONNECT, which comes alone, is that of SEND. */
struct stream {
    struct w2e_task task; /* first */
    struct w2e_operation recv;
    struct w2e_operation send;
    bool recv_out;
    bool send_out;
};

/* One AcceptEx, which is kept out until accepting stops. */
struct accept {
    struct w2e_task task; /* first; it has no connection */
    struct w2e_operation operation;
    bool out;
    bool ending;
    int family;
    SOCKET listener;
    SOCKET socket; /* made ahead, for the connection to come */
    unsigned char addresses[2 * ADDRESS_BYTES];
};

static struct shard *shard_of(const struct w2e_task *task) {
    return (struct shard *)task->shard;
}

static void resume_soon(struct w2e_task *task) {
    w2e_task_resume_at(task, w2e_sys_now_us());
}

/* ---- connections ---- */

static struct w2e_operation *operation_of(struct stream *stream, enum w2e_op_kind kind, bool **out) {
    *out = kind == W2E_OP_RECV ? &stream->recv_out : &stream->send_out;
    return kind == W2E_OP_RECV ? &stream->recv : &stream->send;
}

/* Reports what became of an operation that Windows has given back. */
static void collect(struct stream *stream, enum w2e_op_kind kind) {
    bool *out;
    struct w2e_operation *operation = operation_of(stream, kind, &out);
    size_t bytes;
    int error = w2e_connection_result(stream->task.connection, kind, &operation->overlapped, &bytes);
    *out = false;
    w2e_connection_done(stream->task.connection, kind, error, bytes, w2e_sys_now_us());
}

static int start_operation(struct stream *stream, const struct w2e_op *op, struct w2e_operation *operation) {
    struct w2e_connection *connection = stream->task.connection;
    return op->kind == W2E_OP_CONNECT
               ? w2e_connection_start_connect(connection, &operation->overlapped)
               : w2e_connection_start(connection, op, &operation->overlapped, shard_of(&stream->task)->ops->routine);
}

static void start(struct stream *stream, const struct w2e_op *op) {
    struct shard *shard = shard_of(&stream->task);
    bool *out;
    struct w2e_operation *operation = operation_of(stream, op->kind, &out);
    operation->no_routine = op->kind == W2E_OP_CONNECT;
    int error = shard->ops->prepare(shard->reaper, operation);
    if (error == 0) {
        error = start_operation(stream, op, operation);
        *out = shard->ops->started(shard->reaper, operation, error);
    }
    if (!*out && error == 0) {
        collect(stream, op->kind);
    } else if (!*out) {
        w2e_connection_done(stream->task.connection, op->kind, error, 0, w2e_sys_now_us());
    }
}

static void cancel(struct stream *stream) {
    SOCKET socket = stream->task.connection->socket;
    if (stream->recv_out) {
        w2e_sys_cancel(socket, &stream->recv.overlapped);
    }
    if (stream->send_out) {
        w2e_sys_cancel(socket, &stream->send.overlapped);
    }
}

/* Asks the session until it has to wait, or others have to have their turn. */
static void serve(struct stream *stream) {
    struct w2e_connection *connection = stream->task.connection;
    for (unsigned step = 0; step < STEPS_IN_A_ROW; step++) {
        struct w2e_op op = w2e_connection_next(connection, w2e_sys_now_us());
        switch (op.kind) {
        case W2E_OP_CONNECT:
        case W2E_OP_RECV:
        case W2E_OP_SEND:
            start(stream, &op);
            break;
        case W2E_OP_CANCEL:
            cancel(stream);
            break;
        case W2E_OP_SHUTDOWN:
        case W2E_OP_RESET:
            w2e_driver_wind_down(stream->task.shard->shards->service, connection, op.kind);
            break;
        case W2E_OP_CLOSE:
            w2e_task_finish(&stream->task);
            return;
        case W2E_OP_NONE:
            w2e_task_resume_at(&stream->task, op.ask_again_us);
            return;
        }
    }
    resume_soon(&stream->task);
}

static void begin_stream(struct stream *stream) {
    struct shard *shard = shard_of(&stream->task);
    stream->recv.task = &stream->task;
    stream->send.task = &stream->task;
    int error = shard->ops->attach(shard->reaper, stream->task.connection->socket);
    if (error != 0) {
        w2e_session_abort(stream->task.connection->session, WS2ECHO_REASON_ERROR, error);
    }
    serve(stream);
}

/* ---- AcceptEx ---- */

static struct w2e_shards *shards_of(const struct accept *accept) {
    return accept->task.shard->shards;
}

static void drop_socket(struct accept *accept) {
    if (accept->socket != INVALID_SOCKET) {
        w2e_sys_close_socket(accept->socket);
        accept->socket = INVALID_SOCKET;
    }
}

static void accept_failed(struct accept *accept, int error) {
    drop_socket(accept);
    if (w2e_driver_peer_is_gone(error)) {
        resume_soon(&accept->task);
        return;
    }
    struct w2e_service *service = shards_of(accept)->service;
    service->accept_failed(service->owner);
    w2e_task_resume_at(&accept->task, w2e_sys_now_us() + W2E_RETRY_MS * 1000);
}

/* Until SO_UPDATE_ACCEPT_CONTEXT the socket is no full one: getsockname and shutdown would fail on it. */
static int adopt(struct accept *accept, SOCKADDR_STORAGE *peer) {
    struct sockaddr *addresses[2];
    int sizes[2];
    if (w2e_sys_setsockopt(accept->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, &accept->listener, sizeof accept->listener) !=
        0) {
        return WSAGetLastError();
    }
    ((struct completion *)shards_of(accept))
        ->accept.addresses(accept->addresses, 0, ADDRESS_BYTES, ADDRESS_BYTES, &addresses[0], &sizes[0], &addresses[1],
                           &sizes[1]);
    memcpy(peer, addresses[1], (size_t)sizes[1] < sizeof *peer ? (size_t)sizes[1] : sizeof *peer);
    return 0;
}

static bool stops_accepting(struct w2e_shards *shards) {
    AcquireSRWLockExclusive(&shards->lock);
    bool stops = shards->stop_accepting;
    ReleaseSRWLockExclusive(&shards->lock);
    return stops;
}

/* Makes what was accepted a connection; one that was before accepting was only interrupted, too. */
static int take_accepted(struct accept *accept) {
    SOCKADDR_STORAGE peer = {0};
    DWORD bytes;
    int error = w2e_sys_overlapped_result(accept->listener, &accept->operation.overlapped, &bytes, FALSE);
    if (error == 0 && accept->ending && stops_accepting(shards_of(accept))) {
        error = WSA_OPERATION_ABORTED;
    }
    if (error == 0) {
        error = adopt(accept, &peer);
    }
    if (error == 0) {
        SOCKET socket = accept->socket;
        accept->socket = INVALID_SOCKET;
        w2e_shards_accepted(shards_of(accept), socket, &peer);
    }
    return error;
}

static void accepted(struct accept *accept) {
    int error = take_accepted(accept);
    if (accept->ending) {
        drop_socket(accept);
        w2e_task_finish(&accept->task);
    } else if (error != 0) {
        accept_failed(accept, error);
    } else {
        resume_soon(&accept->task);
    }
}

/* No byte is asked for with the connection: a client that says nothing would hold it up. */
static int start_accept(struct accept *accept) {
    LPFN_ACCEPTEX accept_ex = ((struct completion *)shards_of(accept))->accept.accept;
    BOOL done = w2e_sys_accept_ex(accept_ex, accept->listener, accept->socket, accept->addresses, ADDRESS_BYTES,
                                  &accept->operation.overlapped);
    return done ? 0 : WSAGetLastError();
}

static void arm(struct accept *accept) {
    struct shard *shard = shard_of(&accept->task);
    accept->socket = w2e_sys_socket(accept->family, SOCK_STREAM, IPPROTO_TCP);
    int error = accept->socket != INVALID_SOCKET ? shard->ops->prepare(shard->reaper, &accept->operation) : WSAGetLastError();
    if (error != 0) {
        accept_failed(accept, error);
        return;
    }
    error = start_accept(accept);
    accept->out = shard->ops->started(shard->reaper, &accept->operation, error);
    if (!accept->out && error == 0) {
        accepted(accept);
    } else if (!accept->out) {
        accept_failed(accept, error);
    }
}

static void end_accept(struct accept *accept) {
    accept->ending = true;
    if (accept->out) {
        w2e_sys_cancel(accept->listener, &accept->operation.overlapped);
    } else {
        w2e_task_finish(&accept->task);
    }
}

/* ---- the engine ---- */

static void begin(struct w2e_task *task) {
    if (task->connection == NULL) {
        arm((struct accept *)task);
    } else {
        begin_stream((struct stream *)task);
    }
}

static void resume(struct w2e_task *task) {
    if (task->connection == NULL) {
        arm((struct accept *)task);
    } else {
        serve((struct stream *)task);
    }
}

static void end(struct w2e_task *task) {
    if (task->connection == NULL) {
        end_accept((struct accept *)task);
    } else {
        w2e_session_abort(task->connection->session, WS2ECHO_REASON_STOPPED, 0);
        serve((struct stream *)task);
    }
}

static void completed(struct w2e_operation *operation) {
    struct w2e_task *task = operation->task;
    if (task->connection == NULL) {
        struct accept *accept = (struct accept *)task;
        accept->out = false;
        accepted(accept);
    } else {
        struct stream *stream = (struct stream *)task;
        collect(stream, operation == &stream->recv ? W2E_OP_RECV : operation->no_routine ? W2E_OP_CONNECT : W2E_OP_SEND);
        serve(stream);
    }
}

static void wait_completed(struct w2e_shard *base, uint64_t until_us) {
    struct shard *shard = (struct shard *)base;
    if (shard->ops->wait(shard->reaper, until_us, completed) != 0) {
        w2e_sys_sleep(W2E_RETRY_MS); /* for want of memory: it is tried again, but not all the time */
    }
}

static void wake(struct w2e_shard *base) {
    struct shard *shard = (struct shard *)base;
    shard->ops->wake(shard->reaper);
}

static int shard_open(struct w2e_shard *base) {
    struct shard *shard = (struct shard *)base;
    shard->ops = ((struct completion *)base->shards)->reaper_ops;
    return shard->ops->open(&shard->reaper);
}

static void shard_close(struct w2e_shard *base) {
    struct shard *shard = (struct shard *)base;
    shard->ops->close(shard->reaper);
}

static void stop_acceptor(struct w2e_shards *shards) {
    struct completion *driver = (struct completion *)shards;
    if (driver->acceptor != NULL) {
        w2e_acceptor_stop(driver->acceptor);
        driver->acceptor = NULL;
    }
}

/* ---- open ---- */

static int add_accept(struct completion *driver, uint32_t listener) {
    struct w2e_listeners *listeners = &driver->shards.listeners;
    struct accept *accept = w2e_sys_alloc(sizeof *accept);
    if (accept == NULL) {
        return WSAENOBUFS;
    }
    accept->operation.task = &accept->task;
    accept->listener = listeners->sockets[listener];
    accept->family = listeners->addresses[listener].family == WS2ECHO_FAMILY_IPV6 ? AF_INET6 : AF_INET;
    accept->socket = INVALID_SOCKET;
    /* A listener belongs to one completion port; where there is a limit instead, its operations are spread out. */
    struct w2e_shard *shard = driver->shards.capacity == 0 ? driver->shards.first : NULL;
    int error = w2e_task_dispatch(&driver->shards, &accept->task, shard);
    if (error != 0) {
        w2e_sys_free(accept);
    }
    return error;
}

/* A socket can be attached to a port only once, and may be given back and come again. */
static int attach_listener(struct completion *driver, uint32_t listener) {
    AcquireSRWLockExclusive(&driver->shards.lock);
    struct shard *first = (struct shard *)driver->shards.first;
    ReleaseSRWLockExclusive(&driver->shards.lock);
    SOCKET socket = driver->shards.listeners.sockets[listener];
    int error = first->ops->attach(first->reaper, socket);
    bool again = error == WSAEINVAL && driver->attached[listener] == socket;
    if (error == 0) {
        driver->attached[listener] = socket;
    }
    return again ? 0 : error;
}

static int add_accepts(struct completion *driver, uint32_t listener, uint32_t count) {
    int error = w2e_extension_accept(driver->shards.listeners.sockets[listener], &driver->accept);
    if (error == 0) {
        error = attach_listener(driver, listener);
    }
    for (uint32_t i = 0; i < count && error == 0; i++) {
        error = add_accept(driver, listener);
    }
    return error;
}

static bool has_streams(const struct w2e_listeners *listeners) {
    bool any = false;
    for (uint32_t i = 0; i < listeners->count; i++) {
        any |= listeners->sockets[i] != INVALID_SOCKET;
    }
    return any;
}

static int listen_by(struct w2e_shards *shards) {
    struct completion *driver = (struct completion *)shards;
    const struct w2e_listeners *listeners = &shards->listeners;
    if (driver->accepts_pending == 0 && has_streams(listeners)) {
        return w2e_acceptor_start(&driver->acceptor, shards);
    }
    int error = 0;
    for (uint32_t i = 0; i < listeners->count && error == 0; i++) {
        if (listeners->sockets[i] != INVALID_SOCKET) {
            error = add_accepts(driver, i, driver->accepts_pending);
        }
    }
    return error;
}

static const struct w2e_engine engine = {.shard_bytes = sizeof(struct shard),
                                         .task_bytes = sizeof(struct stream),
                                         .shard_open = shard_open,
                                         .shard_close = shard_close,
                                         .begin = begin,
                                         .resume = resume,
                                         .end = end,
                                         .wait = wait_completed,
                                         .wake = wake,
                                         .listen = listen_by,
                                         .stop_listening = stop_acceptor};

static int completion_open(struct w2e_driver **opened, const void *part, const struct w2e_driver_config *config,
                           struct w2e_listeners *listeners, struct w2e_service *service) {
    struct completion *driver = w2e_sys_alloc(sizeof *driver);
    if (driver == NULL) {
        w2e_listeners_close(listeners);
        return WSAENOBUFS;
    }
    driver->reaper_ops = part;
    driver->accepts_pending = config->accept == WS2ECHO_ACCEPT_ACCEPTEX ? config->accepts_pending : 0;
    struct w2e_shards *shards = &driver->shards;
    *shards = (struct w2e_shards){.driver.ops = &w2e_driver_completion,
                                  .engine = &engine,
                                  .service = service,
                                  .capacity = driver->reaper_ops->capacity / 2, /* a connection has two operations */
                                  .listeners = *listeners};
    int error = w2e_shards_open(shards, config->workers);
    if (error == 0) {
        error = listen_by(shards);
    }
    if (error != 0) {
        w2e_shards_stop(&shards->driver);
        w2e_shards_free(&shards->driver);
        return error;
    }
    *opened = &shards->driver;
    return 0;
}

const struct w2e_driver_ops w2e_driver_completion = {.open = completion_open,
                                                     .add = w2e_shards_add,
                                                     .ask_again = w2e_shards_ask_again,
                                                     .refresh = w2e_shards_refresh,
                                                     .unlisten = w2e_shards_unlisten,
                                                     .listen = w2e_shards_listen,
                                                     .stop_accepting = w2e_shards_stop_accepting,
                                                     .stop = w2e_shards_stop,
                                                     .free = w2e_shards_free};
