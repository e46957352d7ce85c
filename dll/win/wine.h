/* Whether this is Wine. Asked only where it is known to differ from what Windows documents; each such place says how. */
#ifndef W2E_WINE_H
#define W2E_WINE_H

#include "win/win.h"

#include <stdbool.h>

static inline bool w2e_on_wine(void) {
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    return ntdll != NULL && GetProcAddress(ntdll, "wine_get_version") != NULL;
}

/*
 * Wine 8 may report FD_ACCEPT for a connection that has been accepted already, and then, unlike Windows, does not report it again until an
 * accept has succeeded: one that would block does not count. So after such a report accept is tried again after this time.
 */
enum { W2E_WINE_ACCEPT_AGAIN_MS = 20 };

#endif
