/*
 * What the headers of Wine 8 lack, for winegcc, which builds the library's sources as a program of this machine, where the sanitizers are.
 * Included before everything else (-include).
 */
#ifndef W2E_WINEGCC_H
#define W2E_WINEGCC_H

#include <stdarg.h>
#include <stdio.h>

/* clang-format off */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mstcpip.h>
#include <mswsock.h>
#include <windows.h>
/* clang-format on */

enum { FILE_SKIP_COMPLETION_PORT_ON_SUCCESS = 1, FILE_SKIP_SET_EVENT_ON_HANDLE = 2 };

#ifndef SIO_TCP_INITIAL_RTO
#define SIO_TCP_INITIAL_RTO                    _WSAIOW(IOC_VENDOR, 17)
#define TCP_INITIAL_RTO_UNSPECIFIED_RTT        ((USHORT) - 1)
#define TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS ((UCHAR) - 2)
typedef struct {
    USHORT Rtt;
    UCHAR MaxSynRetransmissions;
} TCP_INITIAL_RTO_PARAMETERS;
#endif

void WINAPI GetCurrentThreadStackLimits(ULONG_PTR *lowest, ULONG_PTR *highest);
int WINAPI WSASendMsg(SOCKET socket, WSAMSG *message, DWORD flags, DWORD *bytes, OVERLAPPED *overlapped,
                      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);

/* wchar_t has two bytes here (-fshort-wchar) and four in the C library of this machine: it is for ASCII, and the result is widened. */
static inline int w2e_winegcc_swprintf(wchar_t *text, size_t room, const wchar_t *format, ...) {
    char narrow_format[64];
    char narrow[64];
    size_t i = 0;
    for (; format[i] != 0 && i + 1 < sizeof narrow_format; i++) {
        narrow_format[i] = (char)format[i];
    }
    narrow_format[i] = '\0';
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(narrow, sizeof narrow, narrow_format, arguments);
    va_end(arguments);
    for (i = 0; i <= (size_t)length && i < room; i++) {
        text[i] = (wchar_t)narrow[i];
    }
    return length;
}
#define swprintf w2e_winegcc_swprintf

/* Gives the extension functions; two of them are in winegcc.c. */
int WINAPI w2e_winegcc_ioctl(SOCKET socket, DWORD code, void *in, DWORD in_bytes, void *out, DWORD out_bytes, DWORD *returned,
                             OVERLAPPED *overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);
#ifndef W2E_WINEGCC_ITSELF
#define WSAIoctl w2e_winegcc_ioctl
#endif

/* What Wine does is not seen by ThreadSanitizer, so what orders threads is told to it. */
#ifdef W2E_TSAN
#include "tsan.h"
#endif

#endif
