/* peers.h over TCP: the network, and an imitation of each family of drivers. */
#include "check.h"
#include "codes.h"
#include "peers_stream.h"

#include <string.h>

/* ---- the network ---- */

static bool hesitates(struct stream_world *world) {
    return world->stuck < STUCK_TO_HURRY && choose_one_in(world->choice, 2);
}

static size_t space(const struct stream_flow *flow) {
    return flow->capacity - flow->held;
}

static bool is_readable(const struct stream_side *side) {
    return side->in->visible > 0 || side->in->fin_visible || side->broken;
}

/* What the server sends is what the load sent, byte for byte, but for what is altered on purpose. */
static void check_echo(struct stream_world *world, const unsigned char *data, size_t size) {
    uint64_t offset = world->down.pushed;
    size_t right = w2e_pattern_check(&world->load.pattern, offset, data, size);
    CHECK(offset + size <= world->up.pulled);
    if (right < size) {
        CHECK(peers_rules_had(&world->rules, KIND_BIT(corrupt)));
        world->first_altered = world->first_altered < offset + right ? world->first_altered : offset + right;
    }
}

static void push(struct stream_world *world, struct stream_side *side, const unsigned char *data, size_t size) {
    struct stream_flow *flow = side->out;
    if (flow == &world->down) {
        check_echo(world, data, size);
    }
    if (side->peer->guard.closed) { /* nobody is there any more: the next call will tell */
        side->broken = true;
    } else {
        CHECK(flow->held + size <= sizeof flow->data && !flow->fin);
        memcpy(flow->data + flow->held, data, size);
        flow->held += size;
    }
    flow->pushed += size;
}

void peers_stream_deliver(struct stream_world *world, struct stream_flow *flow) {
    if (flow->visible < flow->held) {
        flow->visible += choose_part(world->choice, flow->held - flow->visible);
        world->moved = true;
    } else if (flow->fin && !flow->fin_visible) {
        flow->fin_visible = true;
        world->moved = true;
    }
}

static void break_off(struct stream_side *side) {
    side->peer->broken = true;
    if (side->peer->in->held > 0) { /* what was under way is lost */
        side->peer->in->held = side->peer->in->visible = 0;
    }
}

/* ---- operations ---- */

static void receive(struct stream_world *world, struct stream_side *side) {
    struct stream_flow *flow = side->in;
    size_t most = side->guard.recv.size < flow->visible ? side->guard.recv.size : flow->visible;
    world->moved = true;
    if (most == 0 && side->broken) {
        guard_done(&side->guard, W2E_OP_RECV, W2E_ECONNRESET, 0, world->now_us);
        return;
    }
    size_t size = most > 0 ? choose_part(world->choice, most) : 0;
    unsigned char came[PIPE_BYTES];
    memcpy(came, flow->data, size);
    flow->held -= size;
    flow->visible -= size;
    flow->pulled += size;
    memmove(flow->data, flow->data + size, flow->held);
    guard_received(&side->guard, came, size, world->now_us);
}

static size_t can_send(const struct stream_side *side) {
    size_t left = side->guard.send.size - side->taken;
    return side->broken ? left : space(side->out) < left ? space(side->out) : left;
}

/* So many bytes of the SEND that is out go; it is over when `all` says so. */
static void send(struct stream_world *world, struct stream_side *side, size_t size, bool over) {
    world->moved = true;
    if (side->broken) {
        side->taken = 0;
        guard_done(&side->guard, W2E_OP_SEND, W2E_ECONNRESET, 0, world->now_us);
        return;
    }
    push(world, side, side->guard.send.data + side->taken, size);
    side->taken += size;
    if (over) {
        size_t taken = side->taken;
        side->taken = 0;
        guard_done(&side->guard, W2E_OP_SEND, 0, taken, world->now_us);
    }
}

static void send_part(struct stream_world *world, struct stream_side *side) {
    send(world, side, side->broken ? 0 : choose_part(world->choice, can_send(side)), true);
}

