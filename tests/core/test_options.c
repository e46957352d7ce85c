#include "check.h"
#include "codes.h"
#include "options.h"

#include <string.h>

static ws2echo_server_options server_defaults(void) {
    ws2echo_server_options options;
    w2e_server_options_default(&options);
    return options;
}

static ws2echo_client_options client_defaults(void) {
    ws2echo_client_options options;
    w2e_client_options_default(&options);
    options.port = 1;
    return options;
}

static ws2echo_ping_options ping_defaults(void) {
    ws2echo_ping_options options;
    w2e_ping_options_default(&options);
    return options;
}

static ws2echo_load_options load_defaults(void) {
    ws2echo_load_options options;
    w2e_load_options_default(&options);
    options.port = 1;
    return options;
}

static const char *server_fault(const ws2echo_server_options *options) {
    struct w2e_option_fault fault;
    int error = w2e_server_options_check(options, &fault);
    CHECK(error == (fault.field == NULL ? 0 : W2E_EINVAL));
    CHECK((fault.field == NULL) == (fault.wanted == NULL));
    return fault.field == NULL ? "" : fault.field;
}

static const char *client_fault(const ws2echo_client_options *options) {
    struct w2e_option_fault fault;
    int error = w2e_client_options_check(options, &fault);
    CHECK(error == (fault.field == NULL ? 0 : W2E_EINVAL));
    return fault.field == NULL ? "" : fault.field;
}

static const char *ping_fault(const ws2echo_ping_options *options) {
    struct w2e_option_fault fault;
    int error = w2e_ping_options_check(options, &fault);
    CHECK(error == (fault.field == NULL ? 0 : W2E_EINVAL));
    return fault.field == NULL ? "" : fault.field;
}

static const char *load_fault(const ws2echo_load_options *options) {
    struct w2e_option_fault fault;
    int error = w2e_load_options_check(options, &fault);
    CHECK(error == (fault.field == NULL ? 0 : W2E_EINVAL));
    return fault.field == NULL ? "" : fault.field;
}

