/* The load session over TCP at its ends: the least and the most of each number, and which time it is that matters. */
#include "load_hand.h"

static void undo_and_abort_at(uint64_t now_us, enum w2e_op_kind kind) {
    w2e_session_undo(session, kind);
    abort_at(now_us);
}

/* When to ask again, of a RECV. */
static void receives_until(uint64_t now_us, uint64_t ask_again_us) {
    CHECK(expect_at(now_us, W2E_OP_RECV).ask_again_us == ask_again_us);
    w2e_session_undo(session, W2E_OP_RECV);
}

/* ---- which time matters ---- */

static void an_answer_is_waited_for_from_when_the_last_byte_was_taken(void) {
    w2e_load_config_default(&config);
    config.reply_timeout_us = 100;
    begin_connected();
    struct w2e_op op = expect_at(START_US, W2E_OP_SEND);
    CHECK(op.ask_again_us == START_US + 100);
    done_at(START_US + 60, W2E_OP_SEND, 64);
    receives_until(START_US + 60, START_US + 160);
    abort_at(START_US + 60);
}

static void a_message_is_waited_for_from_when_it_was_offered(void) {
    w2e_load_config_default(&config);
    config.reply_timeout_us = 100;
    config.send_delay_us = 500;
    begin_connected();
    CHECK(expect_at(START_US + 500, W2E_OP_SEND).ask_again_us == START_US + 600);
    undo_and_abort_at(START_US + 500, W2E_OP_SEND);
}

static void by_turns_answers_are_waited_for_from_when_it_is_their_turn(void) {
    w2e_load_config_default(&config);
    config.receives = W2E_RECEIVES_AFTER_SENT;
    config.reply_timeout_us = 100;
    begin_connected();
    send_at(START_US, 64);
    receives_until(START_US + 30, START_US + 130);
    receive_at(START_US + 40, 10);
    receives_until(START_US + 41, START_US + 140);
    abort_at(START_US + 41);
}

static void who_only_receives_waits_from_when_it_is_connected(void) {
    w2e_load_config_default(&config);
    config.sends = false;
    config.bytes = 100;
    config.reply_timeout_us = 50;
    begin();
    expect_at(START_US, W2E_OP_CONNECT);
    done_at(START_US + 20, W2E_OP_CONNECT, 0);
    receives_until(START_US + 30, START_US + 70);
    expect_at(START_US + 70, W2E_OP_RESET);
    ended_by(WS2ECHO_REASON_TIMEOUT, W2E_ETIMEDOUT);
    close_at(START_US + 70);
}

/* What is begun is completed first: the pace of the next message does not wake it up. */
static void no_pace_matters_while_a_message_waits_for_room(void) {
    w2e_load_config_default(&config);
    config.sizes[0] = 250;
    config.window_bytes = 100;
    config.start_us = START_US;
    config.interval_ns = 50000;
    begin_connected();
    send_at(START_US, 100);
    receives_until(START_US, W2E_NEVER);
    receive_at(START_US + 1, 100);
    send_at(START_US + 1, 100);
    receive_at(START_US + 2, 100);
    send_at(START_US + 2, 50);
    receives_until(START_US + 2, START_US + 50); /* now it does */
    abort_at(START_US + 2);
}

static void nothing_else_matters_while_a_wrong_byte_is_looked_into(void) {
    w2e_load_config_default(&config);
    config.depth = 2;
    config.start_us = START_US;
    config.interval_ns = 50000;
    config.reply_timeout_us = 10;
    begin_connected();
    send_at(START_US, 64);
    struct w2e_op op = expect_at(START_US, W2E_OP_RECV);
    w2e_pattern_fill(&pattern, 0, op.data, 1);
    op.data[0] ^= 1;
    done_at(START_US + 5, W2E_OP_RECV, 1);
    CHECK(told.faults == 0);
    receives_until(START_US + 6, START_US + 5 + 200000);
    CHECK(expect_at(START_US + 50, W2E_OP_RECV).ask_again_us == START_US + 5 + 200000); /* no message is begun */
    w2e_session_undo(session, W2E_OP_RECV);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0); /* the fault came first */
    CHECK(told.faults == 1 && told.fault.offset == 0 && told.fault.kind == W2E_LOAD_CORRUPT);
    reset_at(START_US + 51);
    ended_by(WS2ECHO_REASON_ERROR, 0);
}

