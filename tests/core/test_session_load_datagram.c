/* The load session over UDP: by hand, and over a network that loses, repeats, delays, changes and makes up datagrams. */
#include "load_datagram_hand.h"

/* ---- by hand ---- */

static void each_is_answered_or_lost_and_then_it_ends(void) {
    unsigned char datagrams[2][64];
    configure();
    config.messages = 3;
    begin();
    CHECK(w2e_session_buffer_wanted(session) == sizeof(struct w2e_ping_waiting) + 2 * 64);
    send_at(START_US, datagrams[0]);
    CHECK(expect_at(START_US, W2E_OP_RECV).ask_again_us == START_US + 100);
    w2e_session_undo(session, W2E_OP_RECV);
    receive_at(START_US + 40, datagrams[0], 64);
    CHECK(told.answers == 1 && told.latency_us == 40 && told.bytes == 64);
    CHECK(session->bytes_sent == 64 && session->bytes_received == 64);
    send_at(START_US + 50, datagrams[1]);
    send_at(START_US + 150, datagrams[0]); /* that was lost */
    receive_at(START_US + 151, datagrams[1], 64);
    CHECK(told.answers == 1 && load.ping.progress.late == 1);
    receive_at(START_US + 152, datagrams[0], 64);
    close_at(START_US + 152);
    CHECK(session->reason == WS2ECHO_REASON_FIN && session->error == 0);
    CHECK(load.ping.progress.sent == 3 && load.ping.progress.received == 2 && load.ping.progress.lost == 1);
    CHECK(told.counted == 1);
}

static void a_late_one_counts_from_when_it_was_meant_to_go(void) {
    unsigned char datagram[64];
    configure();
    config.start_us = START_US;
    config.interval_ns = 10000;
    config.measure_from_us = START_US + 10;
    begin();
    send_at(START_US, datagram);
    receive_at(START_US + 70, datagram, 64);
    CHECK(told.latency_us == 70 && told.measured == 0);
    for (uint64_t i = 1; i <= 7; i++) {
        send_at(START_US + 70, datagram);
        receive_at(START_US + 71, datagram, 64);
        CHECK(told.latency_us == 71 - 10 * i && told.measured == i);
    }
    CHECK(expect_at(START_US + 71, W2E_OP_RECV).ask_again_us == START_US + 80);
    CHECK(expect_at(START_US + 71, W2E_OP_NONE).ask_again_us == START_US + 80);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    expect_at(START_US + 71, W2E_OP_CANCEL);
    expect_at(START_US + 71, W2E_OP_NONE);
    w2e_session_done(session, W2E_OP_RECV, W2E_OPERATION_ABORTED, 0, START_US + 71);
    close_at(START_US + 71);
    CHECK(session->reason == WS2ECHO_REASON_STOPPED);
}

static void what_it_survives_is_counted(void) {
    unsigned char datagram[64];
    configure();
    config.messages = 1;
    begin();
    struct w2e_op op = expect_at(START_US, W2E_OP_SEND);
    memcpy(datagram, op.data, 64);
    w2e_session_done(session, W2E_OP_SEND, W2E_ECONNRESET, 0, START_US); /* of an earlier one: this one is to go */
    send_at(START_US, datagram);
    for (int i = 0; i < 3; i++) {
        expect_at(START_US, W2E_OP_RECV);
        w2e_session_done(session, W2E_OP_RECV, i == 0 ? W2E_ECONNRESET : i == 1 ? W2E_ENETRESET : W2E_EMSGSIZE, 0, START_US);
    }
    CHECK(load.ping.progress.unreachable == 3 && load.ping.progress.corrupt == 1 && told.faults[W2E_LOAD_CORRUPT] == 1);
    CHECK(told.fault.offset == 0 && told.fault.found_offset == 0); /* it bears no number that anybody has seen */
    receive_at(START_US, datagram, 0);                             /* an empty one is no FIN */
    CHECK(told.faults[W2E_LOAD_FOREIGN] == 1 && told.fault.offset == 0 && told.fault.found_offset == 0);
    datagram[30] ^= 1;
    receive_at(START_US, datagram, 64);
    CHECK(told.faults[W2E_LOAD_CORRUPT] == 2 && told.fault.offset == 0);
    datagram[30] ^= 1;
    expect_at(START_US, W2E_OP_RECV);
    w2e_session_done(session, W2E_OP_RECV, W2E_ENOBUFS, 0, START_US);
    CHECK(expect_at(START_US, W2E_OP_NONE).ask_again_us == START_US + 100); /* not at once, though it is lost by then */
    close_at(START_US + 100);
    CHECK(session->reason == WS2ECHO_REASON_FIN && told.answers == 0 && load.ping.progress.lost == 1);
}

