/* Blocking: a thread per connection, which here costs little to make. */
#include "native.h"

#include <pthread.h>

enum { STACK_BYTES = 64 * 1024 };

static void serve(int fd, char *buffer) {
    ssize_t received;
    while ((received = recv(fd, buffer, BUFFER_BYTES, 0)) > 0) {
        for (ssize_t at = 0, sent; at < received; at += sent) {
            sent = send(fd, buffer + at, (size_t)(received - at), 0);
            if (sent <= 0) {
                return;
            }
        }
    }
}

static void *run(void *argument) {
    int fd = *(int *)argument;
    char *buffer = native_alloc(BUFFER_BYTES);
    free(argument);
    native_no_delay(fd);
    serve(fd, buffer);
    close(fd);
    free(buffer);
    return NULL;
}

int main(int argc, char **argv) {
    bool udp;
    int opened = native_open(argc, argv, &udp);
    pthread_attr_t attributes;

    if (udp) {
        for (char *buffer = native_alloc(BUFFER_BYTES);;) {
            native_datagram(opened, buffer);
        }
    }
    native_need(pthread_attr_init(&attributes) == 0, "pthread_attr_init");
    native_need(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0, "pthread_attr_setdetachstate");
    native_need(pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0, "pthread_attr_setstacksize");
    for (;;) {
        pthread_t thread;
        int *fd = native_alloc(sizeof *fd);
        *fd = accept(opened, NULL, NULL);
        native_need(*fd >= 0 || errno == ECONNABORTED, "accept");
        native_need(*fd < 0 || pthread_create(&thread, &attributes, run, fd) == 0, "pthread_create");
    }
}
