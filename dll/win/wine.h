/* Whether this is Wine. Asked only where it is known to differ from what Windows documents, which each such place says. */
#ifndef W2E_WINE_H
#define W2E_WINE_H

#include "win/win.h"

#include <stdbool.h>

static inline bool w2e_on_wine(void) {
    enum { UNKNOWN, NO, YES };
    static volatile LONG answer; /* it does not change: whoever asks first notes it */
    if (answer == UNKNOWN) {
        HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
        InterlockedExchange(&answer, ntdll != NULL && GetProcAddress(ntdll, "wine_get_version") != NULL ? YES : NO);
    }
    return answer == YES;
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
 * accept has succeeded: one that would block does not count. This makes it forget what it reported of the socket, so that selecting again
 * makes it look again. (WSAAsyncSelect for a window clears that, WSAEventSelect does not; for no event, the window is told nothing.) What
 * comes just then may be forgotten, too: so accept has to be called once more after that. (It is not in win/system.h, as it is no call of
 * Windows's that matters whether it fails: then all is as it was.)
 */
static inline void w2e_wine_forget_reports(SOCKET socket) {
    WSAAsyncSelect(socket, HWND_MESSAGE, 0, 0);
}

#endif
