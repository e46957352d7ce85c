/* Faults of a server: the rules, who follows them, and whether it listens. */
#include "faults_parse.h"
#include "options.h"
#include "server.h"
#include "win/error.h"
#include "win/system.h"

#include <string.h>

enum { REOPEN_MS = 10 * 1000, REOPEN_AGAIN_MS = 50 };

/* ---- addresses ---- */

struct w2e_fault_address w2e_server_fault_address(const SOCKADDR_STORAGE *from) {
    struct w2e_fault_address address = {0};
    if (from->ss_family == AF_INET) {
        address.family = WS2ECHO_FAMILY_IPV4;
        memcpy(address.bytes, &((const SOCKADDR_IN *)from)->sin_addr, sizeof(IN_ADDR));
    } else if (from->ss_family == AF_INET6) {
        address.family = WS2ECHO_FAMILY_IPV6;
        memcpy(address.bytes, &((const SOCKADDR_IN6 *)from)->sin6_addr, sizeof(IN6_ADDR));
    }
    return address;
}

static void peer_of(const struct w2e_ends *ends, struct w2e_fault_address *peer) {
    SOCKADDR_STORAGE address;
    w2e_ends_peer(ends, &address);
    *peer = w2e_server_fault_address(&address);
}

/* ---- verdicts ---- */

static void push_touched(struct w2e_server *server, ws2echo_event *event, const struct w2e_fault_verdict *verdict) {
    event->rule = verdict->rule_id;
    event->fault = (uint32_t)verdict->kind;
    event->place = verdict->place;
    AcquireSRWLockExclusive(&server->lock);
    server->faults_touched++;
    w2e_server_push_event_locked(server, event);
    ReleaseSRWLockExclusive(&server->lock);
}

static void connection_touched(void *owner, const struct w2e_fault_verdict *verdict) {
    const struct w2e_server_connection *connection = owner;
    ws2echo_event event = w2e_server_event_of(connection, WS2ECHO_EVENT_FAULT);
    event.bytes_received = connection->session.session.bytes_received;
    event.bytes_sent = connection->session.session.bytes_sent;
    push_touched(connection->server, &event, verdict);
}

static void datagram_touched(void *owner, const struct w2e_fault_verdict *verdict) {
    const struct w2e_server_datagrams *datagrams = owner;
    ws2echo_event event = {.kind = WS2ECHO_EVENT_FAULT, .protocol = WS2ECHO_PROTOCOL_UDP, .local = datagrams->local};
    SOCKADDR_STORAGE peer;
    w2e_ends_peer(datagrams->session.faults->lent.ends, &peer);
    w2e_address_from(&peer, &event.peer);
    push_touched(datagrams->server, &event, verdict);
}

/* ---- connections ---- */

void w2e_server_faults_attach_locked(struct w2e_server *server, struct w2e_server_connection *connection) {
    struct w2e_session *session = &connection->session.session;
    struct w2e_fault_connection known = {.target = {.number = connection->id, .peer = connection->peer_address},
                                         .opened_us = connection->accepted_us,
                                         .observer = {.owner = connection, .touched = connection_touched}};
    if (session->reason != WS2ECHO_REASON_NONE || !w2e_faults_touch(&server->rules, &known.target)) {
        return;
    }
    struct w2e_session_faults *faults = w2e_sys_alloc(sizeof *faults);
    if (faults == NULL) {
        w2e_session_abort(session, WS2ECHO_REASON_ERROR, WSAENOBUFS);
        return;
    }
    w2e_session_faults_attach(faults, &connection->session, &known, &server->rules, w2e_sys_now_us());
    connection->connection.interruptible = true;
}

static void follow_locked(struct w2e_server *server, struct w2e_server_connection *connection) {
    connection->rules_version = w2e_counter_get(&server->rules_version);
    if (connection->session.faults != NULL) {
        w2e_session_faults_update(connection->session.faults, &server->rules, w2e_sys_now_us());
    } else {
        w2e_server_faults_attach_locked(server, connection);
    }
}

/* ---- datagrams ---- */

static void free_spare(struct w2e_spare_faults *spare) {
    w2e_sys_free(spare->faults);
    w2e_sys_free(spare->store);
    w2e_sys_free(spare);
}

static struct w2e_spare_faults *new_spare(void) {
    struct w2e_spare_faults *spare = w2e_sys_alloc(sizeof *spare);
    if (spare == NULL) {
        return NULL;
    }
    spare->faults = w2e_sys_alloc(sizeof *spare->faults);
    spare->store = w2e_sys_alloc_buffer(W2E_DATAGRAM_STORE_BYTES);
    if (spare->faults == NULL || spare->store == NULL) {
        free_spare(spare);
        return NULL;
    }
    return spare;
}

