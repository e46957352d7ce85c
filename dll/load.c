#include "load.h"

#include "histogram.h"
#include "io/socket.h"
#include "models.h"
#include "options.h"
#include "win/error.h"
#include "win/system.h"
#include "win/winsock.h"

#include <string.h>

enum {
    PROBLEMS_MAX = 1024,
    RETRY_MS = 50, /* after a connection could not be connected, in a place that has a further one */
    RECORD_PARTS_MAX = 16,
    WINDOW_BYTES = 1024 * 1024,
    WINDOW_BYTES_OF_THREADS = 32 * 1024, /* within the buffers of two sockets: a thread sends or receives, not both */
    REPLY_TIMEOUT_MS_UDP = 1000
};

static uint64_t limit_us(uint32_t timeout_ms) {
    return timeout_ms == WS2ECHO_INFINITE ? W2E_NEVER : (uint64_t)timeout_ms * 1000;
}

static uint64_t later_us(uint64_t time_us, uint32_t timeout_ms) {
    return time_us == W2E_NEVER ? W2E_NEVER : w2e_deadline_us(time_us, timeout_ms);
}

/* ---- problems ---- */

void w2e_load_problem_locked(struct w2e_load *load, ws2echo_load_problem *problem) {
    problem->size = sizeof *problem;
    problem->time_us = w2e_sys_now_us() - load->opened_us;
    load->stats.problems[problem->kind]++;
    if (load->problems == NULL) {
        load->problems = w2e_sys_alloc_buffer(PROBLEMS_MAX * sizeof *load->problems);
    }
    if (load->problems != NULL && load->problem_count < PROBLEMS_MAX) {
        load->problems[(load->first_problem + load->problem_count++) % PROBLEMS_MAX] = *problem;
        WakeAllConditionVariable(&load->changed);
    }
}

static int take_problem_locked(struct w2e_load *load, ws2echo_load_problem *problem) {
    if (load->closing) {
        return WSA_OPERATION_ABORTED;
    }
    if (load->problem_count == 0) {
        return load->stats.finished ? WSAEDISCON : WSAETIMEDOUT;
    }
    *problem = load->problems[load->first_problem];
    load->first_problem = (load->first_problem + 1) % PROBLEMS_MAX;
    load->problem_count--;
    return 0;
}

int w2e_load_next_problem(struct w2e_load *load, uint32_t timeout_ms, ws2echo_load_problem *problem) {
    uint64_t deadline_us = w2e_deadline_us(w2e_sys_now_us(), timeout_ms);
    AcquireSRWLockExclusive(&load->lock);
    while (load->problem_count == 0 && !load->stats.finished && !load->closing &&
           w2e_condition_wait(&load->changed, &load->lock, deadline_us)) {
    }
    int error = take_problem_locked(load, problem);
    ReleaseSRWLockExclusive(&load->lock);
    return error == 0 ? 0 : w2e_fail(error, "wait for the load's next problem");
}

/* ---- places ---- */

void w2e_load_end_place_locked(struct w2e_load *load) {
    load->places_left--;
    WakeAllConditionVariable(&load->changed);
}

void w2e_load_retry_locked(struct w2e_load *load, struct w2e_load_place *place) {
    place->retry_us = w2e_deadline_us(w2e_sys_now_us(), RETRY_MS);
    place->next_to_retry = NULL;
    if (load->first_to_retry == NULL) {
        load->first_to_retry = place;
    } else {
        load->last_to_retry->next_to_retry = place;
    }
    load->last_to_retry = place;
    WakeAllConditionVariable(&load->changed);
}

/* When the first connection of a place begins, since the load was opened. */
static uint64_t ramp_us(const ws2echo_load_options *options, uint32_t place) {
    return (uint64_t)options->ramp_up_ms * 1000 * place / options->connections;
}

/* When the first connection of the next place is due: W2E_NEVER if each place had one. */
static uint64_t next_place_us_locked(const struct w2e_load *load) {
    bool all = load->places_begun == load->options.connections;
    return all ? W2E_NEVER : load->opened_us + ramp_us(&load->options, load->places_begun);
}

