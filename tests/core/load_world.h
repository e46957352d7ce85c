/*
 * A world for the load session: a clock, a connection of two pipes that hold, cut and delay bytes at random, an echo session at the far
 * end, and between it and the load session something that may tamper. Whatever the session lends is checked. Everything follows from the
 * seed. Who performs what is lent stands in load_drivers.h.
 */
#ifndef LOAD_WORLD_H
#define LOAD_WORLD_H

#include "check.h"
#include "codes.h"
#include "session_echo.h"
#include "session_load.h"

#include <string.h>

enum {
    PIPE_BYTES = 4096,
    STREAM_BYTES_MAX = 1 << 15,
    MESSAGES_MAX = 64,
    STUCK_TO_HURRY = 16,
    STUCK_TO_JUMP = 40,
    STUCK_MAX = 20000
};

enum family { BLOCKING, READINESS, COMPLETION, FAMILIES };

enum tampering { HONEST, FLIP, DROP, REPEAT, FOREIGN, EARLY_FIN, EXCESS, TAMPERINGS };

struct pipe {
    unsigned char data[2 * PIPE_BYTES];
    size_t capacity;
    size_t held;
    size_t visible; /* … at the far end */
    bool fin;
    bool fin_visible;
};

struct world {
    uint64_t random;
    uint64_t now_us;
    bool moved; /* in this step */
    unsigned stuck;

    enum family family;
    struct w2e_load_config config;
    struct w2e_load_sink sink;
    struct w2e_session_load load;
    struct w2e_op recv_out; /* kind NONE: none is */
    struct w2e_op send_out;
    unsigned char send_copy[PIPE_BYTES];
    size_t send_taken; /* by a send that blocks */
    bool connect_out;
    bool connected;
    bool cancelled;
    bool shut;
    bool was_reset;
    bool closed;
    uint64_t ask_us;
    bool no_timing; /* W2E_NEVER is expected */
    bool refuses;   /* to connect */

    struct pipe up;
    struct pipe down;
    struct w2e_session_echo echo;
    bool echo_closed;

    enum tampering tampering;
    uint64_t tamper_at; /* offset in the echoed stream */
    size_t tamper_bytes;
    uint64_t echoed_bytes; /* that the echo session sent */
    bool tampered;

    uint64_t sent;
    uint64_t offered;
    unsigned char got[STREAM_BYTES_MAX];
    size_t got_bytes;
    uint64_t messages; /* begun */
    uint64_t begins[MESSAGES_MAX + 1];
    uint64_t intended_us[MESSAGES_MAX];
    uint64_t reported;
    uint64_t answered_us;
    uint64_t connects;
    uint64_t faults;
    struct w2e_load_fault fault;
};

static inline uint64_t chance(struct world *world, uint64_t below) {
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return (world->random >> 11) % below;
}

static inline size_t part(struct world *world, size_t most) {
    return chance(world, 4) == 0 ? most : 1 + (size_t)chance(world, most);
}

/* Anything may be put off, but not for ever. */
static inline bool hesitates(struct world *world) {
    return world->stuck < STUCK_TO_HURRY && chance(world, 2) == 0;
}

/* ---- what the sink is told ---- */

static inline void on_connected(void *owner, uint64_t connect_us) {
    struct world *world = owner;
    CHECK(connect_us <= world->now_us);
    world->connects++;
}

static inline void on_echoed(void *owner, uint64_t latency_us, uint64_t bytes, bool measured) {
    struct world *world = owner;
    uint64_t message = world->reported++;
    CHECK(message < world->messages);
    CHECK(bytes == world->begins[message + 1] - world->begins[message]);
    CHECK(world->begins[message + 1] <= world->got_bytes);
    CHECK(latency_us == world->now_us - world->intended_us[message]);
    CHECK(measured == (world->intended_us[message] >= world->config.measure_from_us));
    world->answered_us = world->now_us;
}

static inline void on_wrong(void *owner, const struct w2e_load_fault *fault) {
    struct world *world = owner;
    world->faults++;
    world->fault = *fault;
}

/* ---- what the load session lends ---- */

static inline void message_begins(struct world *world) {
    uint64_t number = world->messages++;
    const struct w2e_load_config *config = &world->config;
    uint64_t due_us = config->start_us + (config->interval_ns * (number / (config->burst > 0 ? config->burst : 1))) / 1000;
    CHECK(number < MESSAGES_MAX && number < config->messages);
    CHECK(world->now_us >= due_us && world->now_us < config->stop_us);
    CHECK(number == 0 || world->answered_us == 0 || world->now_us >= world->answered_us + config->think_us);
    world->begins[number + 1] = world->begins[number] + w2e_load_plan_bytes_at(&world->load.plan, number);
    world->intended_us[number] = config->interval_ns > 0 ? due_us : world->now_us;
}

static inline void check_in_flight(const struct world *world) {
    const struct w2e_load_config *config = &world->config;
    if (config->receives == W2E_RECEIVES_NEVER) {
        return;
    }
    uint64_t received = world->load.received;
    uint64_t waiting = world->messages - world->reported;
    CHECK(world->offered - received <= config->window_bytes);
    CHECK(world->offered <= config->bytes);
    CHECK(waiting <= (config->depth > 0 ? config->depth : W2E_LOAD_DEPTH_DEFAULT));
}

