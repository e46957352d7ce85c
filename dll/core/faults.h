/*
 * Faults: what they are called, which rules there are, and whom each of them touches.
 *
 * A rule is a kind of fault, its parameters, and the conditions under which it strikes. Rules work in their order, those of the stream
 * `upstream` (what the server receives) before those of `downstream` (what it sends).
 *
 * Whether a rule strikes is drawn from the seed, the number of the connection, the rule's id, and where it matters the offset of a
 * byte or the number of a datagram; never from a sequence of random numbers that connections share. So the same seed touches the same
 * connections, bytes and datagrams under every I/O model, however threads and reads fall.
 *
 * A connection is one of TCP, numbered by the server in the order of acceptance. Over UDP there are none: there each datagram that comes
 * is selected by itself, `first` and `every` count the datagrams of a socket, toxicity and probability are drawn for each, and after_bytes
 * and after_ms count from when the socket was opened.
 *
 * Conditions are about a connection from its start, also for a rule that was added later: `after_bytes` counts from its first byte,
 * `after_ms` from when it was accepted. Only `first` and `every` count from the addition of the rule: "the first two" are the first two
 * that come after it. The time of a parameter (timeout, delay, …) begins when the rule begins to work on the connection.
 */
#ifndef W2E_FAULTS_H
#define W2E_FAULTS_H

#include "fault_address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the list, written once ---- */

enum w2e_fault_protocols { W2E_FAULT_TCP = 1, W2E_FAULT_UDP = 2, W2E_FAULT_BOTH = 3 };

/* What a kind is about, and thereby which conditions it can have. */
enum w2e_fault_scope {
    W2E_FAULT_LISTENER,  /* all that comes to the server: no condition, no toxicity */
    W2E_FAULT_ACCEPTING, /* a connection before its first byte: no after_bytes, no after_ms */
    W2E_FAULT_TRAFFIC    /* what a connection moves, and how it ends */
};

/*
 * X(name, protocols, scope, directed, summary)
 *
 *   directed  whether the parameter `stream` applies
 *
 * Names and units of the first eight are those of Toxiproxy.
 */
/* clang-format off */
#define W2E_FAULTS(X) \
    X(latency, BOTH, TRAFFIC, 1, "Delays all data by latency plus or minus jitter, in order; over UDP each datagram by itself.") \
    X(bandwidth, TCP, TRAFFIC, 1, "Lets no more than so many kilobytes pass in a second.") \
    X(slow_close, TCP, TRAFFIC, 1, "Delays the end of the connection (FIN).") \
    X(timeout, TCP, TRAFFIC, 1, "Swallows all data, and ends the connection (FIN) after the timeout; 0 leaves it open.") \
    X(reset_peer, TCP, TRAFFIC, 1, "Swallows all data, and resets the connection after the timeout, also an idle one.") \
    X(slicer, TCP, TRAFFIC, 1, "Cuts data into small pieces, with a delay after each.") \
    X(limit_data, TCP, TRAFFIC, 1, "Lets so many bytes pass, then ends the connection (FIN).") \
    X(down, BOTH, LISTENER, 0, "Takes the server down: nobody can connect, and who is connected sees the end.") \
    X(corrupt, BOTH, TRAFFIC, 1, "Alters the byte at an offset, or bytes at a rate; over UDP one byte of a datagram.") \
    X(reset, TCP, TRAFFIC, 1, "Resets the connection when so many bytes have passed.") \
    X(fin, TCP, TRAFFIC, 1, "Sends FIN when so many bytes have passed, and goes on reading what the peer sends.") \
    X(refuse, TCP, ACCEPTING, 0, "Resets the connection as soon as it is accepted.") \
    X(never_accept, TCP, LISTENER, 0, "Accepts nobody: connections wait in the backlog, and when that is full nobody can connect.") \
    X(never_read, TCP, TRAFFIC, 0, "Stops receiving: the peer's window closes.") \
    X(trickle, TCP, TRAFFIC, 1, "Lets one byte pass in each interval.") \
    X(stall, TCP, TRAFFIC, 1, "Stops when so many bytes have passed: no data any more, and no end.") \
    X(drop, UDP, TRAFFIC, 1, "Loses datagrams.") \
    X(duplicate, UDP, TRAFFIC, 1, "Answers datagrams twice.") \
    X(reorder, UDP, TRAFFIC, 1, "Holds datagrams back until later ones have gone before.") \
    X(truncate, UDP, TRAFFIC, 1, "Cuts the end of datagrams off.") \
    X(delay, UDP, TRAFFIC, 1, "Delays datagrams, those that are drawn.")