/* Once no connection begins any more: the places that wait for one are done. */
static void give_up_waiting_locked(struct w2e_load *load) {
    load->places_left -= load->options.connections - load->places_begun;
    load->places_begun = load->options.connections;
    while (load->first_to_retry != NULL) {
        load->first_to_retry = load->first_to_retry->next_to_retry;
        load->places_left--;
    }
}

/* The place whose connection is to begin now; else NULL, and when to look again. */
static struct w2e_load_place *take_due_locked(struct w2e_load *load, uint64_t *again_us) {
    uint64_t now_us = w2e_sys_now_us();
    struct w2e_load_place *retry = load->first_to_retry;
    uint64_t place_us = next_place_us_locked(load);
    if (now_us >= load->config.stop_us) {
        give_up_waiting_locked(load);
        *again_us = W2E_NEVER;
        return NULL;
    }
    /* Over UDP there is no queue of the server's to fill, and whether a peer answers may never be known. */
    if (load->connecting >= W2E_LOAD_CONNECTING_MAX && load->options.protocol == WS2ECHO_PROTOCOL_TCP) {
        *again_us = load->config.stop_us;
        return NULL;
    }
    if (place_us <= now_us) {
        return &load->places[load->places_begun++];
    }
    if (retry != NULL && retry->retry_us <= now_us) {
        load->first_to_retry = retry->next_to_retry;
        return retry;
    }
    uint64_t due_us = retry != NULL && retry->retry_us < place_us ? retry->retry_us : place_us;
    *again_us = due_us < load->config.stop_us ? due_us : load->config.stop_us;
    return NULL;
}

static void run_locked(struct w2e_load *load) {
    while (load->places_left > 0 && !load->closing && w2e_sys_now_us() < load->finish_by_us) {
        uint64_t again_us = W2E_NEVER;
        struct w2e_load_place *place = take_due_locked(load, &again_us);
        if (place != NULL) {
            load->connecting++;
            ReleaseSRWLockExclusive(&load->lock);
            w2e_load_begin(load, place);
            AcquireSRWLockExclusive(&load->lock);
        } else if (load->places_left > 0) {
            w2e_condition_wait(&load->changed, &load->lock, again_us < load->finish_by_us ? again_us : load->finish_by_us);
        }
    }
}

/* What the place had due before that time and did not begin. */
static uint64_t owed(const struct w2e_load *load, const struct w2e_load_place *place, uint64_t until_us) {
    uint64_t due = w2e_load_due(&load->config, load->opened_us + place->phase_us, place->of_burst, until_us);
    return place->bytes_left == 0 || place->waits ? 0 : due < place->messages_left ? due : place->messages_left;
}

/* Every connection has ended. Those that were to end at stop_us may have taken until now. */
static void sum_up_locked(struct w2e_load *load, uint64_t stop_us) {
    uint64_t now_us = w2e_sys_now_us();
    uint64_t byte_us = load->opened_us;
    for (uint32_t i = 0; i < load->options.connections; i++) {
        const struct w2e_load_place *place = &load->places[i];
        load->stats.messages_owed += owed(load, place, stop_us < now_us ? stop_us : now_us);
        byte_us = place->byte_us > byte_us ? place->byte_us : byte_us;
    }
    load->stats.active_us = byte_us - load->opened_us;
    load->stats.elapsed_us = now_us - load->opened_us;
    load->stats.finished = 1;
}

static DWORD WINAPI load_run(void *argument) {
    struct w2e_load *load = argument;
    AcquireSRWLockExclusive(&load->lock);
    run_locked(load);
    uint64_t stop_us = load->config.stop_us;
    load->config.stop_us = 0; /* what ends now is not followed by another */
    ReleaseSRWLockExclusive(&load->lock);
    load->driver->ops->stop(load->driver);
    AcquireSRWLockExclusive(&load->lock);
    sum_up_locked(load, stop_us);
    WakeAllConditionVariable(&load->changed);
    ReleaseSRWLockExclusive(&load->lock);
    return 0;
}

