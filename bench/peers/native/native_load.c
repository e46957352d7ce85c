/*
 * A small load client, for the physical limit of the machine: native client against native server.
 *
 * native_load PORT [--mode pingpong|stream|churn] [--udp] [--connections N] [--size BYTES] [--seconds T]
 *
 * pingpong: each connection sends SIZE bytes, waits until they are back, and sends again. stream: each connection keeps up to a
 * window of bytes out, in sends of SIZE. churn: connect, echo SIZE bytes, close with FIN both ways; one after the other. Prints a
 * line of JSON; bytes are counted one way. One thread: what it costs itself is part of the figure, as it is of everyone else's.
 */
#define _GNU_SOURCE
#include "native.h"

#include <math.h>
#include <sys/epoll.h>
#include <time.h>

enum { EVENTS_MAX = 256, PATIENCE_S = 10, WINDOW_BYTES = 1024 * 1024, CONNECTIONS_MAX = 4096, SIZE_MAX_BYTES = 1024 * 1024 };
enum { STEPS = 64, BUCKETS = 64 * STEPS }; /* of the histogram: 64 to each doubling, so within 2 % */

struct connection {
    int fd;
    size_t received; /* of what is out */
    size_t out;
    double sent_us;
};

struct load {
    unsigned port;
    const char *mode;
    bool udp;
    unsigned connections;
    size_t size;
    double seconds;
};

static struct load load = {.mode = "pingpong", .connections = 1, .size = 64, .seconds = 1.0};
static struct connection connections[CONNECTIONS_MAX];
static char message[SIZE_MAX_BYTES];
static char answer[SIZE_MAX_BYTES];
static unsigned long long histogram[BUCKETS];
static unsigned long long echoes;
static unsigned long long bytes;

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void record(double us) {
    int bucket = us > 0.01 ? (int)(log2(us / 0.01) * STEPS) : 0;
    histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    echoes++;
    bytes += load.size;
}

static double quantile_us(double part) {
    unsigned long long seen = 0;
    for (int i = 0; i < BUCKETS; i++) {
        seen += histogram[i];
        if ((double)seen >= part * (double)echoes) {
            return 0.01 * exp2((i + 0.5) / STEPS);
        }
    }
    return 0;
}

static int connect_one(void) {
    struct sockaddr_in name = native_loopback(load.port);
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_INET, load.udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    native_need(fd >= 0, "socket");
    native_need(connect(fd, (struct sockaddr *)&name, sizeof name) == 0, "connect");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (!load.udp) {
        native_no_delay(fd);
    }
    return fd;
}

static void ping(struct connection *connection) {
    connection->received = 0;
    connection->sent_us = now_us();
    native_need(send(connection->fd, message, load.size, 0) == (ssize_t)load.size, "send");
}

/* What has come of the answer. True: it is whole. */
static bool pong(struct connection *connection) {
    ssize_t received = recv(connection->fd, answer + connection->received, load.size - connection->received, 0);
    native_need(received > 0, "recv");
    native_need(memcmp(answer + connection->received, message + connection->received, (size_t)received) == 0,
                "the echo is wrong");
    connection->received += (size_t)received;
    if (connection->received < load.size) {
        return false;
    }
    record(now_us() - connection->sent_us);
    return true;
}

/* Alone, a connection needs no epoll: it simply waits. */
static void pingpong_alone(double until_us) {
    while (now_us() < until_us) {
        ping(&connections[0]);
        while (!pong(&connections[0])) {
        }
    }
}

static void pump(struct connection *connection) {
    ssize_t moved = recv(connection->fd, answer, sizeof answer, MSG_DONTWAIT);
    native_need(moved > 0 || (moved < 0 && errno == EAGAIN), "recv");
    if (moved > 0) {
        connection->out -= (size_t)moved;
        bytes += (unsigned long long)moved;
    }
    while (connection->out < WINDOW_BYTES && (moved = send(connection->fd, message, load.size, MSG_DONTWAIT)) > 0) {
        connection->out += (size_t)moved;
    }
    native_need(moved > 0 || errno == EAGAIN, "send");
}

