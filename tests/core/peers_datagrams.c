/* peers.h over UDP: one socket of the server, and some load clients. */
#include "check.h"
#include "codes.h"
#include "guard.h"
#include "peers.h"
#include "peers_rules.h"
#include "session_datagram_faults.h"
#include "session_load_datagram.h"

#include <string.h>

enum {
    BYTES_MAX = 200,
    CLIENTS_MAX = 3,
    HELD_MAX = 64,
    CAME_MAX = 512, /* datagrams that the server got, of which it is known what they were */
    STUCK_TO_HURRY = 16,
    STUCK_TO_JUMP = 30,
    STEPS_TO_STOP = 20000,
    STEPS_OF_GIVEN = 2000,
    STEPS_TO_END = 2000,
    IN_A_ROW = 256
};

enum family { BLOCKING, READINESS, COMPLETION, FAMILIES };

struct datagram {
    size_t size;
    unsigned client;
    unsigned char data[BYTES_MAX];
};

/* Datagrams under way to one side. */
struct flow {
    unsigned count;
    struct datagram held[HELD_MAX];
};

struct side {
    struct guard guard;
    enum family family;
    struct flow in;
    bool look;
};

struct client {
    struct side side;
    struct w2e_session_load_datagram load;
    uint64_t answers;
    uint64_t corrupt;
    uint64_t foreign;
};

struct came {
    struct datagram datagram;
    unsigned answers;
};

struct world {
    struct choice *choice;
    uint64_t now_us;
    uint64_t steps;
    unsigned stuck;
    bool moved;
    bool honest; /* the network loses, repeats and changes nothing, and no call fails */
    bool lossless;
    bool stopped;
    uint64_t change_every;
    uint64_t abort_at;

    struct side server;
    struct w2e_session_datagram datagrams;
    struct w2e_session_datagram_faults faults;
    unsigned char store[4096];
    bool attached;
    struct peers_rules rules;
    uint64_t came_count;
    struct came came[CAME_MAX];

    struct w2e_load_config config;
    struct w2e_load_sink sinks[CLIENTS_MAX];
    unsigned client_count;
    struct client clients[CLIENTS_MAX];
};

/* ---- what the loads tell ---- */

static void on_connected(void *owner, uint64_t connect_us) {
    (void)owner;
    (void)connect_us;
    CHECK(false); /* nothing connects */
}

static void on_echoed(void *owner, uint64_t latency_us, uint64_t bytes, bool measured) {
    struct client *client = owner;
    (void)latency_us;
    CHECK(bytes >= 16 && bytes <= BYTES_MAX && measured);
    client->answers++;
}

static void on_counted(void *owner) {
    struct client *client = owner;
    const ws2echo_ping_progress *progress = &client->load.ping.progress;
    CHECK(progress->lost + progress->unreachable > 0);
}

static void on_wrong(void *owner, const struct w2e_load_fault *fault) {
    struct client *client = owner;
    CHECK(fault->kind == W2E_LOAD_CORRUPT || fault->kind == W2E_LOAD_FOREIGN);
    client->corrupt += fault->kind == W2E_LOAD_CORRUPT;
    client->foreign += fault->kind == W2E_LOAD_FOREIGN;
}

/* ---- the network ---- */

static void keep(struct world *world, struct flow *flow, const struct datagram *datagram) {
    if (flow->count < HELD_MAX) {
        flow->held[flow->count++] = *datagram;
    } else {
        world->lossless = false;
    }
}

static void carry(struct world *world, struct flow *flow, struct datagram *datagram) {
    switch (world->honest ? 9 : choose(world->choice, 10)) {
    case 0:
        return;
    case 1:
        keep(world, flow, datagram);
        break;
    case 2:
        if (datagram->size > 0) {
            datagram->data[choose(world->choice, datagram->size)] ^= (unsigned char)(1 << choose(world->choice, 8));
        }
        break;
    default:
        break;
    }
    keep(world, flow, datagram);
}

static struct datagram take(struct world *world, struct flow *flow) {
    unsigned which = world->honest ? 0 : (unsigned)choose(world->choice, flow->count);
    struct datagram taken = flow->held[which];
    flow->count--;
    memmove(&flow->held[which], &flow->held[which + 1], (flow->count - which) * sizeof taken);
    return taken;
}

/* ---- what the server does ---- */

static void note_came(struct world *world, const struct datagram *datagram, struct w2e_ends *ends) {
    struct came *came = &world->came[world->came_count % CAME_MAX];
    *came = (struct came){.datagram = *datagram};
    ends->opaque[0] = datagram->client;
    ends->opaque[1] = world->came_count++;
}

