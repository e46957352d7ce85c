/* The echo session, driven by hand: both ends of the connection are in memory, and the clock is an argument. */
#include "check.h"
#include "codes.h"
#include "session_echo.h"

#include <string.h>

enum { START_US = 1000 };

static const struct w2e_echo_config no_limits = {
    .buffer_bytes_max = 256 * 1024, .idle_timeout_us = W2E_NEVER, .send_timeout_us = W2E_NEVER};

static struct w2e_session *begin(struct w2e_session_echo *echo, const struct w2e_echo_config *config) {
    w2e_session_echo_init(echo, config, START_US);
    return &echo->session;
}

/* As a connection does before each next. */
static void fit_buffer(struct w2e_session *session) {
    size_t wanted = w2e_session_buffer_wanted(session);
    if (wanted != session->buffer_size) {
        free(w2e_session_buffer_swap(session, malloc(wanted), wanted));
    }
}

static struct w2e_op next_at(struct w2e_session *session, uint64_t now_us) {
    fit_buffer(session);
    return w2e_session_next(session, now_us);
}

static struct w2e_op expect(struct w2e_session *session, enum w2e_op_kind kind) {
    struct w2e_op op = next_at(session, START_US);
    CHECK(op.kind == kind);
    return op;
}

static void done(struct w2e_session *session, enum w2e_op_kind kind, int error, size_t bytes) {
    w2e_session_done(session, kind, error, bytes, START_US);
}

static void receive(struct w2e_session *session, const char *text) {
    struct w2e_op op = expect(session, W2E_OP_RECV);
    CHECK(op.size >= strlen(text));
    memcpy(op.data, text, strlen(text));
    done(session, W2E_OP_RECV, 0, strlen(text));
}

static void finish(struct w2e_session *session) {
    struct w2e_op op = next_at(session, START_US);
    CHECK(op.kind == W2E_OP_CLOSE);
    CHECK(next_at(session, START_US).kind == W2E_OP_NONE);
    free(w2e_session_buffer_swap(session, NULL, 0));
}

static void wind_down_by_reset(struct w2e_session *session) {
    expect(session, W2E_OP_RESET);
    done(session, W2E_OP_RESET, 0, 0);
    finish(session);
}

static void fin_is_answered_after_every_byte(void) {
    struct w2e_session_echo echo;
    struct w2e_session *session = begin(&echo, &no_limits);
    receive(session, "hello");
    struct w2e_op send = expect(session, W2E_OP_SEND);
    CHECK(send.size == 5 && memcmp(send.data, "hello", 5) == 0);
    CHECK(next_at(session, START_US).kind == W2E_OP_NONE); /* nothing is received meanwhile */
    done(session, W2E_OP_SEND, 0, 2);
    send = expect(session, W2E_OP_SEND);
    CHECK(send.size == 3 && memcmp(send.data, "llo", 3) == 0);
    done(session, W2E_OP_SEND, 0, 3);
    expect(session, W2E_OP_RECV);
    done(session, W2E_OP_RECV, 0, 0);
    expect(session, W2E_OP_SHUTDOWN);
    done(session, W2E_OP_SHUTDOWN, 0, 0);
    CHECK(session->reason == WS2ECHO_REASON_FIN && session->error == 0);
    CHECK(session->bytes_received == 5 && session->bytes_sent == 5);
    finish(session);
}

static void a_failed_shutdown_is_still_fin(void) {
    struct w2e_session_echo echo;
    struct w2e_session *session = begin(&echo, &no_limits);
    expect(session, W2E_OP_RECV);
    done(session, W2E_OP_RECV, 0, 0);
    expect(session, W2E_OP_SHUTDOWN);
    done(session, W2E_OP_SHUTDOWN, W2E_ECONNRESET, 0);
    CHECK(session->reason == WS2ECHO_REASON_FIN);
    finish(session);
}