/* A field takes `good` values and refuses `bad` ones, by name. */
#define FIELD(side, field, good_low, good_high, bad)                                                                             \
    do {                                                                                                                         \
        ws2echo_##side##_options options = side##_defaults();                                                                    \
        options.field = good_low;                                                                                                \
        CHECK(strcmp(side##_fault(&options), "") == 0);                                                                          \
        options.field = good_high;                                                                                               \
        CHECK(strcmp(side##_fault(&options), "") == 0);                                                                          \
        options.field = bad;                                                                                                     \
        CHECK(strcmp(side##_fault(&options), #field) == 0);                                                                      \
    } while (0)

static void server_limits(void) {
    FIELD(server, model, WS2ECHO_MODEL_THREADS, WS2ECHO_MODEL_THREADS, 99);
    FIELD(server, protocol, WS2ECHO_PROTOCOL_UDP, WS2ECHO_PROTOCOL_BOTH, WS2ECHO_PROTOCOL_BOTH + 1);
    FIELD(server, family, WS2ECHO_FAMILY_IPV4, WS2ECHO_FAMILY_IPV6, 5);
    FIELD(server, port, 0, 65535, 65536);
    FIELD(server, backlog, 0, 65535, 65536);
    FIELD(server, accept, WS2ECHO_ACCEPT_DEFAULT, WS2ECHO_ACCEPT_WSAACCEPT, WS2ECHO_ACCEPT_WSAACCEPT + 1);
    FIELD(server, accepts_pending, 0, 0, 1025);
    FIELD(server, workers, 0, 0, 257);
    FIELD(server, connections_max, 1, WS2ECHO_INFINITE, 0);
    FIELD(server, idle_timeout_ms, 1, WS2ECHO_INFINITE, 0);
    FIELD(server, send_timeout_ms, 1, WS2ECHO_INFINITE, 0);
    FIELD(server, no_delay, 0, 1, 2);
    FIELD(server, udp_connreset, 0, 1, 2);
    FIELD(server, receive_buffer_bytes, 0, 1u << 30, (1u << 30) + 1);
    FIELD(server, send_buffer_bytes, 0, 1u << 30, (1u << 30) + 1);
    FIELD(server, linger_s, -1, 65535, 65536);
    FIELD(server, linger_s, 0, 1, -2);
    FIELD(server, echo_buffer_bytes, 1, 1u << 26, 0);
    FIELD(server, echo_buffer_bytes, 1, 1u << 26, (1u << 26) + 1);
    FIELD(server, journal_events, 1, 1u << 20, 0);
    FIELD(server, journal_events, 1, 1u << 20, (1u << 20) + 1);
    FIELD(server, reserved, 0, 0, 1);
    FIELD(server, size, sizeof options, sizeof options, sizeof options - 1);
}

static void client_limits(void) {
    FIELD(client, protocol, WS2ECHO_PROTOCOL_TCP, WS2ECHO_PROTOCOL_UDP, WS2ECHO_PROTOCOL_BOTH);
    FIELD(client, family, WS2ECHO_FAMILY_IPV4, WS2ECHO_FAMILY_IPV6, 1);
    FIELD(client, port, 1, 65535, 0);
    FIELD(client, port, 1, 65535, 65536);
    FIELD(client, connect_timeout_ms, 0, WS2ECHO_INFINITE, WS2ECHO_TIMEOUT_OF_OPTIONS);
    FIELD(client, send_timeout_ms, 0, WS2ECHO_INFINITE, WS2ECHO_TIMEOUT_OF_OPTIONS);
    FIELD(client, receive_timeout_ms, 0, WS2ECHO_INFINITE, WS2ECHO_TIMEOUT_OF_OPTIONS);
    FIELD(client, no_delay, 0, 1, 2);
    FIELD(client, udp_connreset, 0, 1, 2);
    FIELD(client, receive_buffer_bytes, 0, 1u << 30, UINT32_MAX);
    FIELD(client, send_buffer_bytes, 0, 1u << 30, UINT32_MAX);
    FIELD(client, linger_s, -1, 65535, INT32_MIN);
    FIELD(client, linger_s, 0, 1, 65536);
    FIELD(client, size, sizeof options, sizeof options, sizeof options + 8);
}

static void ping_limits(void) {
    FIELD(ping, datagram_bytes, 16, 65507, 15);
    FIELD(ping, datagram_bytes, 16, 65507, 65508);
    FIELD(ping, datagrams, 1, 1ull << 40, 0);
    FIELD(ping, datagrams, 1, 1ull << 40, (1ull << 40) + 1);
    FIELD(ping, window, 1, 1024, 0);
    FIELD(ping, window, 1, 1024, 1025);
    FIELD(ping, interval_us, 0, 1000000000, 1000000001);
    FIELD(ping, reply_timeout_ms, 1, 1u << 31, 0);
    FIELD(ping, reply_timeout_ms, 1, 1u << 31, (1u << 31) + 1);
    FIELD(ping, reserved, 0, 0, 1);
    FIELD(ping, size, sizeof options, sizeof options, sizeof options + 1);
}

static void load_limits(void) {
    FIELD(load, model, WS2ECHO_MODEL_THREADS, WS2ECHO_MODEL_IOCP, 99);
    FIELD(load, protocol, WS2ECHO_PROTOCOL_TCP, WS2ECHO_PROTOCOL_UDP, WS2ECHO_PROTOCOL_BOTH);
    FIELD(load, family, WS2ECHO_FAMILY_IPV4, WS2ECHO_FAMILY_IPV6, 1);
    FIELD(load, host, NULL, "localhost", "");
    FIELD(load, host, NULL, "::1", "*");
    FIELD(load, port, 1, 65535, 0);
    FIELD(load, port, 1, 65535, 65536);
    FIELD(load, workers, 0, 256, 257);
    FIELD(load, connections, 1, 65536, 0);
    FIELD(load, connections, 1, 65536, 65537);
    FIELD(load, pattern, WS2ECHO_LOAD_PING_PONG, WS2ECHO_LOAD_STREAM, WS2ECHO_LOAD_STREAM + 1);
    FIELD(load, depth, 1, 1024, 0);
    FIELD(load, depth, 1, 1024, 1025);
    FIELD(load, window_bytes, 0, 0, (1u << 30) + 1);
    FIELD(load, sizes, 1, 1, 0);
    FIELD(load, sizes, 1, 1, WS2ECHO_LOAD_SIZES_MAX + 1);
    FIELD(load, sizes_range, 0, 0, 2);
    FIELD(load, duration_ms, 1, WS2ECHO_INFINITE, 0);
    FIELD(load, rate, 0, 1000000000, 1000000001);
    FIELD(load, burst, 1, 1, 0);
    FIELD(load, burst, 1, 1, 1025);
    FIELD(load, receive, WS2ECHO_LOAD_RECEIVE_ALWAYS, WS2ECHO_LOAD_RECEIVE_NEVER, WS2ECHO_LOAD_RECEIVE_NEVER + 1);
    FIELD(load, reply_timeout_ms, 1, WS2ECHO_INFINITE, 0);
    FIELD(load, reset, 0, 1, 2);
    FIELD(load, no_delay, 0, 1, 2);
    FIELD(load, receive_buffer_bytes, 0, 1u << 30, (1u << 30) + 1);
    FIELD(load, send_buffer_bytes, 0, 1u << 30, (1u << 30) + 1);
    FIELD(load, size, sizeof options, sizeof options, sizeof options - 4);
}

static const char *fault_of_sizes(uint32_t protocol, uint32_t range, uint32_t first, uint32_t second) {
    ws2echo_load_options options = load_defaults();
    options.protocol = protocol;
    options.sizes = 2;
    options.sizes_range = range;
    options.message_bytes[0] = first;
    options.message_bytes[1] = second;
    struct w2e_option_fault fault;
    w2e_load_options_check(&options, &fault);
    return fault.field == NULL ? "" : fault.field;
}

static void sizes_are_those_of_messages(void) {
    CHECK(strcmp(fault_of_sizes(WS2ECHO_PROTOCOL_TCP, 0, 1, 1u << 26), "") == 0);
    CHECK(strcmp(fault_of_sizes(WS2ECHO_PROTOCOL_TCP, 0, 64, 0), "message_bytes") == 0);
    CHECK(strcmp(fault_of_sizes(WS2ECHO_PROTOCOL_TCP, 0, (1u << 26) + 1, 1), "message_bytes") == 0);
    CHECK(strcmp(fault_of_sizes(WS2ECHO_PROTOCOL_TCP, 0, 5, 4), "") == 0);
    CHECK(strcmp(fault_of_sizes(WS2ECHO_PROTOCOL_TCP, 1, 4, 4), "") == 0);
    CHECK(strcmp(fault_of_sizes(WS2ECHO_PROTOCOL_TCP, 1, 5, 4), "message_bytes") == 0);
    CHECK(strcmp(fault_of_sizes(WS2ECHO_PROTOCOL_UDP, 0, 16, 65507), "sizes") == 0); /* right as values */
    CHECK(strcmp(fault_of_sizes(WS2ECHO_PROTOCOL_UDP, 0, 15, 64), "message_bytes") == 0);
    CHECK(strcmp(fault_of_sizes(WS2ECHO_PROTOCOL_UDP, 0, 64, 65508), "message_bytes") == 0);
    ws2echo_load_options options = load_defaults();
    options.sizes_range = 1; /* of one there is no range */
    CHECK(strcmp(load_fault(&options), "message_bytes") == 0);
    options = load_defaults();
    options.sizes = WS2ECHO_LOAD_SIZES_MAX;
    for (unsigned i = 0; i < WS2ECHO_LOAD_SIZES_MAX; i++) {
        options.message_bytes[i] = i + 1;
    }
    CHECK(strcmp(load_fault(&options), "") == 0);
    options.sizes++; /* there is no 17th to look at */
    CHECK(strcmp(load_fault(&options), "sizes") == 0);
}

/* Sets some fields of a load that is right but for them: which one is wrong? */
#define LOAD_FAULT(...) load_fault((ws2echo_load_options[]){load_with((ws2echo_load_options){__VA_ARGS__})})

static ws2echo_load_options load_with(ws2echo_load_options given) {
    ws2echo_load_options options = load_defaults();
    options.pattern = given.pattern;
    options.depth = given.depth > 0 ? given.depth : options.depth;
    options.burst = given.burst > 0 ? given.burst : options.burst;
    options.window_bytes = given.window_bytes;
    options.think_ms = given.think_ms;
    options.rate = given.rate;
    options.send_delay_ms = given.send_delay_ms;
    options.receive = given.receive;
    options.receive_delay_ms = given.receive_delay_ms;
    return options;
}

static void what_does_not_go_together_is_refused(void) {
    CHECK(strcmp(LOAD_FAULT(.window_bytes = 1), "window_bytes") == 0);
    CHECK(strcmp(LOAD_FAULT(.window_bytes = 1u << 30, .pattern = WS2ECHO_LOAD_STREAM), "") == 0);
    CHECK(strcmp(LOAD_FAULT(.depth = 2, .pattern = WS2ECHO_LOAD_STREAM), "depth") == 0);
    CHECK(strcmp(LOAD_FAULT(.think_ms = 1), "") == 0);
    CHECK(strcmp(LOAD_FAULT(.think_ms = 1, .depth = 2), "think_ms") == 0);
    CHECK(strcmp(LOAD_FAULT(.think_ms = 1, .pattern = WS2ECHO_LOAD_STREAM), "think_ms") == 0);
    CHECK(strcmp(LOAD_FAULT(.think_ms = 1, .rate = 1), "think_ms") == 0);
    CHECK(strcmp(LOAD_FAULT(.send_delay_ms = 1), "") == 0);
    CHECK(strcmp(LOAD_FAULT(.send_delay_ms = 1, .rate = 1), "send_delay_ms") == 0);
    CHECK(strcmp(LOAD_FAULT(.receive_delay_ms = 1), "receive_delay_ms") == 0);
    CHECK(strcmp(LOAD_FAULT(.receive_delay_ms = 1, .receive = WS2ECHO_LOAD_RECEIVE_LATE), "") == 0);
    CHECK(strcmp(LOAD_FAULT(.burst = 2), "burst") == 0);
    CHECK(strcmp(LOAD_FAULT(.burst = 1024, .rate = 1), "") == 0);
}

/* What would not go together without a stream, or a rate, has limits with it. */
static void what_goes_together_is_limited_too(void) {
    CHECK(strcmp(LOAD_FAULT(.window_bytes = (1u << 30) + 1, .pattern = WS2ECHO_LOAD_STREAM), "window_bytes") == 0);
    CHECK(strcmp(LOAD_FAULT(.burst = 1025, .rate = 1), "burst") == 0);
    ws2echo_load_options options = load_defaults();
    options.rate = 1;
    options.burst = 0;
    CHECK(strcmp(load_fault(&options), "burst") == 0);
}

/* Over UDP, one field at a time. */
#define NOT_OVER_UDP(name, value)                                                                                                \
    do {                                                                                                                         \
        ws2echo_load_options options = load_defaults();                                                                          \
        struct w2e_option_fault fault;                                                                                           \
        options.protocol = WS2ECHO_PROTOCOL_UDP;                                                                                 \
        options.rate = strcmp(#name, "burst") == 0 ? 10 : 0; /* without which there is none */                                   \
        CHECK(w2e_load_options_check(&options, &fault) == 0);                                                                    \
        options.name = (value);                                                                                                  \
        CHECK(w2e_load_options_check(&options, &fault) == W2E_EOPNOTSUPP && strcmp(fault.field, #name) == 0);                    \
    } while (0)

static void what_udp_does_not_offer_is_told_by_another_code(void) {
    NOT_OVER_UDP(pattern, WS2ECHO_LOAD_STREAM);
    NOT_OVER_UDP(messages_per_connection, 1);
    NOT_OVER_UDP(bytes, 1);
    NOT_OVER_UDP(receive, WS2ECHO_LOAD_RECEIVE_NEVER);
    NOT_OVER_UDP(think_ms, 1);
    NOT_OVER_UDP(burst, 2);
    NOT_OVER_UDP(send_delay_ms, 1);
    NOT_OVER_UDP(reset, 1);
    ws2echo_load_options options = load_defaults();
    struct w2e_option_fault fault;
    options.model = WS2ECHO_MODEL_THREADS;
    CHECK(w2e_load_options_check(&options, &fault) == 0);
    options.workers = 1;
    CHECK(w2e_load_options_check(&options, &fault) == W2E_EOPNOTSUPP && strcmp(fault.field, "workers") == 0);
}

static void check_host(const char *host, int good) {
    ws2echo_server_options options = server_defaults();
    options.host = host;
    CHECK(strcmp(server_fault(&options), good ? "" : "host") == 0);
}

static void hosts_are_utf8_of_bounded_length(void) {
    char longest[W2E_HOST_BYTES_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[W2E_HOST_BYTES_MAX] = 0;
    check_host(longest, 1);
    longest[W2E_HOST_BYTES_MAX] = 'a';
    longest[W2E_HOST_BYTES_MAX + 1] = 0;
    check_host(longest, 0);
    check_host("", 0);
    check_host("b\xC3\xBC"
               "cher.example",
               1);
    check_host("\xE2\x82\xAC", 1);     /* U+20AC */
    check_host("\xF0\x9F\x98\x80", 1); /* U+1F600 */
    check_host("\xF4\x8F\xBF\xBF", 1); /* U+10FFFF */
    check_host("\x80", 0);             /* continuation without lead */
    check_host("a\xC3", 0);            /* cut off */
    check_host("\xC0\xAF", 0);         /* overlong */
    check_host("\xE0\x9F\xBF", 0);     /* overlong */
    check_host("\xED\xA0\x80", 0);     /* surrogate */
    check_host("\xF4\x90\x80\x80", 0); /* past U+10FFFF */
    check_host("\xFF", 0);
}

/* The first and the last of each length, and what is just beside them. */
static void hosts_are_utf8_to_its_very_ends(void) {
    static const char *const good[] = {"\x7F",         "\xC2\x80",     "\xDF\xBF",         "\xE0\xA0\x80",
                                       "\xE1\x80\x80", "\xED\x9F\xBF", "\xEF\xBF\xBF",     "\xF0\x90\x80\x80",
                                       "\xEE\x80\x80", "\xEC\xBF\xBF", "\xF1\x80\x80\x80", "\xF3\xBF\xBF\xBF"};
    static const char *const bad[] = {"\xC1\xBF",         "\xC2\x7F",     "\xC2\xC0",         "\xE0\xA0\x7F",
                                      "\xE1\x80\xC0",     "\xEF\xBF",     "\xF0\x8F\xBF\xBF", "\xF0\x90\x80",
                                      "\xF1\x80\x80\xC0", "\xDF\xBF\x80", "\xF5\x80\x80\x80", "\xBF"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        check_host(good[i], 1);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        check_host(bad[i], 0);
    }
}

static void a_client_cannot_connect_to_every_address(void) {
    ws2echo_server_options server = server_defaults();
    ws2echo_client_options client = client_defaults();
    server.host = client.host = "*";
    CHECK(strcmp(server_fault(&server), "") == 0);
    CHECK(strcmp(client_fault(&client), "host") == 0);
    client.host = "**";
    CHECK(strcmp(client_fault(&client), "") == 0);
}

static void the_first_fault_is_told(void) {
    ws2echo_server_options options = server_defaults();
    options.no_delay = 9;
    options.port = 70000;
    CHECK(strcmp(server_fault(&options), "port") == 0);
    options.size = 3;
    CHECK(strcmp(server_fault(&options), "size") == 0);
}

/* A model that does not have it refuses it by another code, and only once every value is right as such. */
static void check_not_offered(ws2echo_server_options options, const char *field) {
    struct w2e_option_fault fault;
    CHECK(w2e_server_options_check(&options, &fault) == W2E_EOPNOTSUPP);
    CHECK(strcmp(fault.field, field) == 0);
    options.journal_events = 0;
    CHECK(w2e_server_options_check(&options, &fault) == W2E_EINVAL);
    CHECK(strcmp(fault.field, "journal_events") == 0);
}

static void a_model_that_offers_it_takes_it_up_to_its_limit(void) {
    ws2echo_server_options options = server_defaults();
    options.model = WS2ECHO_MODEL_IOCP;
    options.accept = WS2ECHO_ACCEPT_ACCEPTEX;
    options.accepts_pending = 1024;
    options.workers = 256;
    CHECK(strcmp(server_fault(&options), "") == 0);
    options.accept = WS2ECHO_ACCEPT_DEFAULT;
    CHECK(strcmp(server_fault(&options), "") == 0);
    options.accept = WS2ECHO_ACCEPT_WSAACCEPT;
    check_not_offered(options, "accepts_pending");
}

static void defaults_of_server_and_client_are_those_that_the_header_tells(void) {
    ws2echo_server_options server = server_defaults();
    CHECK(server.model == WS2ECHO_MODEL_THREADS && server.protocol == WS2ECHO_PROTOCOL_TCP);
    CHECK(server.family == WS2ECHO_FAMILY_ANY && server.accept == WS2ECHO_ACCEPT_DEFAULT && server.port == 0);
    CHECK(server.connections_max == WS2ECHO_INFINITE && server.no_delay == 1 && server.udp_connreset == 1);
    CHECK(server.linger_s == -1 && server.echo_buffer_bytes == 262144 && server.journal_events == 4096);
    ws2echo_client_options client = client_defaults();
    CHECK(client.protocol == WS2ECHO_PROTOCOL_TCP && client.family == WS2ECHO_FAMILY_ANY && client.linger_s == -1);
    CHECK(client.connect_timeout_ms == 10000 && client.send_timeout_ms == 30000 && client.receive_timeout_ms == 30000);
    CHECK(client.no_delay == 1 && client.udp_connreset == 1);
}

static void defaults_are_those_that_the_header_tells(void) {
    ws2echo_ping_options ping = ping_defaults();
    CHECK(ping.datagram_bytes == 64 && ping.datagrams == 10 && ping.window == 1 && ping.reply_timeout_ms == 1000);
    CHECK(ping.interval_us == 0 && strcmp(ping_fault(&ping), "") == 0);
    ws2echo_load_options load = load_defaults();
    CHECK(load.connections == 1 && load.depth == 1 && load.sizes == 1 && load.message_bytes[0] == 64 && load.burst == 1);
    CHECK(load.connect_timeout_ms == 10000 && load.finish_timeout_ms == 10000 && load.no_delay == 1 && load.seed == 1);
    CHECK(load.duration_ms == WS2ECHO_INFINITE && load.rate == 0 && strcmp(load_fault(&load), "") == 0);
}

static void faults_have_protocols(void) {
    CHECK(w2e_fault_offered(W2E_FAULT_reset, WS2ECHO_PROTOCOL_TCP) && !w2e_fault_offered(W2E_FAULT_reset, WS2ECHO_PROTOCOL_UDP));
    CHECK(w2e_fault_offered(W2E_FAULT_drop, WS2ECHO_PROTOCOL_UDP) && !w2e_fault_offered(W2E_FAULT_drop, WS2ECHO_PROTOCOL_TCP));
    CHECK(w2e_fault_offered(W2E_FAULT_drop, WS2ECHO_PROTOCOL_BOTH) && w2e_fault_offered(W2E_FAULT_latency, WS2ECHO_PROTOCOL_UDP));
    ws2echo_server_options options = server_defaults();
    options.protocol = WS2ECHO_PROTOCOL_UDP;
    options.faults = "drop latency";
    CHECK(strcmp(server_fault(&options), "") == 0);
    options.faults = "drop reset";
    check_not_offered(options, "faults");
}

static void a_fault_of_the_other_protocol_is_named(void) {
    struct w2e_option_fault fault;
    ws2echo_server_options options = server_defaults();
    options.faults = "latency drop";
    w2e_server_options_check(&options, &fault);
    CHECK(strcmp(fault.wanted, "faults of the server's protocol: \"drop\" is for UDP only") == 0);
    options.protocol = WS2ECHO_PROTOCOL_UDP;
    options.faults = "latency reset drop fin";
    w2e_server_options_check(&options, &fault);
    CHECK(strcmp(fault.wanted, "faults of the server's protocol: \"reset\" is for TCP only") == 0);
}

static void rules_of_faults_are_read(void) {
    ws2echo_server_options options = server_defaults();
    options.faults = " latency:latency=5\n\treset:at=1@first=2  ";
    CHECK(strcmp(server_fault(&options), "") == 0);
    options.faults = "latency latencies";
    CHECK(strcmp(server_fault(&options), "faults") == 0);
    struct w2e_option_fault fault;
    w2e_server_options_check(&options, &fault);
    CHECK(strncmp(fault.wanted, "at byte 8: no fault is called \"latencies\"", 41) == 0);
    options.faults = "latency drop";
    check_not_offered(options, "faults");
    options.protocol = WS2ECHO_PROTOCOL_BOTH;
    CHECK(strcmp(server_fault(&options), "") == 0);
}

static void what_the_model_does_not_offer_is_told_last(void) {
    ws2echo_server_options options = server_defaults();
    options.accept = WS2ECHO_ACCEPT_ACCEPTEX;
    check_not_offered(options, "accept");
    options = server_defaults();
    options.accepts_pending = 1;
    check_not_offered(options, "accepts_pending");
    options = server_defaults();
    options.workers = 1;
    check_not_offered(options, "workers");
}

int main(void) {
    server_limits();
    client_limits();
    ping_limits();
    load_limits();
    sizes_are_those_of_messages();
    what_does_not_go_together_is_refused();
    what_goes_together_is_limited_too();
    what_udp_does_not_offer_is_told_by_another_code();
    defaults_of_server_and_client_are_those_that_the_header_tells();
    defaults_are_those_that_the_header_tells();
    faults_have_protocols();
    a_fault_of_the_other_protocol_is_named();
    rules_of_faults_are_read();
    what_the_model_does_not_offer_is_told_last();
    a_model_that_offers_it_takes_it_up_to_its_limit();
    hosts_are_utf8_of_bounded_length();
    hosts_are_utf8_to_its_very_ends();
    a_client_cannot_connect_to_every_address();
    the_first_fault_is_told();
    return 0;
}
