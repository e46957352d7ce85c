/* The world of load_world.h goes on: an imitation of each family of drivers runs the load session. */
#ifndef LOAD_DRIVERS_H
#define LOAD_DRIVERS_H

#include "load_world.h"

/* ---- the load session's RECV and SEND ---- */

static inline void complete_recv(struct world *world) {
    struct w2e_op op = world->recv_out;
    size_t most = op.size < world->down.visible ? op.size : world->down.visible;
    size_t bytes = most > 0 ? part(world, most) : 0;
    pull(&world->down, op.data, bytes);
    CHECK(world->got_bytes + bytes <= STREAM_BYTES_MAX);
    memcpy(world->got + world->got_bytes, op.data, bytes);
    world->got_bytes += bytes;
    world->recv_out.kind = W2E_OP_NONE;
    report(world, W2E_OP_RECV, 0, bytes);
}

static inline void complete_send(struct world *world, size_t bytes) {
    struct w2e_op op = world->send_out;
    CHECK(memcmp(op.data, world->send_copy, op.size) == 0);
    push(&world->up, op.data, bytes);
    world->sent += bytes;
    world->send_out.kind = W2E_OP_NONE;
    report(world, W2E_OP_SEND, 0, bytes);
}

static inline size_t can_send(const struct world *world) {
    size_t room = space(&world->up);
    return room < world->send_out.size ? room : world->send_out.size;
}

static inline void complete_connect(struct world *world, int error) {
    world->connect_out = false;
    world->connected = error == 0;
    report(world, W2E_OP_CONNECT, error, 0);
}

/* What needs no waiting. */
static inline void perform(struct world *world, const struct w2e_op *op) {
    if (op->kind == W2E_OP_SHUTDOWN) {
        world->up.fin = true;
        report(world, op->kind, chance(world, 50) == 0 ? W2E_ECONNRESET : 0, 0);
    } else if (op->kind == W2E_OP_RESET) {
        report(world, op->kind, 0, 0);
    }
}

/* ---- drivers ---- */

static inline void give_back_cancelled(struct world *world) {
    if (world->connect_out) {
        complete_connect(world, chance(world, 4) == 0 ? 0 : W2E_OPERATION_ABORTED);
    } else if (world->recv_out.kind != W2E_OP_NONE && chance(world, 2) == 0) {
        if (is_readable(&world->down) && chance(world, 2) == 0) {
            complete_recv(world);
        } else if (chance(world, 2) == 0) {
            undo(world, W2E_OP_RECV);
        } else {
            world->recv_out.kind = W2E_OP_NONE;
            report(world, W2E_OP_RECV, W2E_OPERATION_ABORTED, 0);
        }
    } else if (world->send_out.kind != W2E_OP_NONE) {
        undo(world, W2E_OP_SEND);
    }
    world->moved = true;
}

static inline void serve_completion(struct world *world) {
    for (;;) {
        struct w2e_op op = ask(world);
        if (op.kind == W2E_OP_NONE || op.kind == W2E_OP_CLOSE) {
            return;
        }
        perform(world, &op);
        if (op.kind == W2E_OP_SEND && chance(world, 4) == 0 && can_send(world) > 0) {
            complete_send(world, part(world, can_send(world))); /* done at once */
        }
    }
}

static inline void step_completion(struct world *world) {
    if (world->cancelled && is_out(world)) {
        give_back_cancelled(world);
    } else if (world->connect_out && !hesitates(world)) {
        complete_connect(world, world->refuses ? W2E_ECONNRESET : 0);
    } else if (world->recv_out.kind != W2E_OP_NONE && is_readable(&world->down) && !hesitates(world)) {
        complete_recv(world);
    } else if (world->send_out.kind != W2E_OP_NONE && can_send(world) > 0) {
        complete_send(world, part(world, can_send(world)));
    } else if (world->now_us < world->ask_us) {
        return;
    }
    serve_completion(world);
}

static inline void serve_readiness(struct world *world) {
    for (;;) {
        struct w2e_op op = ask(world);
        perform(world, &op);
        if (op.kind == W2E_OP_NONE || op.kind == W2E_OP_CLOSE) {
            return;
        } else if (op.kind == W2E_OP_RECV) {
            if (!is_readable(&world->down)) {
                undo(world, W2E_OP_RECV);
                return;
            }
            complete_recv(world);
        } else if (op.kind == W2E_OP_SEND && can_send(world) > 0 && chance(world, 8) > 0) {
            complete_send(world, part(world, can_send(world)));
        } else if (op.kind == W2E_OP_CANCEL) {
            give_back_cancelled(world);
        }
    }
}

