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

static uint64_t count_locked(struct w2e_server *server, uint32_t until) {
    struct w2e_traffic traffic;
    switch (until) {
    case WS2ECHO_UNTIL_ACCEPTED:
        return server->connections_accepted;
    case WS2ECHO_UNTIL_OPEN:
    case WS2ECHO_UNTIL_OPEN_AT_MOST:
        return server->connections_current;
    case WS2ECHO_UNTIL_CLOSED:
        return closed_locked(server);
    case WS2ECHO_UNTIL_FAULTS:
        return server->faults_touched;
    default:
        w2e_traffic_sum(server->traffic, &traffic);
        return w2e_counter_get(until == WS2ECHO_UNTIL_SENT ? &traffic.bytes_sent : &traffic.bytes_received);
    }
}

static const char *words_for(uint32_t until) {
    switch (until) {
    case WS2ECHO_UNTIL_ACCEPTED:
        return "connections accepted";
    case WS2ECHO_UNTIL_OPEN:
        return "connections open";
    case WS2ECHO_UNTIL_OPEN_AT_MOST:
        return "connections open or fewer";
    case WS2ECHO_UNTIL_CLOSED:
        return "connections ended";
    case WS2ECHO_UNTIL_FAULTS:
        return "touched by faults";
    default:
        return until == WS2ECHO_UNTIL_SENT ? "bytes sent" : "bytes received";
    }
}

static bool reached(uint32_t until, uint64_t come, uint64_t count) {
    return until == WS2ECHO_UNTIL_OPEN_AT_MOST ? come <= count : come >= count;
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
    uint64_t come;
    AcquireSRWLockExclusive(&server->lock);
    begin_locked(server, until);
    while (come = count_locked(server, until), !reached(until, come, count) && !server->closing && !server->stopped &&
                                                   w2e_condition_wait(&server->changed, &server->lock, deadline_us)) {
    }
    end_locked(server, until);
    int error = server->closing               ? WSA_OPERATION_ABORTED
                : reached(until, come, count) ? 0
                : server->stopped             ? WSAEDISCON
                                              : WSAETIMEDOUT;
    ReleaseSRWLockExclusive(&server->lock);
    return error == 0
               ? 0
               : w2e_fail(error, "wait for %llu %s at the server on port %lu, which has come to %llu", (unsigned long long)count,
                          words_for(until), (unsigned long)server->options.port, (unsigned long long)come);
}