/* clang-format on */

#define W2E_FAULT_KIND(name, ...) W2E_FAULT_##name,
enum w2e_fault_kind { W2E_FAULTS(W2E_FAULT_KIND) W2E_FAULT_KINDS };
#undef W2E_FAULT_KIND

/* What a number means. */
enum w2e_fault_unit {
    W2E_UNIT_COUNT,
    W2E_UNIT_BYTES,
    W2E_UNIT_KILOBYTES_PER_SECOND, /* of 1,000 bytes */
    W2E_UNIT_MS,
    W2E_UNIT_US,
    W2E_UNIT_FRACTION /* 0 to 1, kept in billionths */
};

#define W2E_FAULT_ONE       1000000000u /* 1 as a fraction */
#define W2E_FAULT_TIME_MAX  0xFFFFFFFFu
#define W2E_FAULT_BYTES_MAX (UINT64_C(1) << 53)
#define W2E_FAULT_COUNT_MAX (UINT64_C(1) << 53)
#define W2E_FAULT_REQUIRED  UINT64_MAX       /* as a default: there is none */
#define W2E_FAULT_NOT_GIVEN (UINT64_MAX - 1) /* as a value or default: none */

/*
 * X(kind, name, slot, unit, least, most, default, summary)
 *
 *   slot  where a rule keeps it: rule->values[W2E_FAULT_kind_name]
 */
/* clang-format off */
#define W2E_FAULT_PARAMETERS(X) \
    X(latency, latency, 0, MS, 0, W2E_FAULT_TIME_MAX, 0, "the delay") \
    X(latency, jitter, 1, MS, 0, W2E_FAULT_TIME_MAX, 0, "how far the delay may be off, either way") \
    X(bandwidth, rate, 0, KILOBYTES_PER_SECOND, 1, 1000000000, W2E_FAULT_REQUIRED, "the most that passes") \
    X(slow_close, delay, 0, MS, 0, W2E_FAULT_TIME_MAX, W2E_FAULT_REQUIRED, "by how much the end is later") \
    X(timeout, timeout, 0, MS, 0, W2E_FAULT_TIME_MAX, 0, "when the connection ends; 0: never") \
    X(reset_peer, timeout, 0, MS, 0, W2E_FAULT_TIME_MAX, 0, "when the connection is reset; 0: at once") \
    X(slicer, average_size, 0, BYTES, 1, W2E_FAULT_BYTES_MAX, W2E_FAULT_REQUIRED, "the average size of a piece") \
    X(slicer, size_variation, 1, BYTES, 0, W2E_FAULT_BYTES_MAX, 0, "how far a size may be off, either way; less than average_size") \
    X(slicer, delay, 2, US, 0, W2E_FAULT_TIME_MAX, 0, "the pause after a piece") \
    X(limit_data, bytes, 0, BYTES, 0, W2E_FAULT_BYTES_MAX, W2E_FAULT_REQUIRED, "how many pass; 0: FIN at the first that comes") \
    X(corrupt, at, 0, BYTES, 0, W2E_FAULT_BYTES_MAX, W2E_FAULT_NOT_GIVEN, "the offset in the stream or datagram; without it, any") \
    X(corrupt, rate, 1, FRACTION, 0, W2E_FAULT_ONE, W2E_FAULT_ONE, "of the bytes, or datagrams, that are altered") \
    X(corrupt, correlation, 2, FRACTION, 0, W2E_FAULT_ONE, 0, "how much one is like the one before") \
    X(reset, at, 0, BYTES, 0, W2E_FAULT_BYTES_MAX, 0, "how many pass before") \
    X(fin, at, 0, BYTES, 0, W2E_FAULT_BYTES_MAX, 0, "how many pass before") \
    X(trickle, interval, 0, MS, 1, W2E_FAULT_TIME_MAX, 100, "from one byte to the next") \
    X(stall, at, 0, BYTES, 0, W2E_FAULT_BYTES_MAX, 0, "how many pass before") \
    X(drop, rate, 0, FRACTION, 0, W2E_FAULT_ONE, W2E_FAULT_ONE, "of the datagrams") \
    X(drop, correlation, 1, FRACTION, 0, W2E_FAULT_ONE, 0, "how much one is like the one before") \
    X(duplicate, rate, 0, FRACTION, 0, W2E_FAULT_ONE, W2E_FAULT_ONE, "of the datagrams") \
    X(duplicate, correlation, 1, FRACTION, 0, W2E_FAULT_ONE, 0, "how much one is like the one before") \
    X(reorder, rate, 0, FRACTION, 0, W2E_FAULT_ONE, W2E_FAULT_ONE, "of the datagrams") \
    X(reorder, correlation, 1, FRACTION, 0, W2E_FAULT_ONE, 0, "how much one is like the one before") \
    X(reorder, gap, 2, COUNT, 1, 1000, 1, "how many later ones go before") \
    X(reorder, delay, 3, MS, 0, W2E_FAULT_TIME_MAX, 100, "how long it is held back at most, if there are not so many") \
    X(truncate, bytes, 0, BYTES, 0, W2E_FAULT_BYTES_MAX, W2E_FAULT_NOT_GIVEN, "how many are left; without it, drawn for each") \
    X(truncate, rate, 1, FRACTION, 0, W2E_FAULT_ONE, W2E_FAULT_ONE, "of the datagrams") \
    X(truncate, correlation, 2, FRACTION, 0, W2E_FAULT_ONE, 0, "how much one is like the one before") \
    X(delay, delay, 0, MS, 0, W2E_FAULT_TIME_MAX, W2E_FAULT_REQUIRED, "the delay") \
    X(delay, jitter, 1, MS, 0, W2E_FAULT_TIME_MAX, 0, "how far the delay may be off, either way") \
    X(delay, rate, 2, FRACTION, 0, W2E_FAULT_ONE, W2E_FAULT_ONE, "of the datagrams") \
    X(delay, correlation, 3, FRACTION, 0, W2E_FAULT_ONE, 0, "how much one is like the one before")
