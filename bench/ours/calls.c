/*
 * How many calls of the system, allocations and locks an echo costs a server, by model: one line of JSON for each.
 *
 *   calls CONNECTIONS ECHOES [--udp]
 *
 * Clients that are plain sockets echo 64 bytes, each ECHOES times: connections after one another with one message under way in all, so
 * that every message is one that the server waited for. What was called before and after is not counted. It is the same on any Windows
 * that has the same calls succeed at once.
 */
#include "win/calls.h"

#include "ws2echo.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES = 64, WARM_UP_ECHOES = 100, SITES_MAX = 256, CONNECTIONS_MAX = 1000 };

struct counted {
    const struct w2e_call_site *site;
    LONG64 count;
};

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, ws2echo_last_failure());
    exit(EXIT_FAILURE);
}

static SOCKET connect_plain(uint16_t port, bool udp) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    SOCKET plain = socket(AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (plain == INVALID_SOCKET || connect(plain, (struct sockaddr *)&address, sizeof address) != 0) {
        fail("connect");
    }
    return plain;
}

static void echo(SOCKET plain) {
    char message[MESSAGE_BYTES] = "64 bytes";
    if (send(plain, message, sizeof message, 0) != sizeof message) {
        fail("send");
    }
    for (int got = 0, bytes; got < MESSAGE_BYTES; got += bytes) {
        bytes = recv(plain, message, sizeof message, 0);
        if (bytes <= 0) {
            fail("recv");
        }
    }
}

static void echo_over_all(const SOCKET *plains, unsigned connections, unsigned echoes) {
    for (unsigned i = 0; i < echoes; i++) {
        for (unsigned k = 0; k < connections; k++) {
            echo(plains[k]);
        }
    }
}

static unsigned read_counts(struct counted *counts) {
    unsigned found = 0;
    for (const struct w2e_call_site *site = w2e_call_sites(); site != NULL && found < SITES_MAX; site = site->next) {
        counts[found++] = (struct counted){site, site->count};
    }
    return found;
}

static LONG64 count_before(const struct counted *counts, unsigned found, const struct w2e_call_site *site) {
    for (unsigned i = 0; i < found; i++) {
        if (counts[i].site == site) {
            return counts[i].count;
        }
    }
    return 0;
}

static const char *short_name(const char *function) {
    const char prefix[] = "w2e_sys_";
    return strncmp(function, prefix, sizeof prefix - 1) == 0 ? function + sizeof prefix - 1 : function;
}

/* Sites of one function are told one by one, and summed by who reads it. */
static void tell(const char *model, const struct counted *before, unsigned found_before, double echoes) {
    struct counted after[SITES_MAX];
    unsigned found = read_counts(after);
    printf("{\"model\": \"%s\", \"calls\": [", model);
    const char *comma = "";
    for (unsigned i = 0; i < found; i++) {
        LONG64 count = after[i].count - count_before(before, found_before, after[i].site);
        if (count > 0) {
            printf("%s[\"%s\", %.3f]", comma, short_name(after[i].site->function), (double)count / echoes);
            comma = ", ";
        }
    }
    printf("]}\n");
    fflush(stdout);
}

static void count_model(const ws2echo_model_info *model, unsigned connections, unsigned echoes, bool udp) {
    static SOCKET plains[CONNECTIONS_MAX];
    struct counted before[SITES_MAX];
    ws2echo_server_options options;
    ws2echo_server server;
    uint16_t port;
    ws2echo_server_options_init(&options);
    options.model = model->model;
    options.protocol = udp ? WS2ECHO_PROTOCOL_UDP : WS2ECHO_PROTOCOL_TCP;
    if (ws2echo_server_open(&options, &server) != 0 || ws2echo_server_port(server, &port) != 0) {
        fail("open");
    }
    for (unsigned k = 0; k < connections; k++) {
        plains[k] = connect_plain(port, udp);
    }
    echo_over_all(plains, connections, WARM_UP_ECHOES);
    unsigned found = read_counts(before);
    echo_over_all(plains, connections, echoes);
    tell(model->name, before, found, (double)echoes * connections);
    for (unsigned k = 0; k < connections; k++) {
        closesocket(plains[k]);
    }
    ws2echo_server_close(server);
}

int main(int count, char **arguments) {
    WSADATA data;
    unsigned connections = count > 2 ? (unsigned)strtoul(arguments[1], NULL, 10) : 0;
    unsigned echoes = count > 2 ? (unsigned)strtoul(arguments[2], NULL, 10) : 0;
    if (connections == 0 || connections > CONNECTIONS_MAX || echoes == 0 || WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        fprintf(stderr, "calls CONNECTIONS ECHOES [--udp]\n");
        return EXIT_FAILURE;
    }
    ws2echo_model_info model = {.size = sizeof model};
    for (uint32_t i = 0; ws2echo_model_describe(i, &model) == 0; i++) {
        count_model(&model, connections, echoes, count > 3 && strcmp(arguments[3], "--udp") == 0);
    }
    WSACleanup();
    return EXIT_SUCCESS;
}