static void fin_is_answered_by_reset_if_so_configured(void) {
    struct w2e_echo_config config = no_limits;
    config.finish_by_reset = true;
    struct w2e_session_echo echo;
    struct w2e_session *session = begin(&echo, &config);
    expect(session, W2E_OP_RECV);
    done(session, W2E_OP_RECV, 0, 0);
    wind_down_by_reset(session);
    CHECK(session->reason == WS2ECHO_REASON_FIN);
}

static struct w2e_session *begin_refused(struct w2e_session_echo *echo) {
    struct w2e_session *session = begin(echo, &no_limits);
    w2e_session_echo_refuse(echo, START_US);
    expect(session, W2E_OP_SHUTDOWN);
    done(session, W2E_OP_SHUTDOWN, 0, 0);
    CHECK(session->reason == WS2ECHO_REASON_CAP);
    return session;
}

static void a_refused_session_sends_fin_at_once_and_discards_what_comes(void) {
    struct w2e_session_echo echo;
    struct w2e_session *session = begin_refused(&echo);
    for (int i = 0; i < 100; i++) {
        receive(session, "unwanted");
    }
    expect(session, W2E_OP_RECV);
    done(session, W2E_OP_RECV, 0, 0);
    finish(session);
    CHECK(session->reason == WS2ECHO_REASON_CAP && session->error == 0);
    CHECK(session->bytes_received == 800 && session->bytes_sent == 0);
}

static void a_refused_session_waits_for_fin_only_so_long(void) {
    struct w2e_session_echo echo;
    struct w2e_session *session = begin_refused(&echo);
    struct w2e_op op = expect(session, W2E_OP_RECV);
    CHECK(op.ask_again_us == START_US + 1000000);
    w2e_session_undo(session, W2E_OP_RECV);
    CHECK(next_at(session, op.ask_again_us).kind == W2E_OP_CLOSE);
    free(w2e_session_buffer_swap(session, NULL, 0));
}

static void an_abort_or_an_error_ends_discarding(void) {
    struct w2e_session_echo echo;
    struct w2e_session *session = begin_refused(&echo);
    expect(session, W2E_OP_RECV);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    w2e_session_undo(session, W2E_OP_RECV);
    finish(session);
    session = begin_refused(&echo);
    expect(session, W2E_OP_RECV);
    done(session, W2E_OP_RECV, W2E_ECONNRESET, 0);
    finish(session);
    CHECK(session->reason == WS2ECHO_REASON_CAP);
}

static void without_memory_nothing_is_discarded(void) {
    struct w2e_session_echo echo;
    struct w2e_session *session = begin(&echo, &no_limits);
    w2e_session_echo_refuse(&echo, START_US);
    CHECK(w2e_session_next(session, START_US).kind == W2E_OP_SHUTDOWN);
    done(session, W2E_OP_SHUTDOWN, 0, 0);
    CHECK(w2e_session_next(session, START_US).kind == W2E_OP_CLOSE);
}

static void with_a_byte_of_memory_what_comes_is_discarded(void) {
    struct w2e_echo_config config = no_limits;
    config.buffer_bytes_max = 1;
    struct w2e_session_echo echo;
    struct w2e_session *session = begin(&echo, &config);
    w2e_session_echo_refuse(&echo, START_US);
    expect(session, W2E_OP_SHUTDOWN);
    done(session, W2E_OP_SHUTDOWN, 0, 0);
    receive(session, "x");
    expect(session, W2E_OP_RECV);
    done(session, W2E_OP_RECV, 0, 0);
    finish(session);
}

/* The connection is closed as it would be without. */
static void who_is_refused_and_stopped_is_not_waited_for(void) {
    struct w2e_session_echo echo;
    struct w2e_session *session = begin(&echo, &no_limits);
    w2e_session_echo_refuse(&echo, START_US);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    expect(session, W2E_OP_SHUTDOWN);
    done(session, W2E_OP_SHUTDOWN, 0, 0);
    finish(session);
    CHECK(session->reason == WS2ECHO_REASON_CAP);
}

