/*
 * Rules as text:
 *
 *   rule       = kind [ ":" parameter { "," parameter } ] [ "@" condition { "," condition } ]
 *   parameter  = name "=" value            the kind's own (faults.h), and
 *                "toxicity=" fraction      unless the kind concerns the listener
 *                "stream=" ( "upstream" | "downstream" )    where the kind has a direction; downstream if left out, as in Toxiproxy
 *   condition  = name "=" value            first, every, after_bytes, after_ms, probability: those that the kind can have, and
 *                "peers=" address [ "/" prefix ]
 *
 *   latency:latency=50,jitter=10          corrupt:rate=0.01,stream=upstream,toxicity=0.5          refuse@first=2
 *   reset:at=100@every=3                  drop:rate=0.1,correlation=0.25@peers=10.0.0.0/8
 *
 * Several rules are separated by blanks, tabs or ends of lines.
 *
 * A number is whole, of decimal digits; a fraction is 0 to 1 with at most nine decimals. No blanks, capitals or repetitions. A rule
 * has one canonical text: in the order of the lists in faults.h, defaults left out. Parsing what was printed gives an equal rule.
 */
#ifndef W2E_FAULTS_PARSE_H
#define W2E_FAULTS_PARSE_H

#include "faults.h"

enum {
    W2E_FAULT_TEXT_SIZE = 512, /* room for any rule, NUL included */
    W2E_FAULT_ERROR_SIZE = 320
};

/* What is wrong with a text, where, and what may stand there. */
struct w2e_fault_error {
    size_t position; /* of the first byte that is wrong; the text's size if something is missing at its end */
    char text[W2E_FAULT_ERROR_SIZE];
};

/* Reads a rule: whether it is one. If not, *rule is left in no defined state. */
bool w2e_fault_parse(struct w2e_fault_rule *rule, const char *text, struct w2e_fault_error *error);

/* Reads any number of rules, and adds them: whether each is one. An error's position is that in the whole text. */
bool w2e_faults_parse(struct w2e_fault_rules *rules, const char *text, struct w2e_fault_error *error);

/* Writes the canonical text of a rule, cut where the memory ends: how long it is, NUL not counted. */
size_t w2e_fault_print(const struct w2e_fault_rule *rule, char *memory, size_t capacity);

/* What a unit's values are, for messages and documents: "milliseconds". */
const char *w2e_fault_unit_text(enum w2e_fault_unit unit);

#endif
