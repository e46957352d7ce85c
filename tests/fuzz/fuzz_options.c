/* Options of any bytes: what is refused is named, and the code is one of two; what is accepted keeps its limits. */
#include "codes.h"
#include "fuzz.h"
#include "options.h"

/* Defaults, with some of their bytes altered: all at random, nothing would get past the first field. */
static void alter(struct choice *choice, void *options, size_t size) {
    unsigned char *bytes = options;
    for (uint64_t count = choose(choice, 6); count > 0; count--) {
        bytes[choose(choice, size)] = (unsigned char)choose(choice, 256);
    }
}

/* A pointer that was altered would be a caller's error that nobody can see: these point to the text, or nowhere. */
static const char *pointer(struct choice *choice, const char *text) {
    return choose_one_in(choice, 2) ? text : NULL;
}

static void check_fault(int error, const struct w2e_option_fault *fault) {
    CHECK(error == 0 || error == W2E_EINVAL || error == W2E_EOPNOTSUPP);
    CHECK((error == 0) == (fault->field == NULL) && (error == 0) == (fault->wanted == NULL));
    CHECK(error == 0 || (strlen(fault->field) > 0 && strlen(fault->wanted) > 0));
}

static void server(struct choice *choice, const char *host, const char *faults) {
    ws2echo_server_options options;
    struct w2e_option_fault fault;
    w2e_server_options_default(&options);
    alter(choice, &options, sizeof options);
    options.host = pointer(choice, host);
    options.faults = pointer(choice, faults);
    int error = w2e_server_options_check(&options, &fault);
    check_fault(error, &fault);
    if (error == 0) {
        CHECK(options.size == sizeof options && options.port <= 65535 && options.connections_max >= 1 && options.reserved == 0);
        CHECK(options.host == NULL || (strlen(options.host) >= 1 && strlen(options.host) <= W2E_HOST_BYTES_MAX));
    }
}

static void client(struct choice *choice, const char *host) {
    ws2echo_client_options options;
    struct w2e_option_fault fault;
    w2e_client_options_default(&options);
    options.port = 1;
    alter(choice, &options, sizeof options);
    options.host = pointer(choice, host);
    int error = w2e_client_options_check(&options, &fault);
    check_fault(error, &fault);
    CHECK(error != 0 || (options.port >= 1 && options.port <= 65535 && options.linger_s >= -1));
}

static void ping(struct choice *choice) {
    ws2echo_ping_options options;
    struct w2e_option_fault fault;
    w2e_ping_options_default(&options);
    alter(choice, &options, sizeof options);
    int error = w2e_ping_options_check(&options, &fault);
    check_fault(error, &fault);
    CHECK(error != 0 || (options.datagram_bytes >= 16 && options.datagram_bytes <= 65507 && options.window <= 1024));
}

static void load(struct choice *choice, const char *host) {
    ws2echo_load_options options;
    struct w2e_option_fault fault;
    w2e_load_options_default(&options);
    options.port = 1;
    alter(choice, &options, sizeof options);
    options.host = pointer(choice, host);
    int error = w2e_load_options_check(&options, &fault);
    check_fault(error, &fault);
    for (uint32_t i = 0; error == 0 && i < options.sizes; i++) {
        CHECK(i < WS2ECHO_LOAD_SIZES_MAX && options.message_bytes[i] >= 1 && options.message_bytes[i] <= 1u << 26);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char host[1100];
    char faults[600];
    struct choice choice = fuzz_text(data, size, host, sizeof host);
    choice = fuzz_text(choice.bytes, choice.left, faults, sizeof faults);
    server(&choice, host, faults);
    client(&choice, host);
    ping(&choice);
    load(&choice, host);
    return 0;
}