static void errors_have_reasons(void) {
    static const struct {
        int error;
        enum ws2echo_reason reason;
    } cases[] = {{W2E_ECONNRESET, WS2ECHO_REASON_RESET},
                 {W2E_ECONNABORTED, WS2ECHO_REASON_RESET},
                 {W2E_ETIMEDOUT, WS2ECHO_REASON_TIMEOUT},
                 {W2E_ENOBUFS, WS2ECHO_REASON_ERROR}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct w2e_session_echo echo;
        struct w2e_session *session = begin(&echo, &no_limits);
        expect(session, W2E_OP_RECV);
        done(session, W2E_OP_RECV, cases[i].error, 0);
        CHECK(session->reason == cases[i].reason && session->error == cases[i].error);
        wind_down_by_reset(session);
    }
}

static void an_abort_waits_for_what_is_out(void) {
    struct w2e_session_echo echo;
    struct w2e_session *session = begin(&echo, &no_limits);
    receive(session, "x");
    expect(session, W2E_OP_SEND);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    w2e_session_abort(session, WS2ECHO_REASON_ERROR, W2E_ENOBUFS);
    expect(session, W2E_OP_CANCEL); /* once */
    CHECK(next_at(session, START_US).kind == W2E_OP_NONE);
    w2e_session_undo(session, W2E_OP_SEND);
    CHECK(session->reason == WS2ECHO_REASON_STOPPED && session->error == 0);
    wind_down_by_reset(session);
}

static void what_comes_after_a_cancel_is_not_echoed(void) {
    struct w2e_session_echo echo;
    struct w2e_session *session = begin(&echo, &no_limits);
    expect(session, W2E_OP_RECV);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    expect(session, W2E_OP_CANCEL);
    done(session, W2E_OP_RECV, 0, 7); /* it was completed just before */
    CHECK(session->reason == WS2ECHO_REASON_STOPPED && session->bytes_received == 7 && session->bytes_sent == 0);
    wind_down_by_reset(session);
}

static void what_discards_is_cancelled_when_its_time_is_over(void) {
    struct w2e_session_echo echo;
    struct w2e_session *session = begin_refused(&echo);
    struct w2e_op op = expect(session, W2E_OP_RECV);
    CHECK(next_at(session, START_US + 1).kind == W2E_OP_NONE);
    CHECK(next_at(session, START_US + 1).ask_again_us == op.ask_again_us);
    CHECK(next_at(session, op.ask_again_us).kind == W2E_OP_CANCEL);
    w2e_session_done(session, W2E_OP_RECV, W2E_OPERATION_ABORTED, 0, op.ask_again_us);
    CHECK(next_at(session, op.ask_again_us).kind == W2E_OP_CLOSE);
    free(w2e_session_buffer_swap(session, NULL, 0));
}

static void what_was_undone_is_lent_again(void) {
    struct w2e_session_echo echo;
    struct w2e_session *session = begin(&echo, &no_limits);
    receive(session, "ab");
    struct w2e_op first = expect(session, W2E_OP_SEND);
    w2e_session_undo(session, W2E_OP_SEND);
    struct w2e_op again = expect(session, W2E_OP_SEND);
    CHECK(first.data == again.data && first.size == again.size);
    done(session, W2E_OP_SEND, 0, 2);
    expect(session, W2E_OP_RECV);
    w2e_session_undo(session, W2E_OP_RECV);
    expect(session, W2E_OP_RECV);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    w2e_session_undo(session, W2E_OP_RECV);
    wind_down_by_reset(session);
}

