/* The load session over TCP, step by step: what it does in which order, and what it tells. */
#include "load_hand.h"

/* ---- connecting ---- */

static void connecting_comes_first_and_is_timed(void) {
    w2e_load_config_default(&config);
    config.connect_timeout_us = 500;
    begin();
    CHECK(w2e_session_buffer_wanted(session) == 0);
    CHECK(expect_at(START_US, W2E_OP_CONNECT).ask_again_us == START_US + 500);
    CHECK(expect_at(START_US + 499, W2E_OP_NONE).ask_again_us == START_US + 500);
    done_at(START_US + 499, W2E_OP_CONNECT, 0);
    CHECK(told.connects == 1 && told.connect_us == 499);
    CHECK(expect_at(START_US + 499, W2E_OP_SEND).ask_again_us == W2E_NEVER);
    w2e_session_undo(session, W2E_OP_SEND);
    abort_at(START_US + 499);
    ended_by(WS2ECHO_REASON_STOPPED, 0);
}

static void a_connect_that_takes_too_long_is_cancelled(void) {
    for (int succeeds = 0; succeeds < 2; succeeds++) {
        begin();
        expect_at(START_US, W2E_OP_CONNECT);
        expect_at(START_US + 500, W2E_OP_CANCEL);
        expect_at(START_US + 501, W2E_OP_NONE);
        w2e_session_done(session, W2E_OP_CONNECT, succeeds ? 0 : W2E_OPERATION_ABORTED, 0, START_US + 502);
        ended_by(WS2ECHO_REASON_TIMEOUT, W2E_ETIMEDOUT);
        CHECK(told.connects == 0);
        (succeeds ? reset_at : close_at)(START_US + 502);
    }
}

static void a_connection_alone_is_a_load_too(void) {
    w2e_load_config_default(&config);
    config.messages = 0;
    begin_connected();
    expect_at(START_US, W2E_OP_SHUTDOWN);
    done_at(START_US, W2E_OP_SHUTDOWN, 0);
    expect_at(START_US, W2E_OP_RECV);
    done_at(START_US, W2E_OP_RECV, 0);
    ended_by(WS2ECHO_REASON_FIN, 0);
    close_at(START_US);
}

/* ---- sending and receiving ---- */

static void ping_pong_needs_little_and_no_clock(void) {
    w2e_load_config_default(&config);
    config.messages = 3;
    begin_connected();
    CHECK(w2e_session_buffer_wanted(session) < 512);
    for (uint64_t i = 1; i <= 3; i++) {
        uint64_t now_us = START_US + 100 * i;
        struct w2e_op op = expect_at(now_us, W2E_OP_SEND);
        CHECK(op.size == 64 && op.ask_again_us == W2E_NEVER);
        done_at(now_us + 1, W2E_OP_SEND, 64);
        op = expect_at(now_us + 1, W2E_OP_RECV);
        CHECK(op.ask_again_us == W2E_NEVER);
        comes_at(now_us + 20, op, 60);
        receive_at(now_us + 30, 4);
        CHECK(told.answers == i && told.latency_us == 30 && told.bytes == 64 && told.measured == i);
    }
    expect_at(START_US + 400, W2E_OP_SHUTDOWN);
    CHECK(expect_at(START_US + 400, W2E_OP_RECV).ask_again_us == START_US + 400 + 5000000);
    w2e_session_undo(session, W2E_OP_RECV);
    abort_at(START_US + 400);
}

/* Else a driver that starts operations would never be given the RECV without which the SEND cannot be completed. */
static void bytes_are_in_flight_as_soon_as_they_are_offered(void) {
    w2e_load_config_default(&config);
    config.depth = 0;
    config.window_bytes = 200;
    begin_connected();
    CHECK(expect_at(START_US, W2E_OP_SEND).size == 192);
    struct w2e_op op = expect_at(START_US, W2E_OP_RECV);
    expect_at(START_US, W2E_OP_NONE);
    comes_at(START_US + 1, op, 64); /* before the SEND is completed */
    CHECK(told.answers == 1 && told.latency_us == 1);
    expect_at(START_US + 1, W2E_OP_RECV);
    expect_at(START_US + 1, W2E_OP_NONE);
    done_at(START_US + 2, W2E_OP_SEND, 192);
    CHECK(expect_at(START_US + 2, W2E_OP_SEND).size == 64);
    w2e_session_undo(session, W2E_OP_SEND);
    w2e_session_undo(session, W2E_OP_RECV);
    abort_at(START_US + 2);
}