/* clang-format on */

#define W2E_FAULT_SLOT(kind, name, slot, ...) W2E_FAULT_##kind##_##name = (slot),
enum w2e_fault_slot { W2E_FAULT_PARAMETERS(W2E_FAULT_SLOT) W2E_FAULT_VALUES = 4 };
#undef W2E_FAULT_SLOT

/*
 * X(name, scope, unit, least, most, default, summary): conditions, all of which must hold; rule->when[W2E_WHEN_name]
 *
 *   scope  the narrowest kinds that can have it
 *
 * One more, `peers`, is a range of addresses.
 */
/* clang-format off */
#define W2E_FAULT_WHENS(X) \
    X(first, ACCEPTING, COUNT, 1, W2E_FAULT_COUNT_MAX, W2E_FAULT_NOT_GIVEN, "only the first so many connections") \
    X(every, ACCEPTING, COUNT, 1, W2E_FAULT_COUNT_MAX, W2E_FAULT_NOT_GIVEN, "only each so-many-th connection") \
    X(after_bytes, TRAFFIC, BYTES, 0, W2E_FAULT_BYTES_MAX, 0, "only after so many bytes of the connection") \
    X(after_ms, TRAFFIC, MS, 0, W2E_FAULT_TIME_MAX, 0, "only after so much time of the connection") \
    X(probability, ACCEPTING, FRACTION, 0, W2E_FAULT_ONE, W2E_FAULT_ONE, "only so large a part of the connections")
/* clang-format on */

#define W2E_FAULT_WHEN(name, ...) W2E_WHEN_##name,
enum w2e_fault_when { W2E_FAULT_WHENS(W2E_FAULT_WHEN) W2E_WHENS };
#undef W2E_FAULT_WHEN

/* ---- the list, to look things up in ---- */

struct w2e_fault_info {
    const char *name;
    unsigned protocols; /* enum w2e_fault_protocols */
    enum w2e_fault_scope scope;
    bool directed;
    const char *summary;
};