static void an_idle_session_times_out(void) {
    struct w2e_echo_config config = no_limits;
    config.idle_timeout_us = 500;
    struct w2e_session_echo echo;
    struct w2e_session *session = begin(&echo, &config);
    struct w2e_op op = next_at(session, START_US);
    CHECK(op.kind == W2E_OP_RECV && op.ask_again_us == START_US + 500);
    op.data[0] = 'a';
    w2e_session_done(session, W2E_OP_RECV, 0, 1, START_US + 400);
    op = next_at(session, START_US + 600);
    CHECK(op.kind == W2E_OP_SEND && op.ask_again_us == START_US + 900);
    w2e_session_done(session, W2E_OP_SEND, 0, 1, START_US + 800);
    op = next_at(session, START_US + 1299);
    CHECK(op.kind == W2E_OP_RECV && op.ask_again_us == START_US + 1300);
    w2e_session_undo(session, W2E_OP_RECV);
    CHECK(next_at(session, START_US + 1300).kind == W2E_OP_RESET);
    CHECK(session->reason == WS2ECHO_REASON_TIMEOUT && session->error == W2E_ETIMEDOUT);
    done(session, W2E_OP_RESET, 0, 0);
    finish(session);
}

static void a_peer_that_takes_no_more_times_out(void) {
    struct w2e_echo_config config = no_limits;
    config.send_timeout_us = 100;
    struct w2e_session_echo echo;
    struct w2e_session *session = begin(&echo, &config);
    CHECK(next_at(session, START_US + 5000).ask_again_us == W2E_NEVER); /* nothing waits to be sent */
    w2e_session_done(session, W2E_OP_RECV, 0, 10, START_US + 5000);
    CHECK(next_at(session, START_US + 5000).ask_again_us == START_US + 5100);
    w2e_session_done(session, W2E_OP_SEND, 0, 4, START_US + 5050); /* it takes some, and has as long again */
    CHECK(next_at(session, START_US + 5149).ask_again_us == START_US + 5150);
    CHECK(next_at(session, START_US + 5150).kind == W2E_OP_CANCEL); /* SEND is still out */
    CHECK(next_at(session, START_US + 5200).kind == W2E_OP_NONE);
    w2e_session_undo(session, W2E_OP_SEND);
    CHECK(session->reason == WS2ECHO_REASON_TIMEOUT);
    wind_down_by_reset(session);
}

/* A SEND tells only when it is over: one of all that is held could take longer than the limit, with a peer that reads all the time. */
static void what_is_timed_is_sent_in_steps(void) {
    struct w2e_echo_config config = no_limits;
    struct w2e_session_echo echo;
    for (int which = 0; which < 3; which++) {
        config.send_timeout_us = which == 1 ? 100 : W2E_NEVER;
        config.idle_timeout_us = which == 2 ? 100 : W2E_NEVER;
        struct w2e_session *session = begin(&echo, &config);
        for (size_t size = 1024; size < 64 * 1024; size *= 8) { /* the buffer grows */
            CHECK(next_at(session, START_US).size == size);
            w2e_session_done(session, W2E_OP_RECV, 0, size, START_US);
            while (next_at(session, START_US).kind == W2E_OP_SEND) {
                w2e_session_done(session, W2E_OP_SEND, 0, echo.send_out, START_US);
            }
            w2e_session_undo(session, W2E_OP_RECV);
        }
        CHECK(next_at(session, START_US).size == 64 * 1024);
        w2e_session_done(session, W2E_OP_RECV, 0, 40000, START_US);
        size_t most = which == 0 ? 40000 : 16 * 1024;
        CHECK(next_at(session, START_US).size == most);
        w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
        w2e_session_undo(session, W2E_OP_SEND);
        wind_down_by_reset(session);
    }
}

static void a_buffer_that_holds_nothing_may_be_taken_away(void) {
    struct w2e_session_echo echo;
    struct w2e_session *session = begin(&echo, &no_limits);
    CHECK(w2e_session_buffer_idle(session));
    expect(session, W2E_OP_RECV);
    CHECK(!w2e_session_buffer_idle(session));
    w2e_session_undo(session, W2E_OP_RECV); /* nothing had come */
    CHECK(w2e_session_buffer_idle(session));
    free(w2e_session_buffer_swap(session, NULL, 0));
    receive(session, "another buffer");
    CHECK(!w2e_session_buffer_idle(session));
    struct w2e_op op = expect(session, W2E_OP_SEND);
    CHECK(op.size == strlen("another buffer") && memcmp(op.data, "another buffer", op.size) == 0);
    CHECK(!w2e_session_buffer_idle(session));
    done(session, W2E_OP_SEND, 0, op.size);
    CHECK(w2e_session_buffer_idle(session));
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    wind_down_by_reset(session);
}

