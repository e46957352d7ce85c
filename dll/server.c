#include "server.h"

#include "models.h"
#include "options.h"
#include "win/error.h"
#include "win/extension.h"
#include "win/system.h"
#include "win/winsock.h"

#include <string.h>

enum { JOURNAL_EVENTS_FIRST = 64 };

struct w2e_object *w2e_server_object(struct w2e_server *server) {
    return &server->object;
}

/* ---- journal ---- */

static bool next_event_ready_locked(const struct w2e_server *server) {
    return server->journal.count > 0 || server->stopped || server->closing;
}

static void signal_locked(struct w2e_server *server) {
    if (server->wait_event != NULL) {
        if (next_event_ready_locked(server)) {
            SetEvent(server->wait_event);
        } else {
            ResetEvent(server->wait_event);
        }
    }
    WakeAllConditionVariable(&server->changed);
}

static void grow_journal_locked(struct w2e_server *server) {
    struct w2e_journal *journal = &server->journal;
    uint64_t capacity = journal->capacity == 0 ? JOURNAL_EVENTS_FIRST : 2 * (uint64_t)journal->capacity;
    if (capacity > server->options.journal_events) {
        capacity = server->options.journal_events;
    }
    ws2echo_event *events = w2e_sys_alloc_buffer((size_t)capacity * sizeof *events);
    if (events != NULL) {
        w2e_sys_free(w2e_journal_grow(journal, events, (uint32_t)capacity));
    }
}

void w2e_server_push_event_locked(struct w2e_server *server, ws2echo_event *event) {
    event->size = sizeof *event;
    event->time_us = w2e_sys_now_us() - server->opened_us;
    if (w2e_journal_full(&server->journal) && server->journal.capacity < server->options.journal_events) {
        grow_journal_locked(server);
    }
    bool was_empty = server->journal.count == 0;
    w2e_journal_push(&server->journal, event);
    if (was_empty) {
        signal_locked(server);
    } else {
        WakeAllConditionVariable(&server->changed);
    }
}

int w2e_server_next_event(struct w2e_server *server, uint32_t timeout_ms, ws2echo_event *event) {
    uint64_t deadline_us = w2e_deadline_us(w2e_sys_now_us(), timeout_ms);
    int error = 0;
    AcquireSRWLockExclusive(&server->lock);
    while (!next_event_ready_locked(server) && w2e_condition_wait(&server->changed, &server->lock, deadline_us)) {
    }
    if (server->closing) {
        error = WSA_OPERATION_ABORTED;
    } else if (w2e_journal_pop(&server->journal, event)) {
        signal_locked(server);
    } else {
        error = server->stopped ? WSAEDISCON : WSAETIMEDOUT;
    }
    ReleaseSRWLockExclusive(&server->lock);
    return error == 0 ? 0 : w2e_fail(error, "wait for the server's next event");
}

int w2e_server_wait_handle(struct w2e_server *server, HANDLE *handle) {
    AcquireSRWLockExclusive(&server->lock);
    if (server->wait_event == NULL) {
        server->wait_event = w2e_sys_create_event();
        signal_locked(server);
    }
    *handle = server->wait_event != NULL ? w2e_sys_duplicate_for_waiting(server->wait_event) : NULL;
    ReleaseSRWLockExclusive(&server->lock);
    return *handle != NULL ? 0 : w2e_fail(WSAENOBUFS, "create the server's event object");
}

/* ---- what the driver calls ---- */

ws2echo_event w2e_server_event_of(const struct w2e_server_connection *connection, enum ws2echo_event_kind kind) {
    return (ws2echo_event){.kind = kind, .connection_id = connection->id, .local = connection->local, .peer = connection->peer};
}