static void a_failure_of_this_machine_is_not_repeated_at_full_speed(void) {
    enum { PAUSE_US = 50000 };
    configure();
    config.depth = 2;
    config.reply_timeout_us = W2E_NEVER;
    begin();
    struct w2e_op op = expect_at(START_US, W2E_OP_SEND);
    expect_at(START_US, W2E_OP_RECV);
    w2e_session_done(session, W2E_OP_SEND, 0, op.size, START_US);
    w2e_session_done(session, W2E_OP_RECV, W2E_ENOBUFS, 0, START_US);
    CHECK(expect_at(START_US, W2E_OP_NONE).ask_again_us == START_US + PAUSE_US);
    expect_at(START_US + PAUSE_US, W2E_OP_SEND);
    w2e_session_done(session, W2E_OP_SEND, W2E_ENOBUFS, 0, START_US + PAUSE_US);
    CHECK(expect_at(START_US + PAUSE_US, W2E_OP_NONE).ask_again_us == START_US + 2 * PAUSE_US);
    expect_at(START_US + 2 * PAUSE_US, W2E_OP_RECV);
    w2e_session_undo(session, W2E_OP_RECV);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    close_at(START_US + 2 * PAUSE_US);
}

static void what_it_does_not_survive_ends_it(void) {
    static const int errors[] = {W2E_EMSGSIZE, W2E_EINVAL};
    configure();
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        begin();
        expect_at(START_US, W2E_OP_SEND);
        w2e_session_done(session, W2E_OP_SEND, errors[i], 0, START_US);
        close_at(START_US);
        CHECK(session->reason == WS2ECHO_REASON_ERROR && session->error == errors[i]);
    }
}

static void where_nothing_is_received_each_is_lost_at_once(void) {
    unsigned char datagram[64];
    configure();
    config.receives = W2E_RECEIVES_NEVER;
    config.messages = 3;
    begin();
    send_at(START_US, datagram);
    send_at(START_US, datagram);
    struct w2e_op op = expect_at(START_US, W2E_OP_SEND);
    expect_at(START_US, W2E_OP_NONE); /* it is to go, all the same */
    w2e_session_done(session, W2E_OP_SEND, 0, op.size, START_US);
    close_at(START_US);
    CHECK(load.ping.progress.lost == 3 && session->reason == WS2ECHO_REASON_FIN);
}

static void by_turns_all_is_sent_then_all_is_received(void) {
    unsigned char datagrams[2][64];
    configure();
    config.receives = W2E_RECEIVES_AFTER_SENT;
    config.depth = 2;
    begin();
    send_at(START_US, datagrams[0]);
    send_at(START_US, datagrams[1]);
    receive_at(START_US, datagrams[1], 64);
    receive_at(START_US, datagrams[0], 64);
    CHECK(told.answers == 2 && load.ping.progress.reordered == 1);
    send_at(START_US, datagrams[0]);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    close_at(START_US);
}

static void it_waits_for_its_memory(void) {
    configure();
    begin();
    CHECK(w2e_session_next(session, START_US).kind == W2E_OP_NONE && !load.opened);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    CHECK(w2e_session_buffer_wanted(session) == 0); /* it needs none any more */
    close_at(START_US);
}

static void the_window_is_one_datagram_at_least_and_bounded(void) {
    configure();
    config.window_bytes = 63;
    begin();
    CHECK(load.ping.options.window == 1);
    config.window_bytes = 64 * 3;
    config.depth = 0;
    begin();
    CHECK(load.ping.options.window == 3);
    config.window_bytes = W2E_NEVER;
    begin();
    CHECK(load.ping.options.window == W2E_PING_WINDOW_MAX);
    config.depth = 7;
    begin();
    CHECK(load.ping.options.window == 7);
}

