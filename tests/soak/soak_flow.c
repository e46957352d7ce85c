/* All models at once, for a while. */
#include "soak.h"

#include <inttypes.h>
#include <stdio.h>

enum { CONNECTIONS = 4, DATAGRAM_CONNECTIONS = 2, FINISH_S = 120 };

struct flow {
    uint32_t model;
    ws2echo_server server;
    ws2echo_load tcp;
    ws2echo_load udp;
};

static struct flow flows[SOAK_MODELS];

/* Connections that come and go, of which one model answers in turns and the next streams. */
static ws2echo_load open_tcp(const struct flow *flow, uint16_t port, uint64_t seed, uint32_t seconds) {
    ws2echo_load_options options;
    ws2echo_load load;
    soak_load_options(&options, flow->model, WS2ECHO_PROTOCOL_TCP, port, seed);
    options.connections = CONNECTIONS;
    options.messages_per_connection = 100;
    options.pattern = (flow->model + seed) % 2 == 0 ? WS2ECHO_LOAD_PING_PONG : WS2ECHO_LOAD_STREAM;
    options.duration_ms = seconds * 1000;
    options.finish_timeout_ms = FINISH_S * 1000 / 2;
    soak_require(ws2echo_load_open(&options, &load), "open a load");
    return load;
}

static ws2echo_load open_udp(const struct flow *flow, uint16_t port, uint64_t seed, uint32_t seconds) {
    ws2echo_load_options options;
    ws2echo_load load;
    soak_load_options(&options, flow->model, WS2ECHO_PROTOCOL_UDP, port, seed);
    options.connections = DATAGRAM_CONNECTIONS;
    options.depth = 2;
    options.rate = 100;
    options.duration_ms = seconds * 1000;
    soak_require(ws2echo_load_open(&options, &load), "open a load over UDP");
    return load;
}

static void open_flow(struct flow *flow, uint32_t model, uint64_t seed, uint32_t seconds) {
    uint16_t port;
    flow->model = model;
    flow->server = soak_open_server(model, &port);
    flow->tcp = open_tcp(flow, port, seed, seconds);
    flow->udp = open_udp(flow, port, seed, seconds);
}

static uint64_t bytes_so_far(void) {
    uint64_t bytes = 0;
    for (uint32_t model = 0; model < SOAK_MODELS; model++) {
        bytes += soak_stats(flows[model].tcp).bytes_received + soak_stats(flows[model].udp).bytes_received;
    }
    return bytes;
}

static void finish(ws2echo_load load, const char *what) {
    soak_begin_step(what, FINISH_S);
    soak_require(ws2echo_load_stop(load), "stop a load");
    soak_require(ws2echo_load_wait(load, WS2ECHO_INFINITE), "wait for a load");
}

/* What is wrong with a connection, in words: of the first few. */
static void tell_problems(const struct flow *flow, ws2echo_load load) {
    ws2echo_load_problem problem = {.size = sizeof problem};
    for (uint32_t count = 0; count < 5 && ws2echo_load_next_problem(load, 0, &problem) == 0; count++) {
        printf("problem in %s: kind %" PRIu32 ", connection %" PRIu64 ", offset %" PRIu64 ", error %" PRId32 "\n",
               soak_model_name(flow->model), problem.kind, problem.connection, problem.offset, problem.error);
    }
}

/* Over TCP every connection has to end well. Datagrams may be lost, but no wrong one may come. */
static uint64_t judge(const struct flow *flow, ws2echo_load load, bool udp, uint64_t *bytes) {
    ws2echo_load_stats stats = soak_stats(load);
    uint64_t wrong = soak_wrong(&stats);
    bool unfinished = !udp && stats.connections_finished != stats.connections_begun;
    printf("FLOW %-10s %s: %" PRIu64 " messages, %" PRIu64 " bytes back, %" PRIu64 " of %" PRIu64 " connections well, %" PRIu64
           " wrong, %" PRIu64 " datagrams lost\n",
           soak_model_name(flow->model), udp ? "udp" : "tcp", stats.messages, stats.bytes_received, stats.connections_finished,
           stats.connections_begun, wrong, stats.datagrams_lost);
    if (wrong != 0 || unfinished || stats.messages == 0) {
        soak_complain("%s over %s", soak_model_name(flow->model), udp ? "UDP" : "TCP");
        tell_problems(flow, load);
    }
    *bytes += stats.bytes_received;
    return wrong;
}

static void close_flow(struct flow *flow) {
    soak_begin_step("close", FINISH_S);
    soak_require(ws2echo_load_close(flow->tcp), "close a load");
    soak_require(ws2echo_load_close(flow->udp), "close a load over UDP");
    soak_require(ws2echo_server_close(flow->server), "close a server");
}

void soak_flow(uint64_t seed, uint32_t seconds, uint64_t bytes) {
    uint64_t come = 0;
    uint64_t wrong = 0;
    for (uint32_t model = 0; model < SOAK_MODELS; model++) {
        open_flow(&flows[model], model, seed, seconds);
    }
    soak_begin_step("flow", seconds + FINISH_S);
    ULONGLONG until_ms = GetTickCount64() + seconds * 1000ull;
    while (GetTickCount64() < until_ms && bytes_so_far() < bytes) {
        Sleep(100);
    }
    for (uint32_t model = 0; model < SOAK_MODELS; model++) {
        finish(flows[model].tcp, "finish over TCP");
        finish(flows[model].udp, "finish over UDP");
        wrong += judge(&flows[model], flows[model].tcp, false, &come);
        wrong += judge(&flows[model], flows[model].udp, true, &come);
        close_flow(&flows[model]);
    }
    printf("TOTAL %" PRIu64 " bytes back, %" PRIu64 " wrong\n", come, wrong);
}
