/* Part of builds with W2E_FAIL_CALLS only. */
#include "win/failing.h"

#include "ws2echo.h"

#include <stdlib.h>
#include <string.h>

/* In a row: a wait fails for a while, a wake is lost a few times; bytes go one by one until it is clear that they can. */
enum { WHILE = 8, LOST = 3, MANY = 200 };

#define MODEL(name) (1u << WS2ECHO_MODEL_##name)
/* Where readiness is told again and again: the others are told only what they were not told yet. */
#define LEVELS (MODEL(SELECT) | MODEL(POLL))

#define NEVER(function)                        {#function, W2E_FAILS_NEVER, "", 0, 0, 0}
#define FAILS(function, error)                 {#function, W2E_FAILS, #error, error, 0, 0}
#define FAILS_WHILE(function, error, in_a_row) {#function, W2E_FAILS, #error, error, in_a_row, 0}
#define FAILS_LATE(function, error)            {#function, W2E_FAILS_LATE, #error, error, 0, 0}
#define BLOCKS(function)                       {#function, W2E_FAILS, "WSAEWOULDBLOCK", WSAEWOULDBLOCK, WHILE, LEVELS}
#define SHORT(function)                        {#function, W2E_SHORT, "short", 0, MANY, 0}
#define IDLE(function, in_a_row)               {#function, W2E_IDLE, "idle", 0, in_a_row, 0}

