/* Calls of a load's functions. */
#include "misuse.h"

static void spoil(struct misuse_caller *caller, ws2echo_load_options *options) {
    uint32_t *const fields[] = {&options->size,  &options->model,       &options->protocol, &options->family,
                                &options->port,  &options->connections, &options->pattern,  &options->depth,
                                &options->sizes, &options->sizes_range, &options->burst,    &options->receive,
                                &options->reset, &options->no_delay,    &options->workers,  &options->message_bytes[0]};
    *fields[misuse_below(&caller->chance, sizeof fields / sizeof *fields)] = 0x7FFFFFFF + misuse_below(&caller->chance, 3);
    misuse_wrong(caller, WSAEINVAL);
}

void misuse_load_open(struct misuse_caller *caller) {
    ws2echo_load_options options;
    ws2echo_load_options_init(&options);
    options.host = "127.0.0.1";
    options.port = misuse_shared.port;
    ws2echo_load handle = 1;
    ws2echo_load_options *pointer = misuse_pointer(caller, &options);
    ws2echo_load *result = misuse_pointer(caller, &handle);
    spoil(caller, &options);
    misuse_judge(caller, ws2echo_load_open(pointer, result), NULL);
    if (result != NULL && handle != 0) {
        misuse_complain(caller, "gave a handle with its error");
    }
}

void misuse_load_options_get(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_LOAD, NULL);
    ws2echo_load_options options;
    ws2echo_load_options *pointer = misuse_pointer(caller, &options);
    options.size = misuse_size(caller, sizeof options);
    misuse_judge(caller, ws2echo_load_options_get(handle, pointer), NULL);
}

void misuse_load_stats_get(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_LOAD, NULL);
    ws2echo_load_stats stats;
    ws2echo_load_stats *pointer = misuse_pointer(caller, &stats);
    stats.size = misuse_size(caller, sizeof stats);
    misuse_judge(caller, ws2echo_load_stats_get(handle, pointer), NULL);
}

void misuse_load_histogram_get(struct misuse_caller *caller) {
    static _Thread_local ws2echo_histogram histogram;
    uint64_t handle = misuse_handle(caller, MISUSE_LOAD, NULL);
    ws2echo_histogram *pointer = misuse_pointer(caller, &histogram);
    histogram.size = misuse_size(caller, sizeof histogram);
    uint32_t kind = misuse_number(caller, WS2ECHO_LOAD_CONNECT + 1);
    misuse_judge(caller, ws2echo_load_histogram_get(handle, kind, pointer), NULL);
}

void misuse_load_next_problem(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_LOAD, NULL);
    ws2echo_load_problem problem;
    ws2echo_load_problem *pointer = misuse_pointer(caller, &problem);
    problem.size = misuse_size(caller, sizeof problem);
    int result = ws2echo_load_next_problem(handle, misuse_timeout(caller), pointer);
    misuse_judge(caller, result, (const int[]){WSAETIMEDOUT, WSA_OPERATION_ABORTED, WSAEDISCON, 0});
}

void misuse_load_wait(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle(caller, MISUSE_LOAD, NULL);
    int result = ws2echo_load_wait(handle, misuse_timeout(caller));
    misuse_judge(caller, result, (const int[]){WSAETIMEDOUT, WSA_OPERATION_ABORTED, 0});
}

void misuse_load_stop(struct misuse_caller *caller) {
    misuse_judge(caller, ws2echo_load_stop(misuse_handle_to_end(caller, MISUSE_LOAD, 100)), NULL);
}

void misuse_load_close(struct misuse_caller *caller) {
    uint64_t handle = misuse_handle_to_end(caller, MISUSE_LOAD, 1000);
    if (misuse_judge(caller, ws2echo_load_close(handle), NULL)) {
        misuse_remember_closed(handle);
    }
}