static inline void lent_send(struct world *world, const struct w2e_op *op) {
    CHECK(world->send_out.kind == W2E_OP_NONE && op->size > 0 && op->size <= PIPE_BYTES);
    CHECK(op->size <= world->config.io_bytes_max);
    CHECK(w2e_pattern_check(&world->load.pattern, world->sent, op->data, op->size) == op->size);
    world->offered = world->sent + op->size > world->offered ? world->sent + op->size : world->offered;
    while (world->begins[world->messages] < world->offered) {
        message_begins(world);
    }
    check_in_flight(world);
    memcpy(world->send_copy, op->data, op->size);
    world->send_out = *op;
}

static inline void lent_recv(struct world *world, const struct w2e_op *op) {
    CHECK(world->recv_out.kind == W2E_OP_NONE && op->size > 0);
    CHECK(world->config.receives != W2E_RECEIVES_NEVER || world->shut);
    op->data[0] = op->data[op->size - 1] = 0xEE; /* ASan shall see the span */
    world->recv_out = *op;
}

static inline bool is_out(const struct world *world) {
    return world->recv_out.kind != W2E_OP_NONE || world->send_out.kind != W2E_OP_NONE || world->connect_out;
}

static inline void lent(struct world *world, const struct w2e_op *op) {
    CHECK(!world->closed || op->kind == W2E_OP_NONE);
    CHECK(!world->no_timing || op->ask_again_us == W2E_NEVER);
    CHECK(world->connected || op->kind == W2E_OP_CONNECT || op->kind == W2E_OP_CANCEL || op->kind == W2E_OP_CLOSE ||
          op->kind == W2E_OP_NONE);
    switch (op->kind) {
    case W2E_OP_CONNECT:
        CHECK(!world->connected && !is_out(world));
        world->connect_out = true;
        break;
    case W2E_OP_SEND:
        lent_send(world, op);
        break;
    case W2E_OP_RECV:
        lent_recv(world, op);
        break;
    case W2E_OP_CANCEL:
        CHECK(is_out(world) && !world->cancelled);
        world->cancelled = true;
        break;
    case W2E_OP_SHUTDOWN:
        CHECK(!world->shut && !world->was_reset && world->send_out.kind == W2E_OP_NONE);
        world->shut = true;
        break;
    case W2E_OP_RESET:
        CHECK(!world->was_reset && !is_out(world));
        world->was_reset = true;
        break;
    case W2E_OP_CLOSE:
        CHECK(!is_out(world));
        world->closed = true;
        break;
    case W2E_OP_NONE:
        break;
    }
}

static inline struct w2e_op ask(struct world *world) {
    struct w2e_session *session = &world->load.session;
    size_t wanted = w2e_session_buffer_wanted(session);
    if (wanted != session->buffer_size) {
        CHECK(!is_out(world));
        free(w2e_session_buffer_swap(session, malloc(wanted), wanted));
    }
    struct w2e_op op = w2e_session_next(session, world->now_us);
    world->moved |= world->now_us >= world->ask_us;
    world->ask_us = op.ask_again_us;
    lent(world, &op);
    return op;
}

static inline void report(struct world *world, enum w2e_op_kind kind, int error, size_t bytes) {
    w2e_session_done(&world->load.session, kind, error, bytes, world->now_us);
    world->moved = true;
}

static inline void undo(struct world *world, enum w2e_op_kind kind) {
    (kind == W2E_OP_RECV ? &world->recv_out : &world->send_out)->kind = W2E_OP_NONE;
    w2e_session_undo(&world->load.session, kind);
}

/* ---- the network ---- */

static inline void push(struct pipe *pipe, const unsigned char *data, size_t size) {
    CHECK(pipe->held + size <= sizeof pipe->data);
    memcpy(pipe->data + pipe->held, data, size);
    pipe->held += size;
}

static inline void pull(struct pipe *pipe, unsigned char *data, size_t size) {
    memcpy(data, pipe->data, size);
    pipe->held -= size;
    pipe->visible -= size;
    memmove(pipe->data, pipe->data + size, pipe->held);
}

static inline size_t space(const struct pipe *pipe) {
    return pipe->held < pipe->capacity ? pipe->capacity - pipe->held : 0;
}

static inline void deliver(struct world *world, struct pipe *pipe) {
    if (pipe->visible < pipe->held) {
        pipe->visible += part(world, pipe->held - pipe->visible);
        world->moved = true;
    } else if (pipe->fin && !pipe->fin_visible) {
        pipe->fin_visible = true;
        world->moved = true;
    }
}

static inline bool is_readable(const struct pipe *pipe) {
    return pipe->visible > 0 || pipe->fin_visible;
}

/* ---- the far end ---- */

