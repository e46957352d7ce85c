/* Chance, handles and arguments that are wrong, and what has to come of them. */
#include "misuse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct misuse_shared misuse_shared;

#define MISUSE_NAME(name) "ws2echo_" #name,
const char *const misuse_names[MISUSE_FUNCTION_COUNT] = {MISUSE_FUNCTIONS(MISUSE_NAME)};

uint64_t misuse_draw(struct misuse_chance *chance) {
    chance->state += 0x9E3779B97F4A7C15u;
    uint64_t mixed = chance->state;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return mixed ^ mixed >> 31;
}

uint32_t misuse_below(struct misuse_chance *chance, uint32_t limit) {
    return (uint32_t)(misuse_draw(chance) % limit);
}

bool misuse_once_in(struct misuse_chance *chance, uint32_t of) {
    return misuse_below(chance, of) == 0;
}

void misuse_begin(struct misuse_caller *caller, enum misuse_function function) {
    caller->must = 0;
    caller->alive = false;
    InterlockedExchange(&caller->function, (LONG)function);
}

void misuse_wrong(struct misuse_caller *caller, int error) {
    if (caller->must == 0) {
        caller->must = error;
    }
}

static uint64_t read_id(volatile LONG64 *id) {
    return (uint64_t)InterlockedCompareExchange64(id, 0, 0);
}

void misuse_remember_closed(uint64_t handle) {
    ULONG place = (ULONG)InterlockedIncrement(&misuse_shared.stale_count);
    InterlockedExchange64(&misuse_shared.stale[place % MISUSE_STALE], (LONG64)handle);
}

/* A live handle of the kind, or 0 when its place is empty just now. */
static uint64_t any_live(struct misuse_chance *chance, enum misuse_kind kind) {
    uint32_t place = misuse_below(chance, MISUSE_COMMON + 1);
    return read_id(place < MISUSE_COMMON ? &misuse_shared.common[kind][place] : &misuse_shared.own[kind]);
}

/* A number with the look of a handle: its kind in the top byte, and a low index. */
static uint64_t made_up(struct misuse_chance *chance, enum misuse_kind kind) {
    static const uint64_t tops[MISUSE_KINDS] = {'S', 'C', 'L'};
    return tops[kind] << 56 | (misuse_draw(chance) & 0xFFFFFFFF) << 24 | misuse_below(chance, 32);
}

static uint64_t bad_handle(struct misuse_chance *chance, enum misuse_kind kind) {
    enum misuse_kind other = (kind + 1 + misuse_below(chance, MISUSE_KINDS - 1)) % MISUSE_KINDS;
    switch (misuse_below(chance, 8)) {
    case 0:
        return 0;
    case 1:
        return misuse_draw(chance);
    case 2:
        return made_up(chance, kind);
    case 3:
        return any_live(chance, kind) ^ 1ull << misuse_below(chance, 64);
    case 4:
    case 5:
        return any_live(chance, other);
    default:
        return read_id(&misuse_shared.stale[misuse_below(chance, MISUSE_STALE)]);
    }
}

static uint64_t handle_at(struct misuse_caller *caller, enum misuse_kind kind, uint32_t place, bool good) {
    uint64_t handle = read_id(&misuse_shared.common[kind][place]);
    if (handle != 0 && good) {
        caller->alive = true;
        return handle;
    }
    misuse_wrong(caller, WSAENOTSOCK);
    return bad_handle(&caller->chance, kind);
}

uint64_t misuse_handle(struct misuse_caller *caller, enum misuse_kind kind, uint32_t *place) {
    uint32_t chosen = misuse_below(&caller->chance, MISUSE_COMMON);
    if (place != NULL) {
        *place = chosen;
    }
    return handle_at(caller, kind, chosen, misuse_once_in(&caller->chance, 4));
}

uint64_t misuse_handle_to_end(struct misuse_caller *caller, enum misuse_kind kind, uint32_t of) {
    return handle_at(caller, kind, misuse_below(&caller->chance, MISUSE_COMMON), misuse_once_in(&caller->chance, of));
}

