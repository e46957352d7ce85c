#include "io/socket.h"
#include "load.h"
#include "win/system.h"

#include <string.h>

enum { NUMBERS = 1 << 24 }; /* the pattern tells so many connections apart */

/* A connection of a load, of a stream or of datagrams. */
struct load_connection {
    struct w2e_connection connection; /* first */
    struct w2e_load *load;
    struct w2e_load_place *place;
    struct w2e_load_config config;
    struct w2e_load_sink sink;
    struct load_connection *next; /* in the load's list */
    struct load_connection *previous;
    uint64_t number;
    uint32_t address; /* that it is, or was last, to be connected to */
    uint32_t addresses_tried;
    bool connected;             /* over UDP: an answer came */
    ws2echo_ping_progress told; /* of datagrams: what the load has of it already */
    union {
        struct w2e_session_load stream;
        struct w2e_session_load_datagram datagrams;
    } session; /* last: a stream has no memory for what only datagrams need */
};

static bool is_udp(const struct w2e_load *load) {
    return load->options.protocol == WS2ECHO_PROTOCOL_UDP;
}

static size_t size_of(const struct w2e_load *load) {
    size_t session = is_udp(load) ? sizeof(struct w2e_session_load_datagram) : sizeof(struct w2e_session_load);
    return offsetof(struct load_connection, session) + session;
}

/* ---- what sessions tell ---- */

static void set_connected(struct load_connection *connection) {
    struct w2e_load *load = connection->load;
    connection->connected = true;
    AcquireSRWLockExclusive(&load->lock);
    load->stats.connections_connected++;
    load->stats.connections_current++;
    load->address = connection->address;
    if (--load->connecting == W2E_LOAD_CONNECTING_MAX - 1) {
        WakeAllConditionVariable(&load->changed);
    }
    ReleaseSRWLockExclusive(&load->lock);
}

static void told_connected(void *owner, uint64_t connect_us) {
    struct load_connection *connection = owner;
    w2e_record_add(&connection->load->connects, (uint32_t)connection->number, connect_us);
    set_connected(connection);
}

static void tell_more(struct w2e_counter *sum, uint64_t *told, uint64_t now) {
    if (*told != now) {
        w2e_counter_add(sum, now - *told);
        *told = now;
    }
}

static void tell_datagrams(struct load_connection *connection) {
    struct w2e_load_datagrams *sum = &connection->load->datagrams;
    const ws2echo_ping_progress *now = &connection->session.datagrams.ping.progress;
    ws2echo_ping_progress *told = &connection->told;
    tell_more(&sum->lost, &told->lost, now->lost);
    tell_more(&sum->late, &told->late, now->late);
    tell_more(&sum->duplicated, &told->duplicated, now->duplicated);
    tell_more(&sum->reordered, &told->reordered, now->reordered);
    tell_more(&sum->corrupt, &told->corrupt, now->corrupt);
    tell_more(&sum->foreign, &told->foreign, now->foreign);
    tell_more(&sum->unreachable, &told->unreachable, now->unreachable);
}

void w2e_load_datagrams_get(struct w2e_load *load, ws2echo_load_stats *stats) {
    stats->datagrams_lost = w2e_counter_get(&load->datagrams.lost);
    stats->datagrams_late = w2e_counter_get(&load->datagrams.late);
    stats->datagrams_duplicated = w2e_counter_get(&load->datagrams.duplicated);
    stats->datagrams_reordered = w2e_counter_get(&load->datagrams.reordered);
    stats->datagrams_corrupt = w2e_counter_get(&load->datagrams.corrupt);
    stats->datagrams_foreign = w2e_counter_get(&load->datagrams.foreign);
    stats->datagrams_unreachable = w2e_counter_get(&load->datagrams.unreachable);
}

static void told_echoed(void *owner, uint64_t latency_us, uint64_t bytes, bool measured) {
    struct load_connection *connection = owner;
    struct w2e_record *latencies = &connection->load->latencies;
    (void)bytes;
    if (is_udp(connection->load)) {
        tell_datagrams(connection);
        if (!connection->connected) {
            set_connected(connection);
        }
    }
    if (measured) {
        w2e_record_add(latencies, (uint32_t)connection->number, latency_us);
    } else {
        w2e_record_skip(latencies, (uint32_t)connection->number);
    }
}

