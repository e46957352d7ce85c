/* Pinging: performs what core/ping.c keeps the accounts of. */
#include "client.h"
#include "ping.h"
#include "session.h"
#include "win/system.h"

#include <string.h>

/* So many answers are taken before it is seen to whether something is to be sent. */
enum { ANSWERS_AT_ONCE = 64 };

/* What a client remembers between two calls. */
struct w2e_client_ping {
    struct w2e_ping accounts;
    struct w2e_ping_waiting waiting[W2E_PING_WINDOW_MAX];
    uint64_t begun_us;
    unsigned char datagram[]; /* the one to send */
};

/* What one round did. */
struct round {
    bool moved;   /* a datagram was sent, or something came */
    bool sent;    /* … sent */
    bool blocked; /* the system takes none for now: send_event is armed */
};

static void count_unreachable(struct w2e_client *client, struct round *round) {
    client->ping->accounts.progress.unreachable++;
    w2e_counter_add(&client->datagrams_unreachable, 1);
    round->moved = true;
}

static void take_answer(struct w2e_client *client, size_t size) {
    w2e_ping_came(&client->ping->accounts, client->arrived, size, w2e_sys_now_us());
    w2e_counter_add(&client->datagrams_received, 1);
    w2e_counter_add(&client->bytes_received, size);
}

/* Takes what has come. */
static int receive(struct w2e_client *client, struct round *round) {
    for (int i = 0; i < ANSWERS_AT_ONCE; i++) {
        size_t size;
        int error = w2e_datagram_try_receive(client, &size);
        if (w2e_datagram_unreachable(error)) {
            count_unreachable(client, round);
        } else if (error != 0) {
            return error == WSAEWOULDBLOCK ? 0 : error;
        } else {
            take_answer(client, size);
            round->moved = true;
        }
    }
    return 0;
}

/* Sends the next datagram, if it is time. */
static int send_next(struct w2e_client *client, struct round *round) {
    struct w2e_client_ping *ping = client->ping;
    uint64_t sent;
    uint64_t now_us = w2e_sys_now_us();
    if (w2e_ping_send_us(&ping->accounts) > now_us) {
        return 0;
    }
    w2e_ping_build(&ping->accounts, ping->datagram);
    int error = w2e_datagram_try_send(client, ping->datagram, ping->accounts.options.datagram_bytes, &sent);
    if (error == 0) {
        w2e_ping_sent(&ping->accounts, now_us);
        round->sent = round->moved = true;
    } else if (w2e_datagram_unreachable(error)) {
        count_unreachable(client, round); /* this tells of an earlier one: the datagram goes in the next round */
        error = 0;
    } else if (error == WSAEWOULDBLOCK) {
        round->blocked = true;
        error = 0;
    }
    return error;
}

/* Waits for an answer, for the time of the next sending or loss, or for room to send. */
static int wait(struct w2e_client *client, const struct round *round, uint64_t deadline_us) {
    HANDLE events[2] = {client->receive_event, client->send_event};
    const struct w2e_ping *accounts = &client->ping->accounts;
    uint64_t until_us = w2e_ping_lost_us(accounts);
    uint64_t send_us = round->blocked ? W2E_NEVER : w2e_ping_send_us(accounts);
    until_us = send_us < until_us ? send_us : until_us;
    until_us = deadline_us < until_us ? deadline_us : until_us;
    int error = w2e_client_wait(client, events, round->blocked ? 2 : 1, until_us);
    return error == WSAETIMEDOUT ? 0 : error;
}

static int do_round(struct w2e_client *client, struct round *round) {
    struct w2e_ping *accounts = &client->ping->accounts;
    int error = receive(client, round);
    w2e_ping_expire(accounts, w2e_sys_now_us());
    if (error == 0) {
        error = send_next(client, round);
    }
    return error == 0 && w2e_flag_is_set(&client->closing) ? WSA_OPERATION_ABORTED : error;
}