/* A parameter of a kind, or a condition. */
struct w2e_fault_parameter {
    const char *name;
    unsigned slot;
    enum w2e_fault_unit unit;
    uint64_t least;
    uint64_t most;
    uint64_t standard; /* the default, NOT_GIVEN, or REQUIRED */
    const char *summary;
};

const struct w2e_fault_info *w2e_fault_info(enum w2e_fault_kind kind);

/* The index-th parameter of a kind, in the order in which they are written; or NULL. `stream` and `toxicity` are not among them. */
const struct w2e_fault_parameter *w2e_fault_parameter_at(enum w2e_fault_kind kind, unsigned index);

/* The index-th condition that a kind can have; or NULL. `peers` is not among them. */
const struct w2e_fault_parameter *w2e_fault_when_at(enum w2e_fault_kind kind, unsigned index);

/* ---- rules ---- */

enum w2e_fault_stream { W2E_FAULT_DOWNSTREAM, W2E_FAULT_UPSTREAM };

struct w2e_fault_rule {
    enum w2e_fault_kind kind;
    enum w2e_fault_stream stream;
    uint64_t toxicity; /* a fraction: of the connections that the conditions select */
    uint64_t values[W2E_FAULT_VALUES];
    uint64_t when[W2E_WHENS];
    struct w2e_fault_range peers;

    /* Set by w2e_faults_add, and the last by w2e_faults_change, too. */
    uint32_t id;                  /* 1, 2, 3, … and never again */
    uint64_t since_connections;   /* accepted before it was added */
    uint64_t changed_connections; /* … and before it came to say what it says */
};

/* A rule with every default; a required parameter is left REQUIRED. */
void w2e_fault_rule_init(struct w2e_fault_rule *rule, enum w2e_fault_kind kind);

/* NULL if each number is in its range, else the parameter or condition that is not. */
const struct w2e_fault_parameter *w2e_fault_rule_check(const struct w2e_fault_rule *rule);

/* Whether two rules say the same, leaving aside what w2e_faults_add and _change set. */
bool w2e_fault_rule_equal(const struct w2e_fault_rule *a, const struct w2e_fault_rule *b);

enum { W2E_FAULT_RULES_MAX = 32 };

/* A value: copied as a whole, and by that changed at once. */
struct w2e_fault_rules {
    uint64_t seed;
    uint32_t count;
    uint32_t last_id;
    struct w2e_fault_rule rules[W2E_FAULT_RULES_MAX];
};

void w2e_faults_init(struct w2e_fault_rules *rules, uint64_t seed);

/* Adds a rule behind the others, when so many connections had been accepted: its id, or 0 if there are W2E_FAULT_RULES_MAX already. */
uint32_t w2e_faults_add(struct w2e_fault_rules *rules, const struct w2e_fault_rule *rule, uint64_t connections);

/*
 * Changes what a rule says, when so many connections had been accepted; its place, and from where it counts, stay. False if there is no rule
 * of that id.
 */
bool w2e_faults_change(struct w2e_fault_rules *rules, uint32_t id, const struct w2e_fault_rule *rule, uint64_t connections);

bool w2e_faults_remove(struct w2e_fault_rules *rules, uint32_t id);

/* The rule of an id, or NULL. */
const struct w2e_fault_rule *w2e_faults_find(const struct w2e_fault_rules *rules, uint32_t id);

/* ---- whom they touch ---- */

/* A connection of TCP, or a datagram. */
struct w2e_fault_target {
    uint64_t number; /* of the connection, or of the datagram: 1, 2, 3, … */
    struct w2e_fault_address peer;
};

/* What of a rule's draws belongs to one connection. */
uint64_t w2e_fault_key(uint64_t seed, uint64_t connection, const struct w2e_fault_rule *rule);

/* What is drawn for. */
enum w2e_fault_purpose {
    W2E_DRAW_TOXICITY,
    W2E_DRAW_PROBABILITY,
    W2E_DRAW_EVENT,
    W2E_DRAW_DELAY,
    W2E_DRAW_SIZE,
    W2E_DRAW_PLACE,
    W2E_DRAW_MASK
};

