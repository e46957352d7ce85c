/* What this process has. GetProcessHandleCount would do on Windows, but is always 0 under Wine. */
#include "misuse.h"

#include <string.h>
#include <tlhelp32.h>
#include <wchar.h>
#include <winternl.h>

/* So many free numbers in a row, and there is nothing further on. */
enum { UNUSED_MAX = 2048, STEP = 4 };

typedef NTSTATUS(NTAPI *query_object)(HANDLE, OBJECT_INFORMATION_CLASS, PVOID, ULONG, PULONG);

/* Counts one of the type of that name. */
static void count_type(struct misuse_holdings *holdings, const UNICODE_STRING *name) {
    char narrow[sizeof holdings->types[0].name] = {0};
    for (size_t i = 0; i < name->Length / sizeof(WCHAR) && i < sizeof narrow - 1; i++) {
        narrow[i] = (char)name->Buffer[i];
    }
    size_t place = 0;
    while (place < MISUSE_TYPES_MAX - 1 && holdings->types[place].count > 0 && strcmp(holdings->types[place].name, narrow) != 0) {
        place++;
    }
    memcpy(holdings->types[place].name, narrow, sizeof narrow);
    holdings->types[place].count++;
}

/* Whether it is a handle, which is counted then. */
static bool count_handle(query_object query, HANDLE handle, struct misuse_holdings *holdings) {
    union {
        PUBLIC_OBJECT_TYPE_INFORMATION type;
        uint8_t room[1024];
    } told;
    if (query(handle, ObjectTypeInformation, &told, sizeof told, NULL) != 0) {
        return false;
    }
    count_type(holdings, &told.type.TypeName);
    holdings->handles++;
    return true;
}

uint32_t misuse_count_of(const struct misuse_holdings *holdings, const char *name) {
    for (size_t place = 0; place < MISUSE_TYPES_MAX && holdings->types[place].count > 0; place++) {
        if (strcmp(holdings->types[place].name, name) == 0) {
            return holdings->types[place].count;
        }
    }
    return 0;
}

static void count_handles(struct misuse_holdings *holdings) {
    FARPROC found = GetProcAddress(GetModuleHandleA("ntdll.dll"), "NtQueryObject");
    query_object query;
    memcpy(&query, &found, sizeof query);
    uint32_t unused = 0;
    for (uintptr_t handle = STEP; unused < UNUSED_MAX; handle += STEP) {
        unused = count_handle(query, (HANDLE)handle, holdings) ? 0 : unused + 1;
    }
    /* One that Windows makes for itself, when two threads first meet at a critical section. The DLL has none. */
    holdings->semaphores = misuse_count_of(holdings, "Semaphore");
    holdings->handles -= holdings->semaphores;
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
    struct misuse_holdings holdings = {.threads = count_threads()};
    count_handles(&holdings);
    HANDLE heaps[64];
    DWORD count = GetProcessHeaps(64, heaps);
    for (DWORD place = 0; place < count && place < 64; place++) {
        add_heap(heaps[place], &holdings);
    }
    return holdings;
}
