/*
 * The engine of the readiness models: sockets do not block; a poller tells which are ready, and a call is made for each report.
 *
 * A RECV that is lent while nothing is there to read is undone, and the socket watched. A SEND that would block stays lent until the
 * socket is writable: what the session does meanwhile is up to the session.
 */
#include "io/poller.h"
#include "io/shards.h"
#include "win/system.h"
#include "win/wine.h"

enum {
    SERVED_FOR_AN_ACCEPT = 8, /* a listener that has its turn takes one connection for each so many tasks of its shard */
    STEPS_IN_A_ROW = 64       /* operations of one connection that end at once, until the thread sees to its other duties */
};

struct readiness {
    struct w2e_shards shards; /* first */
    const struct w2e_poller_ops *poller_ops;
};

struct shard {
    struct w2e_shard shard; /* first */
    const struct w2e_poller_ops *ops;
    struct w2e_poller *poller;
    uint32_t watched;               /* tasks */
    struct w2e_buffer_pool buffers; /* that its connections pass on */
};

struct task {
    struct w2e_task task; /* first */
    struct w2e_watch watch;
    bool watched;
    struct w2e_op pending; /* a CONNECT or SEND that would block; kind NONE: none */
};

static struct shard *shard_of(const struct task *task) {
    return (struct shard *)task->task.shard;
}

static int start_watching(struct task *task) {
    struct shard *shard = shard_of(task);
    int error = shard->ops->add(shard->poller, &task->watch);
    task->watched = error == 0;
    shard->watched += task->watched;
    return error;
}

static void watch_for(struct task *task, unsigned interest) {
    if (task->watch.interest != interest) {
        struct shard *shard = shard_of(task);
        task->watch.interest = interest;
        shard->ops->changed(shard->poller, &task->watch);
    }
}

static void stop_watching(struct task *task) {
    if (task->watched) {
        struct shard *shard = shard_of(task);
        shard->ops->remove(shard->poller, &task->watch);
        task->watched = false;
        shard->watched--;
    }
}

static void finish(struct task *task) {
    stop_watching(task);
    if (task->task.connection != NULL) {
        w2e_connection_free_buffer(task->task.connection); /* here, for closing may go on in another thread */
    }
    w2e_task_finish(&task->task);
}

/* Winsock's documentation names the calls after which it tells again what it told: those with messages are not among them. */
static void renew_after_message(struct task *task) {
    struct shard *shard = shard_of(task);
    if (task->task.connection->receive_message != NULL && shard->ops->renew != NULL) {
        shard->ops->renew(shard->poller, &task->watch);
    }
}

/* ---- connections ---- */

static void connected(struct task *task, int error) {
    task->pending.kind = W2E_OP_NONE;
    w2e_connection_done(task->task.connection, W2E_OP_CONNECT, error, 0, w2e_sys_now_us());
}

static void try_connect(struct task *task, const struct w2e_op *op) {
    int error = w2e_connection_connect(task->task.connection);
    if (error == WSAEWOULDBLOCK) {
        task->pending = *op;
    } else {
        connected(task, error);
    }
}

static void try_send(struct task *task, const struct w2e_op *op) {
    size_t bytes;
    int error = w2e_connection_transfer(task->task.connection, op, &bytes);
    if (error == WSAEWOULDBLOCK) {
        task->pending = *op;
        renew_after_message(task);
        return;
    }
    task->pending.kind = W2E_OP_NONE;
    w2e_connection_done(task->task.connection, W2E_OP_SEND, error, bytes, w2e_sys_now_us());
}

/* Whether there was something to read; if not, RECV is undone. */
static bool try_recv(struct task *task, const struct w2e_op *op) {
    struct w2e_connection *connection = task->task.connection;
    size_t bytes = 0;
    int error = WSAEWOULDBLOCK;
    if (task->watch.ready & W2E_READABLE) {
        if (!(task->watch.ready & W2E_CLOSED)) {
            task->watch.ready &= ~(unsigned)W2E_READABLE;
        }
        error = w2e_connection_transfer(connection, op, &bytes);
        /* In vain, it will be told already; and selecting again tells each time that the socket is writable: it would never rest. */
        if (error != WSAEWOULDBLOCK) {
            renew_after_message(task);
        }
    }
    if (error == WSAEWOULDBLOCK) {
        w2e_session_undo(connection->session, W2E_OP_RECV);
        return false;
    }
    w2e_connection_done(connection, W2E_OP_RECV, error, bytes, w2e_sys_now_us());
    return true;
}

static void take_back(struct task *task) {
    enum w2e_op_kind kind = task->pending.kind;
    if (kind == W2E_OP_CONNECT) {
        connected(task, WSA_OPERATION_ABORTED);
    } else if (kind == W2E_OP_SEND) {
        task->pending.kind = W2E_OP_NONE;
        w2e_session_undo(task->task.connection->session, W2E_OP_SEND);
    }
}