/* Something is always out, so that something always comes: nobody need wait to send. */
static void with_epoll(double until_us, bool streaming) {
    static struct epoll_event events[EVENTS_MAX];
    int epoll = epoll_create1(0);
    native_need(epoll >= 0, "epoll_create1");
    for (unsigned i = 0; i < load.connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
        native_need(epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event) == 0, "epoll_ctl");
        if (streaming) {
            pump(&connections[i]);
        } else {
            ping(&connections[i]);
        }
    }
    while (now_us() < until_us) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, PATIENCE_S * 1000);
        native_need(count > 0, "no answer");
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (streaming) {
                pump(connection);
            } else if (pong(connection)) {
                ping(connection);
            }
        }
    }
}

static void churn(double until_us) {
    while (now_us() < until_us) {
        struct connection connection = {.sent_us = now_us(), .fd = connect_one()};
        native_need(send(connection.fd, message, load.size, 0) == (ssize_t)load.size, "send");
        while (!pong(&connection)) {
        }
        native_need(shutdown(connection.fd, SHUT_WR) == 0 && recv(connection.fd, answer, 1, 0) == 0, "the end");
        close(connection.fd);
    }
}

static void arguments(int argc, char **argv) {
    native_need(argc > 1, "which port?");
    load.port = (unsigned)strtoul(argv[1], NULL, 10);
    for (int i = 2; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--udp") == 0) {
            load.udp = true;
            continue;
        }
        if (strcmp(argv[i], "--mode") == 0) {
            load.mode = value;
        } else if (strcmp(argv[i], "--connections") == 0) {
            load.connections = (unsigned)strtoul(value, NULL, 10);
        } else if (strcmp(argv[i], "--size") == 0) {
            load.size = strtoul(value, NULL, 10);
        } else if (strcmp(argv[i], "--seconds") == 0) {
            load.seconds = strtod(value, NULL);
        } else {
            errno = EINVAL;
            native_need(false, argv[i]);
        }
        i++;
    }
    errno = EINVAL;
    native_need(load.connections > 0 && load.connections <= CONNECTIONS_MAX, "--connections");
    native_need(load.size > 0 && load.size <= SIZE_MAX_BYTES, "--size");
}

/* How many seconds it took, without making the connections that stay. */
static double run(void) {
    bool churning = strcmp(load.mode, "churn") == 0;
    bool streaming = strcmp(load.mode, "stream") == 0;
    for (unsigned i = 0; i < load.connections && !churning; i++) {
        connections[i].fd = connect_one();
    }
    double started_us = now_us();
    double until_us = started_us + load.seconds * 1e6;
    if (churning) {
        churn(until_us);
    } else if (streaming || load.connections > 1) {
        with_epoll(until_us, streaming);
    } else {
        pingpong_alone(until_us);
    }
    return (now_us() - started_us) / 1e6;
}

int main(int argc, char **argv) {
    arguments(argc, argv);
    for (size_t i = 0; i < sizeof message; i++) {
        message[i] = (char)(i % 251);
    }
    double seconds = run();
    printf("{\"mode\": \"%s\", \"protocol\": \"%s\", \"connections\": %u, \"size\": %zu, \"seconds\": %.3f, ", load.mode,
           load.udp ? "udp" : "tcp", load.connections, load.size, seconds);
    printf("\"mib_per_s\": %.2f", (double)bytes / seconds / (1024 * 1024));
    if (echoes > 0) {
        printf(", \"echoes\": %llu, \"echoes_per_s\": %.1f", echoes, (double)echoes / seconds);
        printf(", \"p50_us\": %.2f, \"p99_us\": %.2f", quantile_us(0.5), quantile_us(0.99));
    }
    printf("}\n");
    return EXIT_SUCCESS;
}
