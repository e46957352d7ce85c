/*
 * Wine checks where an AcceptEx is to write before it does, and takes only memory that it has given out itself. In a program for sanitizers malloc's
 * is not. So AcceptEx is given a place of Wine's for each place of the caller's, and GetAcceptExSockaddrs looks there.
 */
#define W2E_WINEGCC_ITSELF
#include "winegcc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES_MAX = 1 << 17 };

static SRWLOCK lock = SRWLOCK_INIT;

/* Guarded by lock. What stands here is never given back, and a sanitizer gives out no address twice for long: so it takes as many as there
 * are accepts in all. */
static struct {
    const void *theirs;
    void *ours;
} places[PLACES_MAX];
static LPFN_ACCEPTEX accept_ex;
static LPFN_GETACCEPTEXSOCKADDRS get_addresses;

static void *place_of(const void *theirs, size_t size) {
    void *ours = NULL;
    AcquireSRWLockExclusive(&lock);
    for (size_t i = 0; i < PLACES_MAX && ours == NULL; i++) {
        if (places[i].theirs == NULL) {
            places[i].theirs = theirs;
            places[i].ours = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, size);
        }
        ours = places[i].theirs == theirs ? places[i].ours : NULL;
    }
    ReleaseSRWLockExclusive(&lock);
    if (ours == NULL) {
        fprintf(stderr, "WRONG: there are no more than %d places for AcceptEx\n", PLACES_MAX);
        exit(EXIT_FAILURE);
    }
    return ours;
}

static BOOL WINAPI accept_elsewhere(SOCKET listener, SOCKET socket, void *addresses, DWORD data_bytes, DWORD local_bytes,
                                    DWORD peer_bytes, DWORD *received, OVERLAPPED *overlapped) {
    void *place = place_of(addresses, data_bytes + local_bytes + peer_bytes);
    return accept_ex(listener, socket, place, data_bytes, local_bytes, peer_bytes, received, overlapped);
}

static void WINAPI addresses_elsewhere(void *addresses, DWORD data_bytes, DWORD local_bytes, DWORD peer_bytes,
                                       struct sockaddr **local, int *local_size, struct sockaddr **peer, int *peer_size) {
    void *place = place_of(addresses, data_bytes + local_bytes + peer_bytes);
    get_addresses(place, data_bytes, local_bytes, peer_bytes, local, local_size, peer, peer_size);
}

int WINAPI w2e_winegcc_ioctl(SOCKET socket, DWORD code, void *in, DWORD in_bytes, void *out, DWORD out_bytes, DWORD *returned,
                             OVERLAPPED *overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
    static const GUID accepts = WSAID_ACCEPTEX;
    static const GUID addresses = WSAID_GETACCEPTEXSOCKADDRS;
    int result = WSAIoctl(socket, code, in, in_bytes, out, out_bytes, returned, overlapped, routine);
    if (result != 0 || code != SIO_GET_EXTENSION_FUNCTION_POINTER) {
        return result;
    }
    AcquireSRWLockExclusive(&lock);
    if (memcmp(in, &accepts, sizeof accepts) == 0) {
        accept_ex = *(LPFN_ACCEPTEX *)out;
        *(LPFN_ACCEPTEX *)out = accept_elsewhere;
    } else if (memcmp(in, &addresses, sizeof addresses) == 0) {
        get_addresses = *(LPFN_GETACCEPTEXSOCKADDRS *)out;
        *(LPFN_GETACCEPTEXSOCKADDRS *)out = addresses_elsewhere;
    }
    ReleaseSRWLockExclusive(&lock);
    return 0;
}
