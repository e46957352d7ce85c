/*
 * Every call that can fail, every wait, and the clock, in one place. This is the plain call; what a build for tests does beside it (counts
 * it, or has it fail) is in the macros of win/calls.h. Whoever adds a function here says in win/failing.c how it can fail. (What frees,
 * sets an event or takes a lock is called as it is.)
 */
#ifndef W2E_SYSTEM_H
#define W2E_SYSTEM_H

#include "win/win.h"

#include "win/calls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Zeroed memory, or NULL. */
static inline void *w2e_sys_alloc(size_t size) {
    W2E_CALLED_OR(NULL);
    return W2E_BLOCK(W2E_CALLOC(size));
}

/* Memory that will be written before it is read, or NULL. */
static inline void *w2e_sys_alloc_buffer(size_t size) {
    W2E_CALLED_OR(NULL);
    return W2E_BLOCK(W2E_MALLOC(size));
}

static inline void w2e_sys_free(void *memory) {
    W2E_FREED(memory);
    W2E_FREE(memory);
}

/* Microseconds of a clock that never goes back. */
static inline uint64_t w2e_sys_now_us(void) {
    LARGE_INTEGER frequency;
    LARGE_INTEGER counter;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&counter);
    uint64_t ticks_per_s = (uint64_t)frequency.QuadPart;
    uint64_t ticks = (uint64_t)counter.QuadPart;
    return ticks / ticks_per_s * 1000000 + ticks % ticks_per_s * 1000000 / ticks_per_s;
}