int w2e_load_wait(struct w2e_load *load, uint32_t timeout_ms) {
    uint64_t deadline_us = w2e_deadline_us(w2e_sys_now_us(), timeout_ms);
    AcquireSRWLockExclusive(&load->lock);
    while (!load->stats.finished && !load->closing && w2e_condition_wait(&load->changed, &load->lock, deadline_us)) {
    }
    int error = load->closing ? WSA_OPERATION_ABORTED : load->stats.finished ? 0 : WSAETIMEDOUT;
    ReleaseSRWLockExclusive(&load->lock);
    return error == 0 ? 0 : w2e_fail(error, "wait for the load to finish");
}

void w2e_load_stop(struct w2e_load *load) {
    uint64_t now_us = w2e_sys_now_us();
    AcquireSRWLockExclusive(&load->lock);
    bool running = now_us < load->config.stop_us && !load->stats.finished;
    if (running) {
        load->config.stop_us = now_us;
        w2e_load_stop_connections_locked(load, now_us);
        load->finish_by_us = later_us(now_us, load->options.finish_timeout_ms);
        WakeAllConditionVariable(&load->changed);
    }
    ReleaseSRWLockExclusive(&load->lock);
    if (running) {
        load->driver->ops->ask_again(load->driver);
    }
}

/* ---- questions ---- */

void w2e_load_options_get(struct w2e_load *load, ws2echo_load_options *options) {
    *options = load->options;
}

void w2e_load_stats_get(struct w2e_load *load, ws2echo_load_stats *stats) {
    AcquireSRWLockExclusive(&load->lock);
    *stats = load->stats;
    if (!stats->finished) {
        stats->elapsed_us = w2e_sys_now_us() - load->opened_us;
        stats->active_us = stats->elapsed_us;
    }
    ReleaseSRWLockExclusive(&load->lock);
    stats->size = sizeof *stats;
    stats->messages = w2e_record_total(&load->latencies);
    struct w2e_traffic traffic;
    w2e_traffic_sum(load->traffic, &traffic);
    w2e_load_datagrams_get(load, stats);
    stats->bytes_received = w2e_counter_get(&traffic.bytes_received);
    stats->bytes_sent = w2e_counter_get(&traffic.bytes_sent);
}

int w2e_load_histogram_get(struct w2e_load *load, uint32_t kind, ws2echo_histogram *histogram) {
    if (kind > WS2ECHO_LOAD_CONNECT) {
        return w2e_fail_because(WSAEINVAL, "WS2ECHO_LOAD_LATENCY or _CONNECT", "histogram %lu of a load", (unsigned long)kind);
    }
    w2e_record_get(kind == WS2ECHO_LOAD_LATENCY ? &load->latencies : &load->connects, histogram);
    return 0;
}

/* ---- open and close ---- */

static struct w2e_connection *never_accepted(void *owner, SOCKET socket, const SOCKADDR_STORAGE *peer) {
    (void)owner;
    (void)socket;
    (void)peer;
    return NULL;
}

static void accept_never_failed(void *owner) {
    (void)owner;
}

static void connection_ending(void *owner, struct w2e_connection *connection) {
    (void)owner;
    (void)connection;
}

static bool is_blocking(const ws2echo_load_options *options) {
    return strcmp(w2e_model_find(options->model)->family, "blocking") == 0;
}

/* Decides what the options leave open. */
static void choose_defaults(ws2echo_load_options *options) {
    bool udp = options->protocol == WS2ECHO_PROTOCOL_UDP;
    if (options->window_bytes == 0 && options->pattern == WS2ECHO_LOAD_STREAM) {
        options->window_bytes = is_blocking(options) ? WINDOW_BYTES_OF_THREADS : WINDOW_BYTES;
    }
    if (options->reply_timeout_ms == WS2ECHO_TIMEOUT_OF_OPTIONS) {
        options->reply_timeout_ms = udp ? REPLY_TIMEOUT_MS_UDP : WS2ECHO_INFINITE;
    }
    if (w2e_model_find(options->model)->workers != 0 && options->workers == 0) {
        options->workers = w2e_driver_default_workers();
    }
}

