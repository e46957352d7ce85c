/*
 * The list of I/O models, written once:
 *
 *   X(number, name, family, part, accepts, workers, summary, calls, limits)
 *
 *   number    enum ws2echo_model, which never changes        family   the engine that runs it: blocking, readiness or completion
 *   name      the word of options, bindings and tests        part     what makes the engine this model: w2e_##part, see io/drivers.c
 *   accepts   ways to accept: W2E_ACCEPTS_…                  workers  whether the option `workers` applies
 *
 * ws2echo_model_describe, the options, the drivers and, through them, every binding and test go by this list.
 */
#ifndef W2E_MODELS_H
#define W2E_MODELS_H

#include "ws2echo.h"

#include <stddef.h>
#include <stdint.h>

#define W2E_ACCEPTS_CALL (1u << WS2ECHO_ACCEPT_WSAACCEPT)
#define W2E_ACCEPTS_BOTH (1u << WS2ECHO_ACCEPT_ACCEPTEX | 1u << WS2ECHO_ACCEPT_WSAACCEPT)

/* clang-format off */
#define W2E_MODELS(X) \
    X(0, threads, blocking, blocking, W2E_ACCEPTS_CALL, 0, \
      "A thread per connection that blocks in accept, recv and send.", \
      "accept, recv, send; CancelIoEx to wake a thread", \
      "One thread for each connection, with 128 KiB of address space for its stack.") \
    X(1, select, readiness, poller_select, W2E_ACCEPTS_CALL, 1, \
      "Non-blocking sockets, and select to learn which are ready.", \
      "select, ioctlsocket FIONBIO, accept, recv, send", \
      "None of its own. Each call of select takes longer the more sockets a thread has.") \
    X(2, poll, readiness, poller_poll, W2E_ACCEPTS_CALL, 1, \
      "Non-blocking sockets, and WSAPoll to learn which are ready.", \
      "WSAPoll, ioctlsocket FIONBIO, accept, recv, send", \
      "None of its own. Each call takes longer the more sockets a thread has. No failed connect is told before Windows 10 2004.") \
    X(3, event, readiness, poller_event, W2E_ACCEPTS_CALL, 1, \
      "Non-blocking sockets that signal an event object when they are ready.", \
      "WSAEventSelect, WSAWaitForMultipleEvents, WSAEnumNetworkEvents, accept, recv, send", \
      "A thread for every 63 sockets, because one wait takes 64 objects: started as they are needed.") \
    X(4, async, readiness, poller_async, W2E_ACCEPTS_CALL, 1, \
      "Non-blocking sockets that post a message to a window when they are ready.", \
      "WSAAsyncSelect, GetMessage, PeekMessage on a message-only window, accept, recv, send", \
      "A thread for every 1,500 sockets, because a message queue takes 10,000 messages.") \
    X(5, overlapped, completion, reaper_overlapped, W2E_ACCEPTS_BOTH, 1, \
      "Overlapped I/O that signals an event object when it is completed.", \
      "AcceptEx or accept, WSARecv, WSASend, WaitForMultipleObjects, WSAGetOverlappedResult", \
      "A thread for every 31 connections, because one wait takes 64 objects: started as they are needed.") \
    X(6, apc, completion, reaper_apc, W2E_ACCEPTS_CALL, 1, \
      "Overlapped I/O that calls a completion routine (APC) when it is completed.", \
      "accept, WSARecv and WSASend with completion routines, WaitForMultipleObjectsEx, WSAGetOverlappedResult", \
      "None of its own. AcceptEx has no completion routine: a thread apart accepts.") \
    X(7, iocp, completion, reaper_iocp, W2E_ACCEPTS_BOTH, 1, \
      "Overlapped I/O that ends in a completion port; each worker has its own.", \
      "AcceptEx or accept, WSARecv, WSASend, GetQueuedCompletionStatusEx, WSAGetOverlappedResult", \
      "None of its own.")
/* clang-format on */

/* The entry of a model, or NULL. */
const ws2echo_model_info *w2e_model_find(uint32_t model);

/* The index-th model of the list, or NULL. */
const ws2echo_model_info *w2e_model_at(size_t index);

#endif
