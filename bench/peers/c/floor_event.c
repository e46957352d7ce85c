/*
 * WSAEventSelect: a wait takes 64 events, the first of which is the listener's; so a thread serves 63 connections, and when none has
 * room for more, another is started. Threads with room share the listener's event, which wakes one of them.
 */
#include "floor.h"

struct shard {
    WSAEVENT events[WSA_MAXIMUM_WAIT_EVENTS];
    struct floor_connection connections[WSA_MAXIMUM_WAIT_EVENTS];
    DWORD count;
    char *spare;
};

static SOCKET opened;
static WSAEVENT opened_event;
static bool udp;
static volatile LONG shards_with_room;

static DWORD WINAPI run(void *unused);

static void start_shard(void) {
    InterlockedIncrement(&shards_with_room);
    floor_thread(run, NULL);
}

/* On Wine 8 a report of what another thread accepted may be the last: selecting again makes Winsock look again. */
static SOCKET accept_one(void) {
    SOCKET socket = accept(opened, NULL, NULL);
    if (socket == INVALID_SOCKET) {
        WSAEventSelect(opened, opened_event, FD_ACCEPT);
    }
    return socket;
}

static void add(struct shard *shard, SOCKET socket) {
    DWORD slot = shard->count;
    if (shard->events[slot] == NULL) {
        shard->events[slot] = WSACreateEvent();
        floor_need(shard->events[slot] != NULL, "WSACreateEvent");
    }
    floor_no_delay(socket);
    /* Replaces what the socket inherited from the listener, and reports what has come already. */
    floor_need(WSAEventSelect(socket, shard->events[slot], FD_READ | FD_WRITE | FD_CLOSE) == 0, "WSAEventSelect");
    shard->connections[slot] = (struct floor_connection){.socket = socket};
    shard->count++;
    if (shard->count == WSA_MAXIMUM_WAIT_EVENTS && InterlockedDecrement(&shards_with_room) == 0) {
        start_shard();
    }
}

static void swap(struct shard *shard, DWORD a, DWORD b) {
    WSAEVENT event = shard->events[a];
    struct floor_connection connection = shard->connections[a];
    shard->events[a] = shard->events[b];
    shard->connections[a] = shard->connections[b];
    shard->events[b] = event;
    shard->connections[b] = connection;
}

/* A wait tells of the first event that is set: whose turn it was goes to the end and the others move up, or busy ones would hide some. */
static void serve(struct shard *shard, DWORD slot) {
    DWORD last = shard->count - 1;
    WSANETWORKEVENTS happened = {0};
    WSAEnumNetworkEvents(shard->connections[slot].socket, shard->events[slot], &happened);
    for (DWORD at = slot; at < last; at++) {
        swap(shard, at, at + 1);
    }
    if (floor_serve(&shard->connections[last], happened.lNetworkEvents, &shard->spare)) {
        return;
    }
    floor_close(&shard->connections[last]);
    if (shard->count-- == WSA_MAXIMUM_WAIT_EVENTS) {
        InterlockedIncrement(&shards_with_room);
    }
}

/* When there is no room for more, the first event is left out. */
static bool wait(const struct shard *shard, DWORD *slot) {
    DWORD first = shard->count == WSA_MAXIMUM_WAIT_EVENTS ? 1 : 0;
    DWORD signalled = WSAWaitForMultipleEvents(shard->count - first, shard->events + first, FALSE, WSA_INFINITE, FALSE);
    *slot = first + signalled - WSA_WAIT_EVENT_0;
    return signalled != WSA_WAIT_FAILED;
}

static DWORD WINAPI run(void *unused) {
    struct shard *shard = calloc(1, sizeof *shard);
    DWORD slot;
    (void)unused;
    floor_need(shard != NULL, "calloc");
    shard->spare = floor_alloc(BUFFER_BYTES);
    shard->events[0] = opened_event;
    shard->count = 1;
    while (wait(shard, &slot)) {
        if (slot > 0) {
            serve(shard, slot);
        } else if (udp) {
            floor_datagram(opened, shard->spare);
        } else {
            SOCKET socket = accept_one();
            if (socket != INVALID_SOCKET) {
                add(shard, socket);
            }
        }
    }
    return EXIT_FAILURE;
}

int main(int argc, char **argv) {
    struct floor_options options = floor_arguments(argc, argv);
    udp = options.udp;
    opened = floor_open(&options);
    opened_event = CreateEventW(NULL, FALSE, FALSE, NULL); /* resets itself, so that it wakes one thread */
    floor_need(opened_event != NULL, "CreateEvent");
    floor_need(WSAEventSelect(opened, opened_event, udp ? FD_READ : FD_ACCEPT) == 0, "WSAEventSelect");
    shards_with_room = 1;
    return (int)run(NULL);
}