/* Of one connection, from burst to burst. */
static uint64_t interval_ns(const ws2echo_load_options *options) {
    return options->rate == 0 ? 0 : 1000000000 * (uint64_t)options->connections * options->burst / options->rate;
}

/* Without a window both ends would block in send for ever if one end is a thread that could receive, but sends. */
static uint64_t window_bytes(const ws2echo_load_options *options, enum w2e_load_receives receives) {
    bool blocks = is_blocking(options) && options->protocol == WS2ECHO_PROTOCOL_TCP && receives == W2E_RECEIVES_START;
    return options->pattern == WS2ECHO_LOAD_STREAM ? options->window_bytes : blocks ? WINDOW_BYTES_OF_THREADS : W2E_NEVER;
}

static void fill_config(struct w2e_load *load) {
    const ws2echo_load_options *options = &load->options;
    struct w2e_load_config *config = &load->config;
    w2e_load_config_default(config);
    config->seed = options->seed;
    config->connections = options->messages_per_connection != 0 ? 1u << 24 : options->connections;
    config->size_count = options->sizes_range ? 0 : options->sizes;
    memcpy(config->sizes, options->message_bytes, sizeof config->sizes);
    config->size_min = options->message_bytes[0];
    config->size_max = options->message_bytes[1];
    config->depth = options->pattern == WS2ECHO_LOAD_STREAM ? 0 : options->depth;
    config->receives = options->receive == WS2ECHO_LOAD_RECEIVE_AFTER_SENT ? W2E_RECEIVES_AFTER_SENT
                       : options->receive == WS2ECHO_LOAD_RECEIVE_NEVER    ? W2E_RECEIVES_NEVER
                                                                           : W2E_RECEIVES_START;
    config->window_bytes = window_bytes(options, config->receives);
    config->finish = options->reset ? W2E_FINISH_RESET : W2E_FINISH_FIN;
    config->start_us = load->opened_us;
    config->interval_ns = interval_ns(options);
    config->burst = options->burst;
    config->think_us = (uint64_t)options->think_ms * 1000;
    config->send_delay_us = (uint64_t)options->send_delay_ms * 1000;
    config->receive_delay_us = (uint64_t)options->receive_delay_ms * 1000;
    config->stop_us = later_us(load->opened_us, options->duration_ms);
    config->measure_from_us = later_us(load->opened_us, options->warm_up_ms);
    config->connect_timeout_us = limit_us(options->connect_timeout_ms);
    config->reply_timeout_us = limit_us(options->reply_timeout_ms);
    config->finish_timeout_us = limit_us(options->finish_timeout_ms);
}

/* Of a limit on all places together, the share of one. */
static uint64_t share(uint64_t all, uint32_t places, uint32_t place) {
    return all == 0 ? W2E_NEVER : all / places + (place < all % places);
}

/* When the timetable of a place begins: not before its connection does. Timetables are shifted against each other, so that they are not
 * all due at once. */
static uint64_t phase_us(const ws2echo_load_options *options, uint32_t place) {
    uint64_t interval_us = interval_ns(options) / 1000;
    return interval_us == 0 ? 0 : ramp_us(options, place) + interval_us * place / options->connections;
}

static int make_places(struct w2e_load *load) {
    uint32_t count = load->options.connections;
    load->places = w2e_sys_alloc(count * sizeof *load->places);
    if (load->places == NULL) {
        return WSAENOBUFS;
    }
    for (uint32_t i = 0; i < count; i++) {
        load->places[i] = (struct w2e_load_place){.messages_left = share(load->options.messages, count, i),
                                                  .bytes_left = share(load->options.bytes, count, i),
                                                  .phase_us = phase_us(&load->options, i)};
    }
    load->places_left = count;
    return 0;
}

