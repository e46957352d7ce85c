/*
 * A connection of TCP in memory: an echo session with faults, a driver of one of the three families, and a client that is a plain pipe:
 * it sends what it has at the times it is told to, hears what comes, and notes when. The clock is moved from event to event, so times
 * are exact; a rough wire moves few bytes at a time, blocks, and reports in any order.
 */
#ifndef WIRE_H
#define WIRE_H

#include "faults_parse.h"
#include "session_faults.h"

enum wire_family { WIRE_BLOCKING, WIRE_READINESS, WIRE_COMPLETION, WIRE_FAMILIES };

enum { WIRE_ARRIVALS_MAX = 4096, WIRE_VERDICTS_MAX = 64 };

/* How the client sees the connection by now. */
enum wire_end { WIRE_OPEN, WIRE_FIN, WIRE_RESET };

struct wire_arrival {
    uint64_t time_us;
    size_t end;
};

struct wire {
    struct w2e_session_echo echo;
    struct w2e_session_faults faults;
    struct w2e_fault_rules rules;
    struct w2e_session *session;
    enum wire_family family;
    bool rough;
    uint64_t random;
    uint64_t now_us;
    unsigned long asked;

    /* The client. */
    const unsigned char *said;
    struct wire_arrival arrivals[WIRE_ARRIVALS_MAX];
    unsigned arrival_count;
    size_t taken;       /* of it, by the server */
    uint64_t fin_us;    /* when the client sends FIN; W2E_NEVER */
    bool answers_fin;   /* with its own, and sends nothing more */
    bool takes_nothing; /* its window is closed */
    unsigned char *heard;
    uint64_t *heard_us;
    size_t *piece_of; /* the number of the SEND that each byte came with */
    size_t heard_size;
    size_t pieces;
    enum wire_end end;
    uint64_t end_us;
    bool closed;
    uint64_t closed_us;

    /* The driver. */
    struct w2e_op recv; /* kind NONE: not out */
    struct w2e_op send;
    uint64_t send_ready_us; /* a SEND that is out moves then */
    uint64_t recv_ready_us; /* a RECV that is out reports not before */
    uint64_t ask_us;

    struct w2e_fault_verdict verdicts[WIRE_VERDICTS_MAX];
    unsigned verdict_count;
};

enum { WIRE_START_US = 1000000 };

/* Begins a wire whose client has size bytes to say. It is heap memory, to be freed with wire_free. */
struct wire *wire_new(enum wire_family family, const unsigned char *said, size_t size);

void wire_free(struct wire *wire);

/* Adds a rule, as text. */
void wire_rule(struct wire *wire, const char *text);

/* Opens the connection of that number, with the rules that were added. */
void wire_open(struct wire *wire, uint64_t seed, uint64_t number, const struct w2e_echo_config *config);

/* The client sends everything up to `end` at a time. */
void wire_say(struct wire *wire, uint64_t time_us, size_t end);

/* Runs until the session is closed, or that time. */
void wire_run(struct wire *wire, uint64_t until_us);

uint64_t wire_random(struct wire *wire, uint64_t limit);

/* ---- to write tests briefly ---- */

enum { MS = 1000, SECOND = 1000 * 1000, START = WIRE_START_US, SAID = 20000 };

/* What clients say. */
extern unsigned char wire_said[SAID];

#define EACH_FAMILY(family) for (unsigned family = 0; family < WIRE_FAMILIES; family++)

/* A wire with a rule (or NULL), not open yet. */
struct wire *wire_with(unsigned family, const char *rule);

/* … open, whose client says everything up to `end` at once; or nothing if that is 0. */
struct wire *wire_begin(unsigned family, const char *rule, size_t end);

/* … and FIN a moment later. */
struct wire *wire_begin_with_fin(unsigned family, const char *rule, size_t end);

/* The rules have changed. */
void wire_update(struct wire *wire);

/* The client takes what comes again, or does not any more. */
void wire_take(struct wire *wire, bool takes);

/* Exactly so much came, unaltered. */
void wire_expect_heard(const struct wire *wire, size_t size);

/* The one verdict that there is. */
void wire_expect_verdict(const struct wire *wire, enum w2e_fault_kind kind, uint64_t place);

void wire_expect_ended_by(const struct wire *wire, uint32_t rule_id);

#endif
