#include "win/win.h"

#include "win/error.h"

#include "codes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Static_assert(W2E_EINVAL == WSAEINVAL && W2E_ECONNABORTED == WSAECONNABORTED && W2E_ECONNRESET == WSAECONNRESET, "codes.h");
_Static_assert(W2E_ENOBUFS == WSAENOBUFS && W2E_ETIMEDOUT == WSAETIMEDOUT, "codes.h");

#if defined(_MSC_VER)
#define THREAD_LOCAL __declspec(thread)
#else
#define THREAD_LOCAL _Thread_local
#endif

static THREAD_LOCAL char last_failure[W2E_FAILURE_TEXT_SIZE];

struct error_words {
    int error;
    const char *name;
    const char *text;
};

#define WORDS(NAME, text) {NAME, #NAME, text}

static const struct error_words words[] = {
    {0, "success", "nothing failed"},
    WORDS(WSA_INVALID_HANDLE, "the event object is not valid"),
    WORDS(WSA_NOT_ENOUGH_MEMORY, "there is not enough memory; close handles or ask for smaller buffers"),
    WORDS(WSA_INVALID_PARAMETER, "an argument of a system call is not valid"),
    WORDS(WSA_OPERATION_ABORTED, "the handle was closed while the call waited"),
    WORDS(WSA_IO_INCOMPLETE, "the operation has not completed"),
    WORDS(WSA_IO_PENDING, "the operation is under way"),
    WORDS(WSAEINTR, "a blocking call was interrupted"),
    WORDS(WSAEBADF, "the socket is not valid"),
    WORDS(WSAEACCES,
          "access is denied; another program holds the port exclusively, or the system reserves it: choose another port, or 0"),
    WORDS(WSAEFAULT, "a pointer is NULL where one is required, or does not lead to memory of that size"),
    WORDS(WSAEINVAL, "a value is out of its range; see the documentation of the function or option"),
    WORDS(WSAEMFILE, "too many handles or sockets are open; close some"),
    WORDS(WSAEWOULDBLOCK, "the operation cannot be done at once"),
    WORDS(WSAEINPROGRESS, "a blocking call is in progress"),
    WORDS(WSAEALREADY, "the operation is already under way"),
    WORDS(WSAENOTSOCK, "the handle is closed, was never given out, or belongs to another kind of object"),
    WORDS(WSAEDESTADDRREQ, "a destination address is required"),
    WORDS(WSAEMSGSIZE, "the message is larger than a datagram or the buffer can be"),
    WORDS(WSAEPROTOTYPE, "the protocol does not fit the type of the socket"),
    WORDS(WSAENOPROTOOPT, "the socket option is not known or not supported"),
    WORDS(WSAEPROTONOSUPPORT, "the protocol is not supported on this machine"),
    WORDS(WSAESOCKTNOSUPPORT, "the type of socket is not supported on this machine"),
    WORDS(WSAEOPNOTSUPP, "this model or protocol does not offer the operation"),
    WORDS(WSAEPFNOSUPPORT, "the protocol family is not supported on this machine"),
    WORDS(WSAEAFNOSUPPORT, "this version of IP is not supported on this machine; choose the other family"),
    WORDS(WSAEADDRINUSE, "the port is in use; choose another, or 0 to let the system choose"),
    WORDS(WSAEADDRNOTAVAIL, "the address is not one of this machine, or not one that can be connected to"),
    WORDS(WSAENETDOWN, "the network is down"),
    WORDS(WSAENETUNREACH, "the network cannot be reached from here; check the address and the routes"),
    WORDS(WSAENETRESET, "the network dropped the connection"),
    WORDS(WSAECONNABORTED, "the connection was aborted by this machine, after a time limit or a protocol error"),
    WORDS(WSAECONNRESET, "the peer reset the connection; over UDP: nothing listens on its port"),
    WORDS(WSAENOBUFS, "the system has no memory, thread or buffer left; close handles, or wait and try again"),
    WORDS(WSAEISCONN, "the socket is already connected"),
    WORDS(WSAENOTCONN, "the client is not connected; finish ws2echo_client_connect first"),
    WORDS(WSAESHUTDOWN, "this half of the connection was shut down"),
    WORDS(WSAETOOMANYREFS, "too many references"),
    WORDS(WSAETIMEDOUT, "the time limit ran out"),
    WORDS(WSAECONNREFUSED, "nothing listens there; check address and port, and that the server is running"),
    WORDS(WSAELOOP, "the name cannot be translated"),
    WORDS(WSAENAMETOOLONG, "the name is too long"),
    WORDS(WSAEHOSTDOWN, "the host is down"),
    WORDS(WSAEHOSTUNREACH, "the host cannot be reached from here; check the address and the routes"),
    WORDS(WSAEPROCLIM, "too many programs use Winsock"),
    WORDS(WSASYSNOTREADY, "the network system is not ready"),
    WORDS(WSAVERNOTSUPPORTED, "Winsock 2.2 is not supported on this machine"),
    WORDS(WSANOTINITIALISED, "Winsock is not initialised"),
    WORDS(WSAEDISCON, "the end was reached in order: the peer sent FIN, or the server has stopped"),
    WORDS(WSATYPE_NOT_FOUND, "the service is not known for this type of socket"),
    WORDS(
        WSAHOST_NOT_FOUND,
        "no such host is known, or none with an address of the wanted family; check name and family, or give a numeric address"),
    WORDS(WSATRY_AGAIN, "the name could not be resolved just now; try again"),
    WORDS(WSANO_RECOVERY, "name resolution failed for good; check the name"),
    WORDS(WSANO_DATA, "the name is known but has no address of the wanted family"),
};

static const struct error_words *find_words(int error) {
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].error == error) {
            return &words[i];
        }
    }
    return NULL;
}

const char *w2e_error_name(int error) {
    const struct error_words *found = find_words(error);
    return found != NULL ? found->name : "unknown error";
}

const char *w2e_error_text(int error) {
    const struct error_words *found = find_words(error);
    return found != NULL ? found->text : "see the list of system error codes of Windows";
}

#if defined(__GNUC__)
__attribute__((format(printf, 3, 0)))
#endif
static int note_failure(int error, const char *because, const char *what, va_list arguments) {
    char action[W2E_FAILURE_TEXT_SIZE - 512];
    vsnprintf(action, sizeof action, what, arguments);
    snprintf(last_failure, sizeof last_failure, "%s: %s (%d): %s", action, w2e_error_name(error), error, because);
    return error;
}

int w2e_fail(int error, const char *what, ...) {
    va_list arguments;
    va_start(arguments, what);
    note_failure(error, w2e_error_text(error), what, arguments);
    va_end(arguments);
    return error;
}

int w2e_fail_because(int error, const char *because, const char *what, ...) {
    va_list arguments;
    va_start(arguments, what);
    note_failure(error, because, what, arguments);
    va_end(arguments);
    return error;
}

int w2e_fail_again(int error, const char *text) {
    snprintf(last_failure, sizeof last_failure, "%s", text);
    return error;
}

const char *w2e_last_failure(void) {
    return last_failure;
}
