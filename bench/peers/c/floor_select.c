/* select: one thread, sets of any size. Only what is blocked in sending needs more than its socket to be remembered. */
#define FD_SETSIZE 4096
#include "floor.h"

static fd_set reading;
static fd_set writing; /* as blocked[], in the same order */
static struct floor_connection blocked[FD_SETSIZE];
static char *spare;

static void copy(fd_set *to, const fd_set *from) {
    memcpy(to, from, offsetof(fd_set, fd_array) + from->fd_count * sizeof from->fd_array[0]);
}

static void accept_one(SOCKET listener) {
    SOCKET socket = accept(listener, NULL, NULL);
    if (socket == INVALID_SOCKET) {
        return;
    }
    if (reading.fd_count + writing.fd_count == FD_SETSIZE) {
        closesocket(socket);
        return;
    }
    floor_nonblocking(socket, true);
    floor_no_delay(socket);
    reading.fd_array[reading.fd_count++] = socket;
}

static void readable(SOCKET socket) {
    struct floor_connection connection = {.socket = socket};
    enum floor_outcome outcome = floor_echo(&connection, &spare);
    if (outcome == FLOOR_ENDED || connection.buffer != NULL) {
        FD_CLR(socket, &reading);
    }
    if (outcome == FLOOR_ENDED) {
        floor_close(&connection);
    } else if (connection.buffer != NULL) {
        blocked[writing.fd_count] = connection;
        writing.fd_array[writing.fd_count++] = socket;
    }
}

static void writable(SOCKET socket) {
    unsigned i = 0;
    while (writing.fd_array[i] != socket) {
        i++;
    }
    enum floor_outcome outcome = floor_echo(&blocked[i], &spare);
    if (outcome == FLOOR_ENDED) {
        floor_close(&blocked[i]);
    } else if (blocked[i].buffer == NULL) {
        reading.fd_array[reading.fd_count++] = socket;
    } else {
        return;
    }
    writing.fd_count--;
    writing.fd_array[i] = writing.fd_array[writing.fd_count];
    blocked[i] = blocked[writing.fd_count];
}

int main(int argc, char **argv) {
    static fd_set ready_to_read;
    static fd_set ready_to_write;
    struct floor_options options = floor_arguments(argc, argv);
    SOCKET opened = floor_open(&options);

    spare = floor_alloc(BUFFER_BYTES);
    floor_nonblocking(opened, true);
    reading.fd_array[reading.fd_count++] = opened;
    for (;;) {
        copy(&ready_to_read, &reading);
        copy(&ready_to_write, &writing);
        floor_need(select(0, &ready_to_read, writing.fd_count > 0 ? &ready_to_write : NULL, NULL, NULL) > 0, "select");
        for (unsigned i = 0; i < ready_to_write.fd_count; i++) {
            writable(ready_to_write.fd_array[i]);
        }
        for (unsigned i = 0; i < ready_to_read.fd_count; i++) {
            SOCKET socket = ready_to_read.fd_array[i];
            if (socket != opened) {
                readable(socket);
            } else if (options.udp) {
                floor_datagram(opened, spare);
            } else {
                accept_one(opened);
            }
        }
    }
}