static void register_locked(struct w2e_server *server, struct w2e_server_connection *connection) {
    connection->id = ++server->connections_accepted;
    connection->connection.traffic = &server->traffic[connection->id % W2E_TRAFFIC_PARTS];
    connection->rules_version = w2e_counter_get(&server->rules_version);
    server->connections_open++;
    if (server->connections_current == server->options.connections_max) {
        w2e_session_echo_refuse(&connection->session, connection->accepted_us);
    } else {
        connection->served = true;
        server->connections_current++;
        if (server->connections_current > server->connections_peak) {
            server->connections_peak = server->connections_current;
        }
        w2e_server_faults_attach_locked(server, connection);
    }
    ws2echo_event event = w2e_server_event_of(connection, WS2ECHO_EVENT_ACCEPTED);
    w2e_server_push_event_locked(server, &event);
}

/* The address at which a peer of that family came in, if there is but one that it can be; else NULL. */
static const ws2echo_address *only_address(const struct w2e_server *server, uint32_t family) {
    const ws2echo_address *only = NULL;
    for (uint32_t i = 0; i < server->address_count; i++) {
        if (server->addresses[i].family == family) {
            if (only != NULL || server->wildcards[i]) {
                return NULL;
            }
            only = &server->addresses[i];
        }
    }
    return only;
}

/* The system is asked only where it could tell more. */
static void find_local(const struct w2e_server *server, struct w2e_server_connection *connection) {
    const ws2echo_address *only = only_address(server, connection->peer.family);
    if (only != NULL) {
        connection->local = *only;
        return;
    }
    SOCKADDR_STORAGE local = {0};
    int size = sizeof local;
    w2e_sys_getsockname(connection->connection.socket, (struct sockaddr *)&local, &size);
    w2e_address_from(&local, &connection->local);
}

static struct w2e_connection *server_accepted(void *owner, SOCKET socket, const SOCKADDR_STORAGE *peer) {
    struct w2e_server *server = owner;
    struct w2e_server_connection *connection = w2e_sys_alloc(sizeof *connection);
    if (connection == NULL) {
        AcquireSRWLockExclusive(&server->lock);
        server->accept_failures++;
        ReleaseSRWLockExclusive(&server->lock);
        return NULL;
    }
    connection->accepted_us = w2e_sys_now_us();
    connection->server = server;
    w2e_session_echo_init(&connection->session, &server->echo_config, connection->accepted_us);
    connection->connection = (struct w2e_connection){
        .socket = socket, .session = &connection->session.session, .lingers = server->options.linger_s > 0};
    w2e_address_from(peer, &connection->peer);
    connection->peer_address = w2e_server_fault_address(peer);
    find_local(server, connection);
    int error = w2e_socket_apply(socket, &server->socket_options);
    if (error != 0) {
        w2e_session_abort(&connection->session.session, WS2ECHO_REASON_ERROR, error);
    }
    AcquireSRWLockExclusive(&server->lock);
    register_locked(server, connection);
    ReleaseSRWLockExclusive(&server->lock);
    return &connection->connection;
}

static void give_place_back_locked(struct w2e_server *server, struct w2e_server_connection *connection) {
    if (connection->served) {
        connection->served = false;
        server->connections_current--;
        WakeAllConditionVariable(&server->changed);
    }
}

/*
 * Its place is free before the peer can know that the connection ends: who comes back at once finds room. One of which only a half ends is
 * served until it is finished.
 */
static void server_ending(void *owner, struct w2e_connection *ending) {
    struct w2e_server *server = owner;
    struct w2e_server_connection *connection = (struct w2e_server_connection *)ending;
    if (!connection->session.half_open) {
        AcquireSRWLockExclusive(&server->lock);
        give_place_back_locked(server, connection);
        ReleaseSRWLockExclusive(&server->lock);
    }
}

