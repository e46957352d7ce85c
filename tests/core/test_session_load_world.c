/* The load session against the echo session, over a network that does whatever a network may, and some that none should. */
#include "load_drivers.h"

enum { TAMPER_BYTES_MAX = 100 };

static struct world world;
static uint64_t seeds = 1500; /* of each test; more by argument */

static uint64_t some(uint64_t least, uint64_t most) {
    return least + chance(&world, most - least + 1);
}

/* ---- configurations ---- */

static void choose_sizes(struct w2e_load_config *config, uint64_t most) {
    config->size_count = (uint32_t)some(0, 4);
    for (uint32_t i = 0; i < config->size_count; i++) {
        config->sizes[i] = (uint32_t)some(1, most);
    }
    config->size_min = (uint32_t)some(1, most);
    config->size_max = (uint32_t)some(config->size_min, most);
}

/* Where one end does not receive while it sends, what is in flight has to find room. */
static void choose_window(struct w2e_load_config *config, bool tiny) {
    static const uint64_t windows[2][4] = {{W2E_NEVER, 100, 1000, PIPE_BYTES}, {W2E_NEVER, 1, 7, 30}};
    static const size_t io_bytes[2][4] = {{30, 100, 4096, 256 * 1024}, {1, 2, 7, 100}};
    config->depth = (uint32_t)some(0, 6);
    config->window_bytes = windows[tiny][chance(&world, 4)];
    config->io_bytes_max = io_bytes[tiny][chance(&world, 4)];
    config->receives = chance(&world, 4) == 0 ? W2E_RECEIVES_AFTER_SENT : W2E_RECEIVES_START;
    world.up.capacity = (size_t)(tiny ? some(1, 30) : some(30, PIPE_BYTES));
    world.down.capacity = (size_t)(tiny ? some(1, 30) : some(30, PIPE_BYTES));
    bool by_turns = world.family == BLOCKING || config->receives == W2E_RECEIVES_AFTER_SENT;
    if (by_turns && config->window_bytes > world.down.capacity) {
        config->window_bytes = world.down.capacity;
    }
    if (config->window_bytes == W2E_NEVER && (config->depth == 0 || config->depth > 4)) {
        config->window_bytes = PIPE_BYTES; /* no SEND shall be longer */
    }
}

static void choose_limits(struct w2e_load_config *config) {
    config->messages = some(0, 20);
    if (chance(&world, 3) == 0) {
        config->bytes = some(0, 5000);
    }
    config->finish = chance(&world, 4) == 0 ? W2E_FINISH_RESET : W2E_FINISH_FIN;
}

static void choose_times(struct w2e_load_config *config) {
    world.no_timing = false;
    config->start_us = chance(&world, 2) * some(0, 3000);
    config->interval_ns = chance(&world, 2) * some(1, 200000);
    config->burst = (uint32_t)some(0, 3);
    config->think_us = chance(&world, 2) * some(1, 100);
    config->send_delay_us = chance(&world, 2) * some(1, 300);
    config->receive_delay_us = chance(&world, 2) * some(1, 300);
    config->measure_from_us = some(0, 4000);
    config->stop_us = chance(&world, 2) == 0 ? some(900, 6000) : W2E_NEVER;
    config->reply_timeout_us = chance(&world, 2) == 0 ? 100000000 : W2E_NEVER;
    config->connect_timeout_us = chance(&world, 2) == 0 ? 100000000 : W2E_NEVER;
    config->finish_timeout_us = chance(&world, 2) == 0 ? 100000000 : W2E_NEVER;
}

static void begin(uint64_t seed) {
    world_begin(&world, seed);
    world.family = (enum family)chance(&world, FAMILIES);
    world.no_timing = true;
    bool tiny = chance(&world, 2) == 0; /* byte by byte: short, lest it take long */
    choose_sizes(&world.config, tiny ? 20 : chance(&world, 2) == 0 ? 64 : 700);
    choose_window(&world.config, tiny);
    choose_limits(&world.config);
    if (chance(&world, 2) == 0) {
        choose_times(&world.config);
    }
}

/* ---- an honest network ---- */

static void check_limits(void) {
    const struct w2e_load_config *config = &world.config;
    uint64_t bytes = world.begins[world.messages];
    CHECK(world.offered == bytes && world.sent == bytes && world.load.session.bytes_sent == bytes);
    if (config->stop_us == W2E_NEVER) {
        CHECK(world.messages == config->messages || bytes == config->bytes);
    }
}