/* The kinds of the header and those of the session are the same. */
static void told_wrong(void *owner, const struct w2e_load_fault *fault) {
    struct load_connection *connection = owner;
    struct w2e_load *load = connection->load;
    ws2echo_load_problem problem = {.kind = (uint32_t)fault->kind,
                                    .connection = connection->number,
                                    .offset = fault->offset,
                                    .found_connection = fault->found_connection,
                                    .found_offset = fault->found_offset,
                                    .missing = fault->missing_bytes,
                                    .expected = fault->expected,
                                    .actual = fault->actual};
    if (is_udp(load)) {
        tell_datagrams(connection);
    }
    AcquireSRWLockExclusive(&load->lock);
    w2e_load_problem_locked(load, &problem);
    ReleaseSRWLockExclusive(&load->lock);
}

static void told_counted(void *owner) {
    tell_datagrams(owner);
}

/* ---- beginning ---- */

static int open_socket(struct load_connection *connection) {
    struct w2e_load *load = connection->load;
    struct w2e_connection *inner = &connection->connection;
    const struct w2e_load_address *address = &load->addresses[connection->address];
    bool udp = is_udp(load);
    inner->peer = address->socket_address;
    inner->peer_size = address->size;
    inner->socket = w2e_sys_socket(inner->peer.ss_family, udp ? SOCK_DGRAM : SOCK_STREAM, udp ? IPPROTO_UDP : IPPROTO_TCP);
    if (inner->socket == INVALID_SOCKET) {
        return WSAGetLastError();
    }
    int error = udp ? w2e_socket_apply_datagram(inner->socket, &load->socket_options)
                    : w2e_socket_apply(inner->socket, &load->socket_options);
    return error == 0 && udp ? w2e_connection_connect(inner) : error; /* of datagrams, that takes no time */
}

/* What this connection is to do of what its place has left. */
static void take_share(struct load_connection *connection) {
    const struct w2e_load_place *place = connection->place;
    uint64_t most = connection->load->options.messages_per_connection;
    connection->config = connection->load->config;
    connection->config.messages = most != 0 && most < place->messages_left ? most : place->messages_left;
    connection->config.bytes = place->bytes_left;
}

static void init_session(struct load_connection *connection) {
    uint32_t number = (uint32_t)(connection->number % NUMBERS);
    uint64_t phase_us = connection->place->phase_us;
    struct w2e_load_plan *plan;
    take_share(connection);
    if (is_udp(connection->load)) {
        struct w2e_session_load_datagram *datagrams = &connection->session.datagrams;
        w2e_session_load_datagram_init(datagrams, &connection->config, &connection->sink, number, phase_us);
        connection->connection.session = &datagrams->session;
        connection->connection.datagram = true;
        plan = &datagrams->plan;
    } else {
        struct w2e_session_load *stream = &connection->session.stream;
        w2e_session_load_init(stream, &connection->config, &connection->sink, number, phase_us);
        connection->connection.session = &stream->session;
        plan = &stream->plan;
    }
    w2e_load_plan_go_on(plan, connection->place->of_burst);
}

static void enter_list(struct load_connection *connection) {
    struct w2e_load *load = connection->load;
    AcquireSRWLockExclusive(&load->lock);
    connection->previous = NULL;
    connection->next = load->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    load->connections = connection;
    connection->config.stop_us = load->config.stop_us; /* it may have been brought forward just now */
    ReleaseSRWLockExclusive(&load->lock);
}

static void leave_list_locked(struct load_connection *connection) {
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        connection->load->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
}

static void leave_list(struct load_connection *connection) {
    AcquireSRWLockExclusive(&connection->load->lock);
    leave_list_locked(connection);
    ReleaseSRWLockExclusive(&connection->load->lock);
}

void w2e_load_stop_connections_locked(struct w2e_load *load, uint64_t stop_us) {
    for (struct load_connection *each = load->connections; each != NULL; each = each->next) {
        each->config.stop_us = stop_us;
    }
}

