/*
 * Calls of every exported function by several threads at once, with handles that are stale, foreign, made up or about to be closed, with
 * NULL, sizes and values that cannot be, in any order; while other threads open, use and close what is right. After each call it is
 * known which errors may have come: the first that applies of the header's precedence, no other.
 */
#ifndef MISUSE_H
#define MISUSE_H

#include "ws2echo.h"

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>
#include <winsock2.h>

/* Every function of the header, by the part of its name behind ws2echo_. The net compares the list with the header. */
#define MISUSE_FUNCTIONS(X)                                                                                                      \
    X(server_options_init)                                                                                                       \
    X(server_open)                                                                                                               \
    X(server_options_get)                                                                                                        \
    X(server_port)                                                                                                               \
    X(server_address)                                                                                                            \
    X(server_stats_get)                                                                                                          \
    X(server_next_event)                                                                                                         \
    X(server_wait_handle)                                                                                                        \
    X(server_wait)                                                                                                               \
    X(server_drain)                                                                                                              \
    X(server_stop)                                                                                                               \
    X(server_close)                                                                                                              \
    X(server_fault_add)                                                                                                          \
    X(server_fault_change)                                                                                                       \
    X(server_fault_remove)                                                                                                       \
    X(server_fault_get)                                                                                                          \
    X(fault_describe)                                                                                                            \
    X(fault_parameter_describe)                                                                                                  \
    X(client_options_init)                                                                                                       \
    X(client_open)                                                                                                               \
    X(client_begin)                                                                                                              \
    X(client_connect)                                                                                                            \
    X(client_options_get)                                                                                                        \
    X(client_address)                                                                                                            \
    X(client_stats_get)                                                                                                          \
    X(client_send)                                                                                                               \
    X(client_recv)                                                                                                               \
    X(client_shutdown)                                                                                                           \
    X(client_echo)                                                                                                               \
    X(ping_options_init)                                                                                                         \
    X(client_ping)                                                                                                               \
    X(client_wait_handle)                                                                                                        \
    X(client_close)                                                                                                              \
    X(client_reset)                                                                                                              \
    X(histogram_init)                                                                                                            \
    X(histogram_record)                                                                                                          \
    X(histogram_merge)                                                                                                           \
    X(histogram_percentile)                                                                                                      \
    X(histogram_mean)                                                                                                            \
    X(histogram_deviation)                                                                                                       \
    X(histogram_bounds)                                                                                                          \
    X(load_options_init)                                                                                                         \
    X(load_open)                                                                                                                 \
    X(load_options_get)                                                                                                          \
    X(load_stats_get)                                                                                                            \
    X(load_histogram_get)                                                                                                        \
    X(load_next_problem)                                                                                                         \
    X(load_wait)                                                                                                                 \
    X(load_stop)                                                                                                                 \
    X(load_close)                                                                                                                \
    X(model_describe)                                                                                                            \
    X(version)                                                                                                                   \
    X(error_name)                                                                                                                \
    X(error_text)                                                                                                                \
    X(last_failure)

#define MISUSE_NUMBER(name) MISUSE_##name,
enum misuse_function { MISUSE_FUNCTIONS(MISUSE_NUMBER) MISUSE_FUNCTION_COUNT };

enum misuse_kind { MISUSE_SERVER, MISUSE_CLIENT, MISUSE_LOAD, MISUSE_KINDS };

enum {
    MISUSE_COMMON = 4,    /* handles of each kind that anybody may use, and close */
    MISUSE_STALE = 1024,  /* handles that were closed, remembered */
    MISUSE_CODES = 24,    /* different results that are counted apart */
    MISUSE_BUFFER = 65536 /* bytes of a caller to send from and receive into */
};

/* Chance that is the same for the same seed: splitmix64. */
struct misuse_chance {
    uint64_t state;
};

uint64_t misuse_draw(struct misuse_chance *chance);
/* True once in `of` times. */
bool misuse_once_in(struct misuse_chance *chance, uint32_t of);
uint32_t misuse_below(struct misuse_chance *chance, uint32_t limit);