static struct w2e_spare_faults *take_spare_locked(struct w2e_server *server) {
    struct w2e_spare_faults *spare = server->spares;
    server->spares = spare->next;
    server->datagrams_unattached--;
    return spare;
}

static uint32_t spares_missing(struct w2e_server *server) {
    AcquireSRWLockExclusive(&server->lock);
    uint32_t missing = server->datagrams_unattached;
    for (const struct w2e_spare_faults *spare = server->spares; spare != NULL; spare = spare->next) {
        missing--;
    }
    ReleaseSRWLockExclusive(&server->lock);
    return missing;
}

static void keep_spare(struct w2e_server *server, struct w2e_spare_faults *spare) {
    AcquireSRWLockExclusive(&server->lock);
    spare->next = server->spares;
    server->spares = spare;
    ReleaseSRWLockExclusive(&server->lock);
}

/*
 * Sees that each socket of UDP can follow these rules: 0 or an error. They have faults attached on their drivers' threads, where it would be
 * too late to tell that memory is short.
 */
static int reserve_for_datagrams(struct w2e_server *server, const struct w2e_fault_rules *rules) {
    if (!w2e_faults_touch_datagrams(rules)) {
        return 0;
    }
    for (uint32_t missing = spares_missing(server); missing > 0; missing--) {
        struct w2e_spare_faults *spare = new_spare();
        if (spare == NULL) {
            return w2e_fail(WSAENOBUFS, "have room for the datagrams that a fault keeps back");
        }
        keep_spare(server, spare);
    }
    return 0;
}

int w2e_server_faults_expect_datagrams(struct w2e_server *server, uint32_t sockets) {
    server->datagrams_unattached = sockets;
    return reserve_for_datagrams(server, &server->rules);
}

void w2e_server_faults_fini(struct w2e_server *server) {
    while (server->spares != NULL) {
        struct w2e_spare_faults *spare = server->spares;
        server->spares = spare->next;
        free_spare(spare);
    }
}

static void attach_datagrams_locked(struct w2e_server *server, struct w2e_server_datagrams *datagrams) {
    struct w2e_spare_faults *spare = take_spare_locked(server);
    struct w2e_datagram_socket socket = {.number = datagrams->number,
                                         .opened_us = datagrams->opened_us,
                                         .peer_of = peer_of,
                                         .observer = {.owner = datagrams, .touched = datagram_touched}};
    w2e_session_datagram_faults_attach(spare->faults, &datagrams->session, &socket, spare->store, W2E_DATAGRAM_STORE_BYTES,
                                       &server->rules, w2e_sys_now_us());
    w2e_sys_free(spare);
    datagrams->connection.interruptible = true;
}

static void follow_with_datagrams_locked(struct w2e_server *server, struct w2e_server_datagrams *datagrams) {
    datagrams->rules_version = w2e_counter_get(&server->rules_version);
    if (datagrams->session.faults != NULL) {
        w2e_session_datagram_faults_update(datagrams->session.faults, &server->rules, w2e_sys_now_us());
    } else if (w2e_faults_touch_datagrams(&server->rules)) {
        attach_datagrams_locked(server, datagrams);
    }
}

/* ---- who follows ---- */

void w2e_server_faults_refresh(void *owner, struct w2e_connection *connection) {
    struct w2e_server *server = owner;
    struct w2e_server_connection *stream = (struct w2e_server_connection *)connection;
    struct w2e_server_datagrams *datagrams = (struct w2e_server_datagrams *)connection;
    uint64_t followed = connection->datagram ? datagrams->rules_version : stream->rules_version;
    if (followed == w2e_counter_get(&server->rules_version)) {
        return;
    }
    AcquireSRWLockExclusive(&server->lock);
    if (connection->datagram) {
        follow_with_datagrams_locked(server, datagrams);
    } else {
        follow_locked(server, stream);
    }
    ReleaseSRWLockExclusive(&server->lock);
}

void w2e_server_faults_free(struct w2e_connection *connection) {
    if (!connection->datagram) {
        w2e_sys_free(((struct w2e_server_connection *)connection)->session.faults);
        return;
    }
    struct w2e_session_datagram_faults *faults = ((struct w2e_server_datagrams *)connection)->session.faults;
    if (faults != NULL) {
        w2e_sys_free(faults->store.bytes);
        w2e_sys_free(faults);
    }
}

/* ---- listening ---- */

static enum w2e_fault_listening wanted_listening(const struct w2e_fault_rules *rules, const struct w2e_fault_rule **rule) {
    return w2e_faults_listening(rules, W2E_FAULT_TCP, rule);
}