/* Past the deadline it goes on only to fill the window, so that a caller who never waits has as much under way as any other. */
static int ping_until(struct w2e_client *client, uint64_t deadline_us) {
    const struct w2e_ping *accounts = &client->ping->accounts;
    uint32_t overtime = 0;
    int error = 0;
    while (error == 0) {
        struct round round = {.moved = false};
        error = do_round(client, &round);
        if (error != 0 || w2e_ping_finished(accounts)) {
            break;
        }
        if (w2e_sys_now_us() >= deadline_us) {
            error = round.sent && ++overtime < accounts->options.window ? 0 : WSAETIMEDOUT;
        } else if (!round.moved) {
            error = wait(client, &round, deadline_us);
        }
    }
    return error;
}

/* ---- beginning and going on ---- */

static bool is_new(const ws2echo_ping_progress *progress) {
    static const ws2echo_ping_progress none = {0};
    return memcmp(progress, &none, sizeof none) == 0;
}

static bool goes_on(const struct w2e_client_ping *ping, const ws2echo_ping_options *options,
                    const ws2echo_ping_progress *progress) {
    return ping != NULL && memcmp(&ping->accounts.options, options, sizeof *options) == 0 &&
           memcmp(&ping->accounts.progress, progress, sizeof *progress) == 0;
}

static int begin(struct w2e_client *client, const ws2echo_ping_options *options) {
    struct w2e_client_ping *ping = w2e_sys_alloc(sizeof *ping + options->datagram_bytes);
    if (ping == NULL) {
        return w2e_client_fail(client, WSAENOBUFS, "ping");
    }
    uint64_t run_before = client->ping != NULL ? client->ping->accounts.run : GetCurrentProcessId();
    w2e_sys_free(client->ping);
    client->ping = ping;
    ping->begun_us = w2e_sys_now_us();
    w2e_ping_begin(&ping->accounts, options, ping->begun_us ^ run_before << 32, ping->waiting);
    return 0;
}

static int begin_or_go_on(struct w2e_client *client, const ws2echo_ping_options *options, const ws2echo_ping_progress *progress) {
    if (is_new(progress)) {
        return begin(client, options);
    }
    return goes_on(client->ping, options, progress)
               ? 0
               : w2e_fail_because(WSAEINVAL, "zero it before the first call, and pass the same options after", "ping: progress");
}

static int ping_in_turn(struct w2e_client *client, const ws2echo_ping_options *options, uint64_t deadline_us,
                        ws2echo_ping_progress *progress) {
    int error = begin_or_go_on(client, options, progress);
    if (error != 0 || w2e_ping_finished(&client->ping->accounts)) {
        return error;
    }
    error = ping_until(client, deadline_us);
    client->ping->accounts.progress.elapsed_us = w2e_sys_now_us() - client->ping->begun_us;
    *progress = client->ping->accounts.progress;
    w2e_datagram_receive_ahead(client);
    return error == 0 ? 0 : w2e_client_fail(client, error, "ping");
}

int w2e_client_ping(struct w2e_client *client, const ws2echo_ping_options *options, uint32_t timeout_ms,
                    ws2echo_ping_progress *progress) {
    if (!w2e_client_is_udp(client)) {
        return w2e_client_fail(client, WSAEOPNOTSUPP, "ping");
    }
    if (!w2e_flag_is_set(&client->connected)) {
        return w2e_client_fail(client, WSAENOTCONN, "ping");
    }
    uint64_t deadline_us = w2e_deadline_us(w2e_sys_now_us(), w2e_client_timeout_of_both(client, timeout_ms));
    int error = w2e_client_take_both_turns(client, deadline_us);
    if (error != 0) {
        return w2e_client_fail(client, error, "ping");
    }
    error = ping_in_turn(client, options, deadline_us, progress);
    w2e_client_end_both_turns(client);
    return error;
}
