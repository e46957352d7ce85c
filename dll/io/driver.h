/*
 * A driver runs connections under one Winsock I/O model: it accepts them, asks their sessions what to do, and does it. It knows
 * nothing of echo, of load or of faults; what those want they say through their sessions and through the service below.
 */
#ifndef W2E_DRIVER_H
#define W2E_DRIVER_H

#include "io/connection.h"
#include "io/socket.h"
#include "win/thread.h"

/* Who a driver works for. Its functions are called from the driver's threads, several at a time, with no lock held. */
struct w2e_service {
    void *owner;
    /* A connection was accepted: gives what to run it on, with a session; or NULL, for want of memory, to have it closed. */
    struct w2e_connection *(*accepted)(void *owner, SOCKET socket, const SOCKADDR_STORAGE *peer);
    /* The peer is about to see the end: it may come again before `finished`. */
    void (*ending)(void *owner, struct w2e_connection *connection);
    /* The session lent CLOSE, and the socket is closed: the connection is the owner's again. */
    void (*finished)(void *owner, struct w2e_connection *connection);
    /* accept failed for want of resources, and will be tried again. */
    void (*accept_failed)(void *owner);
    struct w2e_counter bytes_received;
    struct w2e_counter bytes_sent;
};

struct w2e_driver {
    const struct w2e_driver_ops *ops;
};

struct w2e_driver_ops {
    /* Starts to accept: 0 or an error. The listeners' sockets are the driver's from now on, and closed if this fails. */
    int (*open)(struct w2e_driver **driver, struct w2e_listeners *listeners, struct w2e_service *service);
    /* Closes the listeners; connections go on. May be called several times, and from several threads. */
    void (*stop_accepting)(struct w2e_driver *driver);
    /* Stops accepting, aborts every session, and returns when each connection is finished and no thread is left. Like stop_accepting. */
    void (*stop)(struct w2e_driver *driver);
    /* Frees a stopped driver. */
    void (*free)(struct w2e_driver *driver);
};

extern const struct w2e_driver_ops w2e_driver_blocking;

#endif