static void push_listening_locked(struct w2e_server *server) {
    const struct w2e_fault_rule *rule;
    if (wanted_listening(&server->rules, &rule) != W2E_LISTENS) {
        ws2echo_event event = {.kind = WS2ECHO_EVENT_FAULT, .rule = rule->id, .fault = (uint32_t)rule->kind};
        server->faults_touched++;
        w2e_server_push_event_locked(server, &event);
        return;
    }
    for (uint32_t i = 0; i < server->address_count; i++) {
        ws2echo_event event = {.kind = WS2ECHO_EVENT_LISTENING, .local = server->addresses[i]};
        w2e_server_push_event_locked(server, &event);
    }
}

static void push_listening(struct w2e_server *server) {
    AcquireSRWLockExclusive(&server->lock);
    push_listening_locked(server);
    ReleaseSRWLockExclusive(&server->lock);
}

void w2e_server_faults_listen(struct w2e_server *server, struct w2e_listeners *streams) {
    const struct w2e_fault_rule *rule;
    server->listening = wanted_listening(&server->rules, &rule);
    if (server->options.protocol == WS2ECHO_PROTOCOL_UDP || server->listening == W2E_LISTENS) {
        server->listening = W2E_LISTENS;
        return;
    }
    server->streams = *streams;
    streams->count = 0;
    if (server->listening == W2E_DOES_NOT_LISTEN) {
        w2e_listeners_close(&server->streams);
    }
    push_listening(server);
}

/* Whether to try again, after a while. */
static bool may_reopen(struct w2e_server *server, uint64_t until_us) {
    uint64_t next_us = w2e_deadline_us(w2e_sys_now_us(), REOPEN_AGAIN_MS);
    bool again = next_us < until_us;
    AcquireSRWLockExclusive(&server->lock);
    while (again && !server->ending && w2e_condition_wait(&server->changed, &server->lock, next_us)) {
    }
    again &= !server->ending;
    ReleaseSRWLockExclusive(&server->lock);
    return again;
}

/* Windows keeps a port that was bound exclusively until the last connection that came by it is gone: those that have just been ended. */
static int reopen(struct w2e_server *server) {
    uint64_t until_us = w2e_deadline_us(w2e_sys_now_us(), REOPEN_MS);
    int error;
    do {
        error = w2e_listeners_reopen(&server->streams, &server->options, &server->socket_options);
    } while ((error == WSAEADDRINUSE || error == WSAEACCES) && may_reopen(server, until_us));
    return error;
}

static int set_listening(struct w2e_server *server, enum w2e_fault_listening wanted) {
    enum w2e_fault_listening before = server->listening;
    int error = 0;
    if (server->listening == W2E_LISTENS) {
        server->driver->ops->unlisten(server->driver, &server->streams);
    } else if (server->listening == W2E_DOES_NOT_LISTEN) {
        error = reopen(server);
    }
    if (error != 0) {
        return error;
    }
    server->listening = wanted;
    if (wanted == W2E_DOES_NOT_LISTEN) {
        w2e_listeners_close(&server->streams);
    } else if (wanted == W2E_LISTENS) {
        error = server->driver->ops->listen(server->driver, &server->streams);
    }
    if (error != 0) { /* it is as it was */
        server->listening = before;
        if (before == W2E_DOES_NOT_LISTEN) {
            w2e_listeners_close(&server->streams);
        }
        return w2e_fail(error, "listen again on port %lu", (unsigned long)server->options.port);
    }
    push_listening(server);
    return 0;
}

void w2e_server_faults_end(struct w2e_server *server) {
    AcquireSRWLockExclusive(&server->lock);
    server->ending = true;
    WakeAllConditionVariable(&server->changed);
    ReleaseSRWLockExclusive(&server->lock);
    AcquireSRWLockExclusive(&server->faults_lock);
    if (server->listening != W2E_LISTENS) {
        w2e_listeners_close(&server->streams);
    }
    ReleaseSRWLockExclusive(&server->faults_lock);
}

/* ---- rules ---- */

/* A small number is easier to pass on. */
static uint64_t draw_seed(void) {
    return 1 + w2e_fault_draw_below(w2e_sys_draw(), W2E_DRAW_EVENT, 0, UINT32_MAX);
}

int w2e_server_faults_init(struct w2e_server *server, const ws2echo_server_options *options) {
    InitializeSRWLock(&server->faults_lock);
    server->options.seed = options->seed != 0 ? options->seed : draw_seed();
    w2e_faults_init(&server->rules, server->options.seed);
    if (options->faults != NULL) {
        struct w2e_fault_error error;
        w2e_faults_parse(&server->rules, options->faults, &error); /* it was checked */
        w2e_counter_add(&server->rules_version, 1);
    }
    return 0;
}

