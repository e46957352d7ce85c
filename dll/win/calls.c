/* Part of builds with W2E_COUNT_CALLS only. */
#include "win/calls.h"

static struct w2e_call_site *volatile first;

static void list(struct w2e_call_site *site) {
    struct w2e_call_site *next;
    do {
        next = first;
        site->next = next;
    } while (InterlockedCompareExchangePointer((void *volatile *)&first, site, next) != next);
}

void w2e_call_count(struct w2e_call_site *site) {
    InterlockedIncrement64(&site->count);
    if (site->listed == 0 && InterlockedExchange(&site->listed, 1) == 0) {
        list(site);
    }
}

const struct w2e_call_site *w2e_call_sites(void) {
    return first;
}