/* Each function of win/system.h has a row here at least: tests/host/test_failing.py compares. */
static const struct w2e_failing all[] = {
    FAILS(alloc, ERROR_NOT_ENOUGH_MEMORY),
    FAILS(alloc_buffer, ERROR_NOT_ENOUGH_MEMORY),
    NEVER(free),
    NEVER(now_us),
    NEVER(draw),
    FAILS(create_thread, ERROR_NOT_ENOUGH_MEMORY),
    FAILS(create_event, ERROR_NO_SYSTEM_RESOURCES),
    FAILS(create_auto_event, ERROR_NO_SYSTEM_RESOURCES),
    FAILS(duplicate_for_waiting, ERROR_NO_SYSTEM_RESOURCES),
    FAILS(wsa_startup, WSASYSNOTREADY),
    FAILS(socket, WSAEMFILE),
    FAILS(socket, WSAENOBUFS),
    FAILS(socket, WSAEAFNOSUPPORT),
    FAILS(bind, WSAEADDRINUSE),
    FAILS(bind, WSAEACCES),
    FAILS(bind, WSAENOBUFS),
    FAILS(listen, WSAENOBUFS),
    FAILS(listen, WSAEADDRINUSE),
    FAILS_WHILE(accept_ex, WSAECONNRESET, WHILE),
    FAILS(accept_ex, WSAENOBUFS),
    FAILS_WHILE(accept, WSAECONNRESET, WHILE),
    FAILS(accept, WSAEMFILE),
    FAILS(accept, WSAENOBUFS),
    FAILS_WHILE(accept, WSAEINTR, WHILE),
    FAILS_WHILE(accept, WSAEWOULDBLOCK, WHILE), /* a report that was stale */
    FAILS(connect, WSAECONNREFUSED),
    FAILS(connect, WSAENOBUFS),
    FAILS(connect, WSAENETUNREACH),
    FAILS(connect_ex, WSAECONNREFUSED),
    FAILS(connect_ex, WSAENOBUFS),
    FAILS(recv, WSAECONNRESET),
    FAILS(recv, WSAENOBUFS),
    BLOCKS(recv),
    SHORT(recv),
    FAILS(send, WSAECONNRESET),
    FAILS(send, WSAENOBUFS),
    BLOCKS(send),
    SHORT(send),
    FAILS_WHILE(send_wake, WSAENOBUFS, LOST),
    FAILS(wsa_recv, WSAECONNRESET),
    FAILS(wsa_recv, WSAENOBUFS),
    SHORT(wsa_recv),
    FAILS(wsa_send, WSAECONNABORTED),
    FAILS(wsa_send, WSAENOBUFS),
    SHORT(wsa_send),
    FAILS(wsa_recv_from, WSAECONNRESET),
    FAILS(wsa_recv_from, WSAEMSGSIZE),
    FAILS(wsa_recv_from, WSAENOBUFS),
    FAILS(wsa_send_to, WSAENOBUFS),
    FAILS(wsa_send_to, WSAEHOSTUNREACH),
    BLOCKS(wsa_send_to),
    FAILS(receive_message, WSAECONNRESET),
    FAILS(receive_message, WSAEMSGSIZE),
    FAILS(receive_message, WSAENOBUFS),
    FAILS(send_message, WSAENOBUFS),
    FAILS(send_message, WSAEHOSTUNREACH),
    BLOCKS(send_message),
    FAILS(get_extension, WSAEOPNOTSUPP),
    FAILS(set_nonblocking, WSAENETDOWN),
    FAILS_WHILE(select, WSAENOBUFS, WHILE),
    FAILS_WHILE(select, WSAEINTR, WHILE),
    IDLE(select, 0),
    FAILS_WHILE(poll, WSAENOBUFS, WHILE),
    FAILS_WHILE(poll, WSAEINTR, WHILE),
    IDLE(poll, 0),
    FAILS(shutdown, WSAECONNRESET),
    FAILS(shutdown, WSAENOTCONN),
    FAILS(setsockopt, WSAENOPROTOOPT),
    FAILS(setsockopt, WSAENOTCONN),
    FAILS(getsockopt, WSAENETDOWN),
    FAILS(getsockname, WSAENETDOWN),
    FAILS(event_select, WSAENETDOWN),
    FAILS_WHILE(enum_events, WSAENETDOWN, WHILE),
    NEVER(close_socket),
    FAILS(async_select, WSAENETDOWN),
    FAILS(create_message_window, ERROR_NOT_ENOUGH_MEMORY),
    FAILS_WHILE(post_message, ERROR_NOT_ENOUGH_MEMORY, LOST),
    IDLE(cancel, LOST), /* nothing was out yet that could be cancelled */
    FAILS_LATE(overlapped_result, WSAECONNRESET),
    FAILS_LATE(overlapped_result, WSAENOBUFS),
    FAILS(create_port, ERROR_NO_SYSTEM_RESOURCES),
    FAILS(attach_to_port, ERROR_NO_SYSTEM_RESOURCES),
    FAILS(enum_protocols, WSAENETDOWN),
    FAILS(skip_port_on_success, ERROR_NO_SYSTEM_RESOURCES),
    FAILS_WHILE(post_completion, ERROR_NO_SYSTEM_RESOURCES, LOST),
    FAILS_WHILE(get_completions, ERROR_NO_SYSTEM_RESOURCES, WHILE),
    FAILS_WHILE(get_completions, WAIT_TIMEOUT, WHILE),
    FAILS_WHILE(wait_alertable, ERROR_NOT_ENOUGH_MEMORY, WHILE),
    IDLE(wait_alertable, WHILE),
    FAILS_WHILE(wait_any, ERROR_NO_SYSTEM_RESOURCES, WHILE),
    IDLE(wait_message, 0),
    FAILS_WHILE(get_message, ERROR_NOT_ENOUGH_MEMORY, WHILE),
    IDLE(peek_message, WHILE),
    NEVER(sleep),
    IDLE(wait_condition, 0),
    FAILS(set_initial_rto, WSAEOPNOTSUPP),
    FAILS(set_udp_connreset, WSAEOPNOTSUPP),
    FAILS(getaddrinfo, WSATRY_AGAIN),
    FAILS(getaddrinfo, WSA_NOT_ENOUGH_MEMORY),
};

enum { ALL = sizeof all / sizeof all[0] };

/* Written while none of the library's threads runs. */
static const struct w2e_failing *armed;
static unsigned first;
static unsigned last;

static volatile LONG calls[ALL]; /* at the first row of each function */
static volatile LONG strikes;
static volatile LONG blocks;
static volatile LONG sockets;

