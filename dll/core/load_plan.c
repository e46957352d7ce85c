#include "load_plan.h"

enum { FINISH_US = 5 * 1000 * 1000, NS_PER_US = 1000 };

void w2e_load_config_default(struct w2e_load_config *config) {
    *config = (struct w2e_load_config){
        .connections = 1,
        .size_count = 1,
        .sizes = {64},
        .depth = 1,
        .window_bytes = W2E_NEVER,
        .io_bytes_max = W2E_LOAD_IO_BYTES,
        .sends = true,
        .burst = 1,
        .messages = W2E_NEVER,
        .bytes = W2E_NEVER,
        .stop_us = W2E_NEVER,
        .connect_timeout_us = W2E_NEVER,
        .reply_timeout_us = W2E_NEVER,
        .finish_timeout_us = FINISH_US,
    };
}

/* ---- sizes ---- */

/* The output function of SplitMix64: every bit of the result depends on every bit of the value. */
static uint64_t mix(uint64_t value) {
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
    value = (value ^ value >> 27) * 0x94D049BB133111EBu;
    return value ^ value >> 31;
}

/* The sizes of a connection do not depend on when anything happens: so a run can be repeated. */
static uint64_t draw_below(const struct w2e_load_plan *plan, uint64_t number, uint64_t limit) {
    return (mix(plan->key + number * 0x9E3779B97F4A7C15u) >> 32) * limit >> 32;
}

static uint32_t draw_size(const struct w2e_load_plan *plan, uint64_t number) {
    const struct w2e_load_config *config = plan->config;
    uint64_t size;
    if (config->size_count == 1) {
        size = config->sizes[0];
    } else if (config->size_count > 1) {
        size = config->sizes[draw_below(plan, number, config->size_count)];
    } else {
        size = config->size_min + draw_below(plan, number, (uint64_t)config->size_max - config->size_min + 1);
    }
    return size < plan->bytes_least ? plan->bytes_least : (uint32_t)size;
}

/* The last message is cut to what the limit leaves. */
static uint32_t cut(const struct w2e_load_plan *plan, uint64_t size) {
    uint64_t limit = plan->config->bytes;
    uint64_t left = plan->begun_bytes < limit ? limit - plan->begun_bytes : 0;
    if (left == 0 || plan->begun >= plan->config->messages) {
        return 0;
    }
    size = size < left ? size : left;
    return size < plan->bytes_least ? plan->bytes_least : (uint32_t)size;
}

uint32_t w2e_load_plan_bytes_at(const struct w2e_load_plan *plan, uint64_t number) {
    return number + 1 == plan->begun ? plan->last_bytes : draw_size(plan, number);
}

uint32_t w2e_load_plan_largest(const struct w2e_load_plan *plan) {
    const struct w2e_load_config *config = plan->config;
    uint32_t largest = config->size_count == 0 ? config->size_max : plan->bytes_least;
    for (uint32_t i = 0; i < config->size_count; i++) {
        largest = config->sizes[i] > largest ? config->sizes[i] : largest;
    }
    return largest < plan->bytes_least ? plan->bytes_least : largest;
}

uint32_t w2e_load_plan_smallest(const struct w2e_load_plan *plan) {
    const struct w2e_load_config *config = plan->config;
    uint32_t smallest = config->size_count == 0 ? config->size_min : config->sizes[0];
    for (uint32_t i = 1; i < config->size_count; i++) {
        smallest = config->sizes[i] < smallest ? config->sizes[i] : smallest;
    }
    return smallest < plan->bytes_least ? plan->bytes_least : smallest;
}

/* ---- times ---- */

static void set_gate(struct w2e_load_plan *plan, uint64_t gate_us) {
    plan->gate_us = gate_us > plan->gate_us ? gate_us : plan->gate_us;
    plan->ready_us = plan->intended_us > plan->gate_us ? plan->intended_us : plan->gate_us;
}

void w2e_load_plan_init(struct w2e_load_plan *plan, const struct w2e_load_config *config, uint32_t connection, uint64_t phase_us,
                        uint32_t bytes_least) {
    *plan = (struct w2e_load_plan){
        .config = config,
        .key = mix(mix(config->seed) + connection),
        .bytes_least = bytes_least,
        .first_us = w2e_load_deadline_us(config->start_us, phase_us),
    };
    plan->intended_us = plan->first_us;
    plan->next_bytes = config->sends ? cut(plan, draw_size(plan, 0)) : 0;
    set_gate(plan, 0);
}

void w2e_load_plan_go_on(struct w2e_load_plan *plan, uint32_t of_burst) {
    plan->of_burst = of_burst;
}

void w2e_load_plan_opened(struct w2e_load_plan *plan, uint64_t now_us) {
    set_gate(plan, w2e_load_deadline_us(now_us, plan->config->send_delay_us));
}

/* Nanoseconds are added up, so that no error is: three messages a second are due at 0, 333333, 666666, 999999 µs, and so on. */
static void advance_pace(struct w2e_load_plan *plan) {
    const struct w2e_load_config *config = plan->config;
    if (config->interval_ns > 0 && ++plan->of_burst >= config->burst) {
        plan->of_burst = 0;
        plan->paced_ns += config->interval_ns;
        plan->intended_us = plan->first_us + plan->paced_ns / NS_PER_US;
        set_gate(plan, 0);
    }
}

bool w2e_load_plan_may_begin(struct w2e_load_plan *plan, bool has_room, uint64_t now_us) {
    if (has_room && w2e_load_plan_ready(plan, now_us)) {
        return true;
    }
    bool too_late = has_room && now_us >= plan->config->stop_us; /* by timers, if it waited for those */
    if (!too_late) {
        plan->waits = has_room && now_us < plan->ready_us && plan->config->interval_ns > 0;
    }
    return false;
}

static void count_lateness(struct w2e_load_plan *plan, uint64_t late_us) {
    plan->waits = false;
    plan->timed++;
    plan->timer_late_us += late_us;
    plan->timer_late_max_us = late_us > plan->timer_late_max_us ? late_us : plan->timer_late_max_us;
}

uint64_t w2e_load_plan_begin(struct w2e_load_plan *plan, uint64_t now_us) {
    if (plan->waits) {
        count_lateness(plan, now_us - plan->ready_us);
    }
    uint64_t intended_us = plan->config->interval_ns > 0 ? plan->intended_us : now_us;
    plan->last_bytes = plan->next_bytes;
    plan->begun_bytes += plan->next_bytes;
    plan->begun++;
    advance_pace(plan);
    plan->next_bytes = cut(plan, draw_size(plan, plan->begun));
    return intended_us;
}

void w2e_load_plan_answered(struct w2e_load_plan *plan, uint64_t now_us) {
    if (plan->config->think_us > 0) {
        set_gate(plan, w2e_load_deadline_us(now_us, plan->config->think_us));
    }
}

uint64_t w2e_load_due(const struct w2e_load_config *config, uint64_t first_us, uint32_t of_burst, uint64_t until_us) {
    if (config->interval_ns == 0 || until_us <= first_us) {
        return 0;
    }
    uint64_t bursts = ((until_us - first_us) * NS_PER_US - 1) / config->interval_ns + 1;
    return bursts * config->burst - of_burst; /* less than a burst, of which one is due at least */
}
