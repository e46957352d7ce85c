/* The exported functions of a load: they check arguments, in the order that the header promises, acquire the handle, delegate, and release it. */
#include "api.h"
#include "load.h"

static struct w2e_load *acquire_load(ws2echo_load handle) {
    return (struct w2e_load *)w2e_registry_acquire(W2E_KIND_LOAD, handle);
}

/* Ends a call. */
static int leave_load(struct w2e_load *load, int error) {
    w2e_registry_release(&load->object);
    return error;
}

int ws2echo_load_options_init(ws2echo_load_options *options) {
    int error = w2e_api_require(options, __func__, "options");
    if (error == 0) {
        w2e_load_options_default(options);
    }
    return error;
}

int ws2echo_load_open(const ws2echo_load_options *options, ws2echo_load *load) {
    if (load != NULL) {
        *load = 0;
    }
    int error = w2e_api_require(options, __func__, "options");
    if (error == 0) {
        error = w2e_api_require(load, __func__, "load");
    }
    if (error == 0) {
        struct w2e_option_fault fault;
        error = w2e_api_bad_option(w2e_load_options_check(options, &fault), &fault, __func__);
    }
    if (error == 0) {
        error = w2e_api_require_room(__func__);
    }
    struct w2e_load *opened = NULL;
    if (error == 0) {
        error = w2e_load_open(options, &opened);
    }
    if (error == 0) {
        error = w2e_api_register(W2E_KIND_LOAD, &opened->object, load, __func__);
        if (error != 0) {
            w2e_load_close(opened);
        }
    }
    return error;
}

int ws2echo_load_options_get(ws2echo_load handle, ws2echo_load_options *options) {
    struct w2e_load *load = acquire_load(handle);
    if (load == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = w2e_api_require(options, __func__, "options");
    if (error == 0) {
        error = w2e_api_require_size(options->size, sizeof *options, __func__);
    }
    if (error == 0) {
        w2e_load_options_get(load, options);
    }
    return leave_load(load, error);
}

int ws2echo_load_stats_get(ws2echo_load handle, ws2echo_load_stats *stats) {
    struct w2e_load *load = acquire_load(handle);
    if (load == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = w2e_api_require(stats, __func__, "stats");
    if (error == 0) {
        error = w2e_api_require_size(stats->size, sizeof *stats, __func__);
    }
    if (error == 0) {
        w2e_load_stats_get(load, stats);
    }
    return leave_load(load, error);
}

int ws2echo_load_histogram_get(ws2echo_load handle, uint32_t kind, ws2echo_histogram *histogram) {
    struct w2e_load *load = acquire_load(handle);
    if (load == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = w2e_api_require(histogram, __func__, "histogram");
    if (error == 0) {
        error = w2e_api_require_size(histogram->size, sizeof *histogram, __func__);
    }
    if (error == 0) {
        error = w2e_load_histogram_get(load, kind, histogram);
    }
    return leave_load(load, error);
}

int ws2echo_load_next_problem(ws2echo_load handle, uint32_t timeout_ms, ws2echo_load_problem *problem) {
    struct w2e_load *load = acquire_load(handle);
    if (load == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = w2e_api_require(problem, __func__, "problem");
    if (error == 0) {
        error = w2e_api_require_size(problem->size, sizeof *problem, __func__);
    }
    if (error == 0) {
        error = w2e_load_next_problem(load, timeout_ms, problem);
    }
    return leave_load(load, error);
}

int ws2echo_load_wait(ws2echo_load handle, uint32_t timeout_ms) {
    struct w2e_load *load = acquire_load(handle);
    return load != NULL ? leave_load(load, w2e_load_wait(load, timeout_ms)) : w2e_api_bad_handle(__func__);
}

int ws2echo_load_stop(ws2echo_load handle) {
    struct w2e_load *load = acquire_load(handle);
    if (load == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    w2e_load_stop(load);
    return leave_load(load, 0);
}

int ws2echo_load_close(ws2echo_load handle) {
    struct w2e_load *load = (struct w2e_load *)w2e_registry_retire(W2E_KIND_LOAD, handle);
    if (load == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    w2e_load_close(load);
    return 0;
}