/* It is no connection to its peers: there is nothing to tell, unless it could not be served. */
static void datagrams_finished(struct w2e_server *server, struct w2e_server_datagrams *datagrams) {
    const struct w2e_session *session = &datagrams->session.session;
    if (session->reason == WS2ECHO_REASON_ERROR) {
        ws2echo_event event = {.kind = WS2ECHO_EVENT_CLOSED,
                               .protocol = WS2ECHO_PROTOCOL_UDP,
                               .local = datagrams->local,
                               .reason = WS2ECHO_REASON_ERROR,
                               .error = session->error};
        AcquireSRWLockExclusive(&server->lock);
        w2e_server_push_event_locked(server, &event);
        ReleaseSRWLockExclusive(&server->lock);
    }
    w2e_server_faults_free(&datagrams->connection);
    w2e_sys_free(datagrams);
}

static void server_finished(void *owner, struct w2e_connection *finished) {
    struct w2e_server *server = owner;
    if (finished->datagram) {
        datagrams_finished(server, (struct w2e_server_datagrams *)finished);
        return;
    }
    struct w2e_server_connection *connection = (struct w2e_server_connection *)finished;
    const struct w2e_session *session = &connection->session.session;
    ws2echo_event event = w2e_server_event_of(connection, WS2ECHO_EVENT_CLOSED);
    event.reason = (uint32_t)session->reason;
    event.error = session->error;
    event.duration_us = w2e_sys_now_us() - connection->accepted_us;
    event.bytes_received = session->bytes_received;
    event.bytes_sent = session->bytes_sent;
    if (session->reason == WS2ECHO_REASON_FAULT) {
        event.rule = w2e_session_faults_summary(connection->session.faults)->ended_by;
    }
    AcquireSRWLockExclusive(&server->lock);
    give_place_back_locked(server, connection);
    server->connections_closed[session->reason]++;
    server->connections_stopped += connection->session.stopped;
    server->connections_open--;
    w2e_server_push_event_locked(server, &event);
    ReleaseSRWLockExclusive(&server->lock);
    w2e_server_faults_free(finished);
    w2e_sys_free(connection);
}

static void server_accept_failed(void *owner) {
    struct w2e_server *server = owner;
    AcquireSRWLockExclusive(&server->lock);
    server->accept_failures++;
    ReleaseSRWLockExclusive(&server->lock);
}

/* ---- open ---- */

/* Decides what the options leave open. */
static void choose_defaults(ws2echo_server_options *options) {
    enum { ACCEPTS_PENDING = 16 };
    const ws2echo_model_info *model = w2e_model_find(options->model);
    if (options->accept == WS2ECHO_ACCEPT_DEFAULT) {
        bool accept_ex = (model->accepts & 1u << WS2ECHO_ACCEPT_ACCEPTEX) != 0;
        options->accept = accept_ex ? WS2ECHO_ACCEPT_ACCEPTEX : WS2ECHO_ACCEPT_WSAACCEPT;
    }
    if (options->accept == WS2ECHO_ACCEPT_ACCEPTEX && options->accepts_pending == 0) {
        options->accepts_pending = ACCEPTS_PENDING;
    }
    if (model->workers != 0 && options->workers == 0) {
        options->workers = w2e_driver_default_workers();
    }
}

static uint64_t timeout_us(uint32_t timeout_ms) {
    return timeout_ms == WS2ECHO_INFINITE ? W2E_NEVER : (uint64_t)timeout_ms * 1000;
}

