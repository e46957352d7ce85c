#include "held.h"

#include "play.h"

#include <tlhelp32.h>

enum { FREE_IN_A_ROW_MAX = 64, PATIENCE_MS = 5000 };

unsigned held_handles(void) {
    unsigned count = 0;
    unsigned free_in_a_row = 0;
    for (ULONG_PTR number = 4; free_in_a_row < FREE_IN_A_ROW_MAX; number += 4) {
        DWORD flags;
        bool is_handle = GetHandleInformation((HANDLE)number, &flags);
        count += is_handle;
        free_in_a_row = is_handle ? 0 : free_in_a_row + 1;
    }
    return count;
}

unsigned held_threads(void) {
    unsigned count = 0;
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    for (BOOL more = Thread32First(snapshot, &entry); more; more = Thread32Next(snapshot, &entry)) {
        count += entry.th32OwnerProcessID == GetCurrentProcessId();
    }
    CloseHandle(snapshot);
    return count;
}

bool held_came_down(const struct held *before, bool threads_too, struct held *now) {
    for (unsigned waited_ms = 0;; waited_ms += 5) {
        *now = (struct held){.handles = held_handles(), .threads = threads_too ? held_threads() : before->threads};
        bool down = now->handles <= before->handles && now->threads <= before->threads;
        if (down || waited_ms >= PATIENCE_MS) {
            return down;
        }
        Sleep(5);
    }
}

static void add_heap(HANDLE heap, struct held_heap *held) {
    PROCESS_HEAP_ENTRY entry = {0};
    HeapLock(heap);
    while (HeapWalk(heap, &entry)) {
        if (entry.wFlags & PROCESS_HEAP_ENTRY_BUSY) {
            held->blocks++;
            held->bytes += entry.cbData;
        }
    }
    HeapUnlock(heap);
}

struct held_heap held_heap(void) {
    enum { HEAPS_MAX = 64 };
    HANDLE heaps[HEAPS_MAX];
    struct held_heap held = {0};
    DWORD count = GetProcessHeaps(HEAPS_MAX, heaps);
    for (DWORD i = 0; i < count && i < HEAPS_MAX; i++) {
        add_heap(heaps[i], &held);
    }
    return held;
}
