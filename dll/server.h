/* The server: listeners, a driver, the connections' sessions, counters and the journal. */
#ifndef W2E_SERVER_H
#define W2E_SERVER_H

#include "win/registry.h"
#include "ws2echo.h"

struct w2e_server;

/* As the exported functions of the same names, with every argument checked and the server acquired. */
int w2e_server_open(const ws2echo_server_options *options, struct w2e_server **server);
void w2e_server_options_get(struct w2e_server *server, ws2echo_server_options *options);
uint16_t w2e_server_port(const struct w2e_server *server);
int w2e_server_address(const struct w2e_server *server, uint32_t index, ws2echo_address *address);
void w2e_server_stats_get(struct w2e_server *server, ws2echo_server_stats *stats);
int w2e_server_next_event(struct w2e_server *server, uint32_t timeout_ms, ws2echo_event *event);
int w2e_server_wait_handle(struct w2e_server *server, HANDLE *handle);
int w2e_server_drain(struct w2e_server *server, uint32_t timeout_ms);
int w2e_server_stop(struct w2e_server *server, uint32_t drain_timeout_ms, uint32_t *reset_connections);

/* Closes a server that the registry has retired. */
void w2e_server_close(struct w2e_server *server);

struct w2e_object *w2e_server_object(struct w2e_server *server);

#endif
