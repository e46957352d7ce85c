/* A run of peers.h over TCP: its world, and what peers_stream_drivers.c does in it. */
#ifndef PEERS_STREAM_H
#define PEERS_STREAM_H

#include "guard.h"
#include "peers_rules.h"
#include "session_faults.h"
#include "session_load.h"

enum {
    PIPE_BYTES = 4096,
    STUCK_TO_HURRY = 16,
    STUCK_TO_JUMP = 30,
    STUCK_TO_STOP = 400,   /* nothing moves, and nobody waits for a time */
    STEPS_TO_STOP = 60000, /* it takes too long */
    STEPS_OF_GIVEN = 4000, /* … where the rules may delay it for as long as they like */
    STEPS_TO_END = 2000,   /* … after that at most */
    IN_A_ROW = 64
};

enum stream_family { STREAM_BLOCKING, STREAM_READINESS, STREAM_COMPLETION, STREAM_FAMILIES };

struct stream_flow {
    unsigned char data[PIPE_BYTES];
    size_t capacity;
    size_t held;
    size_t visible; /* … at the far end */
    uint64_t pushed;
    uint64_t pulled;
    bool fin;
    bool fin_visible;
};

struct stream_side {
    struct guard guard;
    enum stream_family family;
    struct stream_flow *in;
    struct stream_flow *out;
    struct stream_side *peer;
    bool open;
    bool broken;  /* the connection was reset by the other side */
    bool stopped; /* its owner has aborted it */
    bool look;    /* it is to be asked: something has changed beside the network */
    size_t taken; /* of a SEND that blocks */
    uint64_t ask_us;
};

struct stream_world {
    struct choice *choice;
    uint64_t now_us;
    uint64_t steps;
    unsigned stuck;
    bool moved;
    bool generous; /* no time limit is short */
    bool refuses;  /* nobody is there to connect to */
    bool finished_early;
    uint64_t abort_at; /* a step; or never */
    uint64_t change_every;
    uint64_t ask_every; /* ask_again of the drivers: whoever waits is asked */

    struct stream_side server;
    struct stream_side client;
    struct stream_flow up;
    struct stream_flow down;

    struct w2e_echo_config echo_config;
    struct w2e_session_echo echo;
    struct w2e_session_faults faults;
    bool attached;
    struct peers_rules rules;

    struct w2e_load_config config;
    struct w2e_load_sink sink;
    struct w2e_session_load load;
    uint64_t told_wrong;
    struct w2e_load_fault told;
    uint64_t answers;
    uint64_t first_altered; /* offset, in what the server sent */
    bool stopped;
};

/* What is under way goes on. */
void peers_stream_deliver(struct stream_world *world, struct stream_flow *flow);

/* The driver of a side does what it can do now. */
void peers_stream_step_side(struct stream_world *world, struct stream_side *side);

/* The connection is open: the server has a session now. */
void peers_stream_open_server(struct stream_world *world);

#endif