static void what_was_undone_or_cut_short_is_lent_again(void) {
    w2e_load_config_default(&config);
    begin_connected();
    struct w2e_op first = expect_at(START_US, W2E_OP_SEND);
    w2e_session_undo(session, W2E_OP_SEND);
    struct w2e_op again = expect_at(START_US + 5, W2E_OP_SEND);
    CHECK(first.data == again.data && first.size == again.size);
    done_at(START_US + 5, W2E_OP_SEND, 10);
    again = expect_at(START_US + 5, W2E_OP_SEND);
    CHECK(again.data == first.data + 10 && again.size == 54);
    done_at(START_US + 6, W2E_OP_SEND, 54);
    receive_at(START_US + 7, 64);
    CHECK(told.latency_us == 7); /* since it was first offered */
    abort_at(START_US + 7);
}

static void a_message_longer_than_the_window_goes_in_pieces(void) {
    w2e_load_config_default(&config);
    config.sizes[0] = 250;
    config.window_bytes = 100;
    begin_connected();
    send_at(START_US, 100);
    receive_at(START_US, 10);
    receive_at(START_US, 14); /* no piece is smaller than a quarter of the window */
    receive_at(START_US, 1);
    send_at(START_US, 25);
    receive_at(START_US, 100);
    send_at(START_US, 100);
    receive_at(START_US, 100);
    send_at(START_US, 25); /* the last may be */
    receive_at(START_US + 9, 25);
    CHECK(told.answers == 1 && told.bytes == 250 && told.latency_us == 9);
    abort_at(START_US);
}

static void by_turns_all_is_sent_then_all_is_received(void) {
    w2e_load_config_default(&config);
    config.depth = 3;
    config.receives = W2E_RECEIVES_AFTER_SENT;
    config.interval_ns = 10000;
    config.start_us = START_US;
    begin_connected();
    send_at(START_US, 64);
    CHECK(expect_at(START_US, W2E_OP_NONE).ask_again_us == START_US + 10);
    send_at(START_US + 10, 64);
    send_at(START_US + 20, 64);
    receive_at(START_US + 21, 64);
    receive_at(START_US + 30, 64); /* another would be due, but it is not its turn */
    receive_at(START_US + 35, 64);
    send_at(START_US + 35, 64);
    CHECK(told.answers == 3 && told.latency_us == 15);
    abort_at(START_US + 35);
}

/* ---- time ---- */

static void latency_counts_from_when_it_was_meant_to_be_sent(void) {
    w2e_load_config_default(&config);
    config.start_us = START_US;
    config.interval_ns = 100000;
    config.measure_from_us = START_US + 200;
    begin_connected();
    send_at(START_US, 64);
    CHECK(expect_at(START_US, W2E_OP_RECV).ask_again_us == START_US + 100);
    w2e_session_undo(session, W2E_OP_RECV);
    receive_at(START_US + 450, 64); /* the peer took its time: four more were due */
    CHECK(told.latency_us == 450);
    for (uint64_t i = 1; i <= 4; i++) {
        send_at(START_US + 450, 64);
        receive_at(START_US + 450, 64);
        CHECK(told.latency_us == 450 - 100 * i);
    }
    CHECK(told.answers == 5 && told.measured == 3);
    struct w2e_op op = expect_at(START_US + 450, W2E_OP_RECV);
    CHECK(op.ask_again_us == START_US + 500);
    w2e_session_undo(session, W2E_OP_RECV);
    abort_at(START_US + 450);
}

static void thought_is_taken_after_each_answer(void) {
    w2e_load_config_default(&config);
    config.think_us = 30;
    begin_connected();
    send_at(START_US, 64);
    receive_at(START_US + 5, 64);
    CHECK(expect_at(START_US + 34, W2E_OP_RECV).ask_again_us == START_US + 35);
    w2e_session_undo(session, W2E_OP_RECV);
    send_at(START_US + 35, 64);
    abort_at(START_US + 35);
}