static void the_buffer_grows_with_the_traffic_and_shrinks_after_it(void) {
    struct w2e_session_echo echo;
    struct w2e_session *session = begin(&echo, &no_limits);
    size_t largest = 0;
    for (int i = 0; i < 8; i++) {
        struct w2e_op op = expect(session, W2E_OP_RECV);
        largest = op.size > largest ? op.size : largest;
        done(session, W2E_OP_RECV, 0, op.size);
        done(session, W2E_OP_SEND, 0, expect(session, W2E_OP_SEND).size);
    }
    CHECK(largest == no_limits.buffer_bytes_max);
    size_t smallest = largest;
    for (int i = 0; i < 500; i++) {
        struct w2e_op op = expect(session, W2E_OP_RECV);
        smallest = op.size < smallest ? op.size : smallest;
        done(session, W2E_OP_RECV, 0, 1);
        done(session, W2E_OP_SEND, 0, expect(session, W2E_OP_SEND).size);
    }
    CHECK(smallest <= largest / 32);
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    wind_down_by_reset(session);
}

static size_t echo_bytes(struct w2e_session *session, size_t bytes) {
    size_t size = expect(session, W2E_OP_RECV).size;
    done(session, W2E_OP_RECV, 0, bytes < size ? bytes : size);
    done(session, W2E_OP_SEND, 0, expect(session, W2E_OP_SEND).size);
    return size;
}

/* Small receives count only in a row: now and then a larger one keeps the buffer as it is. */
static void the_buffer_stays_while_it_is_of_use(void) {
    struct w2e_session_echo echo;
    struct w2e_session *session = begin(&echo, &no_limits);
    size_t size = 0;
    while (size < 128 * 1024) {
        size = echo_bytes(session, SIZE_MAX);
    }
    for (int i = 0; i < 1000; i++) {
        CHECK(echo_bytes(session, i % 10 == 0 ? size / 2 : 1) >= size);
    }
    w2e_session_abort(session, WS2ECHO_REASON_STOPPED, 0);
    wind_down_by_reset(session);
}

/* ---- a whole conversation under a random driver ---- */

static uint64_t random_state;

static size_t random_below(size_t limit) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(random_state >> 33) % limit;
}

struct talk {
    struct w2e_session *session;
    const unsigned char *said;
    unsigned char *heard;
    size_t size;
    size_t said_bytes;
    size_t heard_bytes;
    struct w2e_op recv_out; /* kind NONE while nothing is out */
    struct w2e_op send_out;
    bool fin_seen;
    bool closed;
};

static void complete_recv(struct talk *talk) {
    size_t left = talk->size - talk->said_bytes;
    size_t most = talk->recv_out.size < left ? talk->recv_out.size : left;
    size_t count = most > 0 ? 1 + random_below(most) : 0; /* 0 is FIN */
    if (count > 0) {
        memcpy(talk->recv_out.data, talk->said + talk->said_bytes, count);
    }
    talk->said_bytes += count;
    talk->recv_out.kind = W2E_OP_NONE;
    done(talk->session, W2E_OP_RECV, 0, count);
}

static void complete_send(struct talk *talk) {
    size_t count = 1 + random_below(talk->send_out.size);
    CHECK(talk->heard_bytes + count <= talk->size);
    memcpy(talk->heard + talk->heard_bytes, talk->send_out.data, count);
    talk->heard_bytes += count;
    talk->send_out.kind = W2E_OP_NONE;
    done(talk->session, W2E_OP_SEND, 0, count);
}

