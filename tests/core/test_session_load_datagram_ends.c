/* The load session over UDP at its ends: the shortest times, the least and the most, and what a fault tells. */
#include "load_datagram_hand.h"

static void undo_and_stop_at(uint64_t now_us, enum w2e_op_kind kind) {
    w2e_session_undo(session, kind);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    w2e_session_abort(session, WS2ECHO_REASON_ERROR, W2E_ENOBUFS);
    close_at(now_us);
    CHECK(session->reason == WS2ECHO_REASON_STOPPED && session->error == 0);
}

static void thought_is_taken_after_each_answer(void) {
    unsigned char datagram[64];
    configure();
    config.think_us = 30;
    begin();
    send_at(START_US, datagram);
    receive_at(START_US + 5, datagram, 64);
    CHECK(expect_at(START_US + 34, W2E_OP_RECV).ask_again_us == START_US + 35);
    w2e_session_undo(session, W2E_OP_RECV);
    send_at(START_US + 35, datagram);
    expect_at(START_US + 35, W2E_OP_RECV);
    undo_and_stop_at(START_US + 35, W2E_OP_RECV);
}

static void the_shortest_delay_is_kept(void) {
    unsigned char datagram[64];
    configure();
    config.receive_delay_us = 1;
    begin();
    send_at(START_US, datagram);
    CHECK(expect_at(START_US, W2E_OP_NONE).ask_again_us == START_US + 1);
    CHECK(expect_at(START_US + 1, W2E_OP_RECV).ask_again_us == START_US + 100);
    undo_and_stop_at(START_US + 1, W2E_OP_RECV);
}

/* The window is full: that another would be due wakes nobody up. */
static void no_pace_matters_where_there_is_no_room(void) {
    unsigned char datagram[64];
    configure();
    config.start_us = START_US;
    config.interval_ns = 10000;
    config.reply_timeout_us = W2E_NEVER;
    begin();
    send_at(START_US, datagram);
    CHECK(expect_at(START_US, W2E_OP_RECV).ask_again_us == W2E_NEVER);
    undo_and_stop_at(START_US, W2E_OP_RECV);
}

static void by_turns_what_is_due_soon_is_sent_first(void) {
    unsigned char datagrams[2][64];
    configure();
    config.receives = W2E_RECEIVES_AFTER_SENT;
    config.depth = 2;
    config.start_us = START_US;
    config.interval_ns = 10000;
    begin();
    send_at(START_US, datagrams[0]);
    CHECK(expect_at(START_US, W2E_OP_NONE).ask_again_us == START_US + 10);
    send_at(START_US + 10, datagrams[1]);
    receive_at(START_US + 20, datagrams[0], 64); /* another would be due, but it is not its turn */
    receive_at(START_US + 21, datagrams[1], 64);
    send_at(START_US + 21, datagrams[0]);
    send_at(START_US + 30, datagrams[1]);
    CHECK(expect_at(START_US + 120, W2E_OP_RECV).ask_again_us == START_US + 121);
    undo_and_stop_at(START_US + 120, W2E_OP_RECV);
}

static void a_datagram_is_as_long_as_one_can_be(void) {
    static const uint32_t sizes[][2] = {{1, 16}, {16, 16}, {17, 17}, {65535, 65535}, {65536, 65535}};
    configure();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        config.sizes[0] = sizes[i][0];
        begin();
        CHECK(load.datagram_bytes == sizes[i][1]);
    }
}

static void a_fault_tells_of_which_connection_it_is(void) {
    unsigned char datagram[64];
    configure();
    begin();
    w2e_session_load_datagram_init(&load, &config, &sink, 5, 0);
    send_at(START_US, datagram);
    receive_at(START_US, datagram, 64);
    send_at(START_US, datagram);
    datagram[63] ^= 1;
    receive_at(START_US, datagram, 64);
    CHECK(told.faults[W2E_LOAD_CORRUPT] == 1 && told.fault.kind == W2E_LOAD_CORRUPT && told.fault.offset == 1);
    CHECK(told.fault.connection == 5 && told.fault.found_connection == 5 && told.fault.found_offset == 1);
    expect_at(START_US, W2E_OP_RECV);
    undo_and_stop_at(START_US, W2E_OP_RECV);
}

static void what_comes_when_all_has_ended_is_not_counted(void) {
    unsigned char datagram[64];
    configure();
    begin();
    send_at(START_US, datagram);
    struct w2e_op op = expect_at(START_US, W2E_OP_RECV);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    memcpy(op.data, datagram, 64);
    w2e_session_done(session, W2E_OP_RECV, 0, 64, START_US);
    CHECK(told.answers == 0 && session->bytes_received == 0);
    close_at(START_US);
}

static void the_buffer_is_given_back(void) {
    unsigned char *buffer = malloc(4096);
    configure();
    begin();
    CHECK(w2e_session_buffer_swap(session, buffer, 4096) == NULL && w2e_session_buffer_wanted(session) == 4096);
    CHECK(w2e_session_next(session, START_US).data == buffer + sizeof(struct w2e_ping_waiting) + 64);
    CHECK(w2e_session_buffer_swap(session, NULL, 0) == buffer);
    free(buffer);
}

static void sending_may_begin_late(void) {
    unsigned char datagram[64];
    configure();
    config.send_delay_us = 50;
    begin();
    CHECK(expect_at(START_US, W2E_OP_RECV).ask_again_us == START_US + 50);
    CHECK(expect_at(START_US + 49, W2E_OP_NONE).ask_again_us == START_US + 50);
    send_at(START_US + 50, datagram);
    undo_and_stop_at(START_US + 50, W2E_OP_RECV);
}

/* Each is as long as its plan says, and its answer has to be. */
static void datagrams_have_the_sizes_of_the_plan(void) {
    unsigned char datagram[64];
    unsigned full = 0;
    configure();
    config.size_count = 0;
    config.size_min = 16;
    config.size_max = 64;
    begin();
    for (uint64_t i = 0; i < 100; i++) {
        struct w2e_op op = expect_at(START_US, W2E_OP_SEND);
        size_t size = op.size;
        CHECK(size == w2e_load_plan_bytes_at(&load.plan, i));
        full += size == 64;
        memcpy(datagram, op.data, size);
        w2e_session_done(session, W2E_OP_SEND, 0, size, START_US);
        receive_at(START_US, datagram, size);
        CHECK(told.answers == i + 1 && load.ping.progress.corrupt == 0);
    }
    CHECK(full < 20);
    expect_at(START_US, W2E_OP_SEND);
    undo_and_stop_at(START_US, W2E_OP_SEND);
}

int main(void) {
    thought_is_taken_after_each_answer();
    the_shortest_delay_is_kept();
    no_pace_matters_where_there_is_no_room();
    by_turns_what_is_due_soon_is_sent_first();
    a_datagram_is_as_long_as_one_can_be();
    a_fault_tells_of_which_connection_it_is();
    what_comes_when_all_has_ended_is_not_counted();
    the_buffer_is_given_back();
    sending_may_begin_late();
    datagrams_have_the_sizes_of_the_plan();
    return 0;
}