static void the_shortest_delays_are_kept(void) {
    w2e_load_config_default(&config);
    config.receive_delay_us = 1;
    config.think_us = 1;
    begin_connected();
    send_at(START_US, 64);
    CHECK(expect_at(START_US, W2E_OP_NONE).ask_again_us == START_US + 1);
    receive_at(START_US + 1, 64);
    receives_until(START_US + 1, START_US + 2);
    send_at(START_US + 2, 64);
    abort_at(START_US + 2);
}

static void a_connect_that_was_undone_begins_anew(void) {
    w2e_load_config_default(&config);
    config.connect_timeout_us = 100;
    begin();
    expect_at(START_US, W2E_OP_CONNECT);
    w2e_session_undo(session, W2E_OP_CONNECT);
    CHECK(expect_at(START_US + 50, W2E_OP_CONNECT).ask_again_us == START_US + 150);
    done_at(START_US + 60, W2E_OP_CONNECT, 0);
    CHECK(told.connects == 1 && told.connect_us == 10);
    abort_at(START_US + 60);
}

/* ---- the least and the most ---- */

static void a_byte_is_a_message_too(void) {
    for (int by_turns = 0; by_turns < 2; by_turns++) {
        w2e_load_config_default(&config);
        config.sizes[0] = 1;
        config.messages = 2;
        config.reply_timeout_us = 100;
        config.receives = by_turns ? W2E_RECEIVES_AFTER_SENT : W2E_RECEIVES_START;
        begin_connected();
        for (unsigned i = 1; i <= 2; i++) {
            send_at(START_US, 1);
            receives_until(START_US, START_US + 100); /* it is in flight */
            receive_at(START_US + 1, 1);
            CHECK(told.answers == i && told.bytes == 1);
        }
        expect_at(START_US + 1, W2E_OP_SHUTDOWN);
        abort_at(START_US + 1);
    }
}

static void a_window_of_a_byte_moves_a_byte_at_a_time(void) {
    w2e_load_config_default(&config);
    config.sizes[0] = 2;
    config.window_bytes = 1;
    config.messages = 1;
    config.receives = W2E_RECEIVES_AFTER_SENT;
    begin_connected();
    send_at(START_US, 1);
    receive_at(START_US, 1);
    CHECK(told.answers == 0);
    send_at(START_US, 1); /* the last byte is a piece, too */
    receive_at(START_US, 1);
    CHECK(told.answers == 1 && told.bytes == 2);
    expect_at(START_US, W2E_OP_SHUTDOWN);
    abort_at(START_US);
}

static void a_window_holds_exactly_what_fits(void) {
    w2e_load_config_default(&config);
    config.depth = 0;
    config.window_bytes = 128;
    begin_connected();
    send_at(START_US, 128);
    receive_at(START_US, 63);
    expect_at(START_US, W2E_OP_RECV); /* a byte of room is lacking */
    w2e_session_undo(session, W2E_OP_RECV);
    receive_at(START_US, 1);
    send_at(START_US, 64);
    abort_at(START_US);
}

static void a_message_as_long_as_the_window_goes_as_a_whole(void) {
    w2e_load_config_default(&config);
    config.sizes[0] = 100;
    config.window_bytes = 100;
    config.depth = 2;
    begin_connected();
    send_at(START_US, 100);
    receive_at(START_US, 99);
    receive_at(START_US, 1);
    send_at(START_US, 100);
    abort_at(START_US);
}

