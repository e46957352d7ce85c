/* Rules as text: whatever is read is in its ranges, and is the same when it is printed and read again. */
#include "faults_parse.h"
#include "fuzz.h"

static void check_error(const struct w2e_fault_error *error, const char *text) {
    size_t length = strlen(error->text);
    CHECK(length > 0 && length < sizeof error->text);
    CHECK(error->position <= strlen(text));
}

static void check_read(const struct w2e_fault_rule *rule) {
    char printed[W2E_FAULT_TEXT_SIZE];
    char cut[8];
    struct w2e_fault_rule again;
    struct w2e_fault_error error;
    CHECK(w2e_fault_rule_check(rule) == NULL);
    size_t size = w2e_fault_print(rule, printed, sizeof printed);
    CHECK(size == strlen(printed));
    CHECK(w2e_fault_parse(&again, printed, &error) && w2e_fault_rule_equal(rule, &again));
    CHECK(w2e_fault_print(rule, cut, sizeof cut) == size && strlen(cut) < sizeof cut && strncmp(cut, printed, strlen(cut)) == 0);
}

static void read_one(const char *text) {
    struct w2e_fault_rule rule;
    struct w2e_fault_error error;
    if (w2e_fault_parse(&rule, text, &error)) {
        check_read(&rule);
    } else {
        check_error(&error, text);
    }
}

static void read_all(const char *text) {
    struct w2e_fault_rules rules;
    struct w2e_fault_error error;
    w2e_faults_init(&rules, 1);
    if (!w2e_faults_parse(&rules, text, &error)) {
        check_error(&error, text);
    }
    CHECK(rules.count <= W2E_FAULT_RULES_MAX);
    for (uint32_t i = 0; i < rules.count; i++) {
        CHECK(rules.rules[i].id == i + 1);
        check_read(&rules.rules[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1); /* of its own size: ASan sees who reads on */
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = 0;
    read_one(text);
    read_all(text);
    free(text);
    return 0;
}
