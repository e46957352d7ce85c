/* What every exported function checks, in the order of the header's error precedence. Each gives 0, or an error with the failure noted. */
#ifndef W2E_API_H
#define W2E_API_H

#include "options.h"
#include "win/registry.h"

#include <stddef.h>
#include <stdint.h>

struct w2e_server;

int w2e_api_bad_handle(const char *function);
int w2e_api_require(const void *pointer, const char *function, const char *name);
int w2e_api_require_size(uint32_t given, size_t size, const char *function);
int w2e_api_bad_option(int error, const struct w2e_option_fault *fault, const char *function);
int w2e_api_require_room(const char *function);
/* The server of a handle, for the time of a call; or NULL. */
struct w2e_server *w2e_api_acquire_server(ws2echo_server handle);

/* Ends such a call: gives the error on. */
int w2e_api_leave_server(struct w2e_server *server, int error);

int w2e_api_register(enum w2e_kind kind, struct w2e_object *object, uint64_t *handle, const char *function);

#endif