/* The wrong byte is the first of 64 that tell what it is. */
static void evidence_is_so_many_bytes_and_no_more(void) {
    for (size_t bytes = 63; bytes <= 64; bytes++) {
        w2e_load_config_default(&config);
        config.depth = 2;
        begin_connected();
        send_at(START_US, 128);
        struct w2e_op op = expect_at(START_US, W2E_OP_RECV);
        w2e_pattern_fill(&pattern, 0, op.data, 10);
        w2e_pattern_fill(&pattern, 30, op.data + 10, bytes);
        done_at(START_US, W2E_OP_RECV, 10 + bytes);
        CHECK(told.faults == (bytes == 64));
        if (bytes == 63) {
            struct w2e_op more = expect_at(START_US, W2E_OP_RECV);
            CHECK(more.data == op.data + 63 && more.size == op.size - 63);
            w2e_pattern_fill(&pattern, 93, more.data, 1);
            done_at(START_US, W2E_OP_RECV, 1);
        }
        CHECK(told.faults == 1 && told.fault.kind == W2E_LOAD_MISSING);
        CHECK(told.fault.offset == 10 && told.fault.found_offset == 30 && told.fault.found_connection == CONNECTION);
        reset_at(START_US);
        ended_by(WS2ECHO_REASON_ERROR, 0);
    }
}

static void fin_concludes_what_is_looked_into(void) {
    w2e_load_config_default(&config);
    begin_connected();
    send_at(START_US, 64);
    struct w2e_op op = expect_at(START_US, W2E_OP_RECV);
    w2e_pattern_fill(&pattern, 0, op.data, 2);
    op.data[1] ^= 1;
    done_at(START_US, W2E_OP_RECV, 2);
    expect_at(START_US, W2E_OP_RECV);
    done_at(START_US, W2E_OP_RECV, 0);
    CHECK(told.faults == 1 && told.fault.kind == W2E_LOAD_CORRUPT && told.fault.offset == 1 && told.fault.found_offset == 1);
    reset_at(START_US);
    ended_by(WS2ECHO_REASON_ERROR, 0);
}

static void one_byte_too_many_is_an_excess(void) {
    unsigned char expected;
    w2e_load_config_default(&config);
    config.messages = 1;
    begin_connected();
    send_at(START_US, 64);
    receive_at(START_US, 64);
    expect_at(START_US, W2E_OP_SHUTDOWN);
    struct w2e_op op = expect_at(START_US, W2E_OP_RECV);
    w2e_pattern_fill(&pattern, 64, &expected, 1);
    op.data[0] = (unsigned char)(expected ^ 0xFF);
    done_at(START_US, W2E_OP_RECV, 1);
    receives_until(START_US + 1, START_US + 200000);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    CHECK(told.fault.kind == W2E_LOAD_EXCESS && told.fault.offset == 64 && told.fault.expected == expected);
    CHECK(told.fault.actual == (expected ^ 0xFF) && session->bytes_received == 65);
    reset_at(START_US + 1);
}

static void an_early_end_tells_where(void) {
    w2e_load_config_default(&config);
    config.think_us = 100;
    begin_connected();
    send_at(START_US, 64);
    receive_at(START_US, 64);
    receive_at(START_US, 0); /* nothing is in flight, but the load is not over */
    CHECK(told.faults == 1 && told.fault.kind == W2E_LOAD_EARLY_END && told.fault.missing_bytes == 0);
    CHECK(told.fault.offset == 64 && told.fault.found_offset == 64);
    CHECK(told.fault.connection == CONNECTION && told.fault.found_connection == CONNECTION);
    CHECK(session->bytes_sent == 64 && session->bytes_received == 64);
    reset_at(START_US);
}

static void who_only_receives_may_finish_by_reset(void) {
    w2e_load_config_default(&config);
    config.sends = false;
    config.finish = W2E_FINISH_RESET;
    begin_connected();
    receive_at(START_US, 256);
    receive_at(START_US, 0);
    reset_at(START_US);
    ended_by(WS2ECHO_REASON_FIN, 0);
}

/* What is thrown away is neither checked nor waited for. */
static void where_nothing_is_received_nothing_is_in_flight(void) {
    w2e_load_config_default(&config);
    config.receives = W2E_RECEIVES_NEVER;
    config.depth = 0;
    config.messages = 3;
    config.reply_timeout_us = 10;
    begin_connected();
    struct w2e_op op = expect_at(START_US, W2E_OP_SEND);
    CHECK(op.size == 192);
    done_at(START_US, W2E_OP_SEND, 100);
    send_at(START_US + 5, 92);
    expect_at(START_US + 5, W2E_OP_SHUTDOWN);
    op = expect_at(START_US + 6, W2E_OP_RECV);
    memset(op.data, 0, 100);
    done_at(START_US + 6, W2E_OP_RECV, 100);
    receive_at(START_US + 7, 0);
    ended_by(WS2ECHO_REASON_FIN, 0);
    CHECK(told.faults == 0 && told.answers == 0 && session->bytes_sent == 192);
    close_at(START_US + 7);
}

