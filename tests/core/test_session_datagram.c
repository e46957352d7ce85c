/* The session of datagrams, driven by hand: both ends are in memory, and the clock is an argument. */
#include "check.h"
#include "codes.h"
#include "session_datagram.h"

#include <string.h>

enum { START_US = 1000 };

static void begin(struct w2e_session_datagram *datagrams, size_t bytes_max) {
    w2e_session_datagram_init(datagrams, bytes_max);
    struct w2e_session *session = &datagrams->session;
    CHECK(w2e_session_next(session, START_US).kind == W2E_OP_NONE); /* it has no buffer yet */
    size_t wanted = w2e_session_buffer_wanted(session);
    CHECK(wanted == W2E_DATAGRAM_SLOTS * datagrams->datagram_bytes_max);
    CHECK(w2e_session_buffer_swap(session, malloc(wanted), wanted) == NULL);
}

static struct w2e_op expect(struct w2e_session *session, enum w2e_op_kind kind) {
    struct w2e_op op = w2e_session_next(session, START_US);
    CHECK(op.kind == kind);
    return op;
}

static void done(struct w2e_session *session, enum w2e_op_kind kind, int error, size_t bytes) {
    w2e_session_done(session, kind, error, bytes, START_US);
}

static void receive(struct w2e_session *session, struct w2e_op op, const char *text, uint64_t peer) {
    CHECK(op.size >= strlen(text));
    memcpy(op.data, text, strlen(text));
    op.ends->opaque[0] = peer;
    done(session, W2E_OP_RECV, 0, strlen(text));
}

static void expect_answer(struct w2e_session *session, const char *text, uint64_t peer) {
    struct w2e_op op = expect(session, W2E_OP_SEND);
    CHECK(op.size == strlen(text) && memcmp(op.data, text, op.size) == 0);
    CHECK(op.ends->opaque[0] == peer);
}

static void end(struct w2e_session *session) {
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    w2e_session_abort(session, WS2ECHO_REASON_ERROR, W2E_ENOBUFS);
    expect(session, W2E_OP_CLOSE);
    expect(session, W2E_OP_NONE);
    CHECK(session->reason == WS2ECHO_REASON_STOPPED && session->error == 0);
    CHECK(w2e_session_buffer_wanted(session) == 0);
    free(w2e_session_buffer_swap(session, NULL, 0));
}

static void each_is_answered_to_whom_it_came_from(void) {
    struct w2e_session_datagram datagrams;
    struct w2e_session *session = &datagrams.session;
    begin(&datagrams, 100);
    receive(session, expect(session, W2E_OP_RECV), "one", 1);
    expect_answer(session, "one", 1);
    receive(session, expect(session, W2E_OP_RECV), "two", 2); /* while the first answer is on its way */
    expect(session, W2E_OP_NONE);                             /* there is room for two */
    done(session, W2E_OP_SEND, 0, 3);
    expect_answer(session, "two", 2);
    struct w2e_op third = expect(session, W2E_OP_RECV);
    done(session, W2E_OP_SEND, 0, 3);
    receive(session, third, "three", 3);
    expect_answer(session, "three", 3);
    done(session, W2E_OP_SEND, 0, 5);
    CHECK(session->bytes_received == 11 && session->bytes_sent == 11);
    end(session);
}

static void an_empty_one_is_answered_too(void) {
    struct w2e_session_datagram datagrams;
    struct w2e_session *session = &datagrams.session;
    begin(&datagrams, 100);
    receive(session, expect(session, W2E_OP_RECV), "", 9);
    expect_answer(session, "", 9);
    done(session, W2E_OP_SEND, 0, 0);
    expect(session, W2E_OP_RECV);
    w2e_session_undo(session, W2E_OP_RECV);
    end(session);
}

static void no_failure_ends_it(void) {
    static const int passing[] = {W2E_EMSGSIZE, W2E_ECONNRESET, W2E_ENETRESET};
    struct w2e_session_datagram datagrams;
    struct w2e_session *session = &datagrams.session;
    begin(&datagrams, 100);
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        expect(session, W2E_OP_RECV);
        done(session, W2E_OP_RECV, passing[i], 0);
    }
    receive(session, expect(session, W2E_OP_RECV), "a", 1);
    expect(session, W2E_OP_SEND);
    done(session, W2E_OP_SEND, W2E_ENOBUFS, 0); /* lost, as datagrams may be */
    receive(session, expect(session, W2E_OP_RECV), "b", 1);
    expect_answer(session, "b", 1);
    done(session, W2E_OP_SEND, 0, 1);
    CHECK(session->bytes_received == 2 && session->bytes_sent == 1);
    end(session);
}

static void a_failure_of_this_machine_is_not_repeated_at_full_speed(void) {
    struct w2e_session_datagram datagrams;
    struct w2e_session *session = &datagrams.session;
    begin(&datagrams, 100);
    expect(session, W2E_OP_RECV);
    done(session, W2E_OP_RECV, W2E_ENOBUFS, 0);
    struct w2e_op op = expect(session, W2E_OP_NONE);
    CHECK(op.ask_again_us == START_US + 50000);
    CHECK(w2e_session_next(session, op.ask_again_us).kind == W2E_OP_RECV);
    w2e_session_undo(session, W2E_OP_RECV);
    end(session);
}

static void an_abort_cancels_what_is_out(void) {
    struct w2e_session_datagram datagrams;
    struct w2e_session *session = &datagrams.session;
    begin(&datagrams, 100);
    receive(session, expect(session, W2E_OP_RECV), "a", 1);
    expect(session, W2E_OP_SEND);
    expect(session, W2E_OP_RECV);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    expect(session, W2E_OP_CANCEL);
    expect(session, W2E_OP_NONE);
    done(session, W2E_OP_RECV, W2E_OPERATION_ABORTED, 0);
    w2e_session_undo(session, W2E_OP_SEND);
    end(session);
}

static void what_ended_it_is_kept(void) {
    struct w2e_session_datagram datagrams;
    struct w2e_session *session = &datagrams.session;
    begin(&datagrams, 100);
    w2e_session_abort(session, WS2ECHO_REASON_ERROR, W2E_ENOBUFS);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    expect(session, W2E_OP_CLOSE);
    CHECK(session->reason == WS2ECHO_REASON_ERROR && session->error == W2E_ENOBUFS);
    free(w2e_session_buffer_swap(session, NULL, 0));
}

static void a_slot_is_no_longer_than_a_datagram_can_be(void) {
    struct w2e_session_datagram datagrams;
    begin(&datagrams, 1u << 26);
    CHECK(expect(&datagrams.session, W2E_OP_RECV).size == 65535);
    w2e_session_undo(&datagrams.session, W2E_OP_RECV);
    end(&datagrams.session);
}

int main(void) {
    each_is_answered_to_whom_it_came_from();
    an_empty_one_is_answered_too();
    no_failure_ends_it();
    a_failure_of_this_machine_is_not_repeated_at_full_speed();
    an_abort_cancels_what_is_out();
    what_ended_it_is_kept();
    a_slot_is_no_longer_than_a_datagram_can_be();
    return 0;
}