static struct w2e_server *new_server(const ws2echo_server_options *options) {
    struct w2e_server *server = w2e_sys_alloc(sizeof *server);
    if (server == NULL) {
        return NULL;
    }
    server->options = *options;
    choose_defaults(&server->options);
    server->socket_options = (struct w2e_socket_options){.no_delay = options->no_delay,
                                                         .receive_buffer_bytes = options->receive_buffer_bytes,
                                                         .send_buffer_bytes = options->send_buffer_bytes,
                                                         .linger_s = options->linger_s,
                                                         .udp_connreset = options->udp_connreset};
    server->echo_config = (struct w2e_echo_config){.buffer_bytes_max = options->echo_buffer_bytes,
                                                   .idle_timeout_us = timeout_us(options->idle_timeout_ms),
                                                   .send_timeout_us = timeout_us(options->send_timeout_ms),
                                                   .finish_by_reset = options->linger_s == 0};
    server->service = (struct w2e_service){.owner = server,
                                           .accepted = server_accepted,
                                           .ending = server_ending,
                                           .finished = server_finished,
                                           .accept_failed = server_accept_failed,
                                           .refresh = w2e_server_faults_refresh};
    server->opened_us = w2e_sys_now_us();
    InitializeSRWLock(&server->lock);
    InitializeConditionVariable(&server->changed);
    w2e_server_wait_init(server);
    return server;
}

static void push_listening(struct w2e_server *server, const ws2echo_address *address, enum ws2echo_protocol protocol) {
    ws2echo_event event = {.kind = WS2ECHO_EVENT_LISTENING, .local = *address, .protocol = protocol};
    w2e_server_push_event_locked(server, &event);
}

/* Notes which options the system gave the server. */
static int read_options_back(struct w2e_server *server, const struct w2e_listeners *listeners) {
    struct w2e_socket_options in_force = server->socket_options;
    int error = listeners->sockets[0] != INVALID_SOCKET ? w2e_socket_read_back(listeners->sockets[0], &in_force)
                                                        : w2e_socket_read_back_datagram(listeners->datagrams[0], &in_force);
    if (error == 0) {
        server->options.no_delay = in_force.no_delay;
        server->options.receive_buffer_bytes = in_force.receive_buffer_bytes;
        server->options.send_buffer_bytes = in_force.send_buffer_bytes;
        server->options.linger_s = in_force.linger_s;
    }
    return error;
}

/* Notes where the server listens. */
static void describe(struct w2e_server *server, const struct w2e_listeners *listeners) {
    server->options.host = NULL;
    server->options.faults = NULL;
    server->options.port = listeners->addresses[0].port;
    server->address_count = listeners->count;
    memcpy(server->addresses, listeners->addresses, sizeof server->addresses);
    memcpy(server->wildcards, listeners->wildcards, sizeof server->wildcards);
    for (uint32_t i = 0; i < listeners->count; i++) {
        if (listeners->sockets[i] != INVALID_SOCKET) {
            push_listening(server, &listeners->addresses[i], WS2ECHO_PROTOCOL_TCP);
        }
        if (listeners->datagrams[i] != INVALID_SOCKET) {
            push_listening(server, &listeners->addresses[i], WS2ECHO_PROTOCOL_UDP);
        }
    }
}

/* Hands a socket of UDP to the driver: 0, or an error with the failure noted and the socket closed. */
static int start_datagrams(struct w2e_server *server, SOCKET socket, uint32_t index, bool wildcard) {
    struct w2e_server_datagrams *datagrams = w2e_sys_alloc(sizeof *datagrams);
    if (datagrams == NULL) {
        w2e_sys_close_socket(socket);
        return w2e_fail(WSAENOBUFS, "serve datagrams");
    }
    datagrams->server = server;
    datagrams->number = index + 1;
    datagrams->opened_us = w2e_sys_now_us();
    datagrams->local = server->addresses[index];
    w2e_session_datagram_init(&datagrams->session, server->options.echo_buffer_bytes);
    struct w2e_connection *connection = &datagrams->connection;
    *connection = (struct w2e_connection){
        .socket = socket, .session = &datagrams->session.session, .traffic = &server->traffic[0], .datagram = true};
    w2e_connection_fit_buffer(connection);
    int error = connection->session->error;
    if (error == 0 && wildcard) {
        error = w2e_extension_receive_message(socket, &connection->receive_message);
    }
    if (error == 0) {
        error = server->driver->ops->add(server->driver, connection);
    }
    if (error != 0) {
        w2e_connection_free_buffer(connection);
        w2e_sys_close_socket(socket);
        w2e_sys_free(datagrams);
        return w2e_fail(error, "serve datagrams");
    }
    return 0;
}