/* ---- a network ---- */

enum { NET_MAX = 64, DATAGRAM_MAX = 128 };

struct datagram {
    size_t size;
    unsigned char data[DATAGRAM_MAX];
};

static struct net {
    uint64_t random;
    uint64_t now_us;
    uint64_t ask_us;
    bool honest;
    struct datagram held[NET_MAX];
    unsigned count;
    bool recv_out;
    struct w2e_op recv;
    bool send_out;
    struct w2e_op send;
    uint64_t sent;
    uint64_t bad; /* that came and are no answers */
    uint64_t unreachable;
    unsigned stuck;
    bool closed;
} net;

static uint64_t chance(uint64_t below) {
    net.random ^= net.random << 13;
    net.random ^= net.random >> 7;
    net.random ^= net.random << 17;
    return (net.random >> 11) % below;
}

static void keep(const unsigned char *data, size_t size) {
    if (net.count < NET_MAX) {
        net.held[net.count].size = size;
        memcpy(net.held[net.count++].data, data, size);
    }
}

static void into_the_net(const unsigned char *data, size_t size) {
    unsigned char changed[DATAGRAM_MAX];
    uint64_t fate = net.honest ? 9 : chance(10);
    memcpy(changed, data, size);
    if (fate == 1) {
        changed[chance(size)] ^= (unsigned char)(1 << chance(8));
    } else if (fate == 2) {
        size -= (size_t)chance(size);
    } else if (fate == 3) {
        keep(data, size);
    }
    if (fate > 0) {
        keep(changed, size);
    }
}

static void complete_send(void) {
    uint64_t error = net.honest ? 9 : chance(20);
    net.send_out = false;
    if (error == 0) {
        net.unreachable++;
        w2e_session_done(session, W2E_OP_SEND, W2E_ECONNRESET, 0, net.now_us);
    } else if (error == 1) {
        w2e_session_done(session, W2E_OP_SEND, W2E_ENOBUFS, 0, net.now_us);
        net.sent++;
    } else {
        into_the_net(net.send.data, net.send.size);
        w2e_session_done(session, W2E_OP_SEND, 0, net.send.size, net.now_us);
        net.sent++;
    }
}

static void complete_recv(void) {
    unsigned which = net.honest ? 0 : (unsigned)chance(net.count);
    struct datagram came = net.held[which];
    net.recv_out = false;
    net.count--;
    memmove(&net.held[which], &net.held[which + 1], (net.count - which) * sizeof came);
    CHECK(came.size <= net.recv.size);
    memcpy(net.recv.data, came.data, came.size);
    w2e_session_done(session, W2E_OP_RECV, 0, came.size, net.now_us);
}

static void take_lent(struct w2e_op op) {
    uint64_t in_flight = load.ping.waiting_count;
    net.ask_us = op.ask_again_us;
    switch (op.kind) {
    case W2E_OP_SEND:
        CHECK(!net.send_out && op.size <= DATAGRAM_MAX && op.size >= 16 && in_flight <= config.depth);
        net.send_out = true;
        net.send = op;
        break;
    case W2E_OP_RECV:
        CHECK(!net.recv_out);
        net.recv_out = true;
        net.recv = op;
        break;
    case W2E_OP_CLOSE:
        CHECK(!net.send_out && !net.recv_out);
        net.closed = true;
        break;
    case W2E_OP_CANCEL:
    case W2E_OP_NONE:
        break;
    case W2E_OP_CONNECT:
    case W2E_OP_SHUTDOWN:
    case W2E_OP_RESET:
        CHECK(!"not of datagrams");
    }
}

static void give_back(void) {
    if (net.recv_out) {
        net.recv_out = false;
        w2e_session_undo(session, W2E_OP_RECV);
    }
    if (net.send_out && session->reason != WS2ECHO_REASON_NONE) {
        net.send_out = false;
        w2e_session_undo(session, W2E_OP_SEND);
    }
}

