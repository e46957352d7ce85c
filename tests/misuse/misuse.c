/*
 * misuse SEED CALLS SECONDS: so many calls, or so many seconds of them, whichever ends first, and what came of them by function.
 * The last line is the verdict. The same seed makes the same calls, thread by thread; how the threads fall is the system's.
 */
#include "misuse.h"

#include <stdio.h>
#include <stdlib.h>

enum { CALLERS = 4, OWNERS = 2, THREADS = CALLERS + OWNERS, WARM_UP_CALLS = 20000, HANG_S = 90, PATIENCE_S = 20 };

/* Blocks of the heap that Windows keeps for itself come and go; those of an object for each of thousands would show. */
enum { HEAP_BLOCKS_SLACK = 200 };

static struct misuse_caller callers[THREADS];

#define MISUSE_CALL(name) misuse_##name,
static void (*const calls[MISUSE_FUNCTION_COUNT])(struct misuse_caller *) = {MISUSE_FUNCTIONS(MISUSE_CALL)};

static DWORD WINAPI run_caller(void *argument) {
    struct misuse_caller *caller = argument;
    for (uint64_t done = 0; done < caller->quota && GetTickCount64() < caller->until_ms; done++) {
        enum misuse_function function = misuse_below(&caller->chance, MISUSE_FUNCTION_COUNT);
        misuse_begin(caller, function);
        calls[function](caller);
        InterlockedIncrement64(&caller->calls);
    }
    return 0;
}

static DWORD WINAPI run_owner(void *argument) {
    while (InterlockedCompareExchange(&misuse_shared.ending, 0, 0) == 0) {
        misuse_own(argument);
    }
    return 0;
}

static LONG WINAPI tell_crash(EXCEPTION_POINTERS *what) {
    printf("CRASH: exception 0x%08lx; in calls of", (unsigned long)what->ExceptionRecord->ExceptionCode);
    for (uint32_t number = 0; number < THREADS; number++) {
        printf(" %s%s", misuse_names[callers[number].function], callers[number].owner ? " (owner)" : "");
    }
    printf("\nVERDICT crash\n");
    fflush(stdout);
    TerminateProcess(GetCurrentProcess(), 5);
    return EXCEPTION_EXECUTE_HANDLER;
}

static void tell_hang(const struct misuse_caller *caller) {
    printf("HANG: thread %u, call %lld: %s has not returned for %d s\nVERDICT hang\n", caller->number, (long long)caller->calls,
           misuse_names[caller->function], HANG_S);
    fflush(stdout);
    TerminateProcess(GetCurrentProcess(), 3);
}

/* Waits until the threads have ended; one that does not get on ends the program. */
static void join(struct misuse_caller *first, uint32_t count) {
    LONG64 seen[THREADS] = {0};
    ULONGLONG since[THREADS];
    for (uint32_t number = 0; number < count; number++) {
        since[number] = GetTickCount64();
    }
    for (uint32_t number = 0; number < count;) {
        if (WaitForSingleObject(first[number].thread, 200) == WAIT_OBJECT_0) {
            CloseHandle(first[number++].thread);
            continue;
        }
        for (uint32_t other = number; other < count; other++) {
            LONG64 now = InterlockedCompareExchange64(&first[other].calls, 0, 0);
            since[other] = now != seen[other] ? GetTickCount64() : since[other];
            seen[other] = now;
            if (GetTickCount64() - since[other] > HANG_S * 1000ull &&
                WaitForSingleObject(first[other].thread, 0) != WAIT_OBJECT_0) {
                tell_hang(&first[other]);
            }
        }
    }
}

static void start(struct misuse_caller *caller, LPTHREAD_START_ROUTINE run) {
    caller->thread = CreateThread(NULL, 0, run, caller, 0, NULL);
    if (caller->thread == NULL) {
        printf("VERDICT no thread\n");
        exit(2);
    }
}

static void run_phase(uint64_t quota, uint32_t seconds) {
    misuse_shared.ending = 0;
    for (uint32_t number = 0; number < THREADS; number++) {
        callers[number].quota = quota / CALLERS;
        callers[number].until_ms = GetTickCount64() + seconds * 1000ull;
        start(&callers[number], callers[number].owner ? run_owner : run_caller);
    }
    join(callers, CALLERS);
    InterlockedExchange(&misuse_shared.ending, 1);
    join(callers + CALLERS, OWNERS);
    misuse_close_common();
}

