#include "fault_gate.h"

#include "session.h"

/* Bytes that come within so short a time after the first belong together, however they were read: they share one draw of jitter. */
enum { BURST_US = 1000 };

/* How much time a pace makes up for when its driver asks late; bytes of a bandwidth pass for at least so much time at once. */
enum { LATE_US_MAX = 100 * 1000, BANDWIDTH_STEP_US = 10 * 1000 };

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t after_ms(uint64_t since_us, uint64_t ms) {
    return since_us + ms * 1000;
}

void w2e_gate_touch(struct w2e_gate *gate, uint64_t offset) {
    if (!gate->touched) {
        gate->touched = true;
        gate->touched_at = offset;
    }
}

/* What comes is kept from `limit` on. Whether anything is. */
static bool pass_up_to(struct w2e_gate *gate, uint64_t in, uint64_t limit) {
    gate->passed = larger(gate->passed, smaller(in, limit));
    return in > limit;
}

static void end_by(struct w2e_gate *gate, enum w2e_gate_end how, uint64_t offset) {
    gate->end = how;
    w2e_gate_touch(gate, offset);
}

/* ---- latency ---- */

static struct w2e_gate_mark *mark_at(struct w2e_gate_latency *latency, unsigned index) {
    return &latency->marks[(latency->first + index) % W2E_GATE_MARKS];
}

static void merge_closest(struct w2e_gate_latency *latency) {
    unsigned closest = 0;
    uint64_t least_us = W2E_NEVER;
    for (unsigned i = 0; i + 1 < latency->count; i++) {
        uint64_t late_us = mark_at(latency, i + 1)->due_us - mark_at(latency, i)->first_us;
        if (late_us < least_us) {
            least_us = late_us;
            closest = i;
        }
    }
    mark_at(latency, closest + 1)->first_us = mark_at(latency, closest)->first_us;
    for (unsigned i = closest; i + 1 < latency->count; i++) {
        *mark_at(latency, i) = *mark_at(latency, i + 1);
    }
    latency->count--;
}

static void add_mark(struct w2e_gate_latency *latency, uint64_t end, uint64_t due_us) {
    if (latency->count > 0) {
        struct w2e_gate_mark *last = mark_at(latency, latency->count - 1);
        due_us = larger(due_us, last->due_us); /* order is kept */
        if (due_us == last->due_us) {
            last->end = end;
            return;
        }
    }
    if (latency->count == W2E_GATE_MARKS) {
        merge_closest(latency);
    }
    *mark_at(latency, latency->count++) = (struct w2e_gate_mark){.end = end, .due_us = due_us, .first_us = due_us};
}

static void come_to_latency(struct w2e_gate *gate, uint64_t in, uint64_t now_us) {
    struct w2e_gate_latency *latency = &gate->latency;
    if (!latency->bursts || now_us - latency->came_us >= BURST_US) {
        latency->burst_offset = gate->entered;
        latency->came_us = now_us;
    }
    latency->bursts = true;
    uint64_t delay_us = w2e_fault_delay_us(gate->key, latency->burst_offset, gate->rule.values[W2E_FAULT_latency_latency],
                                           gate->rule.values[W2E_FAULT_latency_jitter]);
    add_mark(latency, in, now_us + delay_us);
    w2e_gate_touch(gate, gate->entered);
}

static void release_due(struct w2e_gate *gate, uint64_t now_us) {
    struct w2e_gate_latency *latency = &gate->latency;
    while (latency->count > 0 && mark_at(latency, 0)->due_us <= now_us) {
        gate->passed = larger(gate->passed, mark_at(latency, 0)->end);
        latency->first = (latency->first + 1) % W2E_GATE_MARKS;
        latency->count--;
    }
    gate->release_us = latency->count > 0 ? mark_at(latency, 0)->due_us : W2E_NEVER;
}

static void advance_latency(struct w2e_gate *gate, uint64_t in, uint64_t now_us, bool send_out) {
    (void)send_out;
    if (in > gate->entered) {
        come_to_latency(gate, in, now_us);
    }
    release_due(gate, now_us);
}

/* Whether it has data, also when it works no more. */
static bool holds_data(const struct w2e_gate *gate) {
    return gate->rule.kind == W2E_FAULT_latency && gate->latency.count > 0;
}

/* What comes to data that is held follows it at once. */
static void follow_data(struct w2e_gate *gate, uint64_t in) {
    struct w2e_gate_mark *last = mark_at(&gate->latency, gate->latency.count - 1);
    last->end = larger(last->end, in);
}