static inline void tamper_with(struct world *world, unsigned char *byte) {
    unsigned char foreign[PIPE_BYTES];
    struct w2e_pattern other;
    struct pipe *pipe = &world->down;
    bool reached = world->echoed_bytes == world->tamper_at;
    size_t bytes = world->tamper_bytes;
    enum tampering now = reached ? world->tampering : HONEST;
    switch (now) {
    case FLIP:
        *byte ^= (unsigned char)(1 << bytes % 8);
        break;
    case REPEAT:
        w2e_pattern_fill(&world->load.pattern, world->tamper_at - bytes, foreign, bytes);
        push(pipe, foreign, bytes);
        break;
    case FOREIGN:
        w2e_pattern_init(&other, world->config.seed, 1);
        w2e_pattern_fill(&other, world->tamper_at / 3, foreign, bytes);
        push(pipe, foreign, bytes);
        break;
    case EARLY_FIN:
        pipe->fin = true;
        break;
    case HONEST:
    case DROP:
    case EXCESS:
    case TAMPERINGS:
        break;
    }
    world->tampered |= reached;
}

/* One byte of the echo goes to the pipe, and what tampering adds before it. */
static inline void echo_byte(struct world *world, unsigned char byte) {
    bool dropped = world->tampering == DROP && world->echoed_bytes >= world->tamper_at &&
                   world->echoed_bytes < world->tamper_at + world->tamper_bytes;
    if (!world->down.fin) {
        tamper_with(world, &byte);
    }
    if (!dropped && !world->down.fin) {
        push(&world->down, &byte, 1);
    }
    world->echoed_bytes++;
    if (world->tampering == EXCESS && world->echoed_bytes == world->tamper_at) {
        unsigned char again[PIPE_BYTES];
        w2e_pattern_fill(&world->load.pattern, world->tamper_at - world->tamper_bytes, again, world->tamper_bytes);
        push(&world->down, again, world->tamper_bytes);
        world->tampered = true;
    }
}

static inline void echo_send(struct world *world, const struct w2e_op *op) {
    size_t room = space(&world->down);
    size_t bytes = room < op->size ? room : op->size;
    if (bytes == 0) {
        w2e_session_undo(&world->echo.session, W2E_OP_SEND);
        return;
    }
    bytes = part(world, bytes);
    if (world->tampering == HONEST) {
        push(&world->down, op->data, bytes);
    }
    for (size_t i = 0; i < bytes && world->tampering != HONEST; i++) {
        echo_byte(world, op->data[i]);
    }
    w2e_session_done(&world->echo.session, W2E_OP_SEND, 0, bytes, world->now_us);
    world->moved = true;
}

static inline void echo_recv(struct world *world, const struct w2e_op *op) {
    size_t most = op->size < world->up.visible ? op->size : world->up.visible;
    if (!is_readable(&world->up)) {
        w2e_session_undo(&world->echo.session, W2E_OP_RECV);
        return;
    }
    size_t bytes = most > 0 ? part(world, most) : 0;
    pull(&world->up, op->data, bytes);
    w2e_session_done(&world->echo.session, W2E_OP_RECV, 0, bytes, world->now_us);
    world->moved = true;
}

static inline void step_echo(struct world *world) {
    struct w2e_session *session = &world->echo.session;
    size_t wanted = w2e_session_buffer_wanted(session);
    if (wanted != session->buffer_size) {
        free(w2e_session_buffer_swap(session, malloc(wanted), wanted));
    }
    for (int i = 0; i < 2 && !world->echo_closed; i++) {
        struct w2e_op op = w2e_session_next(session, world->now_us);
        if (op.kind == W2E_OP_SEND) {
            echo_send(world, &op);
        } else if (op.kind == W2E_OP_RECV) {
            echo_recv(world, &op);
        } else if (op.kind == W2E_OP_SHUTDOWN) {
            world->down.fin = true;
            w2e_session_done(session, op.kind, 0, 0, world->now_us);
        }
        world->echo_closed = op.kind == W2E_OP_CLOSE;
        if (session->buffer_size == 0) {
            return;
        }
    }
}

/* ---- the world ---- */

static inline void world_begin(struct world *world, uint64_t seed) {
    memset(world, 0, sizeof *world);
    world->random = seed * 0x9E3779B97F4A7C15u + 1;
    world->now_us = 1000;
    w2e_load_config_default(&world->config);
    world->config.seed = seed;
    world->config.connections = 2;
    world->config.finish_timeout_us = W2E_NEVER;
    world->up.capacity = PIPE_BYTES;
    world->down.capacity = PIPE_BYTES;
    world->sink = (struct w2e_load_sink){.owner = world, .connected = on_connected, .echoed = on_echoed, .wrong = on_wrong};
    struct w2e_echo_config echo = {
        .buffer_bytes_max = 1 + (size_t)chance(world, 3000), .idle_timeout_us = W2E_NEVER, .send_timeout_us = W2E_NEVER};
    w2e_session_echo_init(&world->echo, &echo, world->now_us);
}

/* After config and family were set. */
static inline void world_open(struct world *world) {
    w2e_session_load_init(&world->load, &world->config, &world->sink, 0, 0);
}

#endif
