/* Calls of functions without a handle: descriptions, texts, histograms. */
#include "misuse.h"

#include <math.h>
#include <string.h>

void misuse_count_kinds(void) {
    ws2echo_fault_info info = {.size = sizeof info};
    while (ws2echo_fault_describe(misuse_shared.fault_kinds, &info) == 0) {
        misuse_shared.fault_kinds++;
    }
}

void misuse_fault_describe(struct misuse_caller *caller) {
    ws2echo_fault_info info;
    ws2echo_fault_info *pointer = misuse_pointer(caller, &info);
    info.size = misuse_size(caller, sizeof info);
    uint32_t index = misuse_number(caller, misuse_shared.fault_kinds);
    misuse_judge(caller, ws2echo_fault_describe(index, pointer), NULL);
}

void misuse_fault_parameter_describe(struct misuse_caller *caller) {
    ws2echo_fault_parameter_info info;
    ws2echo_fault_parameter_info *pointer = misuse_pointer(caller, &info);
    info.size = misuse_size(caller, sizeof info);
    uint32_t kind = misuse_number(caller, misuse_shared.fault_kinds);
    uint32_t index = misuse_below(&caller->chance, 12);
    misuse_judge(caller, ws2echo_fault_parameter_describe(kind, index, pointer), (const int[]){WSAEINVAL, 0});
}

void misuse_model_describe(struct misuse_caller *caller) {
    ws2echo_model_info info;
    ws2echo_model_info *pointer = misuse_pointer(caller, &info);
    info.size = misuse_size(caller, sizeof info);
    uint32_t index = misuse_number(caller, WS2ECHO_MODEL_IOCP + 1);
    if (misuse_judge(caller, ws2echo_model_describe(index, pointer), NULL) && strlen(info.name) == 0) {
        misuse_complain(caller, "model %u has no name", index);
    }
}

static void check_words(struct misuse_caller *caller, const char *text) {
    if (text == NULL || strlen(text) > 4096) {
        misuse_complain(caller, "gave no text");
    }
    misuse_judge(caller, 0, NULL);
}

void misuse_version(struct misuse_caller *caller) {
    check_words(caller, ws2echo_version());
}

void misuse_error_name(struct misuse_caller *caller) {
    check_words(caller, ws2echo_error_name((int)misuse_draw(&caller->chance)));
}

void misuse_error_text(struct misuse_caller *caller) {
    check_words(caller, ws2echo_error_text(10000 + (int)misuse_below(&caller->chance, 1200)));
}

void misuse_last_failure(struct misuse_caller *caller) {
    check_words(caller, ws2echo_last_failure());
}

void misuse_server_options_init(struct misuse_caller *caller) {
    ws2echo_server_options options;
    misuse_judge(caller, ws2echo_server_options_init(misuse_pointer(caller, &options)), NULL);
}

void misuse_client_options_init(struct misuse_caller *caller) {
    ws2echo_client_options options;
    misuse_judge(caller, ws2echo_client_options_init(misuse_pointer(caller, &options)), NULL);
}

void misuse_ping_options_init(struct misuse_caller *caller) {
    ws2echo_ping_options options;
    misuse_judge(caller, ws2echo_ping_options_init(misuse_pointer(caller, &options)), NULL);
}

void misuse_load_options_init(struct misuse_caller *caller) {
    ws2echo_load_options options;
    misuse_judge(caller, ws2echo_load_options_init(misuse_pointer(caller, &options)), NULL);
}

/* Histograms are 21 KiB each: those that calls work on are the thread's own, and stay. */
static _Thread_local ws2echo_histogram histograms[2];

void misuse_histogram_init(struct misuse_caller *caller) {
    misuse_judge(caller, ws2echo_histogram_init(misuse_pointer(caller, &histograms[0])), NULL);
}

void misuse_histogram_record(struct misuse_caller *caller) {
    ws2echo_histogram *pointer = misuse_pointer(caller, &histograms[0]);
    histograms[0].size = misuse_size(caller, sizeof *histograms);
    uint64_t value_us = misuse_draw(&caller->chance) >> misuse_below(&caller->chance, 64);
    misuse_judge(caller, ws2echo_histogram_record(pointer, value_us, misuse_draw(&caller->chance)), NULL);
}

void misuse_histogram_merge(struct misuse_caller *caller) {
    ws2echo_histogram *into = misuse_pointer(caller, &histograms[0]);
    ws2echo_histogram *from = misuse_pointer(caller, &histograms[1]);
    histograms[0].size = misuse_size(caller, sizeof *histograms);
    histograms[1].size = misuse_size(caller, sizeof *histograms);
    misuse_judge(caller, ws2echo_histogram_merge(into, from), NULL);
}

void misuse_histogram_percentile(struct misuse_caller *caller) {
    const double values[] = {0, 50, 99.9, 100, -0.001, 100.001, -INFINITY, INFINITY, NAN};
    uint32_t chosen = misuse_below(&caller->chance, sizeof values / sizeof *values);
    uint64_t value_us;
    ws2echo_histogram *pointer = misuse_pointer(caller, &histograms[0]);
    uint64_t *result = misuse_pointer(caller, &value_us);
    histograms[0].size = misuse_size(caller, sizeof *histograms);
    if (chosen > 3) {
        misuse_wrong(caller, WSAEINVAL);
    }
    misuse_judge(caller, ws2echo_histogram_percentile(pointer, values[chosen], result), NULL);
}

void misuse_histogram_mean(struct misuse_caller *caller) {
    double value;
    ws2echo_histogram *pointer = misuse_pointer(caller, &histograms[0]);
    double *result = misuse_pointer(caller, &value);
    histograms[0].size = misuse_size(caller, sizeof *histograms);
    misuse_judge(caller, ws2echo_histogram_mean(pointer, result), NULL);
}

void misuse_histogram_deviation(struct misuse_caller *caller) {
    double value;
    ws2echo_histogram *pointer = misuse_pointer(caller, &histograms[0]);
    double *result = misuse_pointer(caller, &value);
    histograms[0].size = misuse_size(caller, sizeof *histograms);
    misuse_judge(caller, ws2echo_histogram_deviation(pointer, result), NULL);
}

void misuse_histogram_bounds(struct misuse_caller *caller) {
    uint64_t lowest_us;
    uint64_t highest_us;
    uint64_t *lowest = misuse_pointer(caller, &lowest_us);
    uint64_t *highest = misuse_pointer(caller, &highest_us);
    uint32_t index = misuse_number(caller, WS2ECHO_HISTOGRAM_COUNTS);
    misuse_judge(caller, ws2echo_histogram_bounds(index, lowest, highest), NULL);
}