static int start_all_datagrams(struct w2e_server *server, struct w2e_listeners *listeners) {
    uint32_t sockets = 0;
    for (uint32_t i = 0; i < listeners->count; i++) {
        sockets += listeners->datagrams[i] != INVALID_SOCKET;
    }
    int error = w2e_server_faults_expect_datagrams(server, sockets);
    for (uint32_t i = 0; i < listeners->count && error == 0; i++) {
        SOCKET socket = listeners->datagrams[i];
        listeners->datagrams[i] = INVALID_SOCKET;
        if (socket != INVALID_SOCKET) {
            error = start_datagrams(server, socket, i, listeners->wildcards[i]);
        }
    }
    return error;
}

static int start_driver(struct w2e_server *server, struct w2e_listeners *listeners) {
    struct w2e_listeners streams = *listeners;
    for (uint32_t i = 0; i < W2E_LISTENERS_MAX; i++) {
        streams.datagrams[i] = INVALID_SOCKET;
        listeners->sockets[i] = INVALID_SOCKET;
    }
    struct w2e_driver_config config = {.workers = server->options.workers,
                                       .accept = (enum ws2echo_accept)server->options.accept,
                                       .accepts_pending = server->options.accepts_pending};
    w2e_server_faults_listen(server, &streams);
    int error = w2e_driver_open(&server->driver, server->options.model, &config, &streams, &server->service);
    if (error != 0) {
        w2e_listeners_close(listeners);
        w2e_listeners_close(&server->streams);
        return w2e_fail(error, "start the server's threads");
    }
    error = start_all_datagrams(server, listeners);
    if (error != 0) {
        w2e_listeners_close(listeners);
        w2e_listeners_close(&server->streams);
        server->driver->ops->stop(server->driver);
        server->driver->ops->free(server->driver);
    }
    return error;
}

static int start(struct w2e_server *server, const ws2echo_server_options *options) {
    struct w2e_listeners listeners;
    int error = w2e_server_faults_init(server, options);
    if (error == 0) {
        error = w2e_listeners_open(&listeners, options, &server->socket_options);
    }
    if (error != 0) {
        return error;
    }
    error = read_options_back(server, &listeners);
    if (error != 0) {
        w2e_listeners_close(&listeners);
        return error;
    }
    describe(server, &listeners);
    return start_driver(server, &listeners);
}

static void free_server(struct w2e_server *server) {
    w2e_server_faults_fini(server);
    if (server->wait_event != NULL) {
        CloseHandle(server->wait_event);
    }
    w2e_sys_free(server->journal.events);
    w2e_sys_free(server);
    w2e_winsock_stop();
}

int w2e_server_open(const ws2echo_server_options *options, struct w2e_server **opened) {
    int error = w2e_winsock_start();
    if (error != 0) {
        return error;
    }
    struct w2e_server *server = new_server(options);
    if (server == NULL) {
        w2e_winsock_stop();
        return w2e_fail(WSAENOBUFS, "open a server");
    }
    error = start(server, options);
    if (error != 0) {
        free_server(server);
        return error;
    }
    *opened = server;
    return 0;
}

/* ---- questions ---- */

void w2e_server_options_get(struct w2e_server *server, ws2echo_server_options *options) {
    *options = server->options;
}

uint16_t w2e_server_port(const struct w2e_server *server) {
    return (uint16_t)server->options.port;
}

int w2e_server_address(const struct w2e_server *server, uint32_t index, ws2echo_address *address) {
    if (index >= server->address_count) {
        return w2e_fail(WSAEINVAL, "address %lu of a server with %lu", (unsigned long)index,
                        (unsigned long)server->address_count);
    }
    *address = server->addresses[index];
    return 0;
}

