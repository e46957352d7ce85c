/* What the exported functions have in common, and those of the library as a whole. */
#include "api.h"

#include "models.h"
#include "win/error.h"

#include <stddef.h>

int w2e_api_bad_handle(const char *function) {
    return w2e_fail(WSAENOTSOCK, "%s", function);
}

int w2e_api_require(const void *pointer, const char *function, const char *name) {
    return pointer != NULL ? 0 : w2e_fail(WSAEFAULT, "%s: %s", function, name);
}

int w2e_api_require_size(uint32_t given, size_t size, const char *function) {
    return given == size ? 0
                         : w2e_fail_because(WSAEINVAL, "set size to sizeof the struct of this version of the header",
                                            "%s: size %lu", function, (unsigned long)given);
}

int w2e_api_bad_option(int error, const struct w2e_option_fault *fault, const char *function) {
    return error == 0 ? 0 : w2e_fail_because(error, fault->wanted, "%s: option %s", function, fault->field);
}

int w2e_api_require_room(const char *function) {
    return w2e_registry_has_room() ? 0 : w2e_fail(WSAEMFILE, "%s", function);
}

int w2e_api_register(enum w2e_kind kind, struct w2e_object *object, uint64_t *handle, const char *function) {
    *handle = w2e_registry_add(kind, object);
    return *handle != 0 ? 0 : w2e_fail(WSAEMFILE, "%s", function);
}

int ws2echo_model_describe(uint32_t index, ws2echo_model_info *info) {
    int error = w2e_api_require(info, __func__, "info");
    if (error == 0) {
        error = w2e_api_require_size(info->size, sizeof *info, __func__);
    }
    if (error == 0 && w2e_model_at(index) == NULL) {
        error = w2e_fail(WSAEINVAL, "%s: model number %lu", __func__, (unsigned long)index);
    }
    if (error == 0) {
        *info = *w2e_model_at(index);
    }
    return error;
}

const char *ws2echo_version(void) {
    return WS2ECHO_VERSION;
}

const char *ws2echo_error_name(int error) {
    return w2e_error_name(error);
}

const char *ws2echo_error_text(int error) {
    return w2e_error_text(error);
}

const char *ws2echo_last_failure(void) {
    return w2e_last_failure();
}