/* Hands the connection to the driver: 0, or an error and it is still the caller's. */
static int start(struct load_connection *connection) {
    int error = open_socket(connection);
    if (error == 0) {
        init_session(connection);
        enter_list(connection);
        error = connection->load->driver->ops->add(connection->load->driver, &connection->connection);
        if (error != 0) {
            leave_list(connection);
        }
    }
    if (error != 0 && connection->connection.socket != INVALID_SOCKET) {
        w2e_sys_close_socket(connection->connection.socket);
    }
    return error;
}

static struct load_connection *new_connection(struct w2e_load *load, struct w2e_load_place *place) {
    struct load_connection *connection = w2e_sys_alloc(size_of(load));
    if (connection == NULL) {
        return NULL;
    }
    connection->load = load;
    connection->place = place;
    connection->sink = (struct w2e_load_sink){
        .owner = connection, .connected = told_connected, .echoed = told_echoed, .wrong = told_wrong, .counted = told_counted};
    connection->connection.socket = INVALID_SOCKET;
    AcquireSRWLockExclusive(&load->lock);
    connection->number = load->next_number++;
    connection->address = load->address;
    load->stats.connections_begun++;
    ReleaseSRWLockExclusive(&load->lock);
    connection->connection.traffic = &load->traffic[connection->number % W2E_TRAFFIC_PARTS];
    return connection;
}

/* ---- ending ---- */

/* Whether the place is to have a further connection. */
static bool has_more_locked(const struct w2e_load *load, const struct w2e_load_place *place) {
    return load->options.messages_per_connection != 0 && place->messages_left > 0 && place->bytes_left > 0 &&
           w2e_sys_now_us() < load->config.stop_us;
}

static void leave_connecting_locked(struct w2e_load *load) {
    if (--load->connecting == W2E_LOAD_CONNECTING_MAX - 1) {
        WakeAllConditionVariable(&load->changed);
    }
}

static void unconnected_locked(struct w2e_load *load, struct w2e_load_place *place, uint64_t number, int error) {
    ws2echo_load_problem problem = {.kind = WS2ECHO_LOAD_UNCONNECTED, .connection = number, .error = error};
    w2e_load_problem_locked(load, &problem);
    leave_connecting_locked(load);
    if (has_more_locked(load, place)) {
        w2e_load_retry_locked(load, place);
    } else {
        w2e_load_end_place_locked(load);
    }
}

/* The driver has stopped in between: no peer has seen the connection. */
static void too_late_locked(struct w2e_load *load) {
    load->stats.connections_begun--;
    leave_connecting_locked(load);
    w2e_load_end_place_locked(load);
}

void w2e_load_begin(struct w2e_load *load, struct w2e_load_place *place) {
    struct load_connection *connection = new_connection(load, place);
    int error = connection != NULL ? start(connection) : WSAENOBUFS;
    if (error != 0) {
        AcquireSRWLockExclusive(&load->lock);
        if (error == WSA_OPERATION_ABORTED) {
            too_late_locked(load);
        } else {
            unconnected_locked(load, place, connection != NULL ? connection->number : load->next_number, error);
        }
        ReleaseSRWLockExclusive(&load->lock);
        w2e_sys_free(connection);
    }
}

static int unconnected_error(const struct load_connection *connection) {
    int error = connection->connection.session->error;
    if (error == 0 && is_udp(connection->load)) { /* not one datagram was answered */
        error = connection->session.datagrams.ping.progress.unreachable > 0 ? WSAECONNRESET : WSAETIMEDOUT;
    }
    return error != 0 ? error : WSA_OPERATION_ABORTED;
}

/*
 * Tries the next address of the name: 0 if one is begun, and the connection is another thread's then, or what is to be told, of the last one
 * that was tried. Over UDP only the first is used, for none can be told to be the right one.
 */
static int try_next_address(struct load_connection *connection) {
    struct w2e_load *load = connection->load;
    int error = unconnected_error(connection);
    if (is_udp(load) || connection->connection.session->reason == WS2ECHO_REASON_STOPPED) {
        return error;
    }
    while (error != 0 && ++connection->addresses_tried < load->address_count) {
        connection->address = (connection->address + 1) % load->address_count;
        error = start(connection);
    }
    return error;
}