static void sending_and_receiving_may_begin_late(void) {
    w2e_load_config_default(&config);
    config.send_delay_us = 50;
    config.receive_delay_us = 80;
    config.reply_timeout_us = 10;
    begin_connected();
    CHECK(expect_at(START_US, W2E_OP_NONE).ask_again_us == START_US + 50);
    send_at(START_US + 50, 64);
    CHECK(expect_at(START_US + 79, W2E_OP_NONE).ask_again_us == START_US + 80);
    CHECK(expect_at(START_US + 80, W2E_OP_RECV).ask_again_us == START_US + 90);
    w2e_session_undo(session, W2E_OP_RECV);
    abort_at(START_US + 80);
}

static void a_peer_that_does_not_answer_times_out(void) {
    w2e_load_config_default(&config);
    config.reply_timeout_us = 100;
    config.think_us = 1000;
    begin_connected();
    send_at(START_US, 64);
    receive_at(START_US + 90, 10); /* something moves */
    CHECK(expect_at(START_US + 189, W2E_OP_RECV).ask_again_us == START_US + 190);
    comes_at(START_US + 189, (struct w2e_op){.kind = W2E_OP_RECV, .data = load.recv_span, .size = 64}, 54);
    CHECK(expect_at(START_US + 400, W2E_OP_RECV).ask_again_us == START_US + 1189); /* nothing is in flight */
    w2e_session_undo(session, W2E_OP_RECV);
    expect_at(START_US + 1189, W2E_OP_SEND);
    expect_at(START_US + 1189, W2E_OP_RECV);
    expect_at(START_US + 1289, W2E_OP_CANCEL);
    w2e_session_undo(session, W2E_OP_RECV);
    w2e_session_undo(session, W2E_OP_SEND);
    ended_by(WS2ECHO_REASON_TIMEOUT, W2E_ETIMEDOUT);
    reset_at(START_US + 1289);
}

static void a_stop_is_seen_in_time_and_what_was_begun_is_completed(void) {
    w2e_load_config_default(&config);
    config.stop_us = START_US + 50;
    config.think_us = 45;
    begin_connected();
    send_at(START_US, 64);
    receive_at(START_US + 3, 64);
    CHECK(expect_at(START_US + 3, W2E_OP_RECV).ask_again_us == START_US + 48);
    w2e_session_undo(session, W2E_OP_RECV);
    send_at(START_US + 49, 64);
    receive_at(START_US + 80, 64);
    CHECK(told.answers == 2);
    expect_at(START_US + 80, W2E_OP_SHUTDOWN);
    abort_at(START_US + 80);
}

/* ---- the end ---- */

static void begin_finishing(void) {
    begin_connected();
    send_at(START_US, 64);
    receive_at(START_US, 64);
    expect_at(START_US, W2E_OP_SHUTDOWN);
    done_at(START_US, W2E_OP_SHUTDOWN, 0);
}

static void fin_is_waited_for_only_so_long(void) {
    w2e_load_config_default(&config);
    config.messages = 1;
    config.finish_timeout_us = 70;
    begin_finishing();
    CHECK(expect_at(START_US + 69, W2E_OP_RECV).ask_again_us == START_US + 70);
    expect_at(START_US + 70, W2E_OP_CANCEL);
    w2e_session_undo(session, W2E_OP_RECV);
    ended_by(WS2ECHO_REASON_TIMEOUT, W2E_ETIMEDOUT);
    reset_at(START_US + 70);
}

static void a_reset_instead_of_fin_is_told(void) {
    begin_finishing();
    expect_at(START_US, W2E_OP_RECV);
    w2e_session_done(session, W2E_OP_RECV, W2E_ECONNRESET, 0, START_US);
    ended_by(WS2ECHO_REASON_RESET, W2E_ECONNRESET);
    reset_at(START_US);
}

static void it_may_finish_by_reset(void) {
    w2e_load_config_default(&config);
    config.messages = 1;
    config.finish = W2E_FINISH_RESET;
    begin_connected();
    send_at(START_US, 64);
    receive_at(START_US, 64);
    reset_at(START_US);
    ended_by(WS2ECHO_REASON_RESET, 0);
}

static void without_memory_it_waits_for_its_end(void) {
    w2e_load_config_default(&config);
    begin_connected();
    CHECK(w2e_session_buffer_wanted(session) > 0);
    CHECK(w2e_session_next(session, START_US).kind == W2E_OP_NONE);
    w2e_session_abort(session, WS2ECHO_REASON_ERROR, W2E_ENOBUFS);
    CHECK(w2e_session_buffer_wanted(session) == 0);
    reset_at(START_US);
    ended_by(WS2ECHO_REASON_ERROR, W2E_ENOBUFS);
}

