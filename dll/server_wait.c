/* Waiting for what a server has come to. */
#include "server.h"
#include "win/error.h"
#include "win/system.h"

static uint64_t closed_locked(const struct w2e_server *server) {
    uint64_t closed = 0;
    for (unsigned reason = 0; reason < WS2ECHO_REASON_COUNT; reason++) {
        closed += server->connections_closed[reason];
    }
    return closed;
}

static bool reached_locked(struct w2e_server *server, uint32_t until, uint64_t count) {
    struct w2e_traffic traffic;
    switch (until) {
    case WS2ECHO_UNTIL_ACCEPTED:
        return server->connections_accepted >= count;
    case WS2ECHO_UNTIL_OPEN:
        return server->connections_current >= count;
    case WS2ECHO_UNTIL_OPEN_AT_MOST:
        return server->connections_current <= count;
    case WS2ECHO_UNTIL_CLOSED:
        return closed_locked(server) >= count;
    case WS2ECHO_UNTIL_FAULTS:
        return server->faults_touched >= count;
    default:
        w2e_traffic_sum(server->traffic, &traffic);
        return w2e_counter_get(until == WS2ECHO_UNTIL_SENT ? &traffic.bytes_sent : &traffic.bytes_received) >= count;
    }
}

/* On a driver's thread: who waits holds the lock while it looks, so that nothing is missed. */
static void bytes_moved(void *owner) {
    struct w2e_server *server = owner;
    AcquireSRWLockExclusive(&server->lock);
    WakeAllConditionVariable(&server->changed);
    ReleaseSRWLockExclusive(&server->lock);
}

void w2e_server_wait_init(struct w2e_server *server) {
    server->traffic_watch = (struct w2e_traffic_watch){.owner = server, .moved = bytes_moved};
}

/* Traffic tells of itself only while somebody waits for it. */
static void begin_locked(struct w2e_server *server, uint32_t until) {
    bool bytes = until == WS2ECHO_UNTIL_RECEIVED || until == WS2ECHO_UNTIL_SENT;
    if (bytes && server->waiting_for_bytes++ == 0) {
        w2e_traffic_set_watch(server->traffic, &server->traffic_watch);
    }
}

static void end_locked(struct w2e_server *server, uint32_t until) {
    bool bytes = until == WS2ECHO_UNTIL_RECEIVED || until == WS2ECHO_UNTIL_SENT;
    if (bytes && --server->waiting_for_bytes == 0) {
        w2e_traffic_set_watch(server->traffic, NULL);
    }
}

int w2e_server_wait(struct w2e_server *server, uint32_t until, uint64_t count, uint32_t timeout_ms) {
    uint64_t deadline_us = w2e_deadline_us(w2e_sys_now_us(), timeout_ms);
    bool reached;
    AcquireSRWLockExclusive(&server->lock);
    begin_locked(server, until);
    while (!(reached = reached_locked(server, until, count)) && !server->closing && !server->stopped &&
           w2e_condition_wait(&server->changed, &server->lock, deadline_us)) {
    }
    end_locked(server, until);
    int error = server->closing ? WSA_OPERATION_ABORTED : reached ? 0 : server->stopped ? WSAEDISCON : WSAETIMEDOUT;
    ReleaseSRWLockExclusive(&server->lock);
    return error == 0 ? 0
                      : w2e_fail(error, "wait for what the server on port %lu has come to", (unsigned long)server->options.port);
}
