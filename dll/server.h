/*
 * The server: listeners, a driver, the connections' sessions, counters and the journal.
 *
 * Faults (server_faults.c): the rules are under the lock. A connection that a rule works on has faults attached to its session as it is
 * registered; when the rules change each connection follows on the thread of its driver, by `refresh` of the service. What has no faults
 * pays for none: they are asked for when a connection begins, and when rules change.
 */
#ifndef W2E_SERVER_H
#define W2E_SERVER_H

#include "io/driver.h"
#include "journal.h"
#include "session_datagram_faults.h"
#include "session_faults.h"
#include "win/registry.h"
#include "ws2echo.h"

#include <stdbool.h>

/* What a socket of UDP needs to have faults attached. */
struct w2e_spare_faults {
    struct w2e_spare_faults *next;
    struct w2e_session_datagram_faults *faults;
    unsigned char *store;
};

struct w2e_server {
    struct w2e_object object; /* first: what the registry knows of it */
    ws2echo_server_options options;
    struct w2e_socket_options socket_options;
    struct w2e_echo_config echo_config;
    ws2echo_address addresses[W2E_LISTENERS_MAX];
    bool wildcards[W2E_LISTENERS_MAX]; /* … bound to no address in particular */
    uint32_t address_count;
    uint64_t opened_us;
    struct w2e_driver *driver;
    struct w2e_service service;
    struct w2e_traffic traffic[W2E_TRAFFIC_PARTS];
    struct w2e_traffic_watch traffic_watch; /* for those who wait for bytes */
    struct w2e_counter rules_version;       /* how often the rules of faults were set */

    SRWLOCK faults_lock; /* one changes the rules at a time: comes before lock, and is held until all connections follow */

    /* Guarded by faults_lock. */
    enum w2e_fault_listening listening;
    struct w2e_listeners
        streams; /* the listening sockets while the driver does not have them; those that are closed are INVALID_SOCKET */

    SRWLOCK lock;
    CONDITION_VARIABLE
    changed; /* an event came, a connection went, bytes did if anybody waits for them, the server stopped, ends or closes */

    /* Guarded by lock. */
    struct w2e_journal journal;
    HANDLE wait_event; /* made when first asked for; set while next_event would not wait */
    uint64_t connections_accepted;
    uint64_t connections_open;    /* those refused for the cap included */
    uint64_t connections_current; /* without them */
    uint64_t connections_peak;
    uint64_t connections_stopped; /* reset by stopping, and not told to a caller of stop yet */
    uint64_t connections_closed[WS2ECHO_REASON_COUNT];
    uint64_t accept_failures;
    uint64_t faults_touched;
    uint32_t waiting_for_bytes; /* callers of wait */
    struct w2e_fault_rules rules;
    uint32_t datagrams_unattached;   /* sockets of UDP without faults */
    struct w2e_spare_faults *spares; /* for them, when rules work on datagrams */
    bool ending;                     /* it listens no more, for good */
    bool stopped;                    /* no event will come any more */
    bool closing;
};

struct w2e_server_connection {
    struct w2e_connection connection;
    struct w2e_session_echo session;
    struct w2e_server *server;
    uint64_t rules_version; /* whose rules it follows */
    uint64_t id;
    uint64_t accepted_us;
    bool served; /* it has one of the places that connections_max limits; guarded by the server's lock */
    ws2echo_address local;
    ws2echo_address peer;
    struct w2e_fault_address peer_address; /* the same */
};

/* A socket of UDP, which serves all of its peers. */
struct w2e_server_datagrams {
    struct w2e_connection connection;
    struct w2e_session_datagram session;
    struct w2e_server *server;
    uint64_t rules_version; /* whose rules it follows */
    uint64_t number;        /* among the server's sockets */
    uint64_t opened_us;
    ws2echo_address local;
};

/* As the exported functions of the same names, with every argument checked and the server acquired. */
int w2e_server_open(const ws2echo_server_options *options, struct w2e_server **opened);
void w2e_server_options_get(struct w2e_server *server, ws2echo_server_options *options);
uint16_t w2e_server_port(const struct w2e_server *server);
int w2e_server_address(const struct w2e_server *server, uint32_t index, ws2echo_address *address);
void w2e_server_stats_get(struct w2e_server *server, ws2echo_server_stats *stats);
int w2e_server_next_event(struct w2e_server *server, uint32_t timeout_ms, ws2echo_event *event);
int w2e_server_wait_handle(struct w2e_server *server, HANDLE *handle);
int w2e_server_drain(struct w2e_server *server, uint32_t timeout_ms);
int w2e_server_stop(struct w2e_server *server, uint32_t drain_timeout_ms, uint32_t *reset_connections);

/* Closes a server that the registry has retired. */
void w2e_server_close(struct w2e_server *server);

struct w2e_object *w2e_server_object(struct w2e_server *server);

/* server_faults.c, likewise. */
int w2e_server_fault_add(struct w2e_server *server, const struct w2e_fault_rule *rule, uint32_t *id);
int w2e_server_fault_change(struct w2e_server *server, uint32_t id, const struct w2e_fault_rule *rule);
int w2e_server_fault_remove(struct w2e_server *server, uint32_t id);
int w2e_server_fault_get(struct w2e_server *server, uint32_t index, ws2echo_fault *fault);

/* server_wait.c, likewise. */
int w2e_server_wait(struct w2e_server *server, uint32_t until, uint64_t count, uint32_t timeout_ms);

/* ---- between the files of the server ---- */

void w2e_server_push_event_locked(struct w2e_server *server, ws2echo_event *event);
ws2echo_event w2e_server_event_of(const struct w2e_server_connection *connection, enum ws2echo_event_kind kind);

/* Sets the rules that the options name, before anything runs: 0 or an error. */
int w2e_server_faults_init(struct w2e_server *server, const ws2echo_server_options *options);

/* Keeps the streams of these, if the rules want them so, until the driver may have them. */
void w2e_server_faults_listen(struct w2e_server *server, struct w2e_listeners *streams);

/* Nobody listens any more, for good. */
void w2e_server_faults_end(struct w2e_server *server);

/* Attaches to a connection that is being registered what works on it. */
void w2e_server_faults_attach_locked(struct w2e_server *server, struct w2e_server_connection *connection);

/* `refresh` of the service. */
void w2e_server_faults_refresh(void *owner, struct w2e_connection *connection);

/* So many sockets of UDP are about to be started: 0, or an error, with the failure noted. */
int w2e_server_faults_expect_datagrams(struct w2e_server *server, uint32_t sockets);

/* Frees what was attached. */
void w2e_server_faults_free(struct w2e_connection *connection);

/* Frees what was kept for sockets that never had it attached. */
void w2e_server_faults_fini(struct w2e_server *server);

struct w2e_fault_address w2e_server_fault_address(const SOCKADDR_STORAGE *from);

/* Has traffic tell those who wait for it. */
void w2e_server_wait_init(struct w2e_server *server);

#endif