/* A number that is hardly ever drawn twice. */
static inline uint64_t w2e_sys_draw(void) {
    FILETIME time;
    LARGE_INTEGER counter;
    GetSystemTimeAsFileTime(&time);
    QueryPerformanceCounter(&counter);
    uint64_t drawn = (uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime;
    return drawn ^ (uint64_t)counter.QuadPart << 20 ^ (uint64_t)GetCurrentProcessId() << 44;
}

static inline HANDLE w2e_sys_create_thread(LPTHREAD_START_ROUTINE run, void *argument, size_t stack_bytes) {
    W2E_CALLED_OR(NULL);
    return CreateThread(NULL, stack_bytes, run, argument, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
}

/* A manual-reset event object, or NULL. */
static inline HANDLE w2e_sys_create_event(void) {
    W2E_CALLED_OR(NULL);
    return CreateEventW(NULL, TRUE, FALSE, NULL);
}

/* An event object that the wait which it ends resets, or NULL. */
static inline HANDLE w2e_sys_create_auto_event(void) {
    W2E_CALLED_OR(NULL);
    return CreateEventW(NULL, FALSE, FALSE, NULL);
}

/* A handle that can be waited for and nothing else, or NULL. */
static inline HANDLE w2e_sys_duplicate_for_waiting(HANDLE handle) {
    W2E_CALLED_OR(NULL);
    HANDLE copy = NULL;
    HANDLE process = GetCurrentProcess();
    return DuplicateHandle(process, handle, process, &copy, SYNCHRONIZE, FALSE, 0) ? copy : NULL;
}

static inline int w2e_sys_wsa_startup(WSADATA *data) {
    W2E_CALLED_OR(W2E_ERROR);
    return WSAStartup(MAKEWORD(2, 2), data);
}

static inline SOCKET w2e_sys_socket(int family, int type, int protocol) {
    W2E_CALLED_OR(INVALID_SOCKET);
    return W2E_SOCKET(WSASocketW(family, type, protocol, NULL, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
}

static inline int w2e_sys_bind(SOCKET socket, const struct sockaddr *address, int size) {
    W2E_CALLED_OR(SOCKET_ERROR);
    return bind(socket, address, size);
}

static inline int w2e_sys_listen(SOCKET socket, int backlog) {
    W2E_CALLED_OR(SOCKET_ERROR);
    return listen(socket, backlog);
}

/* Accepts without data, into a socket made ahead: TRUE if done at once, else see WSAGetLastError. */
static inline BOOL w2e_sys_accept_ex(LPFN_ACCEPTEX accept_ex, SOCKET listener, SOCKET socket, void *addresses,
                                     DWORD address_bytes, OVERLAPPED *overlapped) {
    W2E_CALLED_OR(FALSE);
    DWORD bytes = 0;
    return accept_ex(listener, socket, addresses, 0, address_bytes, address_bytes, &bytes, overlapped);
}

static inline SOCKET w2e_sys_accept(SOCKET socket, struct sockaddr *address, int *size) {
    W2E_CALLED_OR(INVALID_SOCKET);
    return W2E_SOCKET(accept(socket, address, size));
}

static inline int w2e_sys_connect(SOCKET socket, const struct sockaddr *address, int size) {
    W2E_CALLED_OR(SOCKET_ERROR);
    return connect(socket, address, size);
}

/* Connects without data: TRUE if done at once, else see WSAGetLastError. */
static inline BOOL w2e_sys_connect_ex(LPFN_CONNECTEX connect_ex, SOCKET socket, const struct sockaddr *address, int size,
                                      OVERLAPPED *overlapped) {
    W2E_CALLED_OR(FALSE);
    return connect_ex(socket, address, size, NULL, 0, NULL, overlapped);
}

static inline int w2e_sys_recv(SOCKET socket, char *data, int size) {
    W2E_CALLED_OR(SOCKET_ERROR);
    return recv(socket, data, W2E_SHORTENED(socket, size), 0);
}

static inline int w2e_sys_send(SOCKET socket, const char *data, int size) {
    W2E_CALLED_OR(SOCKET_ERROR);
    return send(socket, data, W2E_SHORTENED(socket, size), 0);
}

/* Sends a byte that wakes whoever waits for this socket. */
static inline int w2e_sys_send_wake(SOCKET socket) {
    W2E_CALLED_OR(SOCKET_ERROR);
    return send(socket, "", 1, 0);
}

/* The overlapped ones: 0 if done at once, else see WSAGetLastError. */

static inline int w2e_sys_wsa_recv(SOCKET socket, WSABUF *buffers, DWORD count, OVERLAPPED *overlapped,
                                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    W2E_CALLED_OR(SOCKET_ERROR);
    DWORD flags = 0;
    W2E_SHORTEN(socket, buffers);
    return WSARecv(socket, buffers, count, NULL, &flags, overlapped, routine);
}

static inline int w2e_sys_wsa_send(SOCKET socket, WSABUF *buffer, OVERLAPPED *overlapped,
                                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    W2E_CALLED_OR(SOCKET_ERROR);
    W2E_SHORTEN(socket, buffer);
    return WSASend(socket, buffer, 1, NULL, 0, overlapped, routine);
}

/* Those for datagrams are plain calls without an OVERLAPPED. */

static inline int w2e_sys_wsa_recv_from(SOCKET socket, WSABUF *buffers, DWORD count, DWORD *bytes, struct sockaddr *peer,
                                        INT *peer_size, OVERLAPPED *overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    W2E_CALLED_OR(SOCKET_ERROR);
    DWORD flags = 0;
    return WSARecvFrom(socket, buffers, count, bytes, &flags, peer, peer_size, overlapped, routine);
}

static inline int w2e_sys_wsa_send_to(SOCKET socket, WSABUF *buffer, DWORD *bytes, const struct sockaddr *peer, INT peer_size,
                                      OVERLAPPED *overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    W2E_CALLED_OR(SOCKET_ERROR);
    return WSASendTo(socket, buffer, 1, bytes, 0, peer, peer_size, overlapped, routine);
}

static inline int w2e_sys_receive_message(LPFN_WSARECVMSG receive, SOCKET socket, WSAMSG *message, DWORD *bytes,
                                          OVERLAPPED *overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    W2E_CALLED_OR(SOCKET_ERROR);
    return receive(socket, message, bytes, overlapped, routine);
}

static inline int w2e_sys_send_message(SOCKET socket, WSAMSG *message, DWORD *bytes, OVERLAPPED *overlapped,
                                       LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    W2E_CALLED_OR(SOCKET_ERROR);
    return WSASendMsg(socket, message, 0, bytes, overlapped, routine);
}

/* Gives a function that Winsock has outside of its table: 0 or SOCKET_ERROR. */
static inline int w2e_sys_get_extension(SOCKET socket, const GUID *id, void *function, DWORD function_size) {
    W2E_CALLED_OR(SOCKET_ERROR);
    DWORD bytes = 0;
    GUID asked = *id;
    return WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &asked, sizeof asked, function, function_size, &bytes, NULL,
                    NULL);
}

static inline int w2e_sys_set_nonblocking(SOCKET socket, bool nonblocking) {
    W2E_CALLED_OR(SOCKET_ERROR);
    u_long value = nonblocking;
    return ioctlsocket(socket, (long)FIONBIO, &value);
}

static inline int w2e_sys_select(fd_set *reads, fd_set *writes, fd_set *failures, struct timeval *timeout) {
    W2E_CALLED_OR(SOCKET_ERROR);
    if (W2E_IS_IDLE()) {
        return 1; /* each is as it was asked whether it is */
    }
    return select(0, reads, writes, failures, timeout);
}

static inline int w2e_sys_poll(WSAPOLLFD *entries, ULONG count, int timeout_ms) {
    W2E_CALLED_OR(SOCKET_ERROR);
    if (W2E_IS_IDLE()) {
        return W2E_ALL_READY(entries, count);
    }
    return WSAPoll(entries, count, timeout_ms);
}

static inline int w2e_sys_shutdown(SOCKET socket, int how) {
    W2E_CALLED_OR(SOCKET_ERROR);
    return shutdown(socket, how);
}

static inline int w2e_sys_setsockopt(SOCKET socket, int level, int name, const void *value, int size) {
    W2E_CALLED_OR(SOCKET_ERROR);
    /* cppcheck-suppress [nullPointer, ctunullpointer] ; some options have no value */
    return setsockopt(socket, level, name, value, size);
}

static inline int w2e_sys_getsockopt(SOCKET socket, int level, int name, void *value, int *size) {
    W2E_CALLED_OR(SOCKET_ERROR);
    return getsockopt(socket, level, name, value, size);
}

static inline int w2e_sys_getsockname(SOCKET socket, struct sockaddr *address, int *size) {
    W2E_CALLED_OR(SOCKET_ERROR);
    return getsockname(socket, address, size);
}

static inline int w2e_sys_event_select(SOCKET socket, HANDLE event, long events) {
    W2E_CALLED_OR(SOCKET_ERROR);
    return WSAEventSelect(socket, event, events);
}

static inline int w2e_sys_enum_events(SOCKET socket, HANDLE event, WSANETWORKEVENTS *events) {
    W2E_CALLED_OR(SOCKET_ERROR);
    if (W2E_IS_IDLE()) {
        *events = (WSANETWORKEVENTS){0};
        return 0;
    }
    return WSAEnumNetworkEvents(socket, event, events);
}

static inline int w2e_sys_close_socket(SOCKET socket) {
    W2E_CALLED();
    return W2E_CLOSED(closesocket(socket));
}

/* Has the socket post a message to the window for each of the events; with none of them, no more. */
static inline int w2e_sys_async_select(SOCKET socket, HWND window, unsigned message, long events) {
    W2E_CALLED_OR(SOCKET_ERROR);
    return WSAAsyncSelect(socket, window, message, events);
}

/* A window that receives messages and shows nothing: it needs no desktop. Or NULL. */
static inline HWND w2e_sys_create_message_window(void) {
    W2E_CALLED_OR(NULL);
    return CreateWindowExW(0, L"STATIC", NULL, 0, 0, 0, 0, 0, HWND_MESSAGE, NULL, NULL, NULL);
}

/* Cancels one operation of the socket, or with NULL all, whoever began them. */
static inline BOOL w2e_sys_cancel(SOCKET socket, OVERLAPPED *operation) {
    W2E_CALLED_OR(FALSE);
    if (operation == NULL && W2E_IS_IDLE()) {
        return TRUE;
    }
    return CancelIoEx((HANDLE)socket, operation);
}

/* Collects an overlapped operation: 0, or an error; WSA_IO_INCOMPLETE while it is out. */
static inline int w2e_sys_overlapped_result(SOCKET socket, OVERLAPPED *operation, DWORD *bytes, BOOL wait) {
    W2E_CALLED();
    DWORD flags = 0;
    return W2E_OUTCOME(WSAGetOverlappedResult(socket, operation, bytes, wait, &flags) ? 0 : WSAGetLastError());
}

/* A port for completions of one thread, or NULL. */
static inline HANDLE w2e_sys_create_port(void) {
    W2E_CALLED_OR(NULL);
    return CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
}

static inline BOOL w2e_sys_attach_to_port(SOCKET socket, HANDLE port) {
    W2E_CALLED_OR(FALSE);
    return CreateIoCompletionPort((HANDLE)socket, port, 0, 0) != NULL;
}

/* The catalogue of TCP's and UDP's providers, into so many bytes: how many there are, or SOCKET_ERROR with WSAENOBUFS and how many bytes it takes. */
static inline int w2e_sys_enum_protocols(WSAPROTOCOL_INFOW *infos, DWORD *bytes) {
    int protocols[] = {IPPROTO_TCP, IPPROTO_UDP, 0};
    W2E_CALLED_OR(SOCKET_ERROR);
    return WSAEnumProtocolsW(protocols, infos, bytes);
}

/* Has what is done at once not reported to the port, too. */
static inline BOOL w2e_sys_skip_port_on_success(SOCKET socket) {
    W2E_CALLED_OR(FALSE);
    return SetFileCompletionNotificationModes((HANDLE)socket,
                                              FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE);
}

/* Takes completions from the port: TRUE, or FALSE with WAIT_TIMEOUT or what failed as GetLastError. */
static inline BOOL w2e_sys_get_completions(HANDLE port, OVERLAPPED_ENTRY *entries, ULONG room, ULONG *count, DWORD timeout_ms) {
    W2E_CALLED_OR(FALSE);
    return GetQueuedCompletionStatusEx(port, entries, room, count, timeout_ms, FALSE);
}

/* Puts a completion of nothing into the port. */
static inline BOOL w2e_sys_post_completion(HANDLE port) {
    W2E_CALLED_OR(FALSE);
    return PostQueuedCompletionStatus(port, 0, 0, NULL);
}

/* Like w2e_sys_wait_any; completion routines of this thread are called meanwhile, and end the wait: WAIT_IO_COMPLETION. */
static inline DWORD w2e_sys_wait_alertable(const HANDLE *objects, DWORD count, DWORD timeout_ms) {
    W2E_CALLED_OR(WAIT_FAILED);
    return W2E_IS_IDLE() ? WAIT_IO_COMPLETION : WaitForMultipleObjectsEx(count, objects, FALSE, timeout_ms, TRUE);
}

/* Waits for any of the objects: WAIT_OBJECT_0 + index, WAIT_TIMEOUT or WAIT_FAILED. */
static inline DWORD w2e_sys_wait_any(const HANDLE *objects, DWORD count, DWORD timeout_ms) {
    W2E_CALLED_OR(WAIT_FAILED);
    return WaitForMultipleObjects(count, objects, FALSE, timeout_ms);
}

/* Waits until there may be a message to a window of this thread. */
static inline void w2e_sys_wait_message(DWORD timeout_ms) {
    W2E_CALLED_OR();
    /* cppcheck-suppress nullPointer ; of no objects */
    MsgWaitForMultipleObjectsEx(0, NULL, W2E_IS_IDLE() ? 0 : timeout_ms, QS_ALLINPUT, MWMO_INPUTAVAILABLE);
}

static inline BOOL w2e_sys_post_message(HWND window, unsigned message) {
    W2E_CALLED_OR(FALSE);
    return PostMessageW(window, message, 0, 0);
}

/* Takes a message out of this thread's queue, waiting for one if there is none: false if that failed. */
static inline bool w2e_sys_get_message(MSG *message) {
    W2E_CALLED_OR(false);
    return GetMessageW(message, NULL, 0, 0) > 0;
}

/* Takes a message with a number from first to last, or with 0 and 0 any, to the window, or with NULL any, out of the queue, if there is one. */
static inline bool w2e_sys_peek_message(HWND window, MSG *message, unsigned first, unsigned last) {
    W2E_CALLED_OR(false);
    return !W2E_IS_IDLE() && PeekMessageW(message, window, first, last, PM_REMOVE);
}

static inline void w2e_sys_sleep(DWORD time_ms) {
    W2E_CALLED();
    Sleep(time_ms);
}

/* Waits for the condition with the lock held exclusively; may also return for no reason. */
static inline void w2e_sys_wait_condition(CONDITION_VARIABLE *condition, SRWLOCK *lock, DWORD timeout_ms) {
    W2E_CALLED_OR();
    SleepConditionVariableSRW(condition, lock, W2E_IS_IDLE() ? 1 : timeout_ms, 0);
}

static inline int w2e_sys_set_initial_rto(SOCKET socket, TCP_INITIAL_RTO_PARAMETERS *parameters) {
    W2E_CALLED_OR(SOCKET_ERROR);
    DWORD bytes = 0;
    return WSAIoctl(socket, SIO_TCP_INITIAL_RTO, parameters, sizeof *parameters, NULL, 0, &bytes, NULL, NULL);
}

/* Whether the ICMP answers to a UDP socket's datagrams come out as errors of its calls. */
static inline int w2e_sys_set_udp_connreset(SOCKET socket, BOOL told) {
    W2E_CALLED_OR(SOCKET_ERROR);
    DWORD bytes = 0;
    return WSAIoctl(socket, SIO_UDP_CONNRESET, &told, sizeof told, NULL, 0, &bytes, NULL, NULL);
}

static inline int w2e_sys_getaddrinfo(const wchar_t *name, const wchar_t *service, const ADDRINFOW *hints, ADDRINFOW **found) {
    W2E_CALLED_OR(W2E_ERROR);
    return GetAddrInfoW(name, service, hints, found);
}

#endif