/* What is sent is one of those that came, to whom it came from, and as it was, unless it was to be altered. */
static unsigned check_answer(struct world *world, const struct w2e_op *op) {
    uint64_t number = op->ends->opaque[1];
    CHECK(number < world->came_count);
    struct came *came = &world->came[number % CAME_MAX];
    bool known = world->came_count - number <= CAME_MAX;
    if (known) {
        bool once = !peers_rules_had(&world->rules, KIND_BIT(duplicate));
        bool same = op->size == came->datagram.size && memcmp(op->data, came->datagram.data, op->size) == 0;
        CHECK(op->ends->opaque[0] == came->datagram.client);
        CHECK(same || peers_rules_had(&world->rules, ALTERING));
        CHECK(!once || came->answers == 0);
        CHECK(++came->answers <= 1 + W2E_FAULT_RULES_MAX);
    }
    return (unsigned)op->ends->opaque[0];
}

/* ---- operations ---- */

static bool is_server(const struct world *world, const struct side *side) {
    return side == &world->server;
}

static int failure(struct world *world, enum w2e_op_kind kind) {
    static const int of_recv[] = {W2E_ECONNRESET, W2E_ENETRESET, W2E_EMSGSIZE, W2E_ENOBUFS, W2E_OPERATION_ABORTED};
    static const int of_send[] = {W2E_ECONNRESET, W2E_ENOBUFS};
    if (world->honest || !choose_one_in(world->choice, 20)) {
        return 0;
    }
    return kind == W2E_OP_RECV ? of_recv[choose(world->choice, 4)] : of_send[choose(world->choice, 2)];
}

static void receive(struct world *world, struct side *side) {
    int error = failure(world, W2E_OP_RECV);
    world->moved = true;
    if (error != 0) {
        guard_done(&side->guard, W2E_OP_RECV, error, 0, world->now_us);
        return;
    }
    struct datagram came = take(world, &side->in);
    if (is_server(world, side)) {
        note_came(world, &came, side->guard.recv.ends);
    }
    guard_received(&side->guard, came.data, came.size, world->now_us);
}

static void send(struct world *world, struct side *side) {
    const struct w2e_op *op = &side->guard.send;
    int error = failure(world, W2E_OP_SEND);
    struct datagram sent = {.size = op->size};
    CHECK(op->size <= BYTES_MAX);
    memcpy(sent.data, op->data, op->size);
    world->moved = true;
    if (is_server(world, side)) {
        unsigned client = check_answer(world, op);
        if (error == 0) {
            carry(world, &world->clients[client].side.in, &sent);
        }
    } else if (error == 0) {
        struct client *client = (struct client *)(void *)side;
        sent.client = (unsigned)(client - world->clients);
        carry(world, &world->server.in, &sent);
    }
    guard_done(&side->guard, W2E_OP_SEND, error, error == 0 ? sent.size : 0, world->now_us);
}

static void call_back(struct world *world, struct side *side) {
    struct guard *guard = &side->guard;
    world->moved = true;
    if (guard->recv.kind != W2E_OP_NONE && choose_one_in(world->choice, 2)) {
        guard_undo(guard, W2E_OP_RECV);
    } else if (guard->recv.kind != W2E_OP_NONE) {
        guard_done(guard, W2E_OP_RECV, W2E_OPERATION_ABORTED, 0, world->now_us);
    } else if (choose_one_in(world->choice, 2)) {
        guard_undo(guard, W2E_OP_SEND);
    } else {
        send(world, side);
    }
}

/* ---- the drivers: what they do alike, and what apart ---- */

/* Whether to go on asking. */
static bool perform(struct world *world, struct side *side, const struct w2e_op *op) {
    struct guard *guard = &side->guard;
    bool at_once = side->family != COMPLETION;
    switch (op->kind) {
    case W2E_OP_RECV:
        if (at_once && side->in.count > 0) {
            receive(world, side);
        } else if (at_once) {
            guard_undo(guard, W2E_OP_RECV);
            return false;
        }
        return true;
    case W2E_OP_SEND:
        if (side->family == BLOCKING || choose_one_in(world->choice, 2)) {
            send(world, side);
        }
        return true;
    case W2E_OP_CANCEL:
        if (at_once) {
            guard_undo(guard, W2E_OP_SEND);
        }
        return true;
    case W2E_OP_NONE:
    case W2E_OP_CLOSE:
        return false;
    case W2E_OP_CONNECT:
    case W2E_OP_SHUTDOWN:
    case W2E_OP_RESET:
        break;
    }
    CHECK(false); /* not of datagrams */
    return false;
}

static void serve(struct world *world, struct side *side) {
    bool again = true;
    bool looks = side->look;
    side->look = false;
    for (unsigned i = 0; again; i++) {
        CHECK(i < IN_A_ROW);
        world->moved |= looks || world->now_us >= side->guard.ask_us;
        struct w2e_op op = guard_next(&side->guard, world->now_us);
        world->moved |= op.kind == W2E_OP_SEND;
        again = perform(world, side, &op);
    }
    world->moved |= side->guard.closed;
}

