/*
 * What a load is, and the plan of one of its connections: how large its messages are, when each is meant to begin, and which is the
 * last. Streams and datagrams follow the same plan.
 *
 * With a pace the plan is a timetable that nothing shifts: who is late catches up, and what is late is measured from the time at which
 * it was meant to begin. A client that waits for a slow server before it sends again would otherwise measure that slowness once where
 * users would have met it many times (Gil Tene calls this coordinated omission; his wrk2 measures as it is done here).
 */
#ifndef W2E_LOAD_PLAN_H
#define W2E_LOAD_PLAN_H

#include "session.h"

#include <stdbool.h>

enum {
    W2E_LOAD_SIZES_MAX = 16,
    W2E_LOAD_DEPTH_MAX = 65536,
    W2E_LOAD_DEPTH_DEFAULT = 1024, /* without a depth: messages whose answers are told apart */
    W2E_LOAD_IO_BYTES = 256 * 1024
};

enum w2e_load_receives {
    W2E_RECEIVES_START,      /* from the start, beside sending */
    W2E_RECEIVES_AFTER_SENT, /* by turns: as much as depth and window allow is sent, then all of it is received */
    W2E_RECEIVES_NEVER       /* nothing until it has finished, and then what comes is thrown away; no latencies, no window */
};

enum w2e_load_finish {
    W2E_FINISH_FIN,  /* SHUTDOWN, then the peer's FIN is waited for */
    W2E_FINISH_RESET /* … abortive: the peer sees a reset */
};

/* Of all connections of a load: it stays as it is while they run. A time is W2E_NEVER where there is no limit. */
struct w2e_load_config {
    uint64_t seed;
    uint32_t connections; /* numbered from 0: a wrong byte may turn out to belong to another */

    uint32_t size_count;                /* so many sizes to choose from at random, or 0: any from size_min to size_max */
    uint32_t sizes[W2E_LOAD_SIZES_MAX]; /* … of a message, in bytes, 1 at least; listed twice it is twice as likely */
    uint32_t size_min;
    uint32_t size_max;
    uint32_t depth; /* most messages in flight; 0: as many as the window holds */
    /* Most bytes in flight, 1 at least; of a stream, a longer message is sent in pieces. Under a driver that blocks, which performs one
     * operation at a time, it has to fit into the buffers of the sockets, or both ends might block in send. */
    uint64_t window_bytes;
    size_t io_bytes_max; /* most bytes of one SEND or RECV of a stream */
    bool sends;          /* or else it only receives, and checks, a stream that the peer sends of its own accord */
    enum w2e_load_receives receives;
    enum w2e_load_finish finish;

    uint64_t start_us;         /* nothing is sent before */
    uint64_t interval_ns;      /* pace: 0, or how long until the next burst of messages is due */
    uint32_t burst;            /* … how many messages that is */
    uint64_t think_us;         /* after an answer, no message is begun for so long */
    uint64_t send_delay_us;    /* after connecting, nothing is sent for so long */
    uint64_t receive_delay_us; /* … nothing is received for so long */

    uint64_t messages; /* limits of each connection: W2E_NEVER, or how many messages … */
    uint64_t bytes;    /* … and bytes. Without `sends`: how many bytes the peer will send */
    uint64_t stop_us;  /* from this time on no message is begun; what was begun is completed */

    uint64_t measure_from_us;    /* messages that were meant to begin before this are the warm-up */
    uint64_t connect_timeout_us; /* how long connecting may take */
    uint64_t reply_timeout_us; /* how long no byte may move while some are in flight; of datagrams: how long an answer may take */
    uint64_t finish_timeout_us; /* how long the peer may take to answer FIN with FIN */
};

/* Ping-pong of 64 bytes, as fast as it goes, without a limit of any kind but 5 s to finish. */
void w2e_load_config_default(struct w2e_load_config *config);

