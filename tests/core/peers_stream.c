/* peers.h over TCP: what a run is, and what has to be so afterwards. */
#include "peers_stream.h"

#include "check.h"
#include "peers.h"

#include <string.h>

/* ---- what the load tells ---- */

static void on_connected(void *owner, uint64_t connect_us) {
    struct stream_world *world = owner;
    CHECK(connect_us <= world->now_us && world->answers == 0);
}

static void on_echoed(void *owner, uint64_t latency_us, uint64_t bytes, bool measured) {
    struct stream_world *world = owner;
    CHECK(bytes > 0 && latency_us <= world->now_us);
    CHECK(measured == (world->now_us - latency_us >= world->config.measure_from_us));
    CHECK(++world->answers <= world->load.plan.begun);
}

static void on_wrong(void *owner, const struct w2e_load_fault *fault) {
    struct stream_world *world = owner;
    world->told_wrong++;
    world->told = *fault;
}

static const struct w2e_load_sink sink = {.connected = on_connected, .echoed = on_echoed, .wrong = on_wrong};

/* ---- rules that come and go ---- */

/* Rules change between two calls of the session; a thread that blocks is called back first, or is left alone while it sends. */
static bool may_change(struct stream_world *world) {
    struct stream_side *server = &world->server;
    if (!server->open || server->guard.closed) {
        return false;
    }
    if (server->family == STREAM_BLOCKING && server->guard.recv.kind != W2E_OP_NONE) {
        guard_undo(&server->guard, W2E_OP_RECV);
    }
    return server->family != STREAM_BLOCKING || server->guard.send.kind == W2E_OP_NONE;
}

static void attach(struct stream_world *world) {
    struct w2e_fault_connection connection = {
        .target = {.number = 1 + choose(world->choice, 3), .peer = {.family = 4, .bytes = {127, 0, 0, 1}}},
        .opened_us = world->now_us};
    world->attached = true;
    w2e_session_faults_attach(&world->faults, &world->echo, &connection, &world->rules.rules, world->now_us);
}

static void change_rules(struct stream_world *world) {
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

static void open_side(struct stream_world *world, struct stream_side *side, struct w2e_session *session, unsigned char fill) {
    guard_begin(&side->guard, session, false, fill);
    side->open = true;
    side->look = true;
    side->ask_us = world->now_us;
}

void peers_stream_open_server(struct stream_world *world) {
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

static void choose_sizes(struct stream_world *world, uint64_t most) {
    struct w2e_load_config *config = &world->config;
    config->size_count = (uint32_t)choose(world->choice, 4);
    for (uint32_t i = 0; i < config->size_count; i++) {
        config->sizes[i] = (uint32_t)choose_between(world->choice, 1, most);
    }
    config->size_min = (uint32_t)choose_between(world->choice, 1, most);
    config->size_max = (uint32_t)choose_between(world->choice, config->size_min, most);
}

/* Where one end does not receive while it sends, what is in flight has to find room. */
static void choose_window(struct stream_world *world, bool tiny) {
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

static void choose_times(struct stream_world *world) {
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

static void choose_limits(struct stream_world *world) {
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

static void configure(struct stream_world *world) {
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
    world->client.family = (enum stream_family)choose(choice, STREAM_FAMILIES);
    world->server.family = (enum stream_family)choose(choice, STREAM_FAMILIES);
    world->refuses = choose_one_in(choice, 50);
    world->abort_at = choose_one_in(choice, 3) ? choose(choice, choose_one_in(choice, 3) ? 20 : 2000) : UINT64_MAX;
    world->change_every = choose_one_in(choice, 5) ? choose_between(choice, 3, 300) : 0;
    world->ask_every = choose_one_in(choice, 4) ? choose_between(choice, 3, 100) : 0;
}

static void begin(struct stream_world *world, struct choice *choice, const char *rules, unsigned char fill) {
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

static void stop(struct stream_world *world, struct stream_side *side) {
    world->stopped = true;
    if (side->open && !side->guard.closed && !side->stopped) {
        side->stopped = true;
        side->look = true;
        world->stuck = 0;
        guard_abort(&side->guard, WS2ECHO_REASON_STOPPED, 0);
    }
}

static void stop_both(struct stream_world *world) {
    stop(world, &world->client);
    stop(world, &world->server);
}

static bool is_over(const struct stream_world *world) {
    return world->client.guard.closed && (!world->server.open || world->server.guard.closed);
}

static uint64_t wanted_us(const struct stream_side *side) {
    return side->open && !side->guard.closed ? side->ask_us : W2E_NEVER;
}

/* Where nothing moves any more it is time that does. */
static void pass_time(struct stream_world *world) {
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

static void step(struct stream_world *world) {
    world->moved = false;
    world->steps++;
    switch (world->stuck < STUCK_TO_HURRY ? choose(world->choice, 4) : world->stuck % 4) {
    case 0:
        peers_stream_deliver(world, &world->up);
        break;
    case 1:
        peers_stream_deliver(world, &world->down);
        break;
    case 2:
        peers_stream_step_side(world, &world->server);
        break;
    default:
        peers_stream_step_side(world, &world->client);
        break;
    }
    pass_time(world);
}

static void interfere(struct stream_world *world) {
    if (world->steps == world->abort_at) {
        stop(world, choose_one_in(world->choice, 2) ? &world->client : &world->server);
    }
    if (world->change_every > 0 && world->steps % world->change_every == 0) {
        change_rules(world);
    }
    if (world->ask_every > 0 && world->steps % world->ask_every == 0) {
        world->client.look = world->server.look = true;
    }
    if (world->stuck >= STUCK_TO_STOP || world->steps == (world->rules.given ? STEPS_OF_GIVEN : STEPS_TO_STOP)) {
        stop_both(world);
    }
}

static void run(struct stream_world *world) {
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
static void check_told(const struct stream_world *world) {
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

static bool must_be_complete(const struct stream_world *world) {
    return !world->stopped && world->generous && !world->refuses && !world->finished_early && !world->rules.given &&
           !peers_rules_had(&world->rules, ALTERING | TAKING);
}

static void check_complete(const struct stream_world *world) {
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

static void check_counts(const struct stream_world *world) {
    CHECK(world->client.guard.session->bytes_sent <= world->up.pushed);
    CHECK(world->load.session.bytes_received <= world->down.pulled);
    if (world->server.open) {
        CHECK(world->echo.session.bytes_sent <= world->down.pushed);
        CHECK(world->echo.session.bytes_received <= world->up.pulled);
    }
}

void peers_stream(struct choice *choice, const char *rules, unsigned char fill, struct peers_report *report) {
    static struct stream_world world;
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
