#include "options.h"

#include "codes.h"
#include "models.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const uint32_t buffer_bytes_max = 1u << 30;

void w2e_server_options_default(ws2echo_server_options *options) {
    *options = (ws2echo_server_options){
        .size = sizeof *options,
        .model = WS2ECHO_MODEL_THREADS,
        .protocol = WS2ECHO_PROTOCOL_TCP,
        .family = WS2ECHO_FAMILY_ANY,
        .accept = WS2ECHO_ACCEPT_DEFAULT,
        .connections_max = WS2ECHO_INFINITE,
        .idle_timeout_ms = WS2ECHO_INFINITE,
        .send_timeout_ms = WS2ECHO_INFINITE,
        .no_delay = 1,
        .udp_connreset = 1,
        .linger_s = -1,
        .echo_buffer_bytes = 256 * 1024,
        .journal_events = 4096,
    };
}

void w2e_client_options_default(ws2echo_client_options *options) {
    *options = (ws2echo_client_options){
        .size = sizeof *options,
        .protocol = WS2ECHO_PROTOCOL_TCP,
        .family = WS2ECHO_FAMILY_ANY,
        .connect_timeout_ms = 10000,
        .send_timeout_ms = 30000,
        .receive_timeout_ms = 30000,
        .no_delay = 1,
        .udp_connreset = 1,
        .linger_s = -1,
    };
}

static void none(struct w2e_option_fault *fault) {
    fault->field = NULL;
    fault->wanted = NULL;
}

/* The options are checked in the order of their fields; the first fault found is told. */
static bool check(struct w2e_option_fault *fault, bool good, const char *field, const char *wanted) {
    if (!good && fault->field == NULL) {
        fault->field = field;
        fault->wanted = wanted;
    }
    return good;
}

static bool within(uint64_t value, uint64_t low, uint64_t high) {
    return value >= low && value <= high;
}

static bool family_known(uint32_t family) {
    return family == WS2ECHO_FAMILY_ANY || family == WS2ECHO_FAMILY_IPV4 || family == WS2ECHO_FAMILY_IPV6;
}

/* Whether the text is UTF-8 (RFC 3629): no overlong form, no surrogate, nothing past U+10FFFF. */
static bool utf8_valid(const unsigned char *text) {
    while (*text != 0) {
        unsigned lead = *text++;
        unsigned more = lead < 0x80                   ? 0
                        : lead >= 0xC2 && lead < 0xE0 ? 1
                        : (lead & 0xF0) == 0xE0       ? 2
                        : lead >= 0xF0 && lead < 0xF5 ? 3
                                                      : 4;
        if (more == 4) {
            return false;
        }
        unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        for (; more > 0; more--) {
            if (*text < low || *text > high) {
                return false;
            }
            text++;
            low = 0x80;
            high = 0xBF;
        }
    }
    return true;
}

static bool host_valid(const char *host) {
    if (host == NULL) {
        return true;
    }
    size_t length = 0;
    while (length <= W2E_HOST_BYTES_MAX && host[length] != 0) {
        length++;
    }
    return within(length, 1, W2E_HOST_BYTES_MAX) && utf8_valid((const unsigned char *)host);
}

/* "*" is every address of a server; a client can connect to none of them. */
static bool peer_valid(const char *host) {
    return host_valid(host) && (host == NULL || strcmp(host, "*") != 0);
}

static const char *const peer_wanted = "a name or numeric address of 1 to 1023 bytes of UTF-8, not \"*\", or NULL";
static const char *const host_wanted = "a name or numeric address of 1 to 1023 bytes of UTF-8, or NULL";
static const char *const family_wanted = "WS2ECHO_FAMILY_ANY, _IPV4 or _IPV6";
static const char *const server_protocol_wanted = "WS2ECHO_PROTOCOL_TCP, _UDP or _BOTH";
static const char *const client_protocol_wanted = "WS2ECHO_PROTOCOL_TCP or _UDP";
static const char *const flag_wanted = "0 or 1";
static const char *const buffer_wanted = "0 (the system's choice) to 1073741824";
static const char *const linger_wanted = "-1 (not set) to 65535";
static const char *const limit_wanted = "at least 1, or WS2ECHO_INFINITE";

/* ---- faults ---- */

bool w2e_fault_offered(enum w2e_fault_kind kind, uint32_t protocol) {
    unsigned spoken = protocol == WS2ECHO_PROTOCOL_TCP   ? W2E_FAULT_TCP
                      : protocol == WS2ECHO_PROTOCOL_UDP ? W2E_FAULT_UDP
                                                         : W2E_FAULT_BOTH;
    return (w2e_fault_info(kind)->protocols & spoken) != 0;
}

