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
 * Wine 8 clears 960 KiB of the stack of each new thread, whatever its size, and so makes them resident. This gives back what lies below
 * the caller's frame: for it, MEM_RESET is MADV_DONTNEED. (Windows commits a stack page by page, as it is used.)
 */
static inline void w2e_wine_give_stack_back(void) {
    enum { KEPT_BYTES = 8 * 1024 };
    ULONG_PTR lowest;
    ULONG_PTR highest;
    GetCurrentThreadStackLimits(&lowest, &highest);
    ULONG_PTR frame = (ULONG_PTR)&lowest;
    if (frame > lowest + KEPT_BYTES) {
        /* cppcheck-suppress leakReturnValNotUsed ; nothing is allocated */
        VirtualAlloc((void *)lowest, frame - lowest - KEPT_BYTES, MEM_RESET, PAGE_READWRITE);
    }
}

/*
 * Wine 8 may report FD_ACCEPT for a connection that has been accepted already, and then, unlike Windows, does not report it again until an
 * accept has succeeded: one that would block does not count. So after such a report accept is tried again after this time.
 */
enum { W2E_WINE_ACCEPT_AGAIN_MS = 20 };

#endif
