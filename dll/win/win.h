/* The one place that includes the headers of Windows, in the one order that works. */
#ifndef W2E_WIN_H
#define W2E_WIN_H

/* clang-format off */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mstcpip.h>
#include <mswsock.h>
#include <windows.h>
/* clang-format on */

#endif
