/* Defaults and limits of the option structs. */
#ifndef W2E_OPTIONS_H
#define W2E_OPTIONS_H

#include "faults_parse.h"
#include "ws2echo.h"

enum { W2E_HOST_BYTES_MAX = 1023 };

/* What is wrong with an option: its field, and what it may be. */
struct w2e_option_fault {
    const char *field;
    const char *wanted;
    char text[W2E_FAULT_ERROR_SIZE + 32]; /* memory of `wanted`, where it says what was met */
};

/* Whether a server of this protocol has this kind of fault. */
bool w2e_fault_offered(enum w2e_fault_kind kind, uint32_t protocol);

void w2e_server_options_default(ws2echo_server_options *options);
void w2e_client_options_default(ws2echo_client_options *options);
void w2e_ping_options_default(ws2echo_ping_options *options);
void w2e_load_options_default(ws2echo_load_options *options);

/* 0, or WSAEINVAL or WSAEOPNOTSUPP with *fault set. Trusts options->size only as far as checked here. */
int w2e_server_options_check(const ws2echo_server_options *options, struct w2e_option_fault *fault);
int w2e_client_options_check(const ws2echo_client_options *options, struct w2e_option_fault *fault);
int w2e_ping_options_check(const ws2echo_ping_options *options, struct w2e_option_fault *fault);
int w2e_load_options_check(const ws2echo_load_options *options, struct w2e_option_fault *fault);

#endif