/* A thread that calls, and what it knows of the call that it is about to make. */
struct misuse_caller {
    struct misuse_chance chance;
    HANDLE thread;
    uint32_t number;
    bool owner; /* opens, uses and closes what is right; its calls are not counted as misuse */
    volatile LONG64 calls;
    volatile LONG function;
    uint64_t quota;
    ULONGLONG until_ms;
    /* Of the call. */
    int must;   /* the error that has to come, as an argument is wrong; 0: none is */
    bool alive; /* the handle was good just now, and may be closed by anybody */
    uint32_t counts[MISUSE_FUNCTION_COUNT][MISUSE_CODES];
    uint8_t data[MISUSE_BUFFER];
    uint8_t reply[MISUSE_BUFFER];
};

/* What misusing threads and owners share. */
struct misuse_shared {
    volatile LONG64 common[MISUSE_KINDS][MISUSE_COMMON]; /* of clients and loads the odd ones speak UDP */
    volatile LONG64 own[MISUSE_KINDS]; /* of an owner alone: only ever used where they are foreign, or changed */
    volatile LONG64 stale[MISUSE_STALE];
    volatile LONG stale_count;
    volatile LONG failed;
    volatile LONG ending;
    uint16_t port; /* of a server, TCP and UDP, that stays */
    uint16_t reserved;
    uint32_t fault_kinds;
};

extern struct misuse_shared misuse_shared;
extern const char *const misuse_names[MISUSE_FUNCTION_COUNT];

/* Begins a call: nothing is wrong with it yet. */
void misuse_begin(struct misuse_caller *caller, enum misuse_function function);

/* A handle for a function of the kind: most of the time one that names nothing of it, and then it must be WSAENOTSOCK. With `place`, which
   may be NULL, which of the common ones it is. */
uint64_t misuse_handle(struct misuse_caller *caller, enum misuse_kind kind, uint32_t *place);

/* Likewise, for a function that ends what it is called on: that happens once in `of` times, so that there is something to call on. */
uint64_t misuse_handle_to_end(struct misuse_caller *caller, enum misuse_kind kind, uint32_t of);

/* Says that an argument is wrong; the first one that is decides. Called in the order of the header's precedence. */
void misuse_wrong(struct misuse_caller *caller, int error);

/* `pointer`, or NULL, which is wrong. */
void *misuse_pointer(struct misuse_caller *caller, void *pointer);

/* A size of a struct: `size`, or another one, which is wrong. */
uint32_t misuse_size(struct misuse_caller *caller, size_t size);

/* A number below `limit`, or from there on, which is wrong. */
uint32_t misuse_number(struct misuse_caller *caller, uint32_t limit);

/* A time that a call may wait: short, or without limit if it cannot come to waiting, or somebody will close what it waits for. */
uint32_t misuse_timeout(struct misuse_caller *caller);

/* Ends a call: its result is right if it is the error that must come; else 0, or one of those listed, which end with 0. What was closed
   meanwhile may be WSAENOTSOCK. Says whether it was 0. */
bool misuse_judge(struct misuse_caller *caller, int result, const int *also);

/* Says what is wrong; the program will have failed. */
void misuse_complain(struct misuse_caller *caller, const char *format, ...);

void misuse_remember_closed(uint64_t handle);

/* The result that is counted at the place. */
int misuse_code_at(uint32_t place);

/* Learns how many kinds of faults there are. */
void misuse_count_kinds(void);

/* The functions that call, one for each of the library. */
#define MISUSE_DECLARATION(name) void misuse_##name(struct misuse_caller *caller);
MISUSE_FUNCTIONS(MISUSE_DECLARATION)

/* What an owner does: opens things, has them work, closes them, and keeps the common ones coming and going. */
void misuse_own(struct misuse_caller *caller);

/* Has what Windows makes once for each model made before anything is counted. */
void misuse_warm_up(struct misuse_caller *caller);
void misuse_close_common(void);

enum { MISUSE_TYPES_MAX = 32 };

/* Kernel objects of one type. */
struct misuse_type {
    char name[28];
    uint32_t count;
};

/* What this process has: kernel objects (sockets included, semaphores apart), threads, and blocks of its heaps. */
struct misuse_holdings {
    struct misuse_type types[MISUSE_TYPES_MAX]; /* of all kernel objects; ends with a name that is empty */
    uint32_t handles;
    uint32_t semaphores;
    uint32_t threads;
    uint32_t reserved;
    uint64_t heap_blocks;
    uint64_t heap_bytes;
};

struct misuse_holdings misuse_holdings(void);

/* How many kernel objects there are of a type: "Event", "File". */
uint32_t misuse_count_of(const struct misuse_holdings *holdings, const char *name);

#endif