static void check_complete(void) {
    const struct w2e_session *session = &world.load.session;
    bool by_reset = world.config.finish == W2E_FINISH_RESET;
    CHECK(world.connects == 1 && world.faults == 0);
    CHECK(session->error == 0 && session->reason == (by_reset ? WS2ECHO_REASON_RESET : WS2ECHO_REASON_FIN));
    CHECK(world.shut == !by_reset && world.was_reset == by_reset);
    CHECK(world.reported == world.messages && world.load.waiting == 0);
    CHECK(world.got_bytes == world.sent && session->bytes_received == world.sent);
    check_limits();
}

static void every_message_comes_back_and_is_told_once(void) {
    uint64_t messages = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        begin(seed);
        world_open(&world);
        world_run(&world);
        check_complete();
        world_end(&world);
        messages += world.messages;
    }
    CHECK(messages > 5 * seeds);
}

static void what_is_never_received_is_thrown_away_at_the_end(void) {
    for (uint64_t seed = 1; seed <= seeds / 4; seed++) {
        begin(seed);
        world.config.receives = W2E_RECEIVES_NEVER;
        world.config.finish = W2E_FINISH_FIN;
        world.config.window_bytes = PIPE_BYTES;
        world.config.bytes = some(0, PIPE_BYTES / 2);
        world.down.capacity = PIPE_BYTES;
        world_open(&world);
        world_run(&world);
        CHECK(world.reported == 0 && world.faults == 0 && world.load.session.reason == WS2ECHO_REASON_FIN);
        CHECK(world.got_bytes == world.sent);
        check_limits();
        world_end(&world);
    }
}

/* ---- ends of another kind ---- */

static void an_abort_ends_it_at_any_time(void) {
    unsigned unconnected = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        begin(seed);
        world_open(&world);
        for (uint64_t steps = chance(&world, chance(&world, 4) == 0 ? 10 : 600); steps > 0 && !world.closed; steps--) {
            world_step(&world);
        }
        bool over = world.load.session.reason != WS2ECHO_REASON_NONE;
        world_abort(&world);
        for (unsigned steps = 0; !world.closed; steps++) {
            CHECK(steps < 100);
            step_load(&world);
        }
        CHECK(over || world.load.session.reason == WS2ECHO_REASON_STOPPED);
        CHECK(over || world.was_reset == world.connected);
        CHECK(world.faults == 0);
        unconnected += !world.connected;
        world_end(&world);
    }
    CHECK(unconnected > seeds / 60);
}

static void a_refused_connection_is_an_error(void) {
    for (uint64_t seed = 1; seed <= seeds / 8; seed++) {
        begin(seed);
        world.refuses = true;
        world_open(&world);
        world_run(&world);
        CHECK(world.load.session.reason == WS2ECHO_REASON_RESET && world.load.session.error == W2E_ECONNRESET);
        CHECK(world.connects == 0 && world.sent == 0 && !world.was_reset && !world.shut);
        world_end(&world);
    }
}

/* ---- tampering ---- */

/* The first byte that is not the stream's, or that there should not be; W2E_NEVER if all are right. */
static uint64_t first_wrong(void) {
    size_t due = world.got_bytes < world.offered ? world.got_bytes : (size_t)world.offered;
    size_t right = w2e_pattern_check(&world.load.pattern, 0, world.got, due);
    return right < world.got_bytes ? right : W2E_NEVER;
}

static uint64_t total_bytes(void) {
    return world.config.messages * world.config.sizes[0];
}

static void begin_tampered(uint64_t seed, enum tampering tampering) {
    begin(seed);
    struct w2e_load_config *config = &world.config;
    config->receives = W2E_RECEIVES_START;
    config->bytes = config->stop_us = W2E_NEVER;
    config->finish = W2E_FINISH_FIN;
    config->reply_timeout_us = 1000000;
    world.no_timing = false;
    world.down.capacity += 2 * TAMPER_BYTES_MAX; /* what it adds has no part in the window */
    config->messages = some(1, 20);
    config->size_count = 1;
    config->sizes[0] = (uint32_t)some(1, 200);
    world.tampering = tampering;
    world.tamper_bytes = (size_t)some(1, TAMPER_BYTES_MAX);
    world.tamper_at = chance(&world, total_bytes());
    if (tampering == FOREIGN) {
        world.tamper_bytes += 64;
    } else if (tampering == EXCESS) {
        world.tamper_at = total_bytes();
    }
    if (world.tamper_bytes > world.tamper_at && (tampering == REPEAT || tampering == EXCESS)) {
        world.tamper_bytes = world.tamper_at > 0 ? (size_t)world.tamper_at : 1;
        world.tampering = world.tamper_at > 0 ? tampering : HONEST;
    }
    world_open(&world);
}

