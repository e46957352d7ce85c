#include "net.h"

#include "check.h"
#include "codes.h"

#include <string.h>

static void touched(void *owner, const struct w2e_fault_verdict *verdict) {
    struct net *net = owner;
    CHECK(net->verdict_count < ANSWERS_MAX);
    net->verdicts[net->verdict_count++] = *verdict;
}

void net_peer_of(const struct w2e_ends *ends, struct w2e_fault_address *peer) {
    *peer = (struct w2e_fault_address){.family = 4, .bytes = {10, 0, 0, (uint8_t)ends->opaque[0]}};
}

uint64_t net_random(struct net *net, uint64_t limit) {
    net->random = net->random * 6364136223846793005u + 1442695040888963407u;
    return (net->random >> 33) % limit;
}

/* ---- to write the tests briefly ---- */

void net_rule(struct net *net, const char *text) {
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    CHECK(w2e_fault_parse(&rule, text, &error));
    CHECK(w2e_faults_add(&net->rules, &rule, 0) != 0);
}

struct net *net_begin(unsigned family, const char *rule, size_t store_bytes) {
    struct net *net = calloc(1, sizeof *net);
    net->family = (enum family)family;
    net->now_us = START;
    net->random = 1;
    net->session = &net->datagrams.session;
    net->store = malloc(store_bytes);
    w2e_faults_init(&net->rules, 7);
    if (rule != NULL) {
        net_rule(net, rule);
    }
    w2e_session_datagram_init(&net->datagrams, BYTES_MAX);
    size_t wanted = w2e_session_buffer_wanted(net->session);
    CHECK(w2e_session_buffer_swap(net->session, malloc(wanted), wanted) == NULL);
    struct w2e_datagram_socket socket = {
        .number = 1, .opened_us = START, .peer_of = net_peer_of, .observer = {.owner = net, .touched = touched}};
    w2e_session_datagram_faults_attach(&net->faults, &net->datagrams, &socket, net->store, store_bytes, &net->rules, START);
    return net;
}

void net_say(struct net *net, uint64_t time_us, size_t size) {
    CHECK(net->sent < SENT_MAX && size <= BYTES_MAX);
    net->sent_us[net->sent] = time_us;
    net->sent_size[net->sent++] = size;
}

void net_say_many(struct net *net, unsigned count, uint64_t interval_us, size_t size) {
    for (unsigned i = 0; i < count; i++) {
        net_say(net, START + i * interval_us, size);
    }
}

static unsigned char byte_of(unsigned index, size_t place) {
    return (unsigned char)(index * 7 + place * 13 + place / 256);
}

/* ---- moving datagrams ---- */

static bool readable(const struct net *net) {
    return net->taken < net->sent && net->sent_us[net->taken] <= net->now_us;
}

static void do_recv(struct net *net, const struct w2e_op *op) {
    unsigned index = net->taken++;
    CHECK(op->size == BYTES_MAX && op->ends != NULL);
    for (size_t i = 0; i < net->sent_size[index]; i++) {
        op->data[i] = byte_of(index, i);
    }
    op->ends->opaque[0] = index % 5;
    op->ends->opaque[1] = index;
    net->recv.kind = W2E_OP_NONE;
    w2e_session_done(net->session, W2E_OP_RECV, 0, net->sent_size[index], net->now_us);
}

static void do_send(struct net *net, const struct w2e_op *op) {
    struct answer *answer = &net->answers[net->answered++];
    unsigned index = (unsigned)op->ends->opaque[1];
    CHECK(net->answered < ANSWERS_MAX);
    *answer = (struct answer){.time_us = net->now_us, .peer = op->ends->opaque[0], .index = index, .size = op->size};
    for (size_t i = 0; i < op->size; i++) {
        if (op->data[i] != byte_of(index, i)) {
            answer->altered++;
            answer->altered_at = i;
        }
    }
    net->send.kind = W2E_OP_NONE;
    bool failed = net->rough && net_random(net, 10) == 0; /* the fault does not care */
    w2e_session_done(net->session, W2E_OP_SEND, failed ? W2E_ENOBUFS : 0, failed ? 0 : op->size, net->now_us);
}

static void cancel(struct net *net) {
    if (net->recv.kind == W2E_OP_RECV) {
        net->recv.kind = W2E_OP_NONE;
        w2e_session_done(net->session, W2E_OP_RECV, W2E_OPERATION_ABORTED, 0, net->now_us);
    }
    if (net->send.kind == W2E_OP_SEND) {
        net->send.kind = W2E_OP_NONE;
        w2e_session_undo(net->session, W2E_OP_SEND);
    }
}

