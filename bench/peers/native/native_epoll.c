/* epoll: one thread, level-triggered. A connection waits to read or, while a send is cut short, to write. */
#define _GNU_SOURCE
#include "native.h"

#include <sys/epoll.h>

enum { EVENTS_MAX = 256 };

struct connection {
    int fd;
    char *buffer; /* only while something in it is still to be sent */
    ssize_t at;
    ssize_t size;
};

static int epoll;
static char *spare;

static void want(struct connection *connection, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    native_need(epoll_ctl(epoll, operation, connection->fd, &event) == 0, "epoll_ctl");
}

static void accept_one(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    struct connection *connection = native_alloc(sizeof *connection);
    *connection = (struct connection){.fd = fd};
    native_no_delay(fd);
    want(connection, EPOLLIN, EPOLL_CTL_ADD);
}

/* One recv, unless something is left to be sent, and one send. False: FIN, by then answered with every byte, or an error. */
static bool echo(struct connection *connection) {
    if (connection->buffer == NULL) {
        connection->at = 0;
        connection->size = recv(connection->fd, spare, BUFFER_BYTES, 0);
        if (connection->size <= 0) {
            return connection->size < 0 && errno == EAGAIN;
        }
    }
    char *buffer = connection->buffer != NULL ? connection->buffer : spare;
    ssize_t sent = send(connection->fd, buffer + connection->at, (size_t)(connection->size - connection->at), 0);
    if (sent < 0 && errno != EAGAIN) {
        return false;
    }
    connection->at += sent > 0 ? sent : 0;
    if (connection->at < connection->size && connection->buffer == NULL) {
        connection->buffer = spare;
        spare = native_alloc(BUFFER_BYTES);
        want(connection, EPOLLOUT, EPOLL_CTL_MOD);
    } else if (connection->at == connection->size && connection->buffer != NULL) {
        free(spare);
        spare = connection->buffer;
        connection->buffer = NULL;
        want(connection, EPOLLIN, EPOLL_CTL_MOD);
    }
    return true;
}

static void serve(struct connection *connection) {
    if (!echo(connection)) {
        close(connection->fd);
        free(connection->buffer);
        free(connection);
    }
}

int main(int argc, char **argv) {
    static struct epoll_event events[EVENTS_MAX];
    bool udp;
    struct connection opened = {.fd = native_open(argc, argv, &udp)};

    spare = native_alloc(BUFFER_BYTES);
    epoll = epoll_create1(0);
    native_need(epoll >= 0, "epoll_create1");
    want(&opened, EPOLLIN, EPOLL_CTL_ADD);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
        native_need(count >= 0 || errno == EINTR, "epoll_wait");
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection != &opened) {
                serve(connection);
            } else if (udp) {
                native_datagram(opened.fd, spare);
            } else {
                accept_one(opened.fd);
            }
        }
    }
}