static void connect(struct stream_world *world, struct stream_side *side) {
    int error = world->refuses ? W2E_ECONNRESET : side->stopped && choose_one_in(world->choice, 2) ? W2E_OPERATION_ABORTED : 0;
    world->moved = true;
    if (error == 0) {
        peers_stream_open_server(world);
    }
    guard_done(&side->guard, W2E_OP_CONNECT, error, 0, world->now_us);
}

/* What never waits: false if it is nothing of that kind. */
static bool wind_down(struct stream_world *world, struct stream_side *side, const struct w2e_op *op) {
    bool unread = side->in->held > 0;
    switch (op->kind) {
    case W2E_OP_SHUTDOWN:
        side->out->fin = true;
        guard_done(&side->guard, op->kind, side->broken ? W2E_ECONNRESET : 0, 0, world->now_us);
        break;
    case W2E_OP_RESET:
        break_off(side);
        guard_done(&side->guard, op->kind, 0, 0, world->now_us);
        break;
    case W2E_OP_CLOSE:
        side->out->fin = true;
        if (unread) { /* closing over unread bytes resets */
            break_off(side);
        }
        break;
    case W2E_OP_NONE:
    case W2E_OP_CONNECT:
    case W2E_OP_RECV:
    case W2E_OP_SEND:
    case W2E_OP_CANCEL:
        return false;
    }
    world->moved = true;
    return true;
}

/* One of what is out is given back, in one of the ways in which that can happen. */
static void call_back(struct stream_world *world, struct stream_side *side) {
    struct guard *guard = &side->guard;
    world->moved = true;
    if (guard->connect_out) {
        connect(world, side);
    } else if (guard->recv.kind != W2E_OP_NONE && choose_one_in(world->choice, 2)) {
        if (is_readable(side) && choose_one_in(world->choice, 2)) {
            receive(world, side);
        } else if (choose_one_in(world->choice, 2)) {
            guard_undo(guard, W2E_OP_RECV);
        } else {
            guard_done(guard, W2E_OP_RECV, W2E_OPERATION_ABORTED, 0, world->now_us);
        }
    } else if (guard->send.kind != W2E_OP_NONE) {
        if (can_send(side) > 0 && choose_one_in(world->choice, 2)) {
            send_part(world, side);
        } else if (side->taken == 0) {
            guard_undo(guard, W2E_OP_SEND);
        } else {
            side->taken = 0;
            guard_done(guard, W2E_OP_SEND, W2E_OPERATION_ABORTED, 0, world->now_us);
        }
    }
}

static struct w2e_op ask(struct stream_world *world, struct stream_side *side) {
    struct w2e_op op = guard_next(&side->guard, world->now_us);
    bool waited = world->now_us >= side->ask_us;
    world->moved |= waited || op.kind == W2E_OP_SEND; /* a RECV may come and go many times */
    side->ask_us = op.ask_again_us;
    side->look = false;
    return op;
}

/* ---- drivers ---- */

static void serve_completion(struct stream_world *world, struct stream_side *side) {
    for (unsigned i = 0; !side->guard.closed; i++) {
        CHECK(i < IN_A_ROW);
        struct w2e_op op = ask(world, side);
        if (op.kind == W2E_OP_NONE) {
            return;
        }
        wind_down(world, side, &op);
        if (op.kind == W2E_OP_SEND && choose_one_in(world->choice, 4) && can_send(side) > 0) {
            send_part(world, side); /* done at once */
        }
    }
}

static void step_completion(struct stream_world *world, struct stream_side *side) {
    struct guard *guard = &side->guard;
    if (guard->cancelled && guard_is_out(guard)) {
        call_back(world, side);
    } else if (guard->connect_out && !hesitates(world)) {
        connect(world, side);
    } else if (guard->recv.kind != W2E_OP_NONE && is_readable(side) && !hesitates(world)) {
        receive(world, side);
    } else if (guard->send.kind != W2E_OP_NONE && can_send(side) > 0) {
        send_part(world, side);
    } else if (world->now_us < side->ask_us && !side->look) {
        return;
    }
    serve_completion(world, side);
}