/* ---- bandwidth ---- */

static uint64_t microseconds_for(uint64_t bytes, uint64_t rate) {
    return (bytes * 1000 + rate - 1) / rate;
}

/* Moves the line's reference forward by whole milliseconds, which are whole bytes: no rounding adds up. */
static void follow(struct w2e_gate_bandwidth *line, uint64_t rate, uint64_t now_us) {
    uint64_t ms = (now_us - line->time_us) / 1000;
    line->time_us += ms * 1000;
    line->offset += ms * rate;
}

/* The offset that the line has reached, the time that was lost by asking late left out. */
static uint64_t reach(struct w2e_gate *gate, uint64_t rate, uint64_t now_us) {
    struct w2e_gate_bandwidth *line = &gate->bandwidth;
    follow(line, rate, now_us);
    uint64_t reached = line->offset + (now_us - line->time_us) * rate / 1000;
    uint64_t most = gate->passed + larger(rate * (LATE_US_MAX / 1000), 1);
    if (reached > most) {
        *line = (struct w2e_gate_bandwidth){.time_us = now_us, .offset = most};
        reached = most;
    }
    return reached;
}

static void advance_bandwidth(struct w2e_gate *gate, uint64_t in, uint64_t now_us, bool send_out) {
    uint64_t rate = gate->rule.values[W2E_FAULT_bandwidth_rate];
    struct w2e_gate_bandwidth *line = &gate->bandwidth;
    gate->release_us = W2E_NEVER;
    if (in > gate->entered && gate->entered == gate->passed) { /* until now it was idle */
        *line = (struct w2e_gate_bandwidth){.time_us = now_us, .offset = gate->passed};
        w2e_gate_touch(gate, gate->passed);
    }
    if (send_out || in == gate->passed) {
        return;
    }
    gate->passed = larger(gate->passed, smaller(in, reach(gate, rate, now_us)));
    if (gate->passed < in) {
        uint64_t step = smaller(in - gate->passed, larger(rate * (BANDWIDTH_STEP_US / 1000), 1));
        gate->release_us = line->time_us + microseconds_for(gate->passed + step - line->offset, rate);
    }
}

/* ---- slicer, trickle ---- */

static uint64_t slice_bytes(const struct w2e_gate *gate, uint64_t number) {
    if (gate->rule.kind == W2E_FAULT_trickle) {
        return 1;
    }
    uint64_t variation = gate->rule.values[W2E_FAULT_slicer_size_variation];
    uint64_t least = gate->rule.values[W2E_FAULT_slicer_average_size] - variation;
    return least + w2e_fault_draw_below(gate->key, W2E_DRAW_SIZE, number, 2 * variation + 1);
}

static uint64_t slice_delay_us(const struct w2e_gate *gate) {
    bool trickles = gate->rule.kind == W2E_FAULT_trickle;
    return trickles ? gate->rule.values[W2E_FAULT_trickle_interval] * 1000 : gate->rule.values[W2E_FAULT_slicer_delay];
}

/* A slicer keeps up with its delays, which are often shorter than the clocks of drivers are fine; a trickle never sends two at once. */
static uint64_t lateness_us(const struct w2e_gate *gate, uint64_t now_us) {
    return gate->rule.kind == W2E_FAULT_trickle ? 0 : smaller(LATE_US_MAX, now_us);
}

static bool is_slicing(const struct w2e_gate *gate) {
    return gate->rule.kind == W2E_FAULT_slicer || gate->rule.kind == W2E_FAULT_trickle;
}

static void begin_slices(struct w2e_gate *gate) {
    uint64_t end = gate->begin + slice_bytes(gate, 0);
    gate->slices = (struct w2e_gate_slices){.end = end, .cut_end = end};
}

/* Whether a pause is under way, also when it works no more. */
static bool pauses(const struct w2e_gate *gate, uint64_t now_us) {
    return is_slicing(gate) && now_us < gate->slices.next_us;
}

static void pass_slice(struct w2e_gate *gate, uint64_t in, uint64_t now_us) {
    struct w2e_gate_slices *slices = &gate->slices;
    gate->passed = smaller(in, slices->end);
    if (gate->passed == slices->end) {
        slices->number++;
        slices->end += slice_bytes(gate, slices->number);
        slices->next_us = larger(slices->next_us, now_us - lateness_us(gate, now_us)) + slice_delay_us(gate);
    }
}