static void step_side(struct world *world, struct side *side) {
    struct guard *guard = &side->guard;
    bool hesitates = world->stuck < STUCK_TO_HURRY && choose_one_in(world->choice, 2);
    if (guard->closed) {
        return;
    }
    if (guard->cancelled && guard_is_out(guard)) {
        call_back(world, side);
    } else if (guard->send.kind != W2E_OP_NONE && !hesitates) {
        send(world, side);
    } else if (guard->recv.kind != W2E_OP_NONE && side->in.count > 0) {
        receive(world, side);
    } else if (world->now_us < guard->ask_us && !side->look && (side->in.count == 0 || side->family == COMPLETION)) {
        return;
    }
    serve(world, side);
}

/* ---- rules that come and go ---- */

static void peer_of(const struct w2e_ends *ends, struct w2e_fault_address *peer) {
    *peer = (struct w2e_fault_address){.family = 4, .bytes = {10, 0, 0, (uint8_t)ends->opaque[0]}};
}

static void attach(struct world *world, size_t store_bytes) {
    struct w2e_datagram_socket socket = {.number = 1, .opened_us = world->now_us, .peer_of = peer_of};
    world->attached = true;
    w2e_session_datagram_faults_attach(&world->faults, &world->datagrams, &socket, world->store, store_bytes, &world->rules.rules,
                                       world->now_us);
}

static size_t choose_store(struct world *world) {
    return choose_one_in(world->choice, 4) ? BYTES_MAX + (size_t)choose(world->choice, 100) : sizeof world->store;
}

static void change_rules(struct world *world) {
    if (world->server.guard.closed) {
        return;
    }
    peers_rules_change(&world->rules, world->choice, true);
    if (world->attached) {
        w2e_session_datagram_faults_update(&world->faults, &world->rules.rules, world->now_us);
    } else {
        attach(world, choose_store(world));
    }
    world->server.look = true;
    world->stuck = 0;
}

/* ---- the world ---- */

static void configure(struct world *world) {
    struct choice *choice = world->choice;
    struct w2e_load_config *config = &world->config;
    w2e_load_config_default(config);
    world->honest = choose_one_in(choice, 2);
    world->lossless = true;
    config->seed = choose(choice, 1000);
    config->size_count = (uint32_t)choose(choice, 3);
    config->sizes[0] = 64;
    config->sizes[1] = config->size_max = BYTES_MAX;
    config->size_min = 1;
    config->depth = 1 + (uint32_t)choose(choice, 20);
    config->messages = choose(choice, 30);
    config->bytes = choose_one_in(choice, 4) ? choose(choice, 1000) : W2E_NEVER;
    config->receives = choose_one_in(choice, 4) ? W2E_RECEIVES_AFTER_SENT : W2E_RECEIVES_START;
    config->reply_timeout_us = world->honest ? 1000000000 : 50 + choose(choice, 60000);
    config->interval_ns = choose(choice, 2) * choose(choice, 100000);
    config->think_us = choose_one_in(choice, 3) ? choose(choice, 50) : 0;
    config->send_delay_us = choose_one_in(choice, 3) ? choose(choice, 50) : 0;
    config->receive_delay_us = choose_one_in(choice, 3) ? choose(choice, 50) : 0;
    world->abort_at = choose_one_in(choice, 3) ? choose(choice, 500) : UINT64_MAX;
    world->change_every = choose_one_in(choice, 5) ? choose_between(choice, 3, 100) : 0;
}

static void begin_clients(struct world *world, unsigned char fill) {
    world->client_count = 1 + (unsigned)choose(world->choice, CLIENTS_MAX);
    for (unsigned i = 0; i < world->client_count; i++) {
        struct client *client = &world->clients[i];
        world->sinks[i] = (struct w2e_load_sink){
            .owner = client, .connected = on_connected, .echoed = on_echoed, .wrong = on_wrong, .counted = on_counted};
        client->side.family = (enum family)choose(world->choice, FAMILIES);
        w2e_session_load_datagram_init(&client->load, &world->config, &world->sinks[i], i, choose(world->choice, 50));
        guard_begin(&client->side.guard, &client->load.session, true, fill);
    }
}

static void begin(struct world *world, struct choice *choice, const char *rules, unsigned char fill) {
    memset(world, 0, sizeof *world);
    world->choice = choice;
    world->now_us = 1000;
    configure(world);
    peers_rules_begin(&world->rules, choice, rules, true);
    w2e_session_datagram_init(&world->datagrams, BYTES_MAX);
    world->server.family = (enum family)choose(choice, FAMILIES);
    guard_begin(&world->server.guard, &world->datagrams.session, true, fill);
    if (world->rules.rules.count > 0) {
        attach(world, choose_store(world));
    }
    begin_clients(world, fill);
}