struct w2e_load_plan {
    const struct w2e_load_config *config;
    uint64_t key;         /* of the random sizes */
    uint32_t bytes_least; /* no message is smaller */
    uint32_t next_bytes;  /* of the next message; 0: no limit allows another */
    uint32_t last_bytes;  /* … of the one begun last */
    uint64_t begun;       /* messages */
    uint64_t begun_bytes;
    uint64_t first_us;      /* when the first message is due */
    uint64_t paced_ns;      /* … and the next one, from then */
    uint32_t of_burst;      /* messages of its burst that were begun */
    uint64_t intended_us;   /* when the next message is due by its pace */
    uint64_t gate_us;       /* nor before this: delay, and think time */
    uint64_t ready_us;      /* the later of the two */
    bool waits;             /* for nothing but the time at which the next message is due */
    uint64_t timed;         /* messages that began after such a wait … */
    uint64_t timer_late_us; /* … and how much too late, all together … */
    uint64_t timer_late_max_us;
};

/* phase_us shifts the timetable of one connection against the others. Messages are bytes_least at least, whatever config says. */
void w2e_load_plan_init(struct w2e_load_plan *plan, const struct w2e_load_config *config, uint32_t connection, uint64_t phase_us,
                        uint32_t bytes_least);

/* It goes on within a burst, of which so many messages were begun by the connection before. */
void w2e_load_plan_go_on(struct w2e_load_plan *plan, uint32_t of_burst);

/* The connection is open. */
void w2e_load_plan_opened(struct w2e_load_plan *plan, uint64_t now_us);

/* Begins a message of next_bytes, at ready_us or later: gives the time from which its latency counts. */
uint64_t w2e_load_plan_begin(struct w2e_load_plan *plan, uint64_t now_us);

/* A message was answered. */
void w2e_load_plan_answered(struct w2e_load_plan *plan, uint64_t now_us);

/* How large a message of that number is or was. */
uint32_t w2e_load_plan_bytes_at(const struct w2e_load_plan *plan, uint64_t number);

/*
 * Whether a message may begin, for a connection that has room for it or not. If it has, and the answer is not yet, the wait that follows is
 * one for the timers of this end, and how late they are is counted: unless the connection waits for something else meanwhile, and says so.
 * After stop_us, `waits` tells whether timers alone kept the last message from beginning.
 */
bool w2e_load_plan_may_begin(struct w2e_load_plan *plan, bool has_room, uint64_t now_us);

static inline void w2e_load_plan_waits_for_else(struct w2e_load_plan *plan) {
    plan->waits = false;
}

/* How many messages a pace has due from first_us on, but before until_us, if so many of the first burst were begun before. */
uint64_t w2e_load_due(const struct w2e_load_config *config, uint64_t first_us, uint32_t of_burst, uint64_t until_us);

/* The largest and smallest message that may come. */
uint32_t w2e_load_plan_largest(const struct w2e_load_plan *plan);
uint32_t w2e_load_plan_smallest(const struct w2e_load_plan *plan);

/* Whether no message will begin any more. */
static inline bool w2e_load_plan_over(const struct w2e_load_plan *plan, uint64_t now_us) {
    return plan->next_bytes == 0 || now_us >= plan->config->stop_us;
}

/* Whether a message may begin now, as far as the plan goes. */
static inline bool w2e_load_plan_ready(const struct w2e_load_plan *plan, uint64_t now_us) {
    return now_us >= plan->ready_us && !w2e_load_plan_over(plan, now_us);
}

/* When to look again: W2E_NEVER if it is not a matter of time. */
static inline uint64_t w2e_load_plan_wake_us(const struct w2e_load_plan *plan, uint64_t now_us) {
    uint64_t stop_us = plan->config->stop_us;
    if (now_us >= plan->ready_us || w2e_load_plan_over(plan, now_us)) {
        return W2E_NEVER;
    }
    return plan->ready_us < stop_us ? plan->ready_us : stop_us;
}

static inline uint64_t w2e_load_deadline_us(uint64_t since_us, uint64_t timeout_us) {
    return timeout_us > W2E_NEVER - since_us ? W2E_NEVER : since_us + timeout_us;
}

#endif