/* The rules; they were checked before, unless *fault says what is wrong with them. */
static void read_faults(const ws2echo_server_options *options, struct w2e_fault_rules *rules, struct w2e_option_fault *fault) {
    struct w2e_fault_error error;
    w2e_faults_init(rules, 0);
    if (options->faults == NULL || w2e_faults_parse(rules, options->faults, &error)) {
        return;
    }
    struct w2e_text text;
    w2e_text_init(&text, fault->text, sizeof fault->text);
    w2e_text_add(&text, "at byte ");
    w2e_text_add_number(&text, error.position);
    w2e_text_add(&text, ": ");
    w2e_text_add(&text, error.text);
    check(fault, false, "faults", fault->text);
}

static void check_faults_offered(const ws2echo_server_options *options, struct w2e_option_fault *fault) {
    struct w2e_fault_rules rules;
    struct w2e_text text;
    read_faults(options, &rules, fault);
    for (uint32_t i = 0; i < rules.count; i++) {
        if (!w2e_fault_offered(rules.rules[i].kind, options->protocol)) {
            w2e_text_init(&text, fault->text, sizeof fault->text);
            w2e_text_add(&text, "faults of the server's protocol: \"");
            w2e_text_add(&text, w2e_fault_info(rules.rules[i].kind)->name);
            w2e_text_add(&text, options->protocol == WS2ECHO_PROTOCOL_TCP ? "\" is for UDP only" : "\" is for TCP only");
            check(fault, false, "faults", fault->text);
            return;
        }
    }
}

static void check_faults(const ws2echo_server_options *options, struct w2e_option_fault *fault) {
    struct w2e_fault_rules rules;
    if (fault->field == NULL) {
        read_faults(options, &rules, fault);
    }
}

/* What is right as a value, but not offered by the model. */
static int check_offered(const ws2echo_server_options *options, struct w2e_option_fault *fault) {
    const ws2echo_model_info *model = w2e_model_find(options->model);
    bool any_accept = options->accept == WS2ECHO_ACCEPT_DEFAULT;
    bool accept_ex =
        any_accept ? (model->accepts & 1u << WS2ECHO_ACCEPT_ACCEPTEX) != 0 : options->accept == WS2ECHO_ACCEPT_ACCEPTEX;
    check(fault, any_accept || (model->accepts & 1u << options->accept) != 0, "accept",
          "WSAACCEPT, which every model offers; ACCEPTEX is for the models overlapped and iocp");
    check(fault, options->accepts_pending == 0 || accept_ex, "accepts_pending", "0, unless connections are accepted by AcceptEx");
    check(fault, options->workers == 0 || model->workers != 0, "workers",
          "0 for this model, which has a thread for each connection");
    check_faults_offered(options, fault);
    return fault->field != NULL ? W2E_EOPNOTSUPP : 0;
}

int w2e_server_options_check(const ws2echo_server_options *options, struct w2e_option_fault *fault) {
    none(fault);
    if (!check(fault, options->size == sizeof *options, "size", "sizeof the struct of this version of the header")) {
        return W2E_EINVAL;
    }
    check(fault, w2e_model_find(options->model) != NULL, "model", "one of enum ws2echo_model");
    check(fault, options->protocol <= WS2ECHO_PROTOCOL_BOTH, "protocol", server_protocol_wanted);
    check(fault, family_known(options->family), "family", family_wanted);
    check(fault, host_valid(options->host), "host", host_wanted);
    check(fault, options->port <= 65535, "port", "0 to 65535");
    check(fault, options->backlog <= 65535, "backlog", "0 (the most that the system allows) to 65535");
    check(fault, options->accept <= WS2ECHO_ACCEPT_WSAACCEPT, "accept", "one of enum ws2echo_accept");
    check(fault, options->accepts_pending <= 1024, "accepts_pending", "0 (the default) to 1024");
    check(fault, options->workers <= 256, "workers", "0 (the default) to 256");
    check(fault, options->connections_max >= 1, "connections_max", limit_wanted);
    check(fault, options->idle_timeout_ms >= 1, "idle_timeout_ms", limit_wanted);
    check(fault, options->send_timeout_ms >= 1, "send_timeout_ms", limit_wanted);
    check(fault, options->no_delay <= 1, "no_delay", flag_wanted);
    check(fault, options->udp_connreset <= 1, "udp_connreset", flag_wanted);
    check(fault, options->receive_buffer_bytes <= buffer_bytes_max, "receive_buffer_bytes", buffer_wanted);
    check(fault, options->send_buffer_bytes <= buffer_bytes_max, "send_buffer_bytes", buffer_wanted);
    check(fault, options->linger_s >= -1 && options->linger_s <= 65535, "linger_s", linger_wanted);
    check(fault, within(options->echo_buffer_bytes, 1, 1u << 26), "echo_buffer_bytes", "1 to 67108864");
    check(fault, within(options->journal_events, 1, 1u << 20), "journal_events", "1 to 1048576");
    check(fault, options->reserved == 0, "reserved", "0");
    check_faults(options, fault);
    return fault->field != NULL ? W2E_EINVAL : check_offered(options, fault);
}