static void start_send(struct net *net, const struct w2e_op *op) {
    bool later = net->rough && net_random(net, 3) == 0;
    net->send = *op;
    net->send_ready_us = net->now_us + (later ? 1 + net_random(net, 300) : 0);
    if (!later && net->family != COMPLETION) {
        do_send(net, op);
    }
}

/* Whether to go on asking. */
static bool perform(struct net *net, const struct w2e_op *op) {
    switch (op->kind) {
    case W2E_OP_RECV:
        CHECK(net->recv.kind == W2E_OP_NONE);
        if (net->family == COMPLETION) {
            net->recv = *op;
        } else if (readable(net)) {
            do_recv(net, op);
        } else {
            w2e_session_undo(net->session, W2E_OP_RECV);
            return false;
        }
        return true;
    case W2E_OP_SEND:
        CHECK(net->send.kind == W2E_OP_NONE);
        start_send(net, op);
        return net->family != BLOCKING || net->send.kind == W2E_OP_NONE;
    case W2E_OP_CANCEL:
        cancel(net);
        return true;
    case W2E_OP_CLOSE:
        CHECK(net->recv.kind == W2E_OP_NONE && net->send.kind == W2E_OP_NONE);
        net->closed = true;
        return false;
    case W2E_OP_NONE:
        return false;
    case W2E_OP_CONNECT:
    case W2E_OP_SHUTDOWN:
    case W2E_OP_RESET:
        break;
    }
    CHECK(false);
    return false;
}

static bool collect(struct net *net) {
    bool received = net->recv.kind == W2E_OP_RECV && readable(net);
    struct w2e_op op;
    if (net->send.kind == W2E_OP_SEND && net->send_ready_us <= net->now_us &&
        (!received || !net->rough || net_random(net, 2) == 0)) {
        op = net->send;
        do_send(net, &op);
        return true;
    }
    if (received) {
        op = net->recv;
        do_recv(net, &op);
    }
    return received;
}

static void serve(struct net *net) {
    bool again = true;
    while (again && !(net->family == BLOCKING && net->send.kind == W2E_OP_SEND)) {
        struct w2e_op op = w2e_session_next(net->session, net->now_us);
        net->ask_us = op.ask_again_us;
        again = perform(net, &op);
    }
}

static uint64_t next_event_us(const struct net *net) {
    uint64_t event_us = net->send.kind == W2E_OP_SEND && net->family == BLOCKING ? W2E_NEVER : net->ask_us;
    if (net->taken < net->sent && net->sent_us[net->taken] > net->now_us && net->sent_us[net->taken] < event_us) {
        event_us = net->sent_us[net->taken];
    }
    if (net->send.kind == W2E_OP_SEND && net->send_ready_us < event_us) {
        event_us = net->send_ready_us;
    }
    return event_us;
}

void net_run(struct net *net, uint64_t until_us) {
    for (;;) {
        serve(net);
        if (net->closed) {
            return;
        }
        if (!collect(net)) {
            uint64_t event_us = next_event_us(net);
            CHECK(event_us > net->now_us); /* else the driver would go round in circles */
            net->now_us = event_us < until_us ? event_us : until_us;
            if (event_us > until_us) {
                return;
            }
        }
    }
}

void net_end(struct net *net) {
    w2e_session_abort(net->session, WS2ECHO_REASON_STOPPED, 0);
    net_run(net, net->now_us + SECOND);
    CHECK(net->closed);
    free(w2e_session_buffer_swap(net->session, NULL, 0));
    free(net->store);
    free(net);
}

void net_expect_unaltered(const struct net *net) {
    for (unsigned i = 0; i < net->answered; i++) {
        const struct answer *answer = &net->answers[i];
        CHECK(answer->altered == 0 && answer->size == net->sent_size[answer->index] && answer->peer == answer->index % 5);
    }
}

/* How often each was answered. */
void net_count_answers(const struct net *net, unsigned *counts) {
    memset(counts, 0, SENT_MAX * sizeof *counts);
    for (unsigned i = 0; i < net->answered; i++) {
        counts[net->answers[i].index]++;
    }
}

void net_update(struct net *net) {
    w2e_session_datagram_faults_update(&net->faults, &net->rules, net->now_us);
}