/* ---- faults ---- */

static void a_wrong_byte_is_told_when_it_is_known_what_it_is(void) {
    w2e_load_config_default(&config);
    config.messages = 1;
    begin_connected();
    send_at(START_US, 64);
    struct w2e_op op = expect_at(START_US, W2E_OP_RECV);
    w2e_pattern_fill(&pattern, 0, op.data, 20);
    op.data[13] ^= 0x40;
    unsigned char wrong = op.data[13];
    done_at(START_US, W2E_OP_RECV, 20);
    CHECK(told.faults == 0);
    CHECK(expect_at(START_US + 1, W2E_OP_RECV).ask_again_us == START_US + 200000); /* more of it may come */
    expect_at(START_US + 200000, W2E_OP_CANCEL);
    CHECK(told.faults == 1 && told.fault.kind == W2E_LOAD_CORRUPT && told.fault.offset == 13 &&
          told.fault.connection == CONNECTION);
    CHECK(told.fault.actual == wrong && told.fault.expected == (wrong ^ 0x40));
    w2e_session_done(session, W2E_OP_RECV, W2E_OPERATION_ABORTED, 0, START_US + 200001);
    reset_at(START_US + 200001);
    CHECK(told.faults == 1 && told.answers == 0);
    ended_by(WS2ECHO_REASON_ERROR, 0);
}

static void fin_before_the_end_is_a_fault(void) {
    w2e_load_config_default(&config);
    config.depth = 2;
    config.messages = 2;
    begin_connected();
    send_at(START_US, 128);
    receive_at(START_US, 70);
    expect_at(START_US, W2E_OP_RECV);
    done_at(START_US, W2E_OP_RECV, 0);
    CHECK(told.faults == 1 && told.fault.kind == W2E_LOAD_EARLY_END);
    CHECK(told.fault.offset == 70 && told.fault.missing_bytes == 58);
    reset_at(START_US);
    ended_by(WS2ECHO_REASON_ERROR, 0);
}

/* ---- receiving only ---- */

static void begin_pull(uint64_t bytes) {
    w2e_load_config_default(&config);
    config.seed = 5;
    config.sends = false;
    config.bytes = bytes;
    begin_connected();
    CHECK(w2e_session_buffer_wanted(session) > 0);
    receive_at(START_US, 1000);
    receive_at(START_US, 1000);
}

static void a_stream_that_is_only_received_ends_with_fin_or_a_limit(void) {
    begin_pull(W2E_NEVER);
    expect_at(START_US, W2E_OP_RECV);
    done_at(START_US, W2E_OP_RECV, 0);
    expect_at(START_US, W2E_OP_SHUTDOWN);
    close_at(START_US);
    ended_by(WS2ECHO_REASON_FIN, 0);
    begin_pull(2000);
    expect_at(START_US, W2E_OP_SHUTDOWN);
    expect_at(START_US, W2E_OP_RECV);
    done_at(START_US, W2E_OP_RECV, 0);
    close_at(START_US);
    ended_by(WS2ECHO_REASON_FIN, 0);
}

static void a_stream_that_is_only_received_is_checked(void) {
    begin_pull(2001);
    expect_at(START_US, W2E_OP_RECV);
    done_at(START_US, W2E_OP_RECV, 0);
    CHECK(told.fault.kind == W2E_LOAD_EARLY_END && told.fault.missing_bytes == 1);
    CHECK(told.fault.connection == CONNECTION && told.fault.found_connection == CONNECTION);
    reset_at(START_US);
    begin_pull(2002);
    struct w2e_op op = expect_at(START_US, W2E_OP_RECV);
    w2e_pattern_fill(&pattern, 2000, op.data, 100);
    done_at(START_US, W2E_OP_RECV, 100);
    CHECK(told.faults == 1 && told.fault.kind == W2E_LOAD_EXCESS && told.fault.offset == 2002);
    reset_at(START_US);
    begin_pull(W2E_NEVER);
    op = expect_at(START_US, W2E_OP_RECV);
    w2e_pattern_fill(&pattern, 2007, op.data, 100);
    done_at(START_US, W2E_OP_RECV, 100);
    CHECK(told.fault.kind == W2E_LOAD_MISSING && told.fault.offset == 2000 && told.fault.found_offset == 2007);
    reset_at(START_US);
}