static void serve_readiness(struct stream_world *world, struct stream_side *side) {
    struct guard *guard = &side->guard;
    for (unsigned i = 0; !guard->closed; i++) {
        CHECK(i < PIPE_BYTES);
        struct w2e_op op = ask(world, side);
        if (wind_down(world, side, &op)) {
            continue;
        }
        if (op.kind == W2E_OP_NONE) {
            return;
        } else if (op.kind == W2E_OP_RECV && !is_readable(side)) {
            guard_undo(guard, W2E_OP_RECV);
            return;
        } else if (op.kind == W2E_OP_RECV) {
            receive(world, side);
        } else if (op.kind == W2E_OP_SEND && can_send(side) > 0 && !choose_one_in(world->choice, 8)) {
            send_part(world, side);
        } else if (op.kind == W2E_OP_CANCEL && guard->connect_out) {
            connect(world, side);
        } else if (op.kind == W2E_OP_CANCEL) {
            guard_undo(guard, W2E_OP_SEND);
        }
    }
}

static void step_readiness(struct stream_world *world, struct stream_side *side) {
    struct guard *guard = &side->guard;
    if (guard->connect_out && !guard->cancelled && !hesitates(world)) {
        connect(world, side);
    } else if (guard->send.kind != W2E_OP_NONE && can_send(side) > 0) {
        send_part(world, side);
    } else if (!is_readable(side) && world->now_us < side->ask_us && !side->look && !choose_one_in(world->choice, 16)) {
        return;
    }
    serve_readiness(world, side); /* now and then without a reason: a stale report */
}

/* A SEND that blocks is over when everything is taken; one with a time limit, or on a connection with faults, is done without blocking. */
static void block_in_send(struct stream_world *world, struct stream_side *side) {
    struct guard *guard = &side->guard;
    size_t most = can_send(side);
    bool waits = guard->send.ask_again_us != W2E_NEVER || (side == &world->server && world->attached);
    if (side->taken > 0 && (waits || side->stopped)) { /* woken up in the middle */
        call_back(world, side);
    } else if (most > 0 && waits) {
        send_part(world, side);
    } else if (most > 0) {
        send(world, side, most, most == guard->send.size - side->taken);
    } else if ((waits && side->look) || side->stopped || world->now_us >= guard->send.ask_again_us) {
        guard_undo(guard, W2E_OP_SEND);
    }
}

static void block(struct stream_world *world, struct stream_side *side) {
    struct guard *guard = &side->guard;
    if (guard->connect_out) {
        if (side->stopped || world->now_us >= side->ask_us) {
            guard_done(guard, W2E_OP_CONNECT, W2E_ETIMEDOUT, 0, world->now_us);
        } else if (!hesitates(world)) {
            connect(world, side);
        }
    } else if (guard->send.kind != W2E_OP_NONE) {
        block_in_send(world, side);
    } else if (is_readable(side)) {
        receive(world, side);
    } else if (side->look || world->now_us >= guard->recv.ask_again_us) {
        guard_undo(guard, W2E_OP_RECV);
    }
}

static void step_blocking(struct stream_world *world, struct stream_side *side) {
    struct guard *guard = &side->guard;
    bool waits = side->ask_us == W2E_NEVER || world->now_us < side->ask_us; /* asked in vain: it sleeps */
    if (guard_is_out(guard)) {
        block(world, side);
        waits = false;
    }
    if (guard_is_out(guard)) {
        return;
    }
    if (!waits || side->look) {
        struct w2e_op op = ask(world, side);
        CHECK(op.kind != W2E_OP_CANCEL);
        if (wind_down(world, side, &op)) {
            side->look = true;
        }
    }
}

void peers_stream_step_side(struct stream_world *world, struct stream_side *side) {
    static void (*const steps[STREAM_FAMILIES])(struct stream_world *, struct stream_side *) = {step_blocking, step_readiness,
                                                                                                step_completion};
    if (side->open && !side->guard.closed) {
        steps[side->family](world, side);
    }
}
