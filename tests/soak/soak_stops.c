/* Servers that are stopped at any moment. */
#include "soak.h"

#include <inttypes.h>
#include <stdio.h>

enum { BUSY = 200, STEP_S = 60, COME_S = 15 };

static ws2echo_load open_busy(uint32_t model, uint16_t port, uint64_t seed) {
    ws2echo_load_options options;
    ws2echo_load load;
    soak_load_options(&options, WS2ECHO_MODEL_IOCP, WS2ECHO_PROTOCOL_TCP, port, seed + model);
    options.connections = BUSY;
    options.message_bytes[1] = 8192;
    options.connect_timeout_ms = STEP_S * 1000;
    soak_require(ws2echo_load_open(&options, &load), "open a load");
    return load;
}

/* Some stop, some drain for a moment, some are just closed. */
static void end_server(ws2echo_server server, uint64_t *chance) {
    uint32_t reset = 0;
    uint32_t way = soak_chance(chance, 3);
    if (way != 0) {
        soak_require(ws2echo_server_stop(server, way == 1 ? 0 : soak_chance(chance, 20), &reset), "stop a server");
        ws2echo_server_stats stats = {.size = sizeof stats};
        soak_require(ws2echo_server_stats_get(server, &stats), "ask a server for its counters");
        if (stats.connections_current != 0) {
            soak_complain("a stopped server has %" PRIu64 " connections", stats.connections_current);
        }
    }
    soak_require(ws2echo_server_close(server), "close a server");
}

struct tally {
    uint64_t longest_us;
    uint64_t sum_us;
    uint64_t connections;
    uint64_t bytes;
};

/* Most of the time all connections are waited for; on a slow machine those that have come by then must do. */
static uint64_t await_connections(ws2echo_server server, uint64_t *chance) {
    ws2echo_server_stats stats = {.size = sizeof stats};
    if (soak_chance(chance, 4) != 0) {
        (void)ws2echo_server_wait(server, WS2ECHO_UNTIL_OPEN, BUSY, COME_S * 1000);
    }
    Sleep(soak_chance(chance, 30));
    soak_require(ws2echo_server_stats_get(server, &stats), "ask a server for its counters");
    return stats.connections_current;
}

static uint64_t microseconds_to_end(ws2echo_server server, uint64_t *chance) {
    LARGE_INTEGER frequency;
    LARGE_INTEGER begun;
    LARGE_INTEGER ended;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&begun);
    end_server(server, chance);
    QueryPerformanceCounter(&ended);
    return (uint64_t)((ended.QuadPart - begun.QuadPart) * 1000000 / frequency.QuadPart);
}

/* One server that is ended a random time after its connections are there, or while they come. */
static void stop_once(uint32_t model, uint64_t *chance, struct tally *tally) {
    uint16_t port;
    ws2echo_server server = soak_open_server(model, &port);
    ws2echo_load load = open_busy(model, port, *chance);
    tally->connections += await_connections(server, chance);
    uint64_t took_us = microseconds_to_end(server, chance);
    ws2echo_load_stats stats = soak_stats(load);
    if (soak_wrong(&stats) != 0) {
        soak_complain("%s: %" PRIu64 " connections received what was not theirs", soak_model_name(model), soak_wrong(&stats));
    }
    soak_require(ws2echo_load_close(load), "close a load");
    tally->bytes += stats.bytes_received;
    tally->sum_us += took_us;
    tally->longest_us = took_us > tally->longest_us ? took_us : tally->longest_us;
}

void soak_stops(uint64_t seed, uint32_t count) {
    struct tally tally = {0};
    for (uint32_t turn = 0; turn < count; turn++) {
        uint32_t model = turn % SOAK_MODELS;
        soak_begin_step(soak_model_name(model), 3 * STEP_S);
        stop_once(model, &seed, &tally);
    }
    uint64_t turns = count > 0 ? count : 1;
    if (count >= SOAK_MODELS && (tally.connections == 0 || tally.bytes == 0)) {
        soak_complain("of the servers that were stopped not one had a connection, or echoed a byte");
    }
    printf("STOPS %" PRIu32 " of servers with up to %d busy connections: %" PRIu64 " connections on average; took %" PRIu64
           " ms on average, %" PRIu64 " ms at most; %" PRIu64 " bytes back before\n",
           count, BUSY, tally.connections / turns, tally.sum_us / 1000 / turns, tally.longest_us / 1000, tally.bytes);
}
