/* What the native servers share: native_MODEL [PORT] [--udp]. PORT 0, the default, takes a free one. */
#ifndef NATIVE_H
#define NATIVE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 * 1024 };

static inline void native_need(bool succeeded, const char *what) {
    if (!succeeded) {
        perror(what);
        exit(EXIT_FAILURE);
    }
}

static inline void *native_alloc(size_t size) {
    void *memory = malloc(size);
    native_need(memory != NULL, "malloc");
    return memory;
}

static inline void native_no_delay(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static inline struct sockaddr_in native_loopback(unsigned port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* The socket that listens or, with --udp, the one that receives. Prints its port. */
static inline int native_open(int argc, char **argv, bool *udp) {
    unsigned port = 0;
    *udp = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--udp") == 0) {
            *udp = true;
        } else {
            port = (unsigned)strtoul(argv[i], NULL, 10);
        }
    }
    struct sockaddr_in name = native_loopback(port);
    socklen_t size = sizeof name;
    int opened = socket(AF_INET, *udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    signal(SIGPIPE, SIG_IGN);
    native_need(opened >= 0, "socket");
    native_need(bind(opened, (struct sockaddr *)&name, size) == 0, "bind");
    native_need(*udp || listen(opened, SOMAXCONN) == 0, "listen");
    native_need(getsockname(opened, (struct sockaddr *)&name, &size) == 0, "getsockname");
    printf("listening on %u\n", (unsigned)ntohs(name.sin_port));
    fflush(stdout);
    return opened;
}

/* One datagram back to where it came from. What cannot be sent is lost, as datagrams may be. */
static inline void native_datagram(int fd, char *buffer) {
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    ssize_t received = recvfrom(fd, buffer, BUFFER_BYTES, 0, (struct sockaddr *)&peer, &size);
    if (received >= 0) {
        sendto(fd, buffer, (size_t)received, 0, (struct sockaddr *)&peer, size);
    }
}

#endif