static void count_timers_locked(ws2echo_load_stats *stats, const struct w2e_load_plan *plan) {
    stats->messages_timed += plan->timed;
    stats->timer_late_us += plan->timer_late_us;
    stats->timer_late_max_us =
        plan->timer_late_max_us > stats->timer_late_max_us ? plan->timer_late_max_us : stats->timer_late_max_us;
}

/* The next connection of the place goes on with its timetable. */
static void take_from_place_locked(const struct load_connection *connection) {
    struct w2e_load_place *place = connection->place;
    bool udp = is_udp(connection->load);
    const struct w2e_load_plan *plan = udp ? &connection->session.datagrams.plan : &connection->session.stream.plan;
    uint64_t byte_us = udp ? connection->session.datagrams.byte_us : connection->session.stream.byte_us;
    count_timers_locked(&connection->load->stats, plan);
    place->byte_us = byte_us > place->byte_us ? byte_us : place->byte_us;
    const struct w2e_session *session = connection->connection.session;
    place->waits = plan->waits && session->reason != WS2ECHO_REASON_ERROR && session->error == 0; /* not if it broke meanwhile */
    place->messages_left -= place->messages_left == W2E_NEVER ? 0 : plan->begun;
    place->bytes_left -= place->bytes_left == W2E_NEVER ? 0 : plan->begun_bytes;
    place->phase_us = plan->intended_us - plan->config->start_us;
    place->of_burst = plan->of_burst;
}

/* A connection that was stopped did not end in its time, be it that only FIN was missing; unless nobody asked for an end. */
static int broken_error(const struct w2e_load *load, const struct w2e_session *session) {
    if (session->reason != WS2ECHO_REASON_STOPPED) {
        return session->error;
    }
    bool endless = load->options.receive == WS2ECHO_LOAD_RECEIVE_NEVER;
    bool whole = is_udp(load) && session->bytes_received == session->bytes_sent;
    return load->closing || endless || whole ? 0 : WSAETIMEDOUT;
}

/* Over UDP: whether it had nothing to send, or nothing was due before the end. */
static bool is_unused(const struct load_connection *connection) {
    return is_udp(connection->load) && connection->session.datagrams.ping.progress.sent == 0 &&
           connection->connection.session->error == 0;
}

static void count_end_locked(struct w2e_load *load, const struct load_connection *connection) {
    const struct w2e_session *session = connection->connection.session;
    int error = broken_error(load, session);
    load->stats.connections_current--;
    if (error != 0) {
        ws2echo_load_problem problem = {
            .kind = WS2ECHO_LOAD_BROKEN, .connection = connection->number, .offset = session->bytes_received, .error = error};
        w2e_load_problem_locked(load, &problem);
    } else if (session->reason != WS2ECHO_REASON_ERROR) {
        load->stats.connections_finished++;
    }
}

void w2e_load_connection_finished(void *owner, struct w2e_connection *finished) {
    struct w2e_load *load = owner;
    struct load_connection *connection = (struct load_connection *)finished;
    struct w2e_load_place *place = connection->place;
    leave_list(connection);
    bool connected = connection->connected;
    bool unused = !connected && is_unused(connection);
    int error = connected || unused ? 0 : try_next_address(connection);
    if (!connected && !unused && error == 0) {
        return;
    }
    if (is_udp(load)) {
        tell_datagrams(connection);
    }
    AcquireSRWLockExclusive(&load->lock);
    bool next = false;
    take_from_place_locked(connection);
    if (connected) {
        count_end_locked(load, connection);
        next = has_more_locked(load, place);
        if (next) {
            load->connecting++;
        } else {
            w2e_load_end_place_locked(load);
        }
    } else if (unused) {
        load->stats.connections_finished++;
        leave_connecting_locked(load);
        w2e_load_end_place_locked(load);
    } else {
        unconnected_locked(load, place, connection->number, error);
    }
    ReleaseSRWLockExclusive(&load->lock);
    w2e_sys_free(connection);
    if (next) {
        w2e_load_begin(load, place);
    }
}