static void advance_slices(struct w2e_gate *gate, uint64_t in, uint64_t now_us, bool send_out) {
    struct w2e_gate_slices *slices = &gate->slices;
    gate->release_us = W2E_NEVER;
    if (in > gate->entered) {
        w2e_gate_touch(gate, gate->entered);
    }
    if (in > gate->entered && gate->entered == gate->passed) { /* until now it was idle */
        slices->next_us = larger(slices->next_us, now_us);
    }
    while (!send_out && gate->passed < in && slices->next_us <= now_us) {
        pass_slice(gate, in, now_us);
    }
    if (gate->passed < in) {
        gate->release_us = slices->next_us;
    }
}

uint64_t w2e_gate_cut(struct w2e_gate *gate, uint64_t offset) {
    if (!gate->active || !is_slicing(gate)) {
        return UINT64_MAX;
    }
    if (offset < gate->begin) {
        return gate->begin;
    }
    while (gate->slices.cut_end <= offset) {
        gate->slices.cut_number++;
        gate->slices.cut_end += slice_bytes(gate, gate->slices.cut_number);
    }
    return gate->slices.cut_end;
}

/* ---- what stops, or ends the connection ---- */

static void advance_stall(struct w2e_gate *gate, uint64_t in, uint64_t now_us, bool send_out) {
    (void)now_us;
    (void)send_out;
    uint64_t limit = larger(gate->rule.values[W2E_FAULT_stall_at], gate->begin);
    if (pass_up_to(gate, in, limit)) {
        w2e_gate_touch(gate, limit);
    }
}

static void advance_limit_data(struct w2e_gate *gate, uint64_t in, uint64_t now_us, bool send_out) {
    (void)now_us;
    (void)send_out;
    uint64_t limit = larger(gate->rule.values[W2E_FAULT_limit_data_bytes], gate->begin);
    pass_up_to(gate, in, limit);
    if (in >= larger(limit, 1)) {
        gate->swallows = true;
        end_by(gate, W2E_GATE_FIN, limit);
    }
}

static void advance_reset(struct w2e_gate *gate, uint64_t in, uint64_t now_us, bool send_out) {
    (void)now_us;
    (void)send_out;
    uint64_t limit = larger(gate->rule.values[W2E_FAULT_reset_at], gate->begin);
    pass_up_to(gate, in, limit);
    if (in >= limit) {
        end_by(gate, W2E_GATE_RESET, limit);
    }
}

static void advance_fin(struct w2e_gate *gate, uint64_t in, uint64_t now_us, bool send_out) {
    (void)now_us;
    (void)send_out;
    uint64_t limit = larger(gate->rule.values[W2E_FAULT_fin_at], gate->begin);
    pass_up_to(gate, in, limit);
    if (in >= limit) {
        end_by(gate, W2E_GATE_FIN_ONLY, limit);
    }
}

static void end_after(struct w2e_gate *gate, enum w2e_gate_end how, uint64_t timeout_ms, uint64_t now_us) {
    uint64_t due_us = after_ms(gate->active_us, timeout_ms);
    gate->swallows = true;
    gate->end = now_us >= due_us ? how : gate->end;
    gate->event_us = now_us >= due_us ? W2E_NEVER : due_us;
    w2e_gate_touch(gate, gate->begin);
}

static void advance_timeout(struct w2e_gate *gate, uint64_t in, uint64_t now_us, bool send_out) {
    (void)in;
    (void)send_out;
    uint64_t timeout_ms = gate->rule.values[W2E_FAULT_timeout_timeout];
    end_after(gate, timeout_ms > 0 ? W2E_GATE_FIN : W2E_GATE_GOES_ON, timeout_ms, now_us);
}

/* Where a time passes first, the bytes before had time enough; else they are sent before the reset. */
static void advance_reset_peer(struct w2e_gate *gate, uint64_t in, uint64_t now_us, bool send_out) {
    (void)in;
    (void)send_out;
    uint64_t timeout_ms = gate->rule.values[W2E_FAULT_reset_peer_timeout];
    gate->at_once = timeout_ms > 0;
    end_after(gate, W2E_GATE_RESET, timeout_ms, now_us);
}

static void end_at_once(struct w2e_gate *gate, enum w2e_gate_end how) {
    gate->at_once = true;
    end_by(gate, how, gate->begin);
}

static void advance_down(struct w2e_gate *gate, uint64_t in, uint64_t now_us, bool send_out) {
    (void)in;
    (void)now_us;
    (void)send_out;
    end_at_once(gate, W2E_GATE_FIN);
}