/* A number of 64 random bits: always the same for the same arguments. */
uint64_t w2e_fault_draw(uint64_t key, enum w2e_fault_purpose purpose, uint64_t counter);

/* One below limit, which is at least 1. */
uint64_t w2e_fault_draw_below(uint64_t key, enum w2e_fault_purpose purpose, uint64_t counter, uint64_t limit);

/* Whether something happens that happens at this rate: never at 0, always at W2E_FAULT_ONE. */
bool w2e_fault_happens(uint64_t key, enum w2e_fault_purpose purpose, uint64_t counter, uint64_t rate);

/*
 * Whether it happens, where it is like the one before as much as `correlation` says; overall the rate stays. *previous is how the one
 * before went, which is drawn, too, for the first: by w2e_fault_happens_first.
 */
bool w2e_fault_happens_again(uint64_t key, uint64_t counter, uint64_t rate, uint64_t correlation, bool *previous);
bool w2e_fault_happens_first(uint64_t key, uint64_t rate);

/* A delay of so many milliseconds plus or minus jitter, in microseconds, not below 0. */
uint64_t w2e_fault_delay_us(uint64_t key, uint64_t counter, uint64_t delay_ms, uint64_t jitter_ms);

/*
 * Whether a rule selects a connection, or a datagram, by everything but after_bytes and after_ms. `counted_from` is the number of the last
 * one before `first` and `every` count: for connections, rule->since_connections.
 */
bool w2e_fault_selects(const struct w2e_fault_rule *rule, uint64_t key, const struct w2e_fault_target *target,
                       uint64_t counted_from);

/* Whether a rule works on this connection of TCP. */
bool w2e_fault_touches(const struct w2e_fault_rules *rules, const struct w2e_fault_rule *rule,
                       const struct w2e_fault_target *connection);

/* Whether any rule works on it: if none does, the connection needs no session of faults. */
bool w2e_faults_touch(const struct w2e_fault_rules *rules, const struct w2e_fault_target *connection);

/* Whether any rule is about UDP. */
bool w2e_faults_touch_datagrams(const struct w2e_fault_rules *rules);

/* The rule that refuses this connection, or NULL: it is to be accepted. A session of faults does that by itself. */
const struct w2e_fault_rule *w2e_faults_refuse(const struct w2e_fault_rules *rules, const struct w2e_fault_target *connection);

/* What is to become of the listening sockets: the first rule of either kind decides. */
enum w2e_fault_listening { W2E_LISTENS, W2E_LISTENS_WITHOUT_ACCEPTING, W2E_DOES_NOT_LISTEN };

/* `protocols` is one or both of enum w2e_fault_protocols; *rule is the one that decided, or NULL. */
enum w2e_fault_listening w2e_faults_listening(const struct w2e_fault_rules *rules, unsigned protocols,
                                              const struct w2e_fault_rule **rule);

/* ---- verdicts, for the journal ---- */

/* A rule touched a connection, or a datagram. */
struct w2e_fault_verdict {
    uint32_t rule_id;
    enum w2e_fault_kind kind;
    uint64_t connection; /* its number; over UDP that of the socket */
    uint64_t place;      /* the offset in the stream where it began; over UDP the number of the datagram */
};

/* Who is told of verdicts, on the driver's thread and in the midst of a session's function: it must not call the session. */
struct w2e_fault_observer {
    void *owner;
    void (*touched)(void *owner, const struct w2e_fault_verdict *verdict); /* NULL: nobody */
};

/* What the verdicts of a connection come to. */
struct w2e_fault_summary {
    uint64_t count;                 /* of verdicts: over TCP each rule counts once */
    uint32_t kinds;                 /* a bit for each kind: 1 << kind */
    struct w2e_fault_verdict first; /* meaningful if there is one */
    struct w2e_fault_verdict last;  /* … */
    uint32_t ended_by;              /* the rule that ended the connection, or 0 */
};

_Static_assert(W2E_FAULT_KINDS <= 32, "a bit for each kind");

/* Adds a verdict, and tells the observer. */
void w2e_fault_summary_add(struct w2e_fault_summary *summary, const struct w2e_fault_observer *observer,
                           const struct w2e_fault_verdict *verdict);

#endif