void *misuse_pointer(struct misuse_caller *caller, void *pointer) {
    if (!misuse_once_in(&caller->chance, 6)) {
        return pointer;
    }
    misuse_wrong(caller, WSAEFAULT);
    return NULL;
}

uint32_t misuse_size(struct misuse_caller *caller, size_t size) {
    uint32_t right = (uint32_t)size;
    if (!misuse_once_in(&caller->chance, 6)) {
        return right;
    }
    const uint32_t sizes[] = {0,         4,         right - 1,  right + 1,
                              right - 8, right + 8, UINT32_MAX, (uint32_t)misuse_draw(&caller->chance) | 1};
    misuse_wrong(caller, WSAEINVAL);
    return sizes[misuse_below(&caller->chance, sizeof sizes / sizeof *sizes)];
}

uint32_t misuse_number(struct misuse_caller *caller, uint32_t limit) {
    if (!misuse_once_in(&caller->chance, 6)) {
        return misuse_below(&caller->chance, limit);
    }
    const uint32_t numbers[] = {limit, limit + 1, 0x7FFFFFFF, 0x80000000, UINT32_MAX};
    misuse_wrong(caller, WSAEINVAL);
    return numbers[misuse_below(&caller->chance, sizeof numbers / sizeof *numbers)];
}

uint32_t misuse_timeout(struct misuse_caller *caller) {
    bool without_limit = misuse_once_in(&caller->chance, caller->must != 0 && !caller->alive ? 4 : 100);
    return without_limit ? WS2ECHO_INFINITE : misuse_once_in(&caller->chance, 10) ? misuse_below(&caller->chance, 4) : 0;
}

/* Results in the order in which they were first met; the last place is for all that found none. */
static volatile LONG codes[MISUSE_CODES];

static uint32_t place_of(int result) {
    for (uint32_t place = 0; place + 1 < MISUSE_CODES; place++) {
        LONG there = InterlockedCompareExchange(&codes[place], result + 1, 0);
        if (there == 0 || there == result + 1) {
            return place;
        }
    }
    return MISUSE_CODES - 1;
}

static bool is_one_of(int result, const int *also) {
    while (*also != 0 && *also != result) {
        also++;
    }
    return *also != 0;
}

static bool may_be(const struct misuse_caller *caller, int result, const int *also) {
    if (caller->alive && result == WSAENOTSOCK) {
        return true;
    }
    return caller->must != 0 ? result == caller->must : result == 0 || is_one_of(result, also);
}

/* The failure text of a thread ends as the header says: with the code's number. Looked at once in a while, for it costs more than the call. */
static void check_text(struct misuse_caller *caller, int result) {
    char number[16];
    snprintf(number, sizeof number, "(%d)", result);
    if (strstr(ws2echo_last_failure(), number) == NULL) {
        misuse_complain(caller, "gave %d, and the failure text is \"%s\"", result, ws2echo_last_failure());
    }
}

bool misuse_judge(struct misuse_caller *caller, int result, const int *also) {
    static const int none[] = {0};
    if (!may_be(caller, result, also != NULL ? also : none)) {
        misuse_complain(caller, "gave %d (%s); expected was %d%s", result, ws2echo_last_failure(), caller->must,
                        caller->alive ? " or WSAENOTSOCK" : "");
    } else if (result != 0 && misuse_once_in(&caller->chance, 16)) {
        check_text(caller, result);
    }
    caller->counts[caller->function][place_of(result)]++;
    return result == 0;
}

int misuse_code_at(uint32_t place) {
    return (int)codes[place] - 1;
}

void misuse_complain(struct misuse_caller *caller, const char *format, ...) {
    if (InterlockedIncrement(&misuse_shared.failed) > 20) {
        return;
    }
    char text[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printf("WRONG: thread %u, call %lld: %s %s\n", caller->number, (long long)caller->calls, misuse_names[caller->function],
           text);
    fflush(stdout);
}
