/* The exported functions that are about faults. */
#include "api.h"
#include "faults_parse.h"
#include "server.h"
#include "win/error.h"

#include <string.h>

static int read_rule(const char *text, struct w2e_fault_rule *rule, const char *function) {
    struct w2e_fault_error fault;
    if (!w2e_fault_parse(rule, text, &fault)) {
        return w2e_fail_because(WSAEINVAL, fault.text, "%s: byte %lu of \"%.600s\"", function, (unsigned long)fault.position,
                                text);
    }
    return 0;
}

int ws2echo_server_fault_add(ws2echo_server handle, const char *text, uint32_t *id) {
    if (id != NULL) {
        *id = 0;
    }
    struct w2e_server *server = w2e_api_acquire_server(handle);
    if (server == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    struct w2e_fault_rule rule;
    int error = w2e_api_require(text, __func__, "text");
    if (error == 0) {
        error = w2e_api_require(id, __func__, "id");
    }
    if (error == 0) {
        error = read_rule(text, &rule, __func__);
    }
    if (error == 0) {
        error = w2e_server_fault_add(server, &rule, id);
    }
    return w2e_api_leave_server(server, error);
}

int ws2echo_server_fault_change(ws2echo_server handle, uint32_t id, const char *text) {
    struct w2e_server *server = w2e_api_acquire_server(handle);
    if (server == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    struct w2e_fault_rule rule;
    int error = w2e_api_require(text, __func__, "text");
    if (error == 0) {
        error = read_rule(text, &rule, __func__);
    }
    if (error == 0) {
        error = w2e_server_fault_change(server, id, &rule);
    }
    return w2e_api_leave_server(server, error);
}

int ws2echo_server_fault_remove(ws2echo_server handle, uint32_t id) {
    struct w2e_server *server = w2e_api_acquire_server(handle);
    return server != NULL ? w2e_api_leave_server(server, w2e_server_fault_remove(server, id)) : w2e_api_bad_handle(__func__);
}

int ws2echo_server_fault_get(ws2echo_server handle, uint32_t index, ws2echo_fault *fault) {
    struct w2e_server *server = w2e_api_acquire_server(handle);
    if (server == NULL) {
        return w2e_api_bad_handle(__func__);
    }
    int error = w2e_api_require(fault, __func__, "fault");
    if (error == 0) {
        error = w2e_api_require_size(fault->size, sizeof *fault, __func__);
    }
    if (error == 0) {
        error = w2e_server_fault_get(server, index, fault);
    }
    return w2e_api_leave_server(server, error);
}

/* ---- what there is ---- */

static void copy(char *to, size_t room, const char *text) {
    strncpy(to, text, room - 1); /* the struct is zeroed */
}

int ws2echo_fault_describe(uint32_t index, ws2echo_fault_info *info) {
    int error = w2e_api_require(info, __func__, "info");
    if (error == 0) {
        error = w2e_api_require_size(info->size, sizeof *info, __func__);
    }
    if (error == 0 && index >= W2E_FAULT_KINDS) {
        error = w2e_fail(WSAEINVAL, "%s: fault number %lu", __func__, (unsigned long)index);
    }
    if (error != 0) {
        return error;
    }
    const struct w2e_fault_info *known = w2e_fault_info((enum w2e_fault_kind)index);
    uint32_t tcp = (known->protocols & W2E_FAULT_TCP) != 0 ? 1u << WS2ECHO_PROTOCOL_TCP : 0;
    uint32_t udp = (known->protocols & W2E_FAULT_UDP) != 0 ? 1u << WS2ECHO_PROTOCOL_UDP : 0;
    *info = (ws2echo_fault_info){
        .size = sizeof *info, .protocols = tcp | udp, .streams = known->directed, .selects = known->scope != W2E_FAULT_LISTENER};
    copy(info->name, sizeof info->name, known->name);
    copy(info->summary, sizeof info->summary, known->summary);
    return 0;
}

static double value_of(const struct w2e_fault_parameter *parameter, uint64_t value) {
    return parameter->unit == W2E_UNIT_FRACTION ? (double)value / W2E_FAULT_ONE : (double)value;
}

static void describe(ws2echo_fault_parameter_info *info, const struct w2e_fault_parameter *known, bool condition) {
    bool required = known->standard == W2E_FAULT_REQUIRED;
    bool optional = known->standard == W2E_FAULT_NOT_GIVEN;
    *info = (ws2echo_fault_parameter_info){.size = sizeof *info,
                                           .condition = condition,
                                           .required = required,
                                           .optional = optional,
                                           .least = value_of(known, known->least),
                                           .most = value_of(known, known->most),
                                           .default_value = required || optional ? 0 : value_of(known, known->standard)};
    copy(info->name, sizeof info->name, known->name);
    copy(info->unit, sizeof info->unit, w2e_fault_unit_text(known->unit));
    copy(info->summary, sizeof info->summary, known->summary);
}

/* The index-th of the parameters and conditions of a kind; or NULL. */
static const struct w2e_fault_parameter *find(enum w2e_fault_kind kind, uint32_t index, bool *condition) {
    uint32_t own = 0;
    while (w2e_fault_parameter_at(kind, own) != NULL) {
        own++;
    }
    *condition = index >= own;
    return *condition ? w2e_fault_when_at(kind, index - own) : w2e_fault_parameter_at(kind, index);
}

int ws2echo_fault_parameter_describe(uint32_t kind, uint32_t index, ws2echo_fault_parameter_info *info) {
    int error = w2e_api_require(info, __func__, "info");
    if (error == 0) {
        error = w2e_api_require_size(info->size, sizeof *info, __func__);
    }
    if (error != 0) {
        return error;
    }
    bool condition = false;
    const struct w2e_fault_parameter *known = kind < W2E_FAULT_KINDS ? find((enum w2e_fault_kind)kind, index, &condition) : NULL;
    if (known == NULL) {
        return w2e_fail(WSAEINVAL, "%s: parameter number %lu of fault number %lu", __func__, (unsigned long)index,
                        (unsigned long)kind);
    }
    describe(info, known, condition);
    return 0;
}
