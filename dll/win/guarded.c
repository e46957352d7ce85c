/* Part of builds with W2E_GUARD_PAGES only. */
#include "win/win.h"

#include "win/guarded.h"

#include <stdint.h>
#include <string.h>

enum {
    PAGE_BYTES = 4096,
    ALIGNMENT = 16,
    MARK = 0x57324547, /* of a block that is in use */
    FREED_KEPT = 4096  /* so many freed blocks keep their addresses, which nothing else gets meanwhile */
};

/* The first page of a block's own, before those that hold it. */
struct head {
    uint32_t mark;
    size_t size;
};

static void *volatile freed[FREED_KEPT];
static volatile LONG freed_count;

static size_t rounded(size_t size, size_t step) {
    return (size + step - 1) / step * step;
}

void *w2e_guarded_alloc(size_t size, int fill) {
    size_t room = rounded(size, ALIGNMENT);
    size_t pages = rounded(room, PAGE_BYTES);
    size_t whole = PAGE_BYTES + pages + PAGE_BYTES;
    DWORD was;
    unsigned char *base = VirtualAlloc(NULL, whole, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (base == NULL || !VirtualProtect(base + whole - PAGE_BYTES, PAGE_BYTES, PAGE_NOACCESS, &was)) {
        return NULL; /* then what was taken is lost: this is for tests */
    }
    *(struct head *)base = (struct head){.mark = MARK, .size = size};
    unsigned char *block = base + PAGE_BYTES + pages - room;
    memset(base + sizeof(struct head), W2E_GUARDED_FRESH, (size_t)(block - base) - sizeof(struct head));
    memset(block, fill, size);
    memset(block + size, W2E_GUARDED_FRESH, room - size);
    return block;
}

/* Whether nothing was written from `begin` to `end`. */
static int untouched(const unsigned char *begin, const unsigned char *end) {
    while (begin < end && *begin == W2E_GUARDED_FRESH) {
        begin++;
    }
    return begin == end;
}

void w2e_guarded_free(void *memory) {
    if (memory == NULL) {
        return;
    }
    MEMORY_BASIC_INFORMATION where;
    if (VirtualQuery(memory, &where, sizeof where) == 0 || where.State != MEM_COMMIT) {
        __builtin_trap(); /* freed before */
    }
    unsigned char *base = where.AllocationBase;
    const struct head *head = (const struct head *)base;
    unsigned char *block = memory;
    size_t room = rounded(head->size, ALIGNMENT);
    if (head->mark != MARK || block != base + PAGE_BYTES + rounded(room, PAGE_BYTES) - room ||
        !untouched(base + sizeof *head, block) || !untouched(block + head->size, block + room)) {
        __builtin_trap();
    }
    VirtualFree(base, 2 * (size_t)PAGE_BYTES + rounded(room, PAGE_BYTES), MEM_DECOMMIT);
    size_t place = (size_t)InterlockedIncrement(&freed_count) % FREED_KEPT;
    void *oldest = InterlockedExchangePointer(&freed[place], base);
    if (oldest != NULL) {
        VirtualFree(oldest, 0, MEM_RELEASE);
    }
}
