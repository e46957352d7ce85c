/*
 * A load: connections of sessions that send, check and time, on the driver of any model.
 *
 * It has so many places, of which each holds one connection at a time. Its own thread begins the first connection of each place, as the
 * ramp-up says; when one ends and the place has more to do, the thread of the driver that finished it begins the next. The load has
 * finished when every place is done; what is left when its time is over is reset by stopping the driver.
 */
#ifndef W2E_LOAD_H
#define W2E_LOAD_H

#include "io/driver.h"
#include "load_record.h"
#include "session_load.h"
#include "session_load_datagram.h"
#include "win/registry.h"
#include "ws2echo.h"

enum {
    W2E_LOAD_ADDRESSES_MAX = 16,
    W2E_LOAD_CONNECTING_MAX = 128 /* at once: a server's queue takes about 200 */
};

/* A place for one connection at a time, to which it belongs meanwhile. */
struct w2e_load_place {
    uint64_t messages_left; /* what is still to be done here: W2E_NEVER, or how many */
    uint64_t bytes_left;    /* likewise */
    uint64_t phase_us;      /* when the next message is due, from start_us */
    uint32_t of_burst;      /* … and how many messages of its burst were begun */
    uint64_t byte_us;       /* when a byte moved last */
    bool waits;             /* nothing but timers kept its next message from beginning before the end */
    uint64_t retry_us;      /* when to begin the next connection, after one could not be connected */
    struct w2e_load_place *next_to_retry;
};

struct w2e_load_address {
    SOCKADDR_STORAGE socket_address;
    int size;
};

/* Of all connections; by the names of ws2echo_load_stats. */
struct w2e_load_datagrams {
    struct w2e_counter lost;
    struct w2e_counter late;
    struct w2e_counter duplicated;
    struct w2e_counter reordered;
    struct w2e_counter corrupt;
    struct w2e_counter foreign;
    struct w2e_counter unreachable;
};

struct w2e_load {
    struct w2e_object object; /* first: what the registry knows of it */
    ws2echo_load_options options;
    struct w2e_socket_options socket_options;
    struct w2e_load_config config; /* of the sessions: each has its own, with its share of the limits */
    struct w2e_driver *driver;
    struct w2e_service service;
    struct w2e_traffic traffic[W2E_TRAFFIC_PARTS];
    struct w2e_load_address addresses[W2E_LOAD_ADDRESSES_MAX];
    uint32_t address_count;
    uint64_t opened_us;
    HANDLE thread;
    struct w2e_load_place *places;

    /* Added to by any thread. */
    struct w2e_load_datagrams datagrams;
    struct w2e_record latencies;
    struct w2e_record connects;

    SRWLOCK lock;
    CONDITION_VARIABLE changed; /* a connection connected or ended, a problem came, the load is to stop, has finished or closes */

    /* Guarded by lock. */
    struct load_connection *connections;   /* a list of those that the driver has */
    uint64_t next_number;                  /* of a connection */
    uint32_t address;                      /* the one that answered last */
    uint32_t places_begun;                 /* places that had their first connection */
    uint32_t places_left;                  /* not yet done, those not yet begun included */
    uint32_t connecting;                   /* connections on their way; over UDP, without an answer yet */
    uint64_t finish_by_us;                 /* what is left then is reset */
    struct w2e_load_place *first_to_retry; /* a list, in the order of its times */
    struct w2e_load_place *last_to_retry;
    ws2echo_load_stats stats; /* what is not counted elsewhere */
    ws2echo_load_problem *problems;
    uint32_t first_problem;
    uint32_t problem_count;
    bool closing;
};

/* The functions of the header. */
int w2e_load_open(const ws2echo_load_options *options, struct w2e_load **opened);
void w2e_load_options_get(struct w2e_load *load, ws2echo_load_options *options);
void w2e_load_stats_get(struct w2e_load *load, ws2echo_load_stats *stats);
int w2e_load_histogram_get(struct w2e_load *load, uint32_t kind, ws2echo_histogram *histogram);
int w2e_load_next_problem(struct w2e_load *load, uint32_t timeout_ms, ws2echo_load_problem *problem);
int w2e_load_wait(struct w2e_load *load, uint32_t timeout_ms);
void w2e_load_stop(struct w2e_load *load);
void w2e_load_close(struct w2e_load *load);

/* ---- the parts of a load: load_connection.c ---- */

/* Begins the next connection of a place, or ends the place if that cannot be. `connecting` counts it already. */
void w2e_load_begin(struct w2e_load *load, struct w2e_load_place *place);

/* Brings the end of every connection forward. */
void w2e_load_stop_connections_locked(struct w2e_load *load, uint64_t stop_us);

/* Adds what is counted of datagrams. */
void w2e_load_datagrams_get(struct w2e_load *load, ws2echo_load_stats *stats);

/* For the driver's service. */
void w2e_load_connection_finished(void *owner, struct w2e_connection *finished);

/* Notes and counts a problem. */
void w2e_load_problem_locked(struct w2e_load *load, ws2echo_load_problem *problem);

/* A place is done. */
void w2e_load_end_place_locked(struct w2e_load *load);

/* A place is to have its next connection a little later. */
void w2e_load_retry_locked(struct w2e_load *load, struct w2e_load_place *place);

#endif