const struct w2e_failing *w2e_failing_all(size_t *count) {
    if (count != NULL) {
        *count = ALL;
    }
    return all;
}

void w2e_failing_arm(const struct w2e_failing *failing, unsigned nth, bool from_there_on) {
    for (unsigned i = 0; i < ALL; i++) {
        calls[i] = 0;
    }
    strikes = 0;
    first = nth;
    last = !from_there_on ? nth : failing->in_a_row == 0 ? (unsigned)-1 : nth + failing->in_a_row - 1;
    MemoryBarrier();
    armed = failing;
}

/* A name that is not in the table shows at once. */
static unsigned row_of(const char *function) {
    unsigned i = 0;
    while (i < ALL && strcmp(all[i].function, function) != 0) {
        i++;
    }
    if (i == ALL) {
        abort();
    }
    return i;
}

static const char *short_name(const char *function) {
    static const char prefix[] = "w2e_sys_";
    return strncmp(function, prefix, sizeof prefix - 1) == 0 ? function + sizeof prefix - 1 : function;
}

unsigned w2e_failing_calls(const char *function) {
    return (unsigned)calls[row_of(function)];
}

unsigned w2e_failing_strikes(void) {
    return (unsigned)strikes;
}

struct w2e_failing_held w2e_failing_held(void) {
    return (struct w2e_failing_held){.blocks = blocks, .sockets = sockets};
}

/* Counts a call: what is to be done in this one. */
static const struct w2e_failing *count(const char *function) {
    unsigned row = row_of(function);
    unsigned number = (unsigned)InterlockedIncrement(&calls[row]);
    bool struck = armed != NULL && strcmp(armed->function, function) == 0 && number >= first && number <= last;
    return struck ? armed : NULL;
}

static bool fails(const struct w2e_failing *failing) {
    return failing != NULL && (failing->kind == W2E_FAILS || failing->kind == W2E_FAILS_LATE);
}

const struct w2e_failing *w2e_failing_called(const char *function) {
    const struct w2e_failing *failing = count(short_name(function));
    if (fails(failing)) {
        InterlockedIncrement(&strikes);
        SetLastError((DWORD)failing->error);
    }
    return failing;
}

int w2e_failing_outcome(const char *function, int error) {
    if (error == WSA_IO_INCOMPLETE) {
        return error;
    }
    const struct w2e_failing *failing = w2e_failing_called(function);
    return failing != NULL ? failing->error : error;
}

/* Whether this call does that; what fails was counted before. */
bool w2e_failing_is(const struct w2e_failing *failing, enum w2e_failing_kind kind) {
    bool is = failing != NULL && failing->kind == kind;
    if (is && kind == W2E_IDLE) {
        InterlockedIncrement(&strikes);
    }
    return is;
}

static bool is_stream(SOCKET socket) {
    int type = 0;
    int size = sizeof type;
    return getsockopt(socket, SOL_SOCKET, SO_TYPE, (char *)&type, &size) == 0 && type == SOCK_STREAM;
}

int w2e_failing_shortened(const struct w2e_failing *failing, SOCKET socket, int size) {
    if (failing == NULL || failing->kind != W2E_SHORT || size <= 1 || !is_stream(socket)) {
        return size;
    }
    InterlockedIncrement(&strikes);
    return 1;
}

int w2e_failing_all_ready(WSAPOLLFD *entries, ULONG entry_count) {
    for (ULONG i = 0; i < entry_count; i++) {
        entries[i].revents = entries[i].events;
    }
    return (int)entry_count;
}

void *w2e_failing_block(void *block) {
    if (block != NULL) {
        InterlockedIncrement(&blocks);
    }
    return block;
}

void w2e_failing_free(const void *block) {
    if (block != NULL) {
        InterlockedDecrement(&blocks);
    }
}

SOCKET w2e_failing_socket(SOCKET socket) {
    if (socket != INVALID_SOCKET) {
        InterlockedIncrement(&sockets);
    }
    return socket;
}

int w2e_failing_close(int outcome) {
    InterlockedDecrement(&sockets);
    return outcome;
}
