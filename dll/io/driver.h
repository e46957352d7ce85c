/*
 * A driver runs connections under one Winsock I/O model: it accepts them, asks their sessions what to do, and does it. It knows
 * nothing of echo, of load or of faults; what those want they say through their sessions and through the service below.
 */
#ifndef W2E_DRIVER_H
#define W2E_DRIVER_H

#include "io/connection.h"
#include "io/listeners.h"

/* Who a driver works for. Its functions are called from the driver's threads, several at a time, with no lock held. */
struct w2e_service {
    void *owner;
    /* A connection was accepted: gives what to run it on, with a session; or NULL, for want of memory, to have it closed. */
    struct w2e_connection *(*accepted)(void *owner, SOCKET socket, const SOCKADDR_STORAGE *peer);
    /* SHUTDOWN or RESET is about to be done. If the peer sees the end by that, it may come again before `finished`. */
    void (*ending)(void *owner, struct w2e_connection *connection);
    /* The session lent CLOSE, and the socket is closed: the connection is the owner's again. */
    void (*finished)(void *owner, struct w2e_connection *connection);
    /* A connection could not be accepted for want of resources; accepting goes on. */
    void (*accept_failed)(void *owner);
    /* What the owner wants of a connection may have changed: called before its session is asked first, and for each `refresh`, on the thread
     * that runs it and between two calls of its session. NULL: nothing ever changes. */
    void (*refresh)(void *owner, struct w2e_connection *connection);
};

struct w2e_driver_config {
    uint32_t workers; /* threads that share the connections, at least */
    enum ws2echo_accept accept;
    uint32_t accepts_pending;
};

struct w2e_driver {
    const struct w2e_driver_ops *ops;
};

struct w2e_driver_ops {
    /*
     * Starts to accept: 0 or an error. The listeners' streams are the driver's from now on, and closed if this fails. `part` is what makes the
     * driver one model rather than another of its family.
     */
    int (*open)(struct w2e_driver **driver, const void *part, const struct w2e_driver_config *config,
                struct w2e_listeners *listeners, struct w2e_service *service);
    /* Runs a connection that the owner opened: 0, or an error, and then it stays the owner's. */
    int (*add)(struct w2e_driver *driver, struct w2e_connection *connection);
    /* Has every session that waits for a time asked again soon: what it waits for has changed. From any thread, without the lock of a service. */
    void (*ask_again)(struct w2e_driver *driver);
    /*
     * Calls `refresh` of the service for every connection, then has its session asked again; operations that are out stay so, unless the
     * session wants them back. Returns when that was done for each that was there when it was called. A thread that blocks in a SEND is waited
     * for half a second, and has it done when the SEND is over: unless the connection is interruptible, then it is within that time. Who calls is no
     * thread of the driver's, and holds no lock of the service's.
     */
    void (*refresh)(struct w2e_driver *driver);
    /* Stops to accept, and gives the listeners' streams back, open. Connections and sockets of datagrams go on. None, if none are left. */
    void (*unlisten)(struct w2e_driver *driver, struct w2e_listeners *streams);
    /* Accepts again, after unlisten or from the start: 0, or an error, and then the streams are still the caller's. WSA_OPERATION_ABORTED: after
     * stop_accepting. */
    int (*listen)(struct w2e_driver *driver, const struct w2e_listeners *streams);
    /* Closes the listeners, and ends the sockets of datagrams; connections go on. May be called several times, and from several threads. */
    void (*stop_accepting)(struct w2e_driver *driver);
    /* Stops accepting, aborts every session, and returns when each connection is finished and no thread is left. Like stop_accepting. */
    void (*stop)(struct w2e_driver *driver);
    /* Frees a stopped driver. */
    void (*free)(struct w2e_driver *driver);
};

/* Opens the driver of a model, as `open` above. */
int w2e_driver_open(struct w2e_driver **driver, uint32_t model, const struct w2e_driver_config *config,
                    struct w2e_listeners *listeners, struct w2e_service *service);

/* Threads that share connections, unless told otherwise: one for each processor, but not more than serve an echo well. */
uint32_t w2e_driver_default_workers(void);

/* The drivers of the three families. */
extern const struct w2e_driver_ops w2e_driver_blocking;
extern const struct w2e_driver_ops w2e_driver_readiness;
extern const struct w2e_driver_ops w2e_driver_completion;

/* ---- for drivers ---- */

enum { W2E_RETRY_MS = 50 }; /* after something failed for want of resources */

/* Whether accept failed because the peer was gone before: no failure of accept, and no reason to wait. */
bool w2e_driver_peer_is_gone(int accept_error);

/* Does SHUTDOWN or RESET, which never wait, and reports it to the session. */
void w2e_driver_wind_down(struct w2e_service *service, struct w2e_connection *connection, enum w2e_op_kind kind);

/* After CLOSE: closes the socket, which blocks if the connection lingers, and gives the connection back to its owner. */
void w2e_driver_finish(struct w2e_service *service, struct w2e_connection *connection);

/* Makes what was accepted a connection of the service; or resets it, for want of memory, and gives NULL. */
struct w2e_connection *w2e_driver_accepted(struct w2e_service *service, SOCKET socket, const SOCKADDR_STORAGE *peer);

#endif