static enum w2e_load_fault_kind kind_of(enum tampering tampering) {
    static const enum w2e_load_fault_kind kinds[TAMPERINGS] = {[FLIP] = W2E_LOAD_CORRUPT,        [DROP] = W2E_LOAD_MISSING,
                                                               [REPEAT] = W2E_LOAD_REPEATED,     [FOREIGN] = W2E_LOAD_FOREIGN,
                                                               [EARLY_FIN] = W2E_LOAD_EARLY_END, [EXCESS] = W2E_LOAD_EXCESS};
    return kinds[tampering];
}

static uint64_t place_of(uint64_t wrong) {
    switch (world.tampering) {
    case DROP:
        return wrong + world.tamper_bytes;
    case REPEAT:
    case EXCESS:
        return wrong - world.tamper_bytes;
    case FOREIGN:
        return world.tamper_at / 3 + (wrong - world.tamper_at);
    case HONEST:
    case FLIP:
    case EARLY_FIN:
    case TAMPERINGS:
        break;
    }
    return wrong;
}

/* Whether the fault says what it is, too: few bytes tell only that they are wrong. */
static bool check_wrong(uint64_t wrong) {
    const struct w2e_load_fault *fault = &world.fault;
    CHECK(world.faults == 1 && fault->offset == wrong && fault->actual == world.got[wrong]);
    CHECK(w2e_pattern_check(&world.load.pattern, wrong, &fault->expected, 1) == 1);
    CHECK(world.load.session.reason == WS2ECHO_REASON_ERROR && world.load.session.error == 0 && world.was_reset);
    if (wrong >= world.offered) {
        CHECK(fault->kind == W2E_LOAD_EXCESS);
    } else if (world.load.evidence < W2E_PATTERN_LOCATE_BYTES) {
        CHECK(fault->kind == W2E_LOAD_CORRUPT || fault->kind == kind_of(world.tampering));
        return false;
    } else {
        CHECK(fault->kind == kind_of(world.tampering));
    }
    if (world.load.evidence >= W2E_PATTERN_LOCATE_BYTES) {
        CHECK(fault->found_connection == (world.tampering == FOREIGN ? 1 : 0));
        CHECK(fault->found_offset == place_of(wrong));
    }
    return true;
}

static void check_early_end(void) {
    CHECK(world.faults == 1 && world.fault.kind == W2E_LOAD_EARLY_END);
    CHECK(world.fault.offset == world.tamper_at && world.fault.missing_bytes == world.load.offered - world.tamper_at);
    CHECK(world.load.session.reason == WS2ECHO_REASON_ERROR && world.was_reset);
}

/* Whether it was caught and told apart. */
static bool run_tampered(uint64_t seed, enum tampering tampering) {
    bool told = false;
    begin_tampered(seed, tampering);
    world_run(&world);
    uint64_t wrong = first_wrong();
    if (wrong != W2E_NEVER) {
        told = check_wrong(wrong);
    } else if (world.tampered && tampering == EARLY_FIN) {
        check_early_end();
        told = true;
    } else if (world.got_bytes < total_bytes()) {
        CHECK(tampering == DROP && world.load.session.reason == WS2ECHO_REASON_TIMEOUT); /* the very last bytes */
        CHECK(world.load.session.error == W2E_ETIMEDOUT && world.was_reset && world.faults == 0);
    } else {
        CHECK(world.load.session.reason == WS2ECHO_REASON_FIN && world.faults == 0);
        CHECK(world.tampering == HONEST);
    }
    world_end(&world);
    return told;
}

static void tampering_is_caught_every_time_and_mostly_told_apart(void) {
    for (enum tampering tampering = FLIP; tampering < TAMPERINGS; tampering++) {
        uint64_t told = 0;
        for (uint64_t seed = 1; seed <= seeds / 2; seed++) {
            told += run_tampered(seed, tampering);
        }
        CHECK(told > seeds / 10);
    }
}

/* An abort while the evidence comes in does not hide the fault. */
static void a_fault_comes_before_an_abort(void) {
    unsigned aborted = 0;
    for (uint64_t seed = 1; seed <= seeds / 4; seed++) {
        begin_tampered(seed, FLIP);
        while (!world.closed) {
            world_step(&world);
            if (world.load.evidence > 0 && world.faults == 0) {
                world_abort(&world);
                aborted++;
            }
            CHECK(world.load.evidence == 0 || world.faults == 1);
        }
        CHECK(world.faults == 1 && world.fault.offset == world.tamper_at);
        world_end(&world);
    }
    CHECK(aborted > seeds / 100);
}

int main(int count, char **arguments) {
    if (count > 1) {
        seeds = strtoull(arguments[1], NULL, 10);
    }
    every_message_comes_back_and_is_told_once();
    what_is_never_received_is_thrown_away_at_the_end();
    an_abort_ends_it_at_any_time();
    a_refused_connection_is_an_error();
    tampering_is_caught_every_time_and_mostly_told_apart();
    a_fault_comes_before_an_abort();
    return 0;
}
