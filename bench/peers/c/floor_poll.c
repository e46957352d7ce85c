/* WSAPoll: one thread. A connection waits to read or, while a send is cut short, to write. */
#include "floor.h"

static WSAPOLLFD polled[CONNECTIONS_MAX];
static struct floor_connection connections[CONNECTIONS_MAX]; /* in the same order; the first is what listens */
static unsigned count;
static char *spare;

static void add(SOCKET socket) {
    floor_nonblocking(socket, true);
    polled[count] = (WSAPOLLFD){.fd = socket, .events = POLLRDNORM};
    connections[count] = (struct floor_connection){.socket = socket};
    count++;
}

static void accept_one(SOCKET listener) {
    SOCKET socket = accept(listener, NULL, NULL);
    if (socket == INVALID_SOCKET) {
        return;
    }
    if (count == CONNECTIONS_MAX) {
        closesocket(socket);
        return;
    }
    floor_no_delay(socket);
    add(socket);
}

static void serve(unsigned i) {
    if (floor_echo(&connections[i], &spare) != FLOOR_ENDED) {
        polled[i].events = connections[i].buffer != NULL ? POLLWRNORM : POLLRDNORM;
        return;
    }
    floor_close(&connections[i]);
    count--;
    polled[i] = polled[count];
    connections[i] = connections[count];
}

int main(int argc, char **argv) {
    struct floor_options options = floor_arguments(argc, argv);
    SOCKET opened = floor_open(&options);

    spare = floor_alloc(BUFFER_BYTES);
    add(opened);
    for (;;) {
        floor_need(WSAPoll(polled, count, -1) > 0, "WSAPoll");
        for (unsigned i = count; i-- > 1;) { /* backwards, so that what takes a place that fell free has been looked at */
            if (polled[i].revents != 0) {
                serve(i);
            }
        }
        if (polled[0].revents != 0 && options.udp) {
            floor_datagram(opened, spare);
        } else if (polled[0].revents != 0) {
            accept_one(opened);
        }
    }
}