static void stop(struct world *world, struct side *side) {
    world->stuck = 0;
    world->stopped = true;
    guard_abort(&side->guard, WS2ECHO_REASON_STOPPED, 0);
    side->look = true;
}

static void stop_all(struct world *world) {
    stop(world, &world->server);
    for (unsigned i = 0; i < world->client_count; i++) {
        stop(world, &world->clients[i].side);
    }
}

static uint64_t earlier(uint64_t a, const struct side *side) {
    return !side->guard.closed && side->guard.ask_us < a ? side->guard.ask_us : a;
}

static void pass_time(struct world *world) {
    uint64_t next_us = earlier(W2E_NEVER, &world->server);
    for (unsigned i = 0; i < world->client_count; i++) {
        next_us = earlier(next_us, &world->clients[i].side);
    }
    world->stuck = world->moved ? 0 : world->stuck + 1;
    world->now_us += choose(world->choice, 3);
    if (world->stuck >= STUCK_TO_JUMP && next_us != W2E_NEVER && world->now_us < next_us) {
        world->now_us = next_us;
        world->stuck = 0;
    }
}

static bool clients_are_over(const struct world *world) {
    for (unsigned i = 0; i < world->client_count; i++) {
        if (!world->clients[i].side.guard.closed) {
            return false;
        }
    }
    return true;
}

static void step(struct world *world) {
    unsigned sides = 1 + world->client_count;
    unsigned which = (unsigned)(world->stuck < STUCK_TO_HURRY ? choose(world->choice, sides) : world->stuck % sides);
    world->moved = false;
    world->steps++;
    step_side(world, which == 0 ? &world->server : &world->clients[which - 1].side);
    pass_time(world);
    if (world->steps == world->abort_at) {
        stop(world, which == 0 ? &world->server : &world->clients[which - 1].side);
    }
    if (world->change_every > 0 && world->steps % world->change_every == 0) {
        change_rules(world);
    }
}

static void run(struct world *world) {
    uint64_t most = world->rules.given ? STEPS_OF_GIVEN : STEPS_TO_STOP;
    while (!clients_are_over(world)) {
        if (world->steps == most) {
            stop_all(world);
        }
        CHECK(world->steps < most + STEPS_TO_END);
        step(world);
    }
    uint64_t steps = world->steps;
    guard_abort(&world->server.guard, WS2ECHO_REASON_STOPPED, 0);
    world->server.look = true;
    while (!world->server.guard.closed) {
        CHECK(world->steps < steps + STEPS_TO_END);
        step(world);
    }
}

/* ---- what has to be so afterwards ---- */

static void check_accounts(const struct world *world, const struct client *client) {
    const ws2echo_ping_progress *progress = &client->load.ping.progress;
    uint64_t waiting = client->load.ping.waiting_count;
    CHECK(progress->received + progress->lost + waiting == progress->sent && progress->received == client->answers);
    CHECK(progress->corrupt == client->corrupt && progress->foreign == client->foreign);
    CHECK(world->stopped || waiting == 0);
    if (world->honest && !peers_rules_had(&world->rules, ALTERING)) {
        CHECK(progress->corrupt == 0 && progress->foreign == 0);
    }
}

static bool must_be_complete(const struct world *world) {
    return world->honest && world->lossless && !world->stopped && !world->rules.given &&
           !peers_rules_had(&world->rules, ALTERING | TAKING);
}

static void check_complete(const struct world *world, const struct client *client) {
    const ws2echo_ping_progress *progress = &client->load.ping.progress;
    CHECK(client->load.session.reason == WS2ECHO_REASON_FIN && client->load.session.error == 0);
    CHECK(progress->lost == 0 && progress->received == client->load.plan.begun);
    CHECK(progress->received == world->config.messages || client->load.plan.begun_bytes >= world->config.bytes);
}

void peers_datagrams(struct choice *choice, const char *rules, unsigned char fill, struct peers_report *report) {
    static struct world world;
    begin(&world, choice, rules, fill);
    run(&world);
    bool complete = must_be_complete(&world);
    *report = (struct peers_report){.steps = world.steps, .complete = complete, .aborted = world.stopped};
    for (unsigned i = 0; i < world.client_count; i++) {
        struct client *client = &world.clients[i];
        check_accounts(&world, client);
        if (complete) {
            check_complete(&world, client);
        }
        guard_end(&client->side.guard, world.now_us);
        report->trace = guard_mix(report->trace, client->side.guard.trace);
        report->messages += client->load.plan.begun;
    }
    guard_end(&world.server.guard, world.now_us);
    report->trace = guard_mix(report->trace, world.server.guard.trace);
}