static unsigned interest_of(const struct task *task) {
    return task->pending.kind == W2E_OP_SEND ? W2E_WRITABLE : task->pending.kind == W2E_OP_CONNECT ? W2E_CONNECTED : 0;
}

/* Asks the session until it has to wait, or others have to have their turn. */
static void serve(struct task *task) {
    struct w2e_connection *connection = task->task.connection;
    unsigned interest = 0;
    bool waits = false;
    for (unsigned step = 0; step < STEPS_IN_A_ROW && !waits; step++) {
        struct w2e_op op = w2e_connection_next(connection, w2e_sys_now_us());
        switch (op.kind) {
        case W2E_OP_RECV:
            if (!try_recv(task, &op)) {
                interest |= W2E_READABLE;
                waits = true;
            }
            break;
        case W2E_OP_CONNECT:
            try_connect(task, &op);
            break;
        case W2E_OP_SEND:
            try_send(task, &op);
            break;
        case W2E_OP_CANCEL:
            take_back(task);
            break;
        case W2E_OP_SHUTDOWN:
        case W2E_OP_RESET:
            w2e_driver_wind_down(task->task.shard->shards->service, connection, op.kind);
            break;
        case W2E_OP_CLOSE:
            finish(task);
            return;
        case W2E_OP_NONE:
            waits = true;
            break;
        }
        if (waits) {
            w2e_task_resume_at(&task->task, op.ask_again_us);
        }
    }
    if (!waits) {
        w2e_task_resume_at(&task->task, w2e_sys_now_us());
    }
    w2e_connection_pass_buffer_on(connection);
    watch_for(task, interest | interest_of(task));
}

static void serve_ready(struct task *task) {
    if (task->pending.kind == W2E_OP_SEND && task->watch.ready & W2E_WRITABLE) {
        struct w2e_op op = task->pending;
        try_send(task, &op);
    } else if (task->pending.kind == W2E_OP_CONNECT && task->watch.ready & W2E_CONNECTED) {
        int error = task->watch.connect_error;
        connected(task, error != 0 ? error : w2e_connection_connected(task->task.connection));
    }
    task->watch.ready &= ~(unsigned)(W2E_WRITABLE | W2E_CONNECTED);
    serve(task);
}

/* ---- listeners ---- */

static void listen_later(struct task *task) {
    struct w2e_service *service = task->task.shard->shards->service;
    service->accept_failed(service->owner);
    w2e_task_resume_at(&task->task, w2e_sys_now_us() + W2E_RETRY_MS * 1000);
}

static void listen_on(struct task *task) {
    if (start_watching(task) != 0) {
        listen_later(task);
    }
}

static void accept_failed(struct task *task, int error) {
    if (error == WSAEWOULDBLOCK) {
        return; /* a stale report */
    }
    if (w2e_driver_peer_is_gone(error)) {
        w2e_task_resume_at(&task->task, w2e_sys_now_us());
    } else {
        stop_watching(task);
        listen_later(task);
    }
}

static int accept_one(struct task *task) {
    SOCKADDR_STORAGE peer = {0};
    int size = sizeof peer;
    SOCKET socket = w2e_sys_accept(task->watch.socket, (struct sockaddr *)&peer, &size);
    if (socket == INVALID_SOCKET) {
        return WSAGetLastError();
    }
    w2e_shards_accepted(task->task.shard->shards, socket, &peer);
    return 0;
}

/* Wine may not tell again after a stale report (win/wine.h): what came while it was made to is looked for. */
static int accept_after_stale(struct task *task) {
    struct shard *shard = shard_of(task);
    if (shard->ops->renew == NULL || !w2e_on_wine()) {
        return WSAEWOULDBLOCK;
    }
    w2e_wine_forget_reports(task->watch.socket);
    int error = shard->ops->renew(shard->poller, &task->watch);
    return error != 0 ? error : accept_one(task);
}

/*
 * One call for one report, as what else is waiting is reported again: unless many connections are served between two reports. To let them
 * all go first each time would take n * n / 2 echoes until n connections are accepted; one call in vain is little beside so many.
 */
static void accept_some(struct task *task) {
    uint32_t most = 1 + shard_of(task)->watched / SERVED_FOR_AN_ACCEPT;
    uint32_t accepted = 0;
    int error = 0;
    while (accepted < most && error == 0) {
        error = accept_one(task);
        accepted += error == 0;
    }
    if (accepted == 0 && error == WSAEWOULDBLOCK) {
        error = accept_after_stale(task);
    }
    bool all = accepted > 0 && error == WSAEWOULDBLOCK; /* nothing more waits */
    if (error != 0 && !all) {
        accept_failed(task, error);
    }
}

