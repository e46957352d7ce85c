/* In place of server_faults.c where the library is built without faults (WS2ECHO_WITHOUT_FAULTS): to measure what they cost when absent. */
#include "server.h"
#include "win/error.h"
#include "win/system.h"

static int not_built(void) {
    return w2e_fail_because(WSAEOPNOTSUPP, "the library was built without them", "faults");
}

int w2e_server_faults_init(struct w2e_server *server, const ws2echo_server_options *options) {
    server->options.seed = options->seed != 0 ? options->seed : 1;
    server->service.refresh = NULL;
    return options->faults == NULL ? 0 : not_built();
}

void w2e_server_faults_listen(struct w2e_server *server, struct w2e_listeners *streams) {
    (void)server;
    (void)streams;
}

void w2e_server_faults_end(struct w2e_server *server) {
    (void)server;
}

void w2e_server_faults_attach_locked(struct w2e_server *server, struct w2e_server_connection *connection) {
    (void)server;
    (void)connection;
}

void w2e_server_faults_refresh(void *owner, struct w2e_connection *connection) {
    (void)owner;
    (void)connection;
}

int w2e_server_faults_expect_datagrams(struct w2e_server *server, uint32_t sockets) {
    (void)server;
    (void)sockets;
    return 0;
}

void w2e_server_faults_free(struct w2e_connection *connection) {
    (void)connection;
}

void w2e_server_faults_fini(struct w2e_server *server) {
    (void)server;
}

struct w2e_fault_address w2e_server_fault_address(const SOCKADDR_STORAGE *from) {
    (void)from;
    return (struct w2e_fault_address){0};
}

int w2e_server_fault_add(struct w2e_server *server, const struct w2e_fault_rule *rule, uint32_t *id) {
    (void)server;
    (void)rule;
    *id = 0;
    return not_built();
}

int w2e_server_fault_change(struct w2e_server *server, uint32_t id, const struct w2e_fault_rule *rule) {
    (void)server;
    (void)id;
    (void)rule;
    return not_built();
}

int w2e_server_fault_remove(struct w2e_server *server, uint32_t id) {
    (void)server;
    (void)id;
    return not_built();
}

int w2e_server_fault_get(struct w2e_server *server, uint32_t index, ws2echo_fault *fault) {
    (void)fault;
    (void)server;
    return w2e_fail(WSAEINVAL, "fault %lu of a server with none", (unsigned long)index);
}
