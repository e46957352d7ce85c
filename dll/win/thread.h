/* Threads, waits with deadlines, and small pieces of shared state. */
#ifndef W2E_THREAD_H
#define W2E_THREAD_H

#include "win/win.h"

#include <stdbool.h>
#include <stdint.h>

/* A worker needs little stack; a small reservation is what makes thousands of them possible. */
enum { W2E_THREAD_STACK_BYTES = 128 * 1024 };

/* Who cannot wake a thread, for want of memory, tries again after so long. */
enum { W2E_WAKE_AGAIN_MS = 1 };

/* Starts a thread: 0 or WSAENOBUFS. */
int w2e_thread_start(HANDLE *thread, LPTHREAD_START_ROUTINE run, void *argument);

/* To be called first by a thread of which there may be many. */
void w2e_thread_enter(void);

/* Waits for a thread to end, and closes its handle. */
void w2e_thread_join(HANDLE thread);

/* The time of w2e_sys_now_us at which timeout_ms has passed; W2E_NEVER for WS2ECHO_INFINITE. */
uint64_t w2e_deadline_us(uint64_t now_us, uint32_t timeout_ms);

/* What is left until the deadline, rounded up, as Windows wants it: 0 if it has passed, INFINITE for W2E_NEVER. */
DWORD w2e_left_ms(uint64_t deadline_us);

/* Waits for the condition, with the lock held exclusively: false once the deadline has passed. */
bool w2e_condition_wait(CONDITION_VARIABLE *condition, SRWLOCK *lock, uint64_t deadline_us);

/* A flag that is read without a lock. */
struct w2e_flag {
    volatile LONG value;
};

static inline void w2e_flag_set(struct w2e_flag *flag) {
    InterlockedExchange(&flag->value, 1);
}

static inline void w2e_flag_clear(struct w2e_flag *flag) {
    InterlockedExchange(&flag->value, 0);
}

static inline bool w2e_flag_is_set(struct w2e_flag *flag) {
    return InterlockedCompareExchange(&flag->value, 0, 0) != 0;
}

/* A count that many threads add to. */
struct w2e_counter {
    volatile LONG64 value;
};

static inline void w2e_counter_add(struct w2e_counter *counter, uint64_t amount) {
    InterlockedExchangeAdd64(&counter->value, (LONG64)amount);
}

static inline uint64_t w2e_counter_get(struct w2e_counter *counter) {
    return (uint64_t)InterlockedCompareExchange64(&counter->value, 0, 0);
}

#endif