/* ---- the engine ---- */

static void begin(struct w2e_task *base) {
    struct task *task = (struct task *)base;
    task->watch.interest = W2E_READABLE;
    if (base->connection == NULL) {
        listen_on(task);
        return;
    }
    task->watch.socket = base->connection->socket;
    task->watch.datagram = base->connection->datagram;
    base->connection->pool = &shard_of(task)->buffers;
    int error = start_watching(task);
    if (error != 0) {
        w2e_session_abort(base->connection->session, WS2ECHO_REASON_ERROR, error);
    }
    serve(task);
}

static void resume(struct w2e_task *base) {
    struct task *task = (struct task *)base;
    if (base->connection != NULL) {
        serve(task);
    } else if (task->watched) {
        accept_some(task);
    } else {
        listen_on(task);
    }
}

static void end(struct w2e_task *base) {
    struct task *task = (struct task *)base;
    if (base->connection == NULL) {
        finish(task);
        return;
    }
    w2e_session_abort(base->connection->session, WS2ECHO_REASON_STOPPED, 0);
    serve(task);
}

static void wait_ready(struct w2e_shard *base, uint64_t until_us) {
    struct shard *shard = (struct shard *)base;
    struct w2e_watch *reports = NULL;
    struct w2e_watch *watch;
    if (shard->ops->wait(shard->poller, until_us, &reports) != 0) {
        w2e_sys_sleep(W2E_RETRY_MS); /* for want of memory: it is tried again, but not all the time */
    }
    while ((watch = w2e_watch_next(&reports)) != NULL) {
        struct task *task = CONTAINING_RECORD(watch, struct task, watch);
        if (task->task.connection != NULL) {
            serve_ready(task);
        } else {
            accept_some(task);
        }
    }
}

static void wake(struct w2e_shard *base) {
    struct shard *shard = (struct shard *)base;
    shard->ops->wake(shard->poller);
}

static int shard_open(struct w2e_shard *base) {
    struct shard *shard = (struct shard *)base;
    shard->ops = ((struct readiness *)base->shards)->poller_ops;
    return shard->ops->open(&shard->poller);
}

static void shard_close(struct w2e_shard *base) {
    struct shard *shard = (struct shard *)base;
    shard->ops->close(shard->poller);
    w2e_buffer_pool_fini(&shard->buffers);
}

static int add_listener(struct w2e_shards *shards, SOCKET socket) {
    struct task *task = w2e_sys_alloc(sizeof *task);
    if (task == NULL) {
        return WSAENOBUFS;
    }
    task->watch.socket = socket;
    int error = w2e_task_dispatch(shards, &task->task, NULL);
    if (error != 0) {
        w2e_sys_free(task);
    }
    return error;
}

static int listen_by(struct w2e_shards *shards) {
    const struct w2e_listeners *listeners = &shards->listeners;
    int error = 0;
    for (uint32_t i = 0; i < listeners->count && error == 0; i++) {
        if (listeners->sockets[i] != INVALID_SOCKET) {
            error = add_listener(shards, listeners->sockets[i]);
        }
    }
    return error;
}

static const struct w2e_engine engine = {.shard_bytes = sizeof(struct shard),
                                         .task_bytes = sizeof(struct task),
                                         .shard_open = shard_open,
                                         .shard_close = shard_close,
                                         .begin = begin,
                                         .resume = resume,
                                         .end = end,
                                         .wait = wait_ready,
                                         .listen = listen_by,
                                         .wake = wake};

static int readiness_open(struct w2e_driver **opened, const void *part, const struct w2e_driver_config *config,
                          struct w2e_listeners *listeners, struct w2e_service *service) {
    struct readiness *driver = w2e_sys_alloc(sizeof *driver);
    if (driver == NULL) {
        w2e_listeners_close(listeners);
        return WSAENOBUFS;
    }
    driver->poller_ops = part;
    struct w2e_shards *shards = &driver->shards;
    *shards = (struct w2e_shards){.driver.ops = &w2e_driver_readiness,
                                  .engine = &engine,
                                  .service = service,
                                  .capacity = driver->poller_ops->capacity,
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

const struct w2e_driver_ops w2e_driver_readiness = {.open = readiness_open,
                                                    .add = w2e_shards_add,
                                                    .ask_again = w2e_shards_ask_again,
                                                    .refresh = w2e_shards_refresh,
                                                    .unlisten = w2e_shards_unlisten,
                                                    .listen = w2e_shards_listen,
                                                    .stop_accepting = w2e_shards_stop_accepting,
                                                    .stop = w2e_shards_stop,
                                                    .free = w2e_shards_free};
