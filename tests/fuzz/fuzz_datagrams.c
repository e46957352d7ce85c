/* A text of rules, then the choices of a run of server against clients over UDP (tests/core/peers.h). */
#include "fuzz.h"
#include "peers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char rules[256];
    struct peers_report report;
    struct choice choice = fuzz_text(data, size, rules, sizeof rules);
    peers_datagrams(&choice, rules, 0xAA, &report);
    return 0;
}