void w2e_server_stats_get(struct w2e_server *server, ws2echo_server_stats *stats) {
    AcquireSRWLockExclusive(&server->lock);
    struct w2e_traffic sum;
    struct w2e_traffic *traffic = &sum;
    w2e_traffic_sum(server->traffic, traffic);
    *stats = (ws2echo_server_stats){.size = sizeof *stats,
                                    .connections_accepted = server->connections_accepted,
                                    .connections_current = server->connections_current,
                                    .connections_peak = server->connections_peak,
                                    .bytes_received = w2e_counter_get(&traffic->bytes_received),
                                    .bytes_sent = w2e_counter_get(&traffic->bytes_sent),
                                    .datagrams_received = w2e_counter_get(&traffic->datagrams_received),
                                    .datagrams_sent = w2e_counter_get(&traffic->datagrams_sent),
                                    .datagrams_oversize = w2e_counter_get(&traffic->datagrams_oversize),
                                    .datagrams_unreachable = w2e_counter_get(&traffic->datagrams_unreachable),
                                    .datagrams_failed = w2e_counter_get(&traffic->datagrams_failed),
                                    .events_dropped = server->journal.dropped,
                                    .accept_failures = server->accept_failures,
                                    .uptime_us = w2e_sys_now_us() - server->opened_us};
    memcpy(stats->connections_closed, server->connections_closed, sizeof stats->connections_closed);
    ReleaseSRWLockExclusive(&server->lock);
}

/* ---- stop and close ---- */

static void stop_driver(struct w2e_server *server) {
    w2e_server_faults_end(server);
    server->driver->ops->stop(server->driver);
    AcquireSRWLockExclusive(&server->lock);
    server->stopped = true;
    signal_locked(server);
    ReleaseSRWLockExclusive(&server->lock);
}

int w2e_server_drain(struct w2e_server *server, uint32_t timeout_ms) {
    uint64_t deadline_us = w2e_deadline_us(w2e_sys_now_us(), timeout_ms);
    int error = 0;
    w2e_server_faults_end(server);
    server->driver->ops->stop_accepting(server->driver);
    AcquireSRWLockExclusive(&server->lock);
    while (error == 0 && server->connections_open > 0 && !server->closing) {
        error = w2e_condition_wait(&server->changed, &server->lock, deadline_us) ? 0 : WSAETIMEDOUT;
    }
    if (server->closing) {
        error = WSA_OPERATION_ABORTED;
    }
    uint64_t left = server->connections_open;
    ReleaseSRWLockExclusive(&server->lock);
    if (error != 0) {
        return w2e_fail(error, "drain the server on port %lu, %lu connections left", (unsigned long)server->options.port,
                        (unsigned long)left);
    }
    stop_driver(server);
    return 0;
}

/* Those that were reset by stopping: each is told to one caller of stop. */
static uint32_t report_reset_connections(struct w2e_server *server) {
    AcquireSRWLockExclusive(&server->lock);
    uint64_t count = server->connections_stopped;
    server->connections_stopped = 0;
    ReleaseSRWLockExclusive(&server->lock);
    return (uint32_t)count;
}

int w2e_server_stop(struct w2e_server *server, uint32_t drain_timeout_ms, uint32_t *reset_connections) {
    int error = w2e_server_drain(server, drain_timeout_ms);
    if (error == WSA_OPERATION_ABORTED) {
        return error;
    }
    if (error != 0) {
        stop_driver(server);
    }
    *reset_connections = report_reset_connections(server);
    return 0;
}

void w2e_server_close(struct w2e_server *server) {
    AcquireSRWLockExclusive(&server->lock);
    server->closing = true;
    signal_locked(server);
    ReleaseSRWLockExclusive(&server->lock);
    stop_driver(server);
    w2e_registry_wait_unused(&server->object);
    server->driver->ops->free(server->driver);
    free_server(server);
}