/* Answers the callers in one phase. What its threads keep for themselves is not there any more when what is held is counted. */
static ws2echo_server open_staying_server(void) {
    ws2echo_server server;
    ws2echo_server_options options;
    ws2echo_server_options_init(&options);
    options.model = WS2ECHO_MODEL_IOCP;
    options.family = WS2ECHO_FAMILY_IPV4;
    options.protocol = WS2ECHO_PROTOCOL_BOTH;
    if (ws2echo_server_open(&options, &server) != 0 || ws2echo_server_port(server, &misuse_shared.port) != 0) {
        printf("VERDICT no server: %s\n", ws2echo_last_failure());
        exit(2);
    }
    return server;
}

static bool holds_more(const struct misuse_holdings *before, const struct misuse_holdings *now) {
    return now->handles > before->handles || now->threads > before->threads ||
           now->heap_blocks > before->heap_blocks + HEAP_BLOCKS_SLACK;
}

static void tell_types(const struct misuse_holdings *before, const struct misuse_holdings *now) {
    for (size_t place = 0; place < MISUSE_TYPES_MAX && now->types[place].count > 0; place++) {
        const struct misuse_type *type = &now->types[place];
        printf("HELD: %s %u, then %u\n", type->name, misuse_count_of(before, type->name), type->count);
    }
}

/* What is held is to be what it was, once the system has cleared up. */
static void check_holdings(const struct misuse_holdings *before) {
    struct misuse_holdings now = misuse_holdings();
    ULONGLONG until_ms = GetTickCount64() + PATIENCE_S * 1000;
    while (holds_more(before, &now) && GetTickCount64() < until_ms) {
        Sleep(50);
        now = misuse_holdings();
    }
    printf("HELD: handles %u, then %u; semaphores %u, then %u; threads %u, then %u; blocks of heaps %llu, then %llu\n",
           before->handles, now.handles, before->semaphores, now.semaphores, before->threads, now.threads,
           (unsigned long long)before->heap_blocks, (unsigned long long)now.heap_blocks);
    if (holds_more(before, &now)) {
        tell_types(before, &now);
        printf("WRONG: something was left behind\n");
        misuse_shared.failed = 1;
    }
}

static uint64_t tell_function(uint32_t function) {
    uint64_t sum = 0;
    printf("%-32s", misuse_names[function]);
    for (uint32_t place = 0; place < MISUSE_CODES; place++) {
        uint64_t count = 0;
        for (uint32_t number = 0; number < CALLERS; number++) {
            count += callers[number].counts[function][place];
        }
        if (count > 0) {
            printf(" %d:%llu", misuse_code_at(place), (unsigned long long)count);
        }
        sum += count;
    }
    printf("\n");
    return sum;
}

static uint64_t tell_counts(void) {
    uint64_t sum = 0;
    for (uint32_t function = 0; function < MISUSE_FUNCTION_COUNT; function++) {
        sum += tell_function(function);
    }
    return sum;
}

static void seed_callers(uint64_t seed) {
    for (uint32_t number = 0; number < THREADS; number++) {
        callers[number].number = number;
        callers[number].owner = number >= CALLERS;
        callers[number].chance.state = seed * THREADS + number;
    }
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: misuse SEED CALLS SECONDS\n");
        return 2;
    }
    SetUnhandledExceptionFilter(tell_crash);
    seed_callers(strtoull(arguments[1], NULL, 10));
    misuse_count_kinds();
    ws2echo_server server = open_staying_server();
    misuse_warm_up(&callers[CALLERS]);
    run_phase(WARM_UP_CALLS, 60);
    ws2echo_server_close(server);
    struct misuse_holdings before = misuse_holdings();
    server = open_staying_server();
    run_phase(strtoull(arguments[2], NULL, 10), (uint32_t)strtoul(arguments[3], NULL, 10));
    ws2echo_server_close(server);
    check_holdings(&before);
    uint64_t sum = tell_counts();
    LONG64 owned = callers[CALLERS].calls + callers[CALLERS + 1].calls;
    printf("CALLS: %llu by %d threads, %lld of owners beside them\n", (unsigned long long)sum, CALLERS, (long long)owned);
    printf("VERDICT %s\n", misuse_shared.failed == 0 ? "ok" : "wrong");
    return misuse_shared.failed == 0 ? 0 : 1;
}
