/* What this process has. GetProcessHandleCount would do on Windows, but is always 0 under Wine. */
#include "misuse.h"

#include <tlhelp32.h>
#include <winternl.h>

/* So many free numbers in a row, and there is nothing further on. */
enum { UNUSED_MAX = 2048, STEP = 4 };

static uint32_t count_handles(void) {
    uint32_t count = 0;
    uint32_t unused = 0;
    for (uintptr_t handle = STEP; unused < UNUSED_MAX; handle += STEP) {
        DWORD flags;
        bool used = GetHandleInformation((HANDLE)handle, &flags);
        count += used;
        unused = used ? 0 : unused + 1;
    }
    return count;
}

static uint32_t count_threads(void) {
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    uint32_t count = 0;
    for (BOOL more = Thread32First(snapshot, &entry); more; more = Thread32Next(snapshot, &entry)) {
        count += entry.th32OwnerProcessID == GetCurrentProcessId();
    }
    CloseHandle(snapshot);
    return count;
}

static void add_heap(HANDLE heap, struct misuse_holdings *holdings) {
    PROCESS_HEAP_ENTRY entry = {0};
    HeapLock(heap);
    while (HeapWalk(heap, &entry)) {
        if ((entry.wFlags & PROCESS_HEAP_ENTRY_BUSY) != 0) {
            holdings->heap_blocks++;
            holdings->heap_bytes += entry.cbData;
        }
    }
    HeapUnlock(heap);
}

struct misuse_holdings misuse_holdings(void) {
    struct misuse_holdings holdings = {.threads = count_threads(), .handles = count_handles()};
    HANDLE heaps[64];
    DWORD count = GetProcessHeaps(64, heaps);
    for (DWORD place = 0; place < count && place < 64; place++) {
        add_heap(heaps[place], &holdings);
    }
    return holdings;
}