static void advance_refuse(struct w2e_gate *gate, uint64_t in, uint64_t now_us, bool send_out) {
    (void)in;
    (void)now_us;
    (void)send_out;
    end_at_once(gate, W2E_GATE_RESET);
}

static void advance_never_read(struct w2e_gate *gate, uint64_t in, uint64_t now_us, bool send_out) {
    (void)now_us;
    (void)send_out;
    gate->passed = in;
    w2e_gate_touch(gate, gate->begin);
}

/* Of kinds that hold no byte back. */
static void advance_open(struct w2e_gate *gate, uint64_t in, uint64_t now_us, bool send_out) {
    (void)now_us;
    (void)send_out;
    gate->passed = in;
}

uint64_t w2e_gate_receive_limit(const struct w2e_gate *gate) {
    bool too_early = !gate->active && gate->event_us != W2E_NEVER; /* after_ms is not over */
    if (gate->rule.kind != W2E_FAULT_never_read || too_early) {
        return UINT64_MAX;
    }
    return gate->active ? gate->begin : gate->rule.when[W2E_WHEN_after_bytes];
}

/* A stall or reset_peer that has something to say about FIN says: never. */
static bool keeps_finish(const struct w2e_gate *gate) {
    return gate->rule.kind == W2E_FAULT_reset_peer ||
           (gate->rule.kind == W2E_FAULT_stall && gate->passed >= gate->rule.values[W2E_FAULT_stall_at]);
}

uint64_t w2e_gate_finish_us(const struct w2e_gate *gate, uint64_t since_us, bool *holds) {
    *holds = false;
    if (gate->active && keeps_finish(gate)) {
        *holds = true;
        return W2E_NEVER;
    }
    if (!gate->active || gate->rule.kind != W2E_FAULT_slow_close || since_us == W2E_NEVER) {
        return since_us;
    }
    uint64_t delay_ms = gate->rule.values[W2E_FAULT_slow_close_delay];
    *holds = delay_ms > 0;
    return after_ms(since_us, delay_ms);
}

/* ---- corrupt ---- */

static void corrupt_byte(struct w2e_gate *gate, unsigned char *byte, uint64_t offset) {
    bool altered = w2e_fault_happens_again(gate->key, offset, gate->rule.values[W2E_FAULT_corrupt_rate],
                                           gate->rule.values[W2E_FAULT_corrupt_correlation], &gate->corruption.previous);
    if (altered) {
        *byte ^= (unsigned char)(1 + w2e_fault_draw_below(gate->key, W2E_DRAW_MASK, offset, 255));
        w2e_gate_touch(gate, offset);
    }
}

void w2e_gate_corrupt(struct w2e_gate *gate, unsigned char *data, uint64_t offset, size_t size) {
    if (!gate->active || gate->rule.kind != W2E_FAULT_corrupt) {
        return;
    }
    uint64_t at = gate->rule.values[W2E_FAULT_corrupt_at];
    uint64_t from = larger(larger(gate->corruption.done, gate->begin), offset);
    uint64_t to = offset + size;
    if (at != W2E_FAULT_NOT_GIVEN) {
        from = larger(from, at);
        to = smaller(to, at + 1);
    }
    for (uint64_t i = from; i < to; i++) {
        corrupt_byte(gate, data + (i - offset), i);
    }
    gate->corruption.done = larger(gate->corruption.done, offset + size);
}

/* ---- a gate ---- */

typedef void advance_function(struct w2e_gate *gate, uint64_t in, uint64_t now_us, bool send_out);

/* By kind; NULL of those that are not for connections. */
static advance_function *const advance[W2E_FAULT_KINDS] = {
    [W2E_FAULT_latency] = advance_latency,
    [W2E_FAULT_bandwidth] = advance_bandwidth,
    [W2E_FAULT_slow_close] = advance_open,
    [W2E_FAULT_timeout] = advance_timeout,
    [W2E_FAULT_reset_peer] = advance_reset_peer,
    [W2E_FAULT_slicer] = advance_slices,
    [W2E_FAULT_limit_data] = advance_limit_data,
    [W2E_FAULT_down] = advance_down,
    [W2E_FAULT_corrupt] = advance_open,
    [W2E_FAULT_reset] = advance_reset,
    [W2E_FAULT_fin] = advance_fin,
    [W2E_FAULT_refuse] = advance_refuse,
    [W2E_FAULT_never_read] = advance_never_read,
    [W2E_FAULT_trickle] = advance_slices,
    [W2E_FAULT_stall] = advance_stall,
};

