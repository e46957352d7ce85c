/*
 * What gcc's stack protector needs, without libssp, which would bring ADVAPI32 along. The guard is mixed from numbers of the moment,
 * like the security cookie of Microsoft's compiler, before anything else of ours runs.
 */
#include "win/win.h"

#include <stdint.h>

extern uintptr_t __stack_chk_guard;
__attribute__((noreturn)) void __stack_chk_fail(void);

uintptr_t __stack_chk_guard;

__attribute__((constructor)) static void make_guard(void) {
    FILETIME time;
    LARGE_INTEGER counter;
    GetSystemTimeAsFileTime(&time);
    QueryPerformanceCounter(&counter);
    uint64_t mixed = ((uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime) ^ (uint64_t)counter.QuadPart << 24 ^
                     (uint64_t)GetCurrentProcessId() << 48 ^ GetCurrentThreadId() ^ (uint64_t)(uintptr_t)&time;
    /* Every bit of the mixture reaches every bit of the guard, except its lowest byte, which is 0 to stop a string that runs over. */
    mixed = (mixed ^ mixed >> 31) * 0x7FB5D329728EA185u;
    mixed = (mixed ^ mixed >> 27) * 0x81DADEF4BC2DD44Du;
    __stack_chk_guard = (uintptr_t)((mixed ^ mixed >> 33) & ~(uint64_t)0xFF);
}

void __stack_chk_fail(void) {
    TerminateProcess(GetCurrentProcess(), (UINT)STATUS_STACK_BUFFER_OVERRUN);
    __builtin_trap();
}
