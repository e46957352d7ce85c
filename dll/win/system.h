/*
 * Every call that can fail, every wait, and the clock, in one place. This is the plain call; a build that injects failures or
 * simulates time changes nothing but this file. (What frees, sets an event or takes a lock is called as it is.)
 */
#ifndef W2E_SYSTEM_H
#define W2E_SYSTEM_H

#include "win/win.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Zeroed memory, or NULL. */
static inline void *w2e_sys_alloc(size_t size) {
    return calloc(1, size);
}

/* Memory that will be written before it is read, or NULL. */
static inline void *w2e_sys_alloc_buffer(size_t size) {
    return malloc(size);
}

static inline void w2e_sys_free(void *memory) {
    free(memory);
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

static inline HANDLE w2e_sys_create_thread(LPTHREAD_START_ROUTINE run, void *argument, size_t stack_bytes) {
    return CreateThread(NULL, stack_bytes, run, argument, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
}

/* A manual-reset event object, or NULL. */
static inline HANDLE w2e_sys_create_event(void) {
    return CreateEventW(NULL, TRUE, FALSE, NULL);
}

/* A handle that can be waited for and nothing else, or NULL. */
static inline HANDLE w2e_sys_duplicate_for_waiting(HANDLE handle) {
    HANDLE copy = NULL;
    HANDLE process = GetCurrentProcess();
    return DuplicateHandle(process, handle, process, &copy, SYNCHRONIZE, FALSE, 0) ? copy : NULL;
}

static inline int w2e_sys_wsa_startup(WSADATA *data) {
    return WSAStartup(MAKEWORD(2, 2), data);
}

static inline SOCKET w2e_sys_socket(int family, int type, int protocol) {
    return WSASocketW(family, type, protocol, NULL, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
}

static inline int w2e_sys_bind(SOCKET socket, const struct sockaddr *address, int size) {
    return bind(socket, address, size);
}

static inline int w2e_sys_listen(SOCKET socket, int backlog) {
    return listen(socket, backlog);
}

static inline SOCKET w2e_sys_accept(SOCKET socket, struct sockaddr *address, int *size) {
    return accept(socket, address, size);
}

static inline int w2e_sys_connect(SOCKET socket, const struct sockaddr *address, int size) {
    return connect(socket, address, size);
}

static inline int w2e_sys_recv(SOCKET socket, char *data, int size) {
    return recv(socket, data, size, 0);
}

static inline int w2e_sys_send(SOCKET socket, const char *data, int size) {
    return send(socket, data, size, 0);
}

static inline int w2e_sys_wsa_recv(SOCKET socket, WSABUF *buffer, OVERLAPPED *overlapped) {
    DWORD flags = 0;
    return WSARecv(socket, buffer, 1, NULL, &flags, overlapped, NULL);
}

static inline int w2e_sys_set_nonblocking(SOCKET socket, bool nonblocking) {
    u_long value = nonblocking;
    return ioctlsocket(socket, (long)FIONBIO, &value);
}

static inline int w2e_sys_select(fd_set *reads, fd_set *writes, fd_set *failures, struct timeval *timeout) {
    return select(0, reads, writes, failures, timeout);
}

static inline int w2e_sys_shutdown(SOCKET socket, int how) {
    return shutdown(socket, how);
}

static inline int w2e_sys_setsockopt(SOCKET socket, int level, int name, const void *value, int size) {
    return setsockopt(socket, level, name, value, size);
}

static inline int w2e_sys_getsockopt(SOCKET socket, int level, int name, void *value, int *size) {
    return getsockopt(socket, level, name, value, size);
}

static inline int w2e_sys_getsockname(SOCKET socket, struct sockaddr *address, int *size) {
    return getsockname(socket, address, size);
}

static inline int w2e_sys_event_select(SOCKET socket, HANDLE event, long events) {
    return WSAEventSelect(socket, event, events);
}

static inline int w2e_sys_enum_events(SOCKET socket, HANDLE event, WSANETWORKEVENTS *events) {
    return WSAEnumNetworkEvents(socket, event, events);
}

static inline int w2e_sys_close_socket(SOCKET socket) {
    return closesocket(socket);
}

/* Cancels one operation of the socket, or with NULL all, whoever began them. */
static inline BOOL w2e_sys_cancel(SOCKET socket, OVERLAPPED *operation) {
    return CancelIoEx((HANDLE)socket, operation);
}

/* Collects an overlapped operation: 0, or an error; WSA_IO_INCOMPLETE while it is out. */
static inline int w2e_sys_overlapped_result(SOCKET socket, OVERLAPPED *operation, DWORD *bytes, BOOL wait) {
    DWORD flags = 0;
    return WSAGetOverlappedResult(socket, operation, bytes, wait, &flags) ? 0 : WSAGetLastError();
}

/* Waits for any of the objects: WAIT_OBJECT_0 + index, WAIT_TIMEOUT or WAIT_FAILED. */
static inline DWORD w2e_sys_wait_any(const HANDLE *objects, DWORD count, DWORD timeout_ms) {
    return WaitForMultipleObjects(count, objects, FALSE, timeout_ms);
}

/* Waits for the condition with the lock held exclusively; may also return for no reason. */
static inline void w2e_sys_wait_condition(CONDITION_VARIABLE *condition, SRWLOCK *lock, DWORD timeout_ms) {
    SleepConditionVariableSRW(condition, lock, timeout_ms, 0);
}

static inline int w2e_sys_set_initial_rto(SOCKET socket, TCP_INITIAL_RTO_PARAMETERS *parameters) {
    DWORD bytes = 0;
    return WSAIoctl(socket, SIO_TCP_INITIAL_RTO, parameters, sizeof *parameters, NULL, 0, &bytes, NULL, NULL);
}

static inline int w2e_sys_getaddrinfo(const wchar_t *name, const wchar_t *service, const ADDRINFOW *hints, ADDRINFOW **found) {
    return GetAddrInfoW(name, service, hints, found);
}

#endif