static void set_rule(struct w2e_gate *gate, const struct w2e_fault_rule *rule, uint64_t opened_us, uint64_t now_us) {
    gate->rule = *rule;
    gate->start_us = larger(after_ms(opened_us, rule->when[W2E_WHEN_after_ms]), now_us);
}

static void begin_corruption(struct w2e_gate *gate) {
    gate->corruption.previous = w2e_fault_happens_first(gate->key, gate->rule.values[W2E_FAULT_corrupt_rate]);
}

void w2e_gate_init(struct w2e_gate *gate, const struct w2e_fault_rule *rule, uint64_t key, uint64_t opened_us, uint64_t entered,
                   uint64_t now_us) {
    *gate = (struct w2e_gate){.key = key, .entered = entered, .passed = entered, .release_us = W2E_NEVER, .event_us = W2E_NEVER};
    set_rule(gate, rule, opened_us, now_us);
}

/* What it has taken is the rule's, also if it lies before after_bytes: data that is late, or lost. Of the rest, what has passed counts. */
bool w2e_gate_rests_by(const struct w2e_gate *gate, const struct w2e_fault_rule *rule, uint64_t opened_us, uint64_t now_us) {
    uint64_t come = gate->swallows || rule->kind == W2E_FAULT_latency ? gate->entered : gate->passed;
    bool holds = now_us >= after_ms(opened_us, rule->when[W2E_WHEN_after_ms]) && come >= rule->when[W2E_WHEN_after_bytes];
    return gate->active && gate->end == W2E_GATE_GOES_ON && !holds;
}

void w2e_gate_change(struct w2e_gate *gate, const struct w2e_fault_rule *rule, uint64_t opened_us, uint64_t now_us) {
    if (w2e_fault_rule_equal(&gate->rule, rule)) {
        return;
    }
    if (w2e_gate_rests_by(gate, rule, opened_us, now_us)) {
        gate->active = false;
        gate->swallows = false;
        gate->release_us = W2E_NEVER;
    }
    set_rule(gate, rule, opened_us, now_us);
    if (gate->active && rule->kind == W2E_FAULT_corrupt) {
        begin_corruption(gate);
    }
}

/* Begins to work: on what is behind after_bytes, and on nothing that passed before after_ms was over. */
static void activate(struct w2e_gate *gate, uint64_t now_us) {
    uint64_t after_bytes = gate->rule.when[W2E_WHEN_after_bytes];
    gate->active = true;
    gate->active_us = gate->entered >= after_bytes ? gate->start_us : now_us;
    if (holds_data(gate)) {
        follow_data(gate, after_bytes);
        gate->entered = larger(gate->entered, after_bytes);
    } else {
        gate->passed = larger(gate->passed, after_bytes);
        gate->entered = gate->passed;
    }
    gate->begin = gate->entered;
    if (gate->rule.kind == W2E_FAULT_corrupt) {
        begin_corruption(gate);
    } else if (is_slicing(gate)) {
        begin_slices(gate);
    }
}

/* It does not work, or no more: then what it had taken keeps its time, and the order is kept. */
static void pass_by(struct w2e_gate *gate, uint64_t in, uint64_t now_us) {
    if (holds_data(gate)) {
        follow_data(gate, in);
        release_due(gate, now_us);
    } else if (pauses(gate, now_us)) {
        gate->release_us = gate->slices.next_us;
    } else {
        gate->release_us = W2E_NEVER;
        gate->passed = in;
    }
    gate->event_us = now_us < gate->start_us ? gate->start_us : W2E_NEVER;
}

static bool may_begin(const struct w2e_gate *gate, uint64_t in, uint64_t now_us) {
    return now_us >= gate->start_us && in >= gate->rule.when[W2E_WHEN_after_bytes] && !pauses(gate, now_us);
}

void w2e_gate_advance(struct w2e_gate *gate, uint64_t entered, uint64_t now_us, bool send_out) {
    uint64_t in = larger(entered, gate->passed); /* the order of rules was changed: less comes than came already */
    if (!gate->active && may_begin(gate, in, now_us)) {
        activate(gate, now_us);
    }
    gate->event_us = W2E_NEVER;
    if (!gate->active) {
        pass_by(gate, in, now_us);
    } else if (gate->end == W2E_GATE_GOES_ON) { /* the end that it decided stands, though its rule be changed */
        advance[gate->rule.kind](gate, in, now_us, send_out);
    }
    gate->entered = larger(gate->entered, in);
}