static int resolve(struct w2e_load *load, const ws2echo_load_options *options) {
    ADDRINFOW *found;
    int type = options->protocol == WS2ECHO_PROTOCOL_UDP ? SOCK_DGRAM : SOCK_STREAM;
    int error = w2e_resolve(options->host != NULL ? options->host : "localhost", options->family, options->port, type, &found);
    if (error != 0) {
        return error;
    }
    for (const ADDRINFOW *each = found; each != NULL && load->address_count < W2E_LOAD_ADDRESSES_MAX; each = each->ai_next) {
        struct w2e_load_address *address = &load->addresses[load->address_count++];
        memcpy(&address->socket_address, each->ai_addr, each->ai_addrlen);
        address->size = (int)each->ai_addrlen;
    }
    FreeAddrInfoW(found);
    return 0;
}

static int make_records(struct w2e_load *load) {
    uint32_t parts = load->options.connections < RECORD_PARTS_MAX ? load->options.connections : RECORD_PARTS_MAX;
    int error = w2e_record_init(&load->latencies, parts);
    return error != 0 ? error : w2e_record_init(&load->connects, 1);
}

static int start(struct w2e_load *load) {
    struct w2e_listeners none = {.count = 0};
    struct w2e_driver_config config = {.workers = load->options.workers, .accept = WS2ECHO_ACCEPT_WSAACCEPT};
    int error = w2e_driver_open(&load->driver, load->options.model, &config, &none, &load->service);
    if (error == 0) {
        load->opened_us = w2e_sys_now_us();
        fill_config(load);
        load->finish_by_us = later_us(load->config.stop_us, load->options.finish_timeout_ms);
        error = w2e_thread_start(&load->thread, load_run, load);
    }
    return error == 0 ? 0 : w2e_fail(error, "start the load's threads");
}

static struct w2e_load *new_load(const ws2echo_load_options *options) {
    struct w2e_load *load = w2e_sys_alloc(sizeof *load);
    if (load == NULL) {
        return NULL;
    }
    load->options = *options;
    load->options.host = NULL;
    choose_defaults(&load->options);
    load->socket_options = (struct w2e_socket_options){.no_delay = options->no_delay,
                                                       .receive_buffer_bytes = options->receive_buffer_bytes,
                                                       .send_buffer_bytes = options->send_buffer_bytes,
                                                       .linger_s = -1,
                                                       .udp_connreset = 1};
    load->service = (struct w2e_service){.owner = load,
                                         .accepted = never_accepted,
                                         .ending = connection_ending,
                                         .finished = w2e_load_connection_finished,
                                         .accept_failed = accept_never_failed};
    InitializeSRWLock(&load->lock);
    InitializeConditionVariable(&load->changed);
    return load;
}

static void free_load(struct w2e_load *load) {
    if (load->driver != NULL) {
        load->driver->ops->stop(load->driver);
        load->driver->ops->free(load->driver);
    }
    w2e_record_fini(&load->latencies);
    w2e_record_fini(&load->connects);
    w2e_sys_free(load->places);
    w2e_sys_free(load->problems);
    w2e_sys_free(load);
    w2e_winsock_stop();
}

int w2e_load_open(const ws2echo_load_options *options, struct w2e_load **opened) {
    int error = w2e_winsock_start();
    if (error != 0) {
        return error;
    }
    struct w2e_load *load = new_load(options);
    if (load == NULL) {
        w2e_winsock_stop();
        return w2e_fail(WSAENOBUFS, "open a load");
    }
    if (make_places(load) != 0 || make_records(load) != 0) {
        error = w2e_fail(WSAENOBUFS, "open a load");
    }
    if (error == 0) {
        error = resolve(load, options);
    }
    if (error == 0) {
        error = start(load);
    }
    if (error != 0) {
        free_load(load);
        return error;
    }
    *opened = load;
    return 0;
}

void w2e_load_close(struct w2e_load *load) {
    AcquireSRWLockExclusive(&load->lock);
    load->closing = true;
    WakeAllConditionVariable(&load->changed);
    ReleaseSRWLockExclusive(&load->lock);
    w2e_thread_join(load->thread);
    w2e_registry_wait_unused(&load->object);
    free_load(load);
}