static inline void step_readiness(struct world *world) {
    if (world->connect_out && !world->cancelled && !hesitates(world)) {
        complete_connect(world, world->refuses ? W2E_ECONNRESET : 0);
    } else if (world->send_out.kind != W2E_OP_NONE && can_send(world) > 0) {
        complete_send(world, part(world, can_send(world)));
    } else if (!is_readable(&world->down) && world->now_us < world->ask_us && chance(world, 16) > 0) {
        return;
    }
    serve_readiness(world); /* now and then without a reason: a stale report */
}

/* A send that blocks returns when everything is taken; one with a time limit is done on a socket that does not block. */
static inline void block_in_send(struct world *world) {
    struct w2e_op *op = &world->send_out;
    size_t left = op->size - world->send_taken;
    size_t bytes = space(&world->up) < left ? space(&world->up) : left;
    if (world->send_taken > 0 && op->ask_again_us != W2E_NEVER) { /* woken up in the middle */
        op->kind = W2E_OP_NONE;
        report(world, W2E_OP_SEND, W2E_OPERATION_ABORTED, 0);
    } else if (bytes == 0) {
        if (world->now_us >= op->ask_again_us) {
            undo(world, W2E_OP_SEND);
        }
    } else if (op->ask_again_us != W2E_NEVER) {
        complete_send(world, part(world, bytes));
    } else {
        CHECK(memcmp(op->data, world->send_copy, op->size) == 0);
        push(&world->up, op->data + world->send_taken, bytes);
        world->sent += bytes;
        world->send_taken += bytes;
        world->moved = true;
        if (bytes == left) {
            size_t taken = world->send_taken;
            world->send_taken = 0;
            op->kind = W2E_OP_NONE;
            report(world, W2E_OP_SEND, 0, taken);
        }
    }
}

static inline void block(struct world *world) {
    if (world->connect_out) {
        if (world->cancelled || world->now_us >= world->ask_us) {
            complete_connect(world, W2E_ETIMEDOUT);
        } else if (!hesitates(world)) {
            complete_connect(world, world->refuses ? W2E_ECONNRESET : 0);
        }
    } else if (world->send_out.kind != W2E_OP_NONE) {
        block_in_send(world);
    } else if (is_readable(&world->down)) {
        complete_recv(world);
    } else if (world->now_us >= world->recv_out.ask_again_us) {
        undo(world, W2E_OP_RECV);
    }
}

static inline void step_blocking(struct world *world) {
    if (is_out(world)) {
        block(world);
    }
    if (!is_out(world)) {
        struct w2e_op op = ask(world);
        perform(world, &op);
        CHECK(op.kind != W2E_OP_CANCEL);
    }
}

/* ---- the world goes on ---- */

static inline void step_load(struct world *world) {
    switch (world->family) {
    case BLOCKING:
        step_blocking(world);
        break;
    case READINESS:
        step_readiness(world);
        break;
    case COMPLETION:
    case FAMILIES:
        step_completion(world);
        break;
    }
}

/* Whoever aborts a session asks it at once, or wakes up the thread that is in a call. */
static inline void world_abort(struct world *world) {
    w2e_session_abort(&world->load.session, WS2ECHO_REASON_STOPPED, 0);
    w2e_session_abort(&world->load.session, WS2ECHO_REASON_ERROR, W2E_ENOBUFS);
    world->ask_us = 0;
    world->recv_out.ask_again_us = 0;
    world->send_out.ask_again_us = 0;
}

/* Where nothing moves any more it is time that does. */
static inline void pass_time(struct world *world) {
    world->stuck = world->moved ? 0 : world->stuck + 1;
    CHECK(world->stuck < STUCK_MAX);
    world->now_us += chance(world, 3);
    if (world->stuck >= STUCK_TO_JUMP && world->ask_us != W2E_NEVER && world->now_us < world->ask_us) {
        world->now_us = world->ask_us;
        world->stuck = 0;
    }
}

static inline void world_step(struct world *world) {
    world->moved = false;
    switch (world->stuck < STUCK_TO_HURRY ? chance(world, 4) : world->stuck % 4) {
    case 0:
        deliver(world, &world->up);
        break;
    case 1:
        deliver(world, &world->down);
        break;
    case 2:
        step_echo(world);
        break;
    default:
        step_load(world);
    }
    pass_time(world);
}

static inline void world_run(struct world *world) {
    while (!world->closed) {
        world_step(world);
    }
}

static inline void world_end(struct world *world) {
    struct w2e_session *session = &world->load.session;
    CHECK(w2e_session_buffer_wanted(session) == 0);
    CHECK(w2e_session_next(session, world->now_us).kind == W2E_OP_NONE);
    free(w2e_session_buffer_swap(session, NULL, 0));
    free(w2e_session_buffer_swap(&world->echo.session, NULL, 0));
}

#endif
