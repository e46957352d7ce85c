/*
 * A gate: one rule at work on one connection of TCP. The bytes of the connection pass gate after gate on their way from reception to
 * echo; each says up to which offset it lets them pass by now, and when that will be more.
 *
 * A gate holds no bytes, only offsets: what it has not let pass waits in the buffer of the session. When that is full nothing more is
 * received, so a slow gate presses back on the peer as a slow network does. What a gate decides depends on offsets and on the times at
 * which bytes come to it, not on how they are sliced.
 *
 * Of arrivals a latency remembers W2E_GATE_MARKS; when they come thicker, two that follow each other become one, due when the later is,
 * and those two for which that makes the least difference: some bytes are late by about a sixteenth of the latency, none is early.
 */
#ifndef W2E_FAULT_GATE_H
#define W2E_FAULT_GATE_H

#include "faults.h"

enum { W2E_GATE_MARKS = 32 };

/* How a gate ends the connection, once the bytes that passed it are sent. */
enum w2e_gate_end {
    W2E_GATE_GOES_ON,
    W2E_GATE_FIN,      /* close: FIN, and soon the end */
    W2E_GATE_FIN_ONLY, /* half of it: the other half stays open for as long as the peer wants it */
    W2E_GATE_RESET
};

/* Bytes up to `end` that pass at one time. */
struct w2e_gate_mark {
    uint64_t end;
    uint64_t due_us;
    uint64_t first_us; /* when the first of them would have been due by itself */
};

struct w2e_gate_latency {
    struct w2e_gate_mark marks[W2E_GATE_MARKS]; /* a ring; ends and times rise */
    unsigned first;
    unsigned count;
    uint64_t came_us;      /* when the first of the bytes came that came together last */
    uint64_t burst_offset; /* … and where it is */
    bool bursts;           /* any came */
};

/* A line that moves rate bytes in a millisecond: up to `offset` at time_us. */
struct w2e_gate_bandwidth {
    uint64_t time_us;
    uint64_t offset;
};

/* Pieces are numbered; their sizes are drawn, so that they lie in the stream where they lie, however it comes. */
struct w2e_gate_slices {
    uint64_t number; /* of the piece that is passing */
    uint64_t end;
    uint64_t next_us;    /* it does not pass before */
    uint64_t cut_number; /* the same of the piece that is being sent */
    uint64_t cut_end;
};

struct w2e_gate_corruption {
    uint64_t done; /* bytes below were looked at */
    bool previous; /* whether the last of them was altered */
};

struct w2e_gate {
    struct w2e_fault_rule rule;
    uint64_t key;      /* of its draws */
    uint64_t start_us; /* the rule was set, and after_ms is over */
    bool active;       /* it works: after_ms and after_bytes are over */
    uint64_t active_us;
    uint64_t begin;      /* the first byte that it works on; meaningful once active */
    uint64_t entered;    /* bytes that came to it */
    uint64_t passed;     /* … and that it let pass */
    uint64_t release_us; /* when more will pass by time alone; W2E_NEVER */
    uint64_t event_us;   /* when it will begin to work, or end the connection, by time alone; W2E_NEVER */
    bool swallows;       /* what comes and does not pass is lost */
    enum w2e_gate_end end;
    bool at_once; /* … without waiting for the bytes that passed */

    /* The verdict. */
    bool touched;
    bool told;
    uint64_t touched_at; /* the offset */

    union {
        struct w2e_gate_latency latency;
        struct w2e_gate_bandwidth bandwidth;
        struct w2e_gate_slices slices;
        struct w2e_gate_corruption corruption;
    };
};

/* A gate for a connection that was opened at opened_us. It is now_us; what came to it before, `entered` bytes, is not its concern. */
void w2e_gate_init(struct w2e_gate *gate, const struct w2e_fault_rule *rule, uint64_t key, uint64_t opened_us, uint64_t entered,
                   uint64_t now_us);

/*
 * Another rule of the same kind and id takes effect; what came before stays as it was decided. If it has conditions that do not hold yet, the
 * gate does not work until they do: what it kept goes on, but for data and pauses that have their time; what it swallowed is lost.
 */
void w2e_gate_change(struct w2e_gate *gate, const struct w2e_fault_rule *rule, uint64_t opened_us, uint64_t now_us);

/* Whether the gate works, and would not once the rule takes effect. */
bool w2e_gate_rests_by(const struct w2e_gate *gate, const struct w2e_fault_rule *rule, uint64_t opened_us, uint64_t now_us);

/* It is now_us, and `entered` bytes have come. While a SEND is out, no pace goes on: none would be kept by what is piled up behind it. */
void w2e_gate_advance(struct w2e_gate *gate, uint64_t entered, uint64_t now_us, bool send_out);

/* Where a SEND that begins at offset has to end for the gate's sake; UINT64_MAX if anywhere. */
uint64_t w2e_gate_cut(struct w2e_gate *gate, uint64_t offset);

/* Up to which offset may be received. */
uint64_t w2e_gate_receive_limit(const struct w2e_gate *gate);

/* When the gate lets FIN pass, which came to it at since_us. *holds: that is later. */
uint64_t w2e_gate_finish_us(const struct w2e_gate *gate, uint64_t since_us, bool *holds);

/* Alters bytes that are about to be sent, each once, also if they are sent again. */
void w2e_gate_corrupt(struct w2e_gate *gate, unsigned char *data, uint64_t offset, size_t size);

/* The rule touches the connection, from an offset on; only the first time counts. */
void w2e_gate_touch(struct w2e_gate *gate, uint64_t offset);

#endif