/* ---- memory ---- */

static void memory_is_no_more_than_is_needed(void) {
    w2e_load_config_default(&config);
    begin_connected();
    CHECK(w2e_session_buffer_wanted(session) == sizeof(struct w2e_load_message) + 256 + 64);
    CHECK(expect_at(START_US, W2E_OP_SEND).size == 64 && expect_at(START_US, W2E_OP_RECV).size == 256);
    w2e_session_undo(session, W2E_OP_SEND);
    undo_and_abort_at(START_US, W2E_OP_RECV);
    config.depth = 5;
    config.sizes[0] = 100;
    begin_connected();
    CHECK(expect_at(START_US, W2E_OP_SEND).size == 500 && expect_at(START_US, W2E_OP_RECV).size == 500);
    w2e_session_undo(session, W2E_OP_SEND);
    undo_and_abort_at(START_US, W2E_OP_RECV);
    config.io_bytes_max = 7;
    begin_connected();
    CHECK(expect_at(START_US, W2E_OP_SEND).size == 7 && expect_at(START_US, W2E_OP_RECV).size == 256);
    w2e_session_undo(session, W2E_OP_SEND);
    undo_and_abort_at(START_US, W2E_OP_RECV);
}

static void the_buffer_is_given_back(void) {
    unsigned char *buffer = malloc(4096);
    w2e_load_config_default(&config);
    begin_connected();
    CHECK(w2e_session_buffer_swap(session, buffer, 4096) == NULL);
    CHECK(w2e_session_buffer_wanted(session) == 4096 && expect_at(START_US, W2E_OP_SEND).data > buffer);
    CHECK(w2e_session_buffer_swap(session, NULL, 0) == buffer);
    free(buffer);
}

static void messages_in_flight_are_as_many_as_can_be(void) {
    static const struct {
        uint32_t depth;
        uint64_t window;
        uint64_t messages;
        uint32_t most;
    } cases[] = {{0, W2E_NEVER, W2E_NEVER, W2E_LOAD_DEPTH_DEFAULT},
                 {100000, W2E_NEVER, W2E_NEVER, W2E_LOAD_DEPTH_MAX},
                 {W2E_LOAD_DEPTH_MAX, W2E_NEVER, W2E_NEVER, W2E_LOAD_DEPTH_MAX},
                 {1, W2E_NEVER, W2E_NEVER, 1},
                 {0, 640, W2E_NEVER, 12}, /* of two, a part */
                 {0, 63, W2E_NEVER, 2},
                 {0, W2E_NEVER, 3, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        w2e_load_config_default(&config);
        config.depth = cases[i].depth;
        config.window_bytes = cases[i].window;
        config.messages = cases[i].messages;
        begin();
        CHECK(load.messages_max == cases[i].most);
    }
}

int main(void) {
    an_answer_is_waited_for_from_when_the_last_byte_was_taken();
    a_message_is_waited_for_from_when_it_was_offered();
    by_turns_answers_are_waited_for_from_when_it_is_their_turn();
    who_only_receives_waits_from_when_it_is_connected();
    no_pace_matters_while_a_message_waits_for_room();
    nothing_else_matters_while_a_wrong_byte_is_looked_into();
    the_shortest_delays_are_kept();
    a_connect_that_was_undone_begins_anew();
    a_byte_is_a_message_too();
    a_window_of_a_byte_moves_a_byte_at_a_time();
    a_window_holds_exactly_what_fits();
    a_message_as_long_as_the_window_goes_as_a_whole();
    evidence_is_so_many_bytes_and_no_more();
    fin_concludes_what_is_looked_into();
    one_byte_too_many_is_an_excess();
    an_early_end_tells_where();
    who_only_receives_may_finish_by_reset();
    where_nothing_is_received_nothing_is_in_flight();
    memory_is_no_more_than_is_needed();
    the_buffer_is_given_back();
    messages_in_flight_are_as_many_as_can_be();
    return 0;
}
