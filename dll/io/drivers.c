/* From a model to its driver, and what all drivers do alike. */
#include "io/driver.h"
#include "io/poller.h"
#include "io/reaper.h"
#include "models.h"
#include "win/system.h"

/* The parts are declared by the list itself, so that a new model is a row there and one file. */
#define PART_blocking                                                                      char
#define PART_readiness                                                                     struct w2e_poller_ops
#define PART_completion                                                                    struct w2e_reaper_ops
#define DECLARE_PART(number, name, family, part, accepts, workers, summary, calls, limits) extern const PART_##family w2e_##part;
W2E_MODELS(DECLARE_PART)
#undef DECLARE_PART

struct model {
    uint32_t number;
    const struct w2e_driver_ops *ops;
    const void *part;
};

#define MODEL(number, name, family, part, accepts, workers, summary, calls, limits) {number, &w2e_driver_##family, &w2e_##part},
static const struct model models[] = {W2E_MODELS(MODEL)};
#undef MODEL

int w2e_driver_open(struct w2e_driver **driver, uint32_t model, const struct w2e_driver_config *config,
                    struct w2e_listeners *listeners, struct w2e_service *service) {
    const struct model *found = models;
    while (found->number != model) {
        found++; /* the options were checked against the same list */
    }
    return found->ops->open(driver, found->part, config, listeners, service);
}

/* Those that this process may run on: more threads than those would only take turns. */
uint32_t w2e_driver_default_workers(void) {
    enum { WORKERS_MAX = 8 };
    DWORD_PTR processors = 1;
    DWORD_PTR of_system;
    uint32_t workers = 0;
    GetProcessAffinityMask(GetCurrentProcess(), &processors, &of_system);
    for (; processors != 0 && workers < WORKERS_MAX; processors &= processors - 1) {
        workers++;
    }
    return workers > 0 ? workers : WORKERS_MAX; /* a process in several groups of processors is told none of them */
}

/* Windows says WSAECONNRESET; Wine 8 also finds, once it has accepted, that the socket is not connected. */
bool w2e_driver_peer_is_gone(int accept_error) {
    return accept_error == WSAECONNRESET || accept_error == WSAECONNABORTED || accept_error == WSAENETRESET ||
           accept_error == WSAENOTCONN || accept_error == WSAETIMEDOUT;
}

void w2e_driver_wind_down(struct w2e_service *service, struct w2e_connection *connection, enum w2e_op_kind kind) {
    int error = 0;
    service->ending(service->owner, connection);
    if (kind == W2E_OP_RESET) {
        w2e_socket_reset_on_close(connection->socket);
        connection->lingers = false;
    } else {
        connection->shut = true;
        error = w2e_sys_shutdown(connection->socket, SD_SEND) == 0 ? 0 : WSAGetLastError();
    }
    w2e_connection_done(connection, kind, error, 0, w2e_sys_now_us());
}

void w2e_driver_finish(struct w2e_service *service, struct w2e_connection *connection) {
    if (connection->lingers) {
        w2e_sys_set_nonblocking(connection->socket, false); /* closesocket lingers only on a socket that blocks */
    }
    w2e_connection_free_buffer(connection);
    w2e_sys_close_socket(connection->socket);
    service->finished(service->owner, connection);
}

struct w2e_connection *w2e_driver_accepted(struct w2e_service *service, SOCKET socket, const SOCKADDR_STORAGE *peer) {
    struct w2e_connection *connection = service->accepted(service->owner, socket, peer);
    if (connection == NULL) {
        w2e_socket_reset_on_close(socket);
        w2e_sys_close_socket(socket);
    }
    return connection;
}