static void step(void) {
    net.now_us += chance(4);
    net.stuck++;
    if (net.send_out && chance(3) == 0) {
        complete_send();
        net.stuck = 0;
    } else if (net.recv_out && net.count > 0 && chance(2) == 0) {
        complete_recv();
        net.stuck = 0;
    } else if (net.recv_out && chance(8) == 0) {
        give_back();
    } else if (!net.send_out && (!net.recv_out || net.count == 0) && net.stuck > 40 && net.ask_us != W2E_NEVER &&
               net.ask_us > net.now_us) {
        net.now_us = net.ask_us;
    }
    take_lent(next_at(net.now_us));
    CHECK(net.stuck < 5000);
}

static void choose(uint64_t seed, bool honest) {
    memset(&net, 0, sizeof net);
    net.random = seed * 0x9E3779B97F4A7C15u + 1;
    net.now_us = START_US;
    net.honest = honest;
    w2e_load_config_default(&config);
    config.seed = seed;
    config.size_count = (uint32_t)chance(3);
    config.sizes[0] = 64;
    config.sizes[1] = config.size_max = DATAGRAM_MAX;
    config.size_min = 1;
    config.depth = 1 + (uint32_t)chance(20);
    config.messages = chance(40);
    config.bytes = chance(4) == 0 ? chance(1000) : W2E_NEVER;
    config.receives = chance(4) == 0 ? W2E_RECEIVES_AFTER_SENT : W2E_RECEIVES_START;
    config.reply_timeout_us = honest ? 1000000 : 50 + chance(200);
    config.interval_ns = chance(2) * chance(100000);
    config.think_us = chance(3) == 0 ? chance(50) : 0;
    config.send_delay_us = chance(3) == 0 ? chance(50) : 0;
    config.receive_delay_us = chance(3) == 0 ? chance(50) : 0;
    config.start_us = START_US + chance(2) * chance(500);
}

static void check_accounts(void) {
    const ws2echo_ping_progress *progress = &load.ping.progress;
    CHECK(session->reason == WS2ECHO_REASON_FIN && session->error == 0);
    CHECK(progress->sent == net.sent && load.plan.begun == net.sent);
    CHECK(progress->received + progress->lost == progress->sent && progress->received == told.answers);
    CHECK(progress->corrupt == told.faults[W2E_LOAD_CORRUPT] && progress->foreign == told.faults[W2E_LOAD_FOREIGN]);
    CHECK(progress->unreachable == net.unreachable && told.measured == told.answers);
    CHECK(net.sent == config.messages || load.plan.begun_bytes >= config.bytes);
    if (net.honest) {
        CHECK(progress->lost == 0 && told.bytes == session->bytes_sent && progress->corrupt + progress->foreign == 0);
        CHECK(progress->duplicated + progress->late + progress->reordered == 0);
    }
}

static void whatever_the_network_does_each_is_accounted_for(void) {
    uint64_t answers = 0;
    for (uint64_t seed = 1; seed <= 10000; seed++) {
        choose(seed, seed % 3 == 0);
        begin();
        while (!net.closed) {
            step();
        }
        check_accounts();
        free(w2e_session_buffer_swap(session, NULL, 0));
        answers += told.answers;
    }
    CHECK(answers > 50000);
}

static void an_abort_ends_it_at_any_time(void) {
    for (uint64_t seed = 1; seed <= 5000; seed++) {
        choose(seed, false);
        begin();
        for (uint64_t steps = chance(200); steps > 0 && !net.closed; steps--) {
            step();
        }
        bool over = session->reason != WS2ECHO_REASON_NONE;
        w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
        for (int i = 0; i < 3 && !net.closed; i++) {
            take_lent(next_at(net.now_us));
            give_back();
        }
        CHECK(net.closed && (over || session->reason == WS2ECHO_REASON_STOPPED));
        free(w2e_session_buffer_swap(session, NULL, 0));
    }
}

int main(void) {
    each_is_answered_or_lost_and_then_it_ends();
    a_late_one_counts_from_when_it_was_meant_to_go();
    what_it_survives_is_counted();
    a_failure_of_this_machine_is_not_repeated_at_full_speed();
    what_it_does_not_survive_ends_it();
    where_nothing_is_received_each_is_lost_at_once();
    by_turns_all_is_sent_then_all_is_received();
    it_waits_for_its_memory();
    the_window_is_one_datagram_at_least_and_bounded();
    whatever_the_network_does_each_is_accounted_for();
    an_abort_ends_it_at_any_time();
    return 0;
}
