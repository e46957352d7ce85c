/*
 * Blocking: each thread accepts, then receives and sends until FIN, then accepts again. Threads are dear to make, so that some are
 * ready before they are needed; none is ever ended.
 */
#include "floor.h"

enum { READY_THREADS = 32 };

static SOCKET listener;
static SRWLOCK accepting = SRWLOCK_INIT;
static volatile LONG ready;

/* One at a time: with several threads in accept, Wine 8 may forget to look for connections. The lock costs no system call of note. */
static SOCKET accept_one(void) {
    SOCKET socket;
    AcquireSRWLockExclusive(&accepting);
    do {
        socket = accept(listener, NULL, NULL);
    } while (socket == INVALID_SOCKET && WSAGetLastError() == WSAECONNRESET); /* the peer had gone already */
    ReleaseSRWLockExclusive(&accepting);
    return socket;
}

static void serve(SOCKET socket, char *buffer) {
    int received;
    while ((received = recv(socket, buffer, BUFFER_BYTES, 0)) > 0) {
        for (int at = 0, sent; at < received; at += sent) {
            sent = send(socket, buffer + at, received - at, 0);
            if (sent <= 0) {
                return;
            }
        }
    }
}

static DWORD WINAPI run(void *unused) {
    char *buffer = floor_alloc(BUFFER_BYTES);
    SOCKET socket;
    (void)unused;
    while ((socket = accept_one()) != INVALID_SOCKET) {
        if (InterlockedDecrement(&ready) == 0) {
            InterlockedIncrement(&ready);
            floor_thread(run, NULL);
        }
        floor_no_delay(socket);
        serve(socket, buffer);
        closesocket(socket);
        InterlockedIncrement(&ready);
    }
    return EXIT_FAILURE;
}

int main(int argc, char **argv) {
    struct floor_options options = floor_arguments(argc, argv);
    listener = floor_open(&options);
    if (options.udp) {
        for (char *buffer = floor_alloc(BUFFER_BYTES);;) {
            floor_datagram(listener, buffer);
        }
    }
    for (ready = 0; ready < READY_THREADS - 1;) {
        InterlockedIncrement(&ready);
        floor_thread(run, NULL);
    }
    InterlockedIncrement(&ready);
    return (int)run(NULL);
}