static void take_next(struct talk *talk) {
    struct w2e_op op = next_at(talk->session, START_US);
    if (op.kind == W2E_OP_RECV || op.kind == W2E_OP_SEND) {
        struct w2e_op *out = op.kind == W2E_OP_RECV ? &talk->recv_out : &talk->send_out;
        CHECK(op.size > 0);
        if (random_below(8) == 0) {
            w2e_session_undo(talk->session, op.kind);
        } else {
            CHECK(out->kind == W2E_OP_NONE);
            *out = op;
        }
    } else if (op.kind == W2E_OP_SHUTDOWN) {
        CHECK(talk->heard_bytes == talk->size);
        talk->fin_seen = true;
        done(talk->session, op.kind, 0, 0);
    } else {
        CHECK(op.kind == W2E_OP_NONE || op.kind == W2E_OP_CLOSE);
        talk->closed = op.kind == W2E_OP_CLOSE;
    }
}

static void converse(size_t size, size_t buffer_bytes_max) {
    struct w2e_echo_config config = no_limits;
    config.buffer_bytes_max = buffer_bytes_max;
    struct w2e_session_echo echo;
    struct talk talk = {.session = begin(&echo, &config), .size = size};
    unsigned char *said = malloc(size + 1);
    talk.said = said;
    talk.heard = calloc(1, size + 1);
    for (size_t i = 0; i < size; i++) {
        said[i] = (unsigned char)random_below(256);
    }
    while (!talk.closed) {
        switch (random_below(3)) {
        case 0:
            if (talk.recv_out.kind != W2E_OP_NONE) {
                complete_recv(&talk);
            }
            break;
        case 1:
            if (talk.send_out.kind != W2E_OP_NONE) {
                complete_send(&talk);
            }
            break;
        default:
            take_next(&talk);
        }
    }
    CHECK(talk.fin_seen);
    CHECK(talk.heard_bytes == size && memcmp(said, talk.heard, size) == 0);
    CHECK(talk.session->bytes_received == size && talk.session->bytes_sent == size);
    free(w2e_session_buffer_swap(talk.session, NULL, 0));
    free(said);
    free(talk.heard);
}

static void every_byte_comes_back_in_order_however_it_is_sliced(void) {
    static const size_t sizes[] = {0, 1, 14, 512, 513, 4096, 65536, 300000};
    static const size_t buffers[] = {1, 2, 3, 7, 512, 4096, 262144};
    for (random_state = 1; random_state < 9; random_state++) {
        uint64_t seed = random_state;
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            for (size_t j = 0; j < sizeof buffers / sizeof buffers[0]; j++) {
                converse(sizes[i], buffers[j]);
            }
        }
        random_state = seed;
    }
}

int main(void) {
    fin_is_answered_after_every_byte();
    a_failed_shutdown_is_still_fin();
    fin_is_answered_by_reset_if_so_configured();
    a_refused_session_sends_fin_at_once_and_discards_what_comes();
    a_refused_session_waits_for_fin_only_so_long();
    an_abort_or_an_error_ends_discarding();
    without_memory_nothing_is_discarded();
    with_a_byte_of_memory_what_comes_is_discarded();
    who_is_refused_and_stopped_is_not_waited_for();
    errors_have_reasons();
    an_abort_waits_for_what_is_out();
    what_comes_after_a_cancel_is_not_echoed();
    what_discards_is_cancelled_when_its_time_is_over();
    what_was_undone_is_lent_again();
    an_idle_session_times_out();
    a_peer_that_takes_no_more_times_out();
    what_is_timed_is_sent_in_steps();
    a_buffer_that_holds_nothing_may_be_taken_away();
    the_buffer_grows_with_the_traffic_and_shrinks_after_it();
    the_buffer_stays_while_it_is_of_use();
    every_byte_comes_back_in_order_however_it_is_sliced();
    return 0;
}