int w2e_client_options_check(const ws2echo_client_options *options, struct w2e_option_fault *fault) {
    none(fault);
    if (!check(fault, options->size == sizeof *options, "size", "sizeof the struct of this version of the header")) {
        return W2E_EINVAL;
    }
    check(fault, options->protocol <= WS2ECHO_PROTOCOL_UDP, "protocol", client_protocol_wanted);
    check(fault, peer_valid(options->host), "host", peer_wanted);
    check(fault, family_known(options->family), "family", family_wanted);
    check(fault, within(options->port, 1, 65535), "port", "1 to 65535");
    check(fault, options->connect_timeout_ms != WS2ECHO_TIMEOUT_OF_OPTIONS, "connect_timeout_ms",
          "milliseconds or WS2ECHO_INFINITE");
    check(fault, options->send_timeout_ms != WS2ECHO_TIMEOUT_OF_OPTIONS, "send_timeout_ms", "milliseconds or WS2ECHO_INFINITE");
    check(fault, options->receive_timeout_ms != WS2ECHO_TIMEOUT_OF_OPTIONS, "receive_timeout_ms",
          "milliseconds or WS2ECHO_INFINITE");
    check(fault, options->no_delay <= 1, "no_delay", flag_wanted);
    check(fault, options->udp_connreset <= 1, "udp_connreset", flag_wanted);
    check(fault, options->receive_buffer_bytes <= buffer_bytes_max, "receive_buffer_bytes", buffer_wanted);
    check(fault, options->send_buffer_bytes <= buffer_bytes_max, "send_buffer_bytes", buffer_wanted);
    check(fault, options->linger_s >= -1 && options->linger_s <= 65535, "linger_s", linger_wanted);
    return fault->field != NULL ? W2E_EINVAL : 0;
}

void w2e_ping_options_default(ws2echo_ping_options *options) {
    *options = (ws2echo_ping_options){
        .size = sizeof *options, .datagram_bytes = 64, .datagrams = 10, .window = 1, .reply_timeout_ms = 1000};
}

int w2e_ping_options_check(const ws2echo_ping_options *options, struct w2e_option_fault *fault) {
    none(fault);
    if (!check(fault, options->size == sizeof *options, "size", "sizeof the struct of this version of the header")) {
        return W2E_EINVAL;
    }
    check(fault, within(options->datagram_bytes, 16, 65507), "datagram_bytes", "16 to 65507");
    check(fault, within(options->datagrams, 1, 1ull << 40), "datagrams", "1 to 2^40");
    check(fault, within(options->window, 1, 1024), "window", "1 to 1024");
    check(fault, options->interval_us <= 1000000000, "interval_us", "0 to 1000000000");
    check(fault, within(options->reply_timeout_ms, 1, 1u << 31), "reply_timeout_ms", "1 to 2147483648");
    check(fault, options->reserved == 0, "reserved", "0");
    return fault->field != NULL ? W2E_EINVAL : 0;
}

void w2e_load_options_default(ws2echo_load_options *options) {
    *options = (ws2echo_load_options){
        .size = sizeof *options,
        .model = WS2ECHO_MODEL_IOCP,
        .protocol = WS2ECHO_PROTOCOL_TCP,
        .family = WS2ECHO_FAMILY_ANY,
        .connections = 1,
        .pattern = WS2ECHO_LOAD_PING_PONG,
        .depth = 1,
        .sizes = 1,
        .message_bytes = {64},
        .duration_ms = WS2ECHO_INFINITE,
        .burst = 1,
        .connect_timeout_ms = 10000,
        .reply_timeout_ms = WS2ECHO_TIMEOUT_OF_OPTIONS,
        .finish_timeout_ms = 10000,
        .no_delay = 1,
        .seed = 1,
    };
}

static bool sizes_valid(const ws2echo_load_options *options) {
    uint64_t low = options->protocol == WS2ECHO_PROTOCOL_UDP ? 16 : 1;
    uint64_t high = options->protocol == WS2ECHO_PROTOCOL_UDP ? 65507 : 1u << 26;
    for (uint32_t i = 0; i < options->sizes && i < WS2ECHO_LOAD_SIZES_MAX; i++) {
        if (!within(options->message_bytes[i], low, high)) {
            return false;
        }
    }
    return options->sizes_range != 1 || (options->sizes == 2 && options->message_bytes[0] <= options->message_bytes[1]);
}

