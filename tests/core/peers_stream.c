/* peers.h over TCP. */
#include "check.h"
#include "codes.h"
#include "guard.h"
#include "peers.h"
#include "peers_rules.h"
#include "session_faults.h"
#include "session_load.h"

#include <string.h>

enum {
    PIPE_BYTES = 4096,
    STUCK_TO_HURRY = 16,
    STUCK_TO_JUMP = 30,
    STUCK_TO_STOP = 400,   /* nothing moves, and nobody waits for a time */
    STEPS_TO_STOP = 60000, /* it takes too long */
    STEPS_TO_END = 2000,   /* … after that at most */
    IN_A_ROW = 64
};

enum family { BLOCKING, READINESS, COMPLETION, FAMILIES };

struct flow {
    unsigned char data[PIPE_BYTES];
    size_t capacity;
    size_t held;
    size_t visible; /* … at the far end */
    uint64_t pushed;
    uint64_t pulled;
    bool fin;
    bool fin_visible;
};

struct side {
    struct guard guard;
    enum family family;
    struct flow *in;
    struct flow *out;
    struct side *peer;
    bool open;
    bool broken;  /* the connection was reset by the other side */
    bool stopped; /* its owner has aborted it */
    bool look;    /* it is to be asked: something has changed beside the network */
    size_t taken; /* of a SEND that blocks */
    uint64_t ask_us;
};

struct world {
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

