/*
 * WSAAsyncSelect: one thread that reads messages. Each socket has a message number of its own. Numbers are given out in turn, so
 * that hardly ever a message of a socket that was closed reaches the next one of that number; and if one does, it only costs a call.
 */
#include "floor.h"

enum { MESSAGE_OPENED = WM_APP, MESSAGE_FIRST };

static struct floor_connection connections[CONNECTIONS_MAX];
static unsigned next;
static unsigned count;
static HWND window;
static char *spare;

static void add(SOCKET socket) {
    while (connections[next].socket != INVALID_SOCKET) {
        next = (next + 1) % CONNECTIONS_MAX;
    }
    floor_no_delay(socket);
    connections[next].socket = socket;
    count++;
    /* Replaces what the socket inherited from the listener, and reports what has come already. */
    floor_need(WSAAsyncSelect(socket, window, MESSAGE_FIRST + next, FD_READ | FD_WRITE | FD_CLOSE) == 0, "WSAAsyncSelect");
    next = (next + 1) % CONNECTIONS_MAX;
}

static void accept_one(SOCKET listener) {
    SOCKET socket = accept(listener, NULL, NULL);
    if (socket == INVALID_SOCKET) {
        /* Wine 8 may report what was accepted already, and then no more: selecting again makes Winsock look again. */
        WSAAsyncSelect(listener, window, MESSAGE_OPENED, FD_ACCEPT);
    } else if (count == CONNECTIONS_MAX) {
        closesocket(socket);
    } else {
        add(socket);
    }
}

static void serve(struct floor_connection *connection, long events) {
    if (!floor_serve(connection, events, &spare)) {
        floor_close(connection);
        count--;
    }
}

int main(int argc, char **argv) {
    struct floor_options options = floor_arguments(argc, argv);
    SOCKET opened = floor_open(&options);
    MSG message;

    spare = floor_alloc(BUFFER_BYTES);
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        connections[i].socket = INVALID_SOCKET;
    }
    window = CreateWindowExW(0, L"Static", NULL, 0, 0, 0, 0, 0, HWND_MESSAGE, NULL, NULL, NULL);
    floor_need(window != NULL, "CreateWindowEx");
    floor_need(WSAAsyncSelect(opened, window, MESSAGE_OPENED, options.udp ? FD_READ : FD_ACCEPT) == 0, "WSAAsyncSelect");
    while (GetMessageW(&message, window, 0, 0) > 0) {
        if (message.message == MESSAGE_OPENED && message.wParam == opened) {
            if (options.udp) {
                floor_datagram(opened, spare);
            } else {
                accept_one(opened);
            }
        } else if (message.message >= MESSAGE_FIRST && message.message < MESSAGE_FIRST + CONNECTIONS_MAX) {
            struct floor_connection *connection = &connections[message.message - MESSAGE_FIRST];
            if (connection->socket == message.wParam) {
                serve(connection, WSAGETSELECTEVENT(message.lParam));
            }
        }
    }
    return EXIT_FAILURE;
}
