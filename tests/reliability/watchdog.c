#include "watchdog.h"

#include <stdio.h>
#include <winsock2.h>

enum { LOOK_MS = 100, EXIT_HANG = 3, EXIT_CRASH = 4 };

static SRWLOCK lock = SRWLOCK_INIT;
static char doing[512];
static ULONGLONG until_ms;

static void end(const char *how, UINT status) {
    printf("FOUND %s: %s\n", doing, how);
    fflush(stdout);
    TerminateProcess(GetCurrentProcess(), status);
}

static bool is_late(void) {
    AcquireSRWLockExclusive(&lock);
    bool late = GetTickCount64() > until_ms;
    ReleaseSRWLockExclusive(&lock);
    return late;
}

static DWORD WINAPI watch(void *nothing) {
    (void)nothing;
    while (!is_late()) {
        Sleep(LOOK_MS);
    }
    end("it hangs", EXIT_HANG);
    return 0;
}

static LONG WINAPI crashed(EXCEPTION_POINTERS *exception) {
    char how[64];
    snprintf(how, sizeof how, "it crashes, with 0x%08lx", (unsigned long)exception->ExceptionRecord->ExceptionCode);
    end(how, EXIT_CRASH);
    return EXCEPTION_EXECUTE_HANDLER;
}

bool watchdog_start(void) {
    watchdog_watch("the beginning", 60000);
    SetUnhandledExceptionFilter(crashed);
    HANDLE thread = CreateThread(NULL, 0, watch, NULL, 0, NULL);
    if (thread != NULL) {
        CloseHandle(thread);
    }
    return thread != NULL;
}

void watchdog_watch(const char *what, unsigned limit_ms) {
    AcquireSRWLockExclusive(&lock);
    snprintf(doing, sizeof doing, "%s", what);
    until_ms = GetTickCount64() + limit_ms;
    ReleaseSRWLockExclusive(&lock);
}