/* What does not go together. */
static void check_load_pattern(const ws2echo_load_options *options, struct w2e_option_fault *fault) {
    bool stream = options->pattern == WS2ECHO_LOAD_STREAM;
    bool late = options->receive == WS2ECHO_LOAD_RECEIVE_LATE;
    check(fault, stream || options->window_bytes == 0, "window_bytes", "0, unless the pattern is STREAM");
    check(fault, !stream || options->depth == 1, "depth", "1 with the pattern STREAM");
    check(fault, options->think_ms == 0 || (!stream && options->depth == 1), "think_ms",
          "0, unless the pattern is PING_PONG with depth 1");
    check(fault, options->think_ms == 0 || options->rate == 0, "think_ms", "0 with a rate, which says when each message is due");
    check(fault, options->send_delay_ms == 0 || options->rate == 0, "send_delay_ms",
          "0 with a rate, which says when each message is due");
    check(fault, late || options->receive_delay_ms == 0, "receive_delay_ms", "0, unless receive is LATE");
    check(fault, options->rate != 0 || options->burst == 1, "burst", "1 without a rate");
}

/* What is right as a value, but not offered over UDP, or by the model. */
static int check_load_offered(const ws2echo_load_options *options, struct w2e_option_fault *fault) {
    const ws2echo_model_info *model = w2e_model_find(options->model);
    check(fault, options->workers == 0 || model->workers != 0, "workers",
          "0 for this model, which has a thread for each connection");
    if (options->protocol == WS2ECHO_PROTOCOL_UDP) {
        check(fault, options->pattern == WS2ECHO_LOAD_PING_PONG, "pattern", "PING_PONG over UDP");
        check(fault, options->sizes == 1, "sizes", "1 over UDP");
        check(fault, options->messages_per_connection == 0, "messages_per_connection", "0 over UDP");
        check(fault, options->bytes == 0, "bytes", "0 over UDP");
        check(fault, options->receive == WS2ECHO_LOAD_RECEIVE_ALWAYS, "receive", "ALWAYS over UDP");
        check(fault, options->think_ms == 0, "think_ms", "0 over UDP");
        check(fault, options->burst == 1, "burst", "1 over UDP");
        check(fault, options->send_delay_ms == 0, "send_delay_ms", "0 over UDP");
        check(fault, options->reset == 0, "reset", "0 over UDP");
    }
    return fault->field != NULL ? W2E_EOPNOTSUPP : 0;
}

int w2e_load_options_check(const ws2echo_load_options *options, struct w2e_option_fault *fault) {
    none(fault);
    if (!check(fault, options->size == sizeof *options, "size", "sizeof the struct of this version of the header")) {
        return W2E_EINVAL;
    }
    check(fault, w2e_model_find(options->model) != NULL, "model", "one of enum ws2echo_model");
    check(fault, options->protocol <= WS2ECHO_PROTOCOL_UDP, "protocol", client_protocol_wanted);
    check(fault, family_known(options->family), "family", family_wanted);
    check(fault, peer_valid(options->host), "host", peer_wanted);
    check(fault, within(options->port, 1, 65535), "port", "1 to 65535");
    check(fault, options->workers <= 256, "workers", "0 to 256");
    check(fault, within(options->connections, 1, 65536), "connections", "1 to 65536");
    check(fault, options->pattern <= WS2ECHO_LOAD_STREAM, "pattern", "WS2ECHO_LOAD_PING_PONG or _STREAM");
    check(fault, within(options->depth, 1, 1024), "depth", "1 to 1024");
    check(fault, options->window_bytes <= buffer_bytes_max, "window_bytes", "0 (a default) to 1073741824");
    check(fault, within(options->sizes, 1, WS2ECHO_LOAD_SIZES_MAX), "sizes", "1 to 16");
    check(fault, options->sizes_range <= 1, "sizes_range", flag_wanted);
    check(fault, sizes_valid(options), "message_bytes",
          "1 to 67108864 each, over UDP 16 to 65507; of a range the smallest and the largest");
    check(fault, options->duration_ms != 0, "duration_ms", limit_wanted);
    check(fault, options->rate <= 1000000000, "rate", "0 (no limit) to 1000000000 a second");
    check(fault, within(options->burst, 1, 1024), "burst", "1 to 1024");
    check(fault, options->receive <= WS2ECHO_LOAD_RECEIVE_NEVER, "receive", "one of enum ws2echo_load_receive");
    check(fault, options->reply_timeout_ms != 0, "reply_timeout_ms", limit_wanted);
    check(fault, options->reset <= 1, "reset", flag_wanted);
    check(fault, options->no_delay <= 1, "no_delay", flag_wanted);
    check(fault, options->receive_buffer_bytes <= buffer_bytes_max, "receive_buffer_bytes", buffer_wanted);
    check(fault, options->send_buffer_bytes <= buffer_bytes_max, "send_buffer_bytes", buffer_wanted);
    check_load_pattern(options, fault);
    return fault->field != NULL ? W2E_EINVAL : check_load_offered(options, fault);
}