    struct side server;
    struct side client;
    struct flow up;
    struct flow down;

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

/* ---- what the load tells ---- */

static void on_connected(void *owner, uint64_t connect_us) {
    struct world *world = owner;
    CHECK(connect_us <= world->now_us && world->answers == 0);
}

static void on_echoed(void *owner, uint64_t latency_us, uint64_t bytes, bool measured) {
    struct world *world = owner;
    CHECK(bytes > 0 && latency_us <= world->now_us);
    CHECK(measured == (world->now_us - latency_us >= world->config.measure_from_us));
    CHECK(++world->answers <= world->load.plan.begun);
}

static void on_wrong(void *owner, const struct w2e_load_fault *fault) {
    struct world *world = owner;
    world->told_wrong++;
    world->told = *fault;
}

static const struct w2e_load_sink sink = {.connected = on_connected, .echoed = on_echoed, .wrong = on_wrong};

/* ---- the network ---- */

static bool hesitates(struct world *world) {
    return world->stuck < STUCK_TO_HURRY && choose_one_in(world->choice, 2);
}

static size_t space(const struct flow *flow) {
    return flow->capacity - flow->held;
}

static bool is_readable(const struct side *side) {
    return side->in->visible > 0 || side->in->fin_visible || side->broken;
}

/* What the server sends is what the load sent, byte for byte, but for what is altered on purpose. */
static void check_echo(struct world *world, const unsigned char *data, size_t size) {
    uint64_t offset = world->down.pushed;
    size_t right = w2e_pattern_check(&world->load.pattern, offset, data, size);
    CHECK(offset + size <= world->up.pulled);
    if (right < size) {
        CHECK(peers_rules_had(&world->rules, KIND_BIT(corrupt)));
        world->first_altered = world->first_altered < offset + right ? world->first_altered : offset + right;
    }
}

static void push(struct world *world, struct side *side, const unsigned char *data, size_t size) {
    struct flow *flow = side->out;
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

static void deliver(struct world *world, struct flow *flow) {
    if (flow->visible < flow->held) {
        flow->visible += choose_part(world->choice, flow->held - flow->visible);
        world->moved = true;
    } else if (flow->fin && !flow->fin_visible) {
        flow->fin_visible = true;
        world->moved = true;
    }
}

static void break_off(struct side *side) {
    side->peer->broken = true;
    if (side->peer->in->held > 0) { /* what was under way is lost */
        side->peer->in->held = side->peer->in->visible = 0;
    }
}

/* ---- operations ---- */

static void receive(struct world *world, struct side *side) {
    struct flow *flow = side->in;
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

static size_t can_send(const struct side *side) {
    size_t left = side->guard.send.size - side->taken;
    return side->broken ? left : space(side->out) < left ? space(side->out) : left;
}

/* So many bytes of the SEND that is out go; it is over when `all` says so. */
static void send(struct world *world, struct side *side, size_t size, bool over) {
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

static void send_part(struct world *world, struct side *side) {
    send(world, side, side->broken ? 0 : choose_part(world->choice, can_send(side)), true);
}

static void open_server(struct world *world);

static void connect(struct world *world, struct side *side) {
    int error = world->refuses ? W2E_ECONNRESET : side->stopped && choose_one_in(world->choice, 2) ? W2E_OPERATION_ABORTED : 0;
    world->moved = true;
    if (error == 0) {
        open_server(world);
    }
    guard_done(&side->guard, W2E_OP_CONNECT, error, 0, world->now_us);
}

/* What never waits: false if it is nothing of that kind. */
static bool wind_down(struct world *world, struct side *side, const struct w2e_op *op) {
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
static void call_back(struct world *world, struct side *side) {
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

static struct w2e_op ask(struct world *world, struct side *side) {
    struct w2e_op op = guard_next(&side->guard, world->now_us);
    bool waited = world->now_us >= side->ask_us;
    world->moved |= waited || op.kind == W2E_OP_SEND; /* a RECV may come and go many times */
    side->ask_us = op.ask_again_us;
    side->look = false;
    return op;
}

/* ---- drivers ---- */

static void serve_completion(struct world *world, struct side *side) {
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

static void step_completion(struct world *world, struct side *side) {
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

static void serve_readiness(struct world *world, struct side *side) {
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

static void step_readiness(struct world *world, struct side *side) {
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
static void block_in_send(struct world *world, struct side *side) {
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

static void block(struct world *world, struct side *side) {
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

static void step_blocking(struct world *world, struct side *side) {
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

static void step_side(struct world *world, struct side *side) {
    static void (*const steps[FAMILIES])(struct world *, struct side *) = {step_blocking, step_readiness, step_completion};
    if (side->open && !side->guard.closed) {
        steps[side->family](world, side);
    }
}

/* ---- rules that come and go ---- */

/* Rules change between two calls of the session; a thread that blocks is called back first, or is left alone while it sends. */
static bool may_change(struct world *world) {
    struct side *server = &world->server;
    if (!server->open || server->guard.closed) {
        return false;
    }
    if (server->family == BLOCKING && server->guard.recv.kind != W2E_OP_NONE) {
        guard_undo(&server->guard, W2E_OP_RECV);
    }
    return server->family != BLOCKING || server->guard.send.kind == W2E_OP_NONE;
}

static void attach(struct world *world) {
    struct w2e_fault_connection connection = {
        .target = {.number = 1 + choose(world->choice, 3), .peer = {.family = 4, .bytes = {127, 0, 0, 1}}},
        .opened_us = world->now_us};
    world->attached = true;
    w2e_session_faults_attach(&world->faults, &world->echo, &connection, &world->rules.rules, world->now_us);
}

static void change_rules(struct world *world) {
    if (!may_change(world)) {
        return;
    }
    peers_rules_change(&world->rules, world->choice, false);
    if (world->attached) {
        w2e_session_faults_update(&world->faults, &world->rules.rules, world->now_us);
    } else {
        attach(world);
    }
    world->server.look = true;
    world->stuck = 0;
}

/* ---- the world ---- */

static void open_side(struct world *world, struct side *side, struct w2e_session *session, unsigned char fill) {
    guard_begin(&side->guard, session, false, fill);
    side->open = true;
    side->look = true;
    side->ask_us = world->now_us;
}

static void open_server(struct world *world) {
    w2e_session_echo_init(&world->echo, &world->echo_config, world->now_us);
    if (world->rules.rules.count > 0) {
        attach(world);
    }
    if (choose_one_in(world->choice, 100)) {
        w2e_session_echo_refuse(&world->echo, world->now_us);
        world->finished_early = true;
    }
    open_side(world, &world->server, &world->echo.session, world->client.guard.fill);
}

static void choose_sizes(struct world *world, uint64_t most) {
    struct w2e_load_config *config = &world->config;
    config->size_count = (uint32_t)choose(world->choice, 4);
    for (uint32_t i = 0; i < config->size_count; i++) {
        config->sizes[i] = (uint32_t)choose_between(world->choice, 1, most);
    }
    config->size_min = (uint32_t)choose_between(world->choice, 1, most);
    config->size_max = (uint32_t)choose_between(world->choice, config->size_min, most);
}

/* Where one end does not receive while it sends, what is in flight has to find room. */
static void choose_window(struct world *world, bool tiny) {
    static const uint64_t windows[2][4] = {{PIPE_BYTES, 100, 1000, 3000}, {100, 1, 7, 30}};
    static const size_t io_bytes[2][4] = {{30, 100, 4096, 256 * 1024}, {1, 2, 7, 100}};
    struct w2e_load_config *config = &world->config;
    config->depth = (uint32_t)choose(world->choice, 7);
    config->window_bytes = windows[tiny][choose(world->choice, 4)];
    config->io_bytes_max = io_bytes[tiny][choose(world->choice, 4)];
    config->receives = choose_one_in(world->choice, 4) ? W2E_RECEIVES_AFTER_SENT : W2E_RECEIVES_START;
    world->up.capacity = (size_t)choose_between(world->choice, 1, tiny ? 30 : PIPE_BYTES);
    world->down.capacity = (size_t)choose_between(world->choice, tiny ? 1 : 30, tiny ? 30 : PIPE_BYTES);
    if (config->window_bytes > world->down.capacity) {
        config->window_bytes = world->down.capacity;
    }
    if (choose_one_in(world->choice, 16)) {
        config->receives = W2E_RECEIVES_NEVER;
        config->bytes = config->window_bytes / 2;
    }
}

static void choose_times(struct world *world) {
    struct w2e_load_config *config = &world->config;
    struct choice *choice = world->choice;
    config->start_us = choose(choice, 2) * choose(choice, 3000);
    config->interval_ns = choose(choice, 2) * choose(choice, 200000);
    config->burst = (uint32_t)choose(choice, 4);
    config->think_us = choose(choice, 2) * choose(choice, 100);
    config->send_delay_us = choose(choice, 2) * choose(choice, 300);
    config->receive_delay_us = choose(choice, 2) * choose(choice, 300);
    config->measure_from_us = choose(choice, 4000);
    config->stop_us = choose_one_in(choice, 4) ? choose(choice, 8000) : W2E_NEVER;
}

static void choose_limits(struct world *world) {
    static const uint64_t limits_us[] = {1000, 20000, 500000};
    struct w2e_load_config *config = &world->config;
    struct choice *choice = world->choice;
    world->generous = !choose_one_in(choice, 4);
    uint64_t limit_us = world->generous ? 1000000000 : limits_us[choose(choice, 3)];
    config->reply_timeout_us = config->connect_timeout_us = config->finish_timeout_us = limit_us;
    world->echo_config.idle_timeout_us = world->generous ? 1000000000 : limits_us[choose(choice, 3)];
    world->echo_config.send_timeout_us = choose_one_in(choice, 2) ? W2E_NEVER : limit_us;
    world->echo_config.buffer_bytes_max = choose_between(choice, 1, choose_one_in(choice, 2) ? 20 : 3000);
    world->echo_config.finish_by_reset = choose_one_in(choice, 10);
    config->messages = choose(choice, 12);
    if (choose_one_in(choice, 4)) {
        config->bytes = choose(choice, 3000);
    }
    config->finish = choose_one_in(choice, 5) ? W2E_FINISH_RESET : W2E_FINISH_FIN;
}

static void configure(struct world *world) {
    struct choice *choice = world->choice;
    w2e_load_config_default(&world->config);
    world->config.seed = choose(choice, 1000);
    world->config.connections = 2;
    bool tiny = choose_one_in(choice, 2); /* byte by byte: short, lest it take long */
    choose_sizes(world, tiny ? 20 : choose_one_in(choice, 2) ? 64 : 700);
    choose_limits(world);
    choose_window(world, tiny);
    if (choose_one_in(choice, 2)) {
        choose_times(world);
    }
    world->client.family = (enum family)choose(choice, FAMILIES);
    world->server.family = (enum family)choose(choice, FAMILIES);
    world->refuses = choose_one_in(choice, 50);
    world->abort_at = choose_one_in(choice, 3) ? choose(choice, choose_one_in(choice, 3) ? 20 : 2000) : UINT64_MAX;
    world->change_every = choose_one_in(choice, 5) ? choose_between(choice, 3, 300) : 0;
    world->ask_every = choose_one_in(choice, 4) ? choose_between(choice, 3, 100) : 0;
}

static void begin(struct world *world, struct choice *choice, const char *rules, unsigned char fill) {
    memset(world, 0, sizeof *world);
    world->choice = choice;
    world->now_us = 1000;
    world->first_altered = W2E_NEVER;
    world->sink = sink;
    world->sink.owner = world;
    configure(world);
    peers_rules_begin(&world->rules, choice, rules, false);
    world->client.in = world->server.out = &world->down;
    world->client.out = world->server.in = &world->up;
    world->client.peer = &world->server;
    world->server.peer = &world->client;
    w2e_session_load_init(&world->load, &world->config, &world->sink, (uint32_t)choose(choice, 2), choose(choice, 100));
    open_side(world, &world->client, &world->load.session, fill);
}

static void stop(struct world *world, struct side *side) {
    world->stopped = true;
    if (side->open && !side->guard.closed && !side->stopped) {
        side->stopped = true;
        side->look = true;
        world->stuck = 0;
        guard_abort(&side->guard, WS2ECHO_REASON_STOPPED, 0);
    }
}

static void stop_both(struct world *world) {
    stop(world, &world->client);
    stop(world, &world->server);
}

static bool is_over(const struct world *world) {
    return world->client.guard.closed && (!world->server.open || world->server.guard.closed);
}

static uint64_t wanted_us(const struct side *side) {
    return side->open && !side->guard.closed ? side->ask_us : W2E_NEVER;
}

/* Where nothing moves any more it is time that does. */
static void pass_time(struct world *world) {
    world->stuck = world->moved ? 0 : world->stuck + 1;
    world->now_us += choose(world->choice, 3);
    uint64_t client_us = wanted_us(&world->client);
    uint64_t server_us = wanted_us(&world->server);
    uint64_t next_us = client_us < server_us ? client_us : server_us;
    if (world->stuck >= STUCK_TO_JUMP && next_us != W2E_NEVER && world->now_us < next_us) {
        world->now_us = next_us;
        world->stuck = 0;
    }
}

static void step(struct world *world) {
    world->moved = false;
    world->steps++;
    switch (world->stuck < STUCK_TO_HURRY ? choose(world->choice, 4) : world->stuck % 4) {
    case 0:
        deliver(world, &world->up);
        break;
    case 1:
        deliver(world, &world->down);
        break;
    case 2:
        step_side(world, &world->server);
        break;
    default:
        step_side(world, &world->client);
        break;
    }
    pass_time(world);
}

static void interfere(struct world *world) {
    if (world->steps == world->abort_at) {
        stop(world, choose_one_in(world->choice, 2) ? &world->client : &world->server);
    }
    if (world->change_every > 0 && world->steps % world->change_every == 0) {
        change_rules(world);
    }
    if (world->ask_every > 0 && world->steps % world->ask_every == 0) {
        world->client.look = world->server.look = true;
    }
    if (world->stuck >= STUCK_TO_STOP || world->steps == STEPS_TO_STOP) {
        stop_both(world);
    }
}

static void run(struct world *world) {
    uint64_t stopped_at = UINT64_MAX - STEPS_TO_END;
    while (!is_over(world)) {
        step(world);
        interfere(world);
        bool all_stopped = world->client.stopped && (world->server.stopped || !world->server.open);
        if (all_stopped && stopped_at > world->steps) {
            stopped_at = world->steps;
        }
        CHECK(world->steps < stopped_at + STEPS_TO_END);
    }
}

/* ---- what has to be so afterwards ---- */

/* No byte that is wrong is taken for right, and none that is right for wrong. */
static void check_told(const struct world *world) {
    const struct w2e_load_fault *told = &world->told;
    CHECK(world->told_wrong <= 1);
    CHECK(world->config.receives == W2E_RECEIVES_NEVER || world->load.received <= world->first_altered);
    if (world->told_wrong == 1) {
        CHECK(world->load.session.reason == WS2ECHO_REASON_ERROR);
        CHECK(told->kind == W2E_LOAD_EARLY_END || told->offset == world->first_altered);
    }
    if (!peers_rules_had(&world->rules, ALTERING | TAKING) && !world->stopped && world->generous && !world->finished_early) {
        CHECK(world->told_wrong == 0);
    }
}

static bool must_be_complete(const struct world *world) {
    return !world->stopped && world->generous && !world->refuses && !world->finished_early && !world->rules.given &&
           !peers_rules_had(&world->rules, ALTERING | TAKING);
}

static void check_complete(const struct world *world) {
    const struct w2e_session *load = &world->load.session;
    bool by_reset = world->config.finish == W2E_FINISH_RESET;
    bool answered = world->config.receives != W2E_RECEIVES_NEVER;
    CHECK(world->up.pushed == load->bytes_sent && world->load.plan.begun_bytes == load->bytes_sent);
    CHECK(!answered || world->down.pulled == load->bytes_sent);
    CHECK(!answered || world->answers == world->load.plan.begun);
    if (by_reset) {
        CHECK(load->reason == WS2ECHO_REASON_RESET && load->error == 0);
    } else if (!world->echo_config.finish_by_reset) {
        CHECK(load->reason == WS2ECHO_REASON_FIN && load->error == 0);
        CHECK(world->echo.session.reason == WS2ECHO_REASON_FIN && world->down.pushed == world->up.pushed);
    }
}

static void check_counts(const struct world *world) {
    CHECK(world->client.guard.session->bytes_sent <= world->up.pushed);
    CHECK(world->load.session.bytes_received <= world->down.pulled);
    if (world->server.open) {
        CHECK(world->echo.session.bytes_sent <= world->down.pushed);
        CHECK(world->echo.session.bytes_received <= world->up.pulled);
    }
}

void peers_stream(struct choice *choice, const char *rules, unsigned char fill, struct peers_report *report) {
    static struct world world;
    begin(&world, choice, rules, fill);
    run(&world);
    check_told(&world);
    check_counts(&world);
    bool complete = must_be_complete(&world);
    if (complete) {
        check_complete(&world);
    }
    guard_end(&world.client.guard, world.now_us);
    if (world.server.open) {
        guard_end(&world.server.guard, world.now_us);
    }
    *report = (struct peers_report){.trace = guard_mix(world.client.guard.trace, world.server.guard.trace),
                                    .steps = world.steps,
                                    .messages = world.load.plan.begun,
                                    .complete = complete,
                                    .aborted = world.stopped};
}