static void set_rules(struct w2e_server *server, const struct w2e_fault_rules *rules) {
    AcquireSRWLockExclusive(&server->lock);
    server->rules = *rules;
    w2e_counter_add(&server->rules_version, 1);
    ReleaseSRWLockExclusive(&server->lock);
}

static bool is_ending(struct w2e_server *server) {
    AcquireSRWLockExclusive(&server->lock);
    bool ending = server->ending;
    ReleaseSRWLockExclusive(&server->lock);
    return ending;
}

static int listen_as_wanted(struct w2e_server *server, const struct w2e_fault_rules *rules) {
    const struct w2e_fault_rule *rule;
    enum w2e_fault_listening wanted = wanted_listening(rules, &rule);
    if (server->options.protocol == WS2ECHO_PROTOCOL_UDP || wanted == server->listening || is_ending(server)) {
        return 0;
    }
    int error = set_listening(server, wanted);
    return error != 0 && is_ending(server) ? 0 : error;
}

/* Puts rules in force, in which the call that asks for them holds faults_lock: 0, or an error, and then those before are. */
static int put_in_force(struct w2e_server *server, const struct w2e_fault_rules *rules) {
    struct w2e_fault_rules before = server->rules; /* only who holds faults_lock writes them */
    int error = reserve_for_datagrams(server, rules);
    if (error != 0) {
        return error;
    }
    set_rules(server, rules);
    error = listen_as_wanted(server, rules);
    if (error != 0) {
        set_rules(server, &before);
    }
    server->driver->ops->refresh(server->driver);
    return error;
}

static int not_offered(const struct w2e_fault_rule *rule) {
    return w2e_fail_because(WSAEOPNOTSUPP, "this kind of fault is not for the server's protocol", "the fault \"%s\"",
                            w2e_fault_info(rule->kind)->name);
}

static uint64_t connections_accepted(struct w2e_server *server) {
    AcquireSRWLockExclusive(&server->lock);
    uint64_t connections = server->connections_accepted;
    ReleaseSRWLockExclusive(&server->lock);
    return connections;
}

int w2e_server_fault_add(struct w2e_server *server, const struct w2e_fault_rule *rule, uint32_t *id) {
    if (!w2e_fault_offered(rule->kind, server->options.protocol)) {
        return not_offered(rule);
    }
    AcquireSRWLockExclusive(&server->faults_lock);
    struct w2e_fault_rules rules = server->rules;
    uint32_t added = w2e_faults_add(&rules, rule, connections_accepted(server));
    int error = added != 0 ? put_in_force(server, &rules)
                           : w2e_fail_because(WSAENOBUFS, "remove one before", "add a fault to the %d that a server can have",
                                              W2E_FAULT_RULES_MAX);
    ReleaseSRWLockExclusive(&server->faults_lock);
    *id = error == 0 ? added : 0;
    return error;
}

static int no_such_rule(uint32_t id) {
    return w2e_fail_because(WSAEINVAL, "the server has no such rule", "the fault with the id %lu", (unsigned long)id);
}

int w2e_server_fault_change(struct w2e_server *server, uint32_t id, const struct w2e_fault_rule *rule) {
    AcquireSRWLockExclusive(&server->faults_lock);
    struct w2e_fault_rules rules = server->rules;
    int error;
    if (!w2e_faults_change(&rules, id, rule, connections_accepted(server))) {
        error = no_such_rule(id);
    } else {
        error = w2e_fault_offered(rule->kind, server->options.protocol) ? put_in_force(server, &rules) : not_offered(rule);
    }
    ReleaseSRWLockExclusive(&server->faults_lock);
    return error;
}

int w2e_server_fault_remove(struct w2e_server *server, uint32_t id) {
    AcquireSRWLockExclusive(&server->faults_lock);
    struct w2e_fault_rules rules = server->rules;
    int error = w2e_faults_remove(&rules, id) ? put_in_force(server, &rules) : no_such_rule(id);
    ReleaseSRWLockExclusive(&server->faults_lock);
    return error;
}

int w2e_server_fault_get(struct w2e_server *server, uint32_t index, ws2echo_fault *fault) {
    struct w2e_fault_rule rule;
    AcquireSRWLockExclusive(&server->lock);
    uint32_t count = server->rules.count;
    if (index < count) {
        rule = server->rules.rules[index];
    }
    ReleaseSRWLockExclusive(&server->lock);
    if (index >= count) {
        return w2e_fail(WSAEINVAL, "fault %lu of a server with %lu", (unsigned long)index, (unsigned long)count);
    }
    *fault = (ws2echo_fault){.size = sizeof *fault, .id = rule.id, .kind = (uint32_t)rule.kind};
    w2e_fault_print(&rule, fault->text, sizeof fault->text);
    return 0;
}
