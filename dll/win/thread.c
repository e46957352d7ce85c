#include "win/thread.h"

#include "session.h"
#include "win/system.h"
#include "win/wine.h"

int w2e_thread_start(HANDLE *thread, LPTHREAD_START_ROUTINE run, void *argument) {
    *thread = w2e_sys_create_thread(run, argument, W2E_THREAD_STACK_BYTES);
    return *thread != NULL ? 0 : WSAENOBUFS;
}

void w2e_thread_enter(void) {
    if (w2e_on_wine()) {
        w2e_wine_give_stack_back();
    }
}

void w2e_thread_join(HANDLE thread) {
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}

uint64_t w2e_deadline_us(uint64_t now_us, uint32_t timeout_ms) {
    return timeout_ms == WS2ECHO_INFINITE ? W2E_NEVER : now_us + (uint64_t)timeout_ms * 1000;
}

DWORD w2e_left_ms(uint64_t deadline_us) {
    if (deadline_us == W2E_NEVER) {
        return INFINITE;
    }
    uint64_t now_us = w2e_sys_now_us();
    if (now_us >= deadline_us) {
        return 0;
    }
    uint64_t left_ms = (deadline_us - now_us + 999) / 1000;
    return left_ms < INFINITE ? (DWORD)left_ms : INFINITE - 1;
}

bool w2e_condition_wait(CONDITION_VARIABLE *condition, SRWLOCK *lock, uint64_t deadline_us) {
    DWORD left_ms = w2e_left_ms(deadline_us);
    if (left_ms == 0) {
        return false;
    }
    w2e_sys_wait_condition(condition, lock, left_ms);
    return true;
}