static void a_stream_that_is_only_received_is_stopped(void) {
    begin_pull(W2E_NEVER);
    config.stop_us = START_US + 1;
    config.finish_timeout_us = 10;
    receive_at(START_US, 10);
    expect_at(START_US + 1, W2E_OP_SHUTDOWN);
    receive_at(START_US + 2, 50); /* it is still on its way */
    expect_at(START_US + 3, W2E_OP_RECV);
    done_at(START_US + 3, W2E_OP_RECV, 0);
    close_at(START_US + 3);
    ended_by(WS2ECHO_REASON_FIN, 0);
}

/* Whose turn it is matters only to who sends. */
static void what_is_only_received_is_received_at_once(void) {
    w2e_load_config_default(&config);
    config.sends = false;
    config.bytes = 100;
    config.receives = W2E_RECEIVES_AFTER_SENT;
    begin_connected();
    receive_at(START_US, 100);
    expect_at(START_US, W2E_OP_SHUTDOWN);
    expect_at(START_US, W2E_OP_RECV);
    done_at(START_US, W2E_OP_RECV, 0);
    close_at(START_US);
    ended_by(WS2ECHO_REASON_FIN, 0);
}

static void there_is_room_for_a_message_at_least(void) {
    w2e_load_config_default(&config);
    config.messages = 0;
    begin();
    CHECK(load.messages_max == 1);
    config.messages = 1;
    begin();
    CHECK(load.messages_max == 1);
    config.messages = 100;
    config.depth = 7;
    begin();
    CHECK(load.messages_max == 7);
}

static void errors_have_reasons(void) {
    static const struct {
        int error;
        enum ws2echo_reason reason;
    } cases[] = {{W2E_ECONNRESET, WS2ECHO_REASON_RESET},
                 {W2E_ECONNABORTED, WS2ECHO_REASON_RESET},
                 {W2E_ETIMEDOUT, WS2ECHO_REASON_TIMEOUT},
                 {W2E_ENOBUFS, WS2ECHO_REASON_ERROR}};
    w2e_load_config_default(&config);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin_connected();
        expect_at(START_US, W2E_OP_SEND);
        w2e_session_done(session, W2E_OP_SEND, cases[i].error, 0, START_US);
        reset_at(START_US);
        ended_by(cases[i].reason, cases[i].error);
    }
}

static void operations_have_a_size_without_being_told_one(void) {
    w2e_load_config_default(&config);
    config.io_bytes_max = 0;
    config.size_count = 1;
    config.sizes[0] = 1 << 20;
    begin_connected();
    CHECK(expect_at(START_US, W2E_OP_SEND).size == W2E_LOAD_IO_BYTES);
    CHECK(expect_at(START_US, W2E_OP_RECV).size == W2E_LOAD_IO_BYTES);
    w2e_session_undo(session, W2E_OP_SEND);
    w2e_session_undo(session, W2E_OP_RECV);
    abort_at(START_US);
}

int main(void) {
    connecting_comes_first_and_is_timed();
    a_connect_that_takes_too_long_is_cancelled();
    a_connection_alone_is_a_load_too();
    ping_pong_needs_little_and_no_clock();
    bytes_are_in_flight_as_soon_as_they_are_offered();
    what_was_undone_or_cut_short_is_lent_again();
    a_message_longer_than_the_window_goes_in_pieces();
    by_turns_all_is_sent_then_all_is_received();
    latency_counts_from_when_it_was_meant_to_be_sent();
    thought_is_taken_after_each_answer();
    sending_and_receiving_may_begin_late();
    a_peer_that_does_not_answer_times_out();
    a_stop_is_seen_in_time_and_what_was_begun_is_completed();
    fin_is_waited_for_only_so_long();
    a_reset_instead_of_fin_is_told();
    it_may_finish_by_reset();
    without_memory_it_waits_for_its_end();
    a_wrong_byte_is_told_when_it_is_known_what_it_is();
    fin_before_the_end_is_a_fault();
    a_stream_that_is_only_received_ends_with_fin_or_a_limit();
    a_stream_that_is_only_received_is_checked();
    a_stream_that_is_only_received_is_stopped();
    what_is_only_received_is_received_at_once();
    there_is_room_for_a_message_at_least();
    errors_have_reasons();
    operations_have_a_size_without_being_told_one();
    return 0;
}
