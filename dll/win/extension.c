#include "win/extension.h"

#include "win/error.h"
#include "win/system.h"

static int get(SOCKET socket, const GUID *id, const char *name, void *function, DWORD size) {
    int error = w2e_sys_get_extension(socket, id, function, size) == 0 ? 0 : WSAGetLastError();
    return error == 0 ? 0 : w2e_fail(error, "ask Winsock for %s", name);
}

int w2e_extension_accept(SOCKET socket, struct w2e_accept_functions *functions) {
    static const GUID accept_id = WSAID_ACCEPTEX;
    static const GUID addresses_id = WSAID_GETACCEPTEXSOCKADDRS;
    int error = get(socket, &accept_id, "AcceptEx", &functions->accept, sizeof functions->accept);
    if (error == 0) {
        error = get(socket, &addresses_id, "GetAcceptExSockaddrs", &functions->addresses, sizeof functions->addresses);
    }
    return error;
}

int w2e_extension_connect(SOCKET socket, LPFN_CONNECTEX *function) {
    static const GUID id = WSAID_CONNECTEX;
    return get(socket, &id, "ConnectEx", function, sizeof *function);
}

int w2e_extension_receive_message(SOCKET socket, LPFN_WSARECVMSG *function) {
    static const GUID id = WSAID_WSARECVMSG;
    return get(socket, &id, "WSARecvMsg", function, sizeof *function);
}
