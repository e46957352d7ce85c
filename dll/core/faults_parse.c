#include "faults_parse.h"

#include "text.h"

#include <string.h>

enum { DECIMALS = 9 };

/* A piece of the text. */
struct piece {
    const char *begin;
    const char *end;
};

struct parser {
    const char *text;
    const char *at;
    struct w2e_fault_rule *rule;
    struct w2e_fault_error *error;
    struct w2e_text message;
    const char *given[16]; /* the names that were given, so that none is twice */
    unsigned given_count;
};

static const char *const unit_texts[] = {"", "bytes", "kilobytes per second", "milliseconds", "microseconds", "a fraction"};

const char *w2e_fault_unit_text(enum w2e_fault_unit unit) {
    return unit_texts[unit];
}

/* ---- errors ---- */

static void say(struct parser *parser, const char *words) {
    w2e_text_add(&parser->message, words);
}

static void quote(struct parser *parser, struct piece piece) {
    enum { QUOTED_MAX = 40 };
    size_t size = (size_t)(piece.end - piece.begin);
    bool all = size <= QUOTED_MAX;
    size = all ? size : QUOTED_MAX;
    while (!all && size > 0 && ((unsigned char)piece.begin[size] & 0xC0) == 0x80) {
        size--; /* no character of UTF-8 is torn */
    }
    say(parser, "\"");
    w2e_text_add_bytes(&parser->message, piece.begin, size);
    say(parser, all ? "\"" : "…\"");
}

/* Begins a message about a place, and is false. */
static bool fail(struct parser *parser, const char *at, const char *words) {
    parser->error->position = (size_t)(at - parser->text);
    w2e_text_init(&parser->message, parser->error->text, sizeof parser->error->text);
    say(parser, words);
    return false;
}

static void list(struct parser *parser, const char *name, bool *begun) {
    say(parser, *begun ? ", " : ": ");
    say(parser, name);
    *begun = true;
}

static void list_kinds(struct parser *parser) {
    bool begun = false;
    for (unsigned kind = 0; kind < W2E_FAULT_KINDS; kind++) {
        list(parser, w2e_fault_info((enum w2e_fault_kind)kind)->name, &begun);
    }
}

static void list_parameters(struct parser *parser) {
    const struct w2e_fault_info *info = w2e_fault_info(parser->rule->kind);
    const struct w2e_fault_parameter *parameter;
    bool begun = false;
    for (unsigned i = 0; (parameter = w2e_fault_parameter_at(parser->rule->kind, i)) != NULL; i++) {
        list(parser, parameter->name, &begun);
    }
    if (info->directed) {
        list(parser, "stream", &begun);
    }
    if (info->scope != W2E_FAULT_LISTENER) {
        list(parser, "toxicity", &begun);
    }
    say(parser, begun ? "" : " nor any other");
}

static void list_whens(struct parser *parser) {
    const struct w2e_fault_parameter *when;
    bool begun = false;
    for (unsigned i = 0; (when = w2e_fault_when_at(parser->rule->kind, i)) != NULL; i++) {
        list(parser, when->name, &begun);
    }
    if (begun) {
        list(parser, "peers", &begun);
    } else {
        say(parser, " nor any other: it concerns the whole server");
    }
}

static bool unknown(struct parser *parser, struct piece name, const char *sort, void (*list_known)(struct parser *)) {
    fail(parser, name.begin, w2e_fault_info(parser->rule->kind)->name);
    say(parser, " has no ");
    say(parser, sort);
    say(parser, " ");
    quote(parser, name);
    list_known(parser);
    return false;
}

static void say_range(struct parser *parser, const struct w2e_fault_parameter *parameter) {
    if (parameter->unit == W2E_UNIT_FRACTION) {
        say(parser, "a number from 0 to 1, with at most 9 decimals");
        return;
    }
    say(parser, "a whole number");
    say(parser, parameter->unit == W2E_UNIT_COUNT ? "" : " of ");
    say(parser, unit_texts[parameter->unit]);
    say(parser, ", ");
    w2e_text_add_number(&parser->message, parameter->least);
    say(parser, " to ");
    w2e_text_add_number(&parser->message, parameter->most);
}

/* ---- pieces ---- */

static bool is(struct piece piece, const char *word) {
    size_t size = (size_t)(piece.end - piece.begin);
    return strlen(word) == size && memcmp(piece.begin, word, size) == 0;
}

/* Takes what stands before any of the stops, or the end. */
static struct piece take_until(struct parser *parser, const char *stops) {
    struct piece piece = {.begin = parser->at};
    parser->at += strcspn(parser->at, stops);
    piece.end = parser->at;
    return piece;
}

static bool accept(struct parser *parser, char c) {
    bool found = *parser->at == c;
    parser->at += found ? 1 : 0;
    return found;
}

/* Notes that something is given: false if it is for the second time. */
static bool note_given(struct parser *parser, const char *name, const char *at) {
    for (unsigned i = 0; i < parser->given_count; i++) {
        if (strcmp(parser->given[i], name) == 0) {
            fail(parser, at, name);
            say(parser, " is given twice");
            return false;
        }
    }
    parser->given[parser->given_count++] = name;
    return true;
}

/* ---- values ---- */

static bool add_digit(uint64_t *value, char digit) {
    bool fits = digit >= '0' && digit <= '9' && *value <= (UINT64_MAX - 9) / 10;
    if (fits) {
        *value = *value * 10 + (uint64_t)(digit - '0');
    }
    return fits;
}

static bool read_whole(struct piece piece, uint64_t *value) {
    *value = 0;
    for (const char *at = piece.begin; at < piece.end; at++) {
        if (!add_digit(value, *at)) {
            return false;
        }
    }
    return piece.begin < piece.end;
}

/* Reads digits, and up to nine more behind a point, as billionths. */
static bool read_fraction(struct piece piece, uint64_t *value) {
    size_t size = (size_t)(piece.end - piece.begin);
    const char *point = memchr(piece.begin, '.', size);
    struct piece whole = {piece.begin, point != NULL ? point : piece.end};
    if (!read_whole(whole, value) || *value > 1) {
        return false;
    }
    size_t decimals = point != NULL ? (size_t)(piece.end - (point + 1)) : 0;
    if (decimals > DECIMALS || (point != NULL && decimals == 0)) {
        return false;
    }
    for (size_t i = 0; i < DECIMALS; i++) {
        if (!add_digit(value, i < decimals ? point[1 + i] : '0')) {
            return false;
        }
    }
    return true;
}

static bool read_value(struct parser *parser, const struct w2e_fault_parameter *parameter, struct piece piece, uint64_t *value) {
    bool read = parameter->unit == W2E_UNIT_FRACTION ? read_fraction(piece, value) : read_whole(piece, value);
    if (read && *value >= parameter->least && *value <= parameter->most) {
        return true;
    }
    fail(parser, piece.begin, parameter->name);
    say(parser, " is ");
    say_range(parser, parameter);
    say(parser, ", not ");
    quote(parser, piece);
    return false;
}

static bool read_toxicity(struct parser *parser, struct piece value) {
    static const struct w2e_fault_parameter toxicity = {.name = "toxicity", .unit = W2E_UNIT_FRACTION, .most = W2E_FAULT_ONE};
    return read_value(parser, &toxicity, value, &parser->rule->toxicity);
}

static bool read_stream(struct parser *parser, struct piece value) {
    if (!is(value, "upstream") && !is(value, "downstream")) {
        fail(parser, value.begin, "stream is upstream or downstream, not ");
        quote(parser, value);
        return false;
    }
    parser->rule->stream = is(value, "upstream") ? W2E_FAULT_UPSTREAM : W2E_FAULT_DOWNSTREAM;
    return true;
}

static bool read_peers(struct parser *parser, struct piece value) {
    const char *wrong = w2e_fault_range_parse(&parser->rule->peers, value.begin, (size_t)(value.end - value.begin));
    if (wrong == NULL) {
        return true;
    }
    fail(parser, value.begin, "peers is an address or range such as 10.0.0.0/8 or ::1, but ");
    quote(parser, value);
    say(parser, " ");
    say(parser, wrong);
    return false;
}

/* ---- parameters and conditions ---- */

static bool parameter(struct parser *parser, struct piece name, struct piece value) {
    const struct w2e_fault_info *info = w2e_fault_info(parser->rule->kind);
    const struct w2e_fault_parameter *known;
    for (unsigned i = 0; (known = w2e_fault_parameter_at(parser->rule->kind, i)) != NULL; i++) {
        if (is(name, known->name)) {
            return note_given(parser, known->name, name.begin) &&
                   read_value(parser, known, value, &parser->rule->values[known->slot]);
        }
    }
    if (info->scope != W2E_FAULT_LISTENER && is(name, "toxicity")) {
        return note_given(parser, "toxicity", name.begin) && read_toxicity(parser, value);
    }
    if (info->directed && is(name, "stream")) {
        return note_given(parser, "stream", name.begin) && read_stream(parser, value);
    }
    return unknown(parser, name, "parameter", list_parameters);
}

static bool condition(struct parser *parser, struct piece name, struct piece value) {
    const struct w2e_fault_parameter *known;
    for (unsigned i = 0; (known = w2e_fault_when_at(parser->rule->kind, i)) != NULL; i++) {
        if (is(name, known->name)) {
            return note_given(parser, known->name, name.begin) &&
                   read_value(parser, known, value, &parser->rule->when[known->slot]);
        }
    }
    if (w2e_fault_info(parser->rule->kind)->scope != W2E_FAULT_LISTENER && is(name, "peers")) {
        return note_given(parser, "peers", name.begin) && read_peers(parser, value);
    }
    return unknown(parser, name, "condition", list_whens);
}

/* Reads "name=value,name=value" up to a stop. */
static bool assignments(struct parser *parser, const char *name_stops, const char *value_stops,
                        bool (*assign)(struct parser *, struct piece, struct piece)) {
    parser->given_count = 0;
    do {
        struct piece name = take_until(parser, name_stops);
        if (!accept(parser, '=')) {
            fail(parser, name.begin, "here stands name=value, not ");
            quote(parser, name);
            return false;
        }
        struct piece value = take_until(parser, value_stops);
        if (!assign(parser, name, value)) {
            return false;
        }
    } while (accept(parser, ','));
    return true;
}

static bool kind(struct parser *parser) {
    struct piece name = take_until(parser, ":@");
    for (unsigned i = 0; i < W2E_FAULT_KINDS; i++) {
        if (is(name, w2e_fault_info((enum w2e_fault_kind)i)->name)) {
            w2e_fault_rule_init(parser->rule, (enum w2e_fault_kind)i);
            return true;
        }
    }
    fail(parser, name.begin, "no fault is called ");
    quote(parser, name);
    list_kinds(parser);
    return false;
}

/* What no single value shows: something is missing, or two do not fit each other. */
static bool whole(struct parser *parser, const char *parameters_end) {
    const struct w2e_fault_parameter *wrong = w2e_fault_rule_check(parser->rule);
    if (wrong == NULL) {
        return true;
    }
    bool missing = parser->rule->values[wrong->slot] == W2E_FAULT_REQUIRED;
    fail(parser, parameters_end, w2e_fault_info(parser->rule->kind)->name);
    say(parser, missing ? " needs " : ": size_variation is less than average_size");
    if (missing) {
        say(parser, wrong->name);
        say(parser, ", ");
        say_range(parser, wrong);
    }
    return false;
}

bool w2e_fault_parse(struct w2e_fault_rule *rule, const char *text, struct w2e_fault_error *error) {
    struct parser parser = {.text = text, .at = text, .rule = rule, .error = error};
    if (!kind(&parser)) {
        return false;
    }
    if (accept(&parser, ':') && !assignments(&parser, "=,@", ",@", parameter)) {
        return false;
    }
    const char *parameters_end = parser.at;
    if (accept(&parser, '@') && !assignments(&parser, "=,", ",", condition)) {
        return false;
    }
    return whole(&parser, parameters_end);
}

/* ---- several ---- */

static bool is_blank(char character) {
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

static const char *skip(const char *at, bool blanks) {
    while (*at != 0 && is_blank(*at) == blanks) {
        at++;
    }
    return at;
}

static bool fail_by_number(struct w2e_fault_error *error, const char *words, uint64_t number) {
    struct parser parser = {.error = error};
    fail(&parser, parser.text, words);
    w2e_text_add_number(&parser.message, number);
    return false;
}

/* One rule of many. */
static bool parse_piece(struct w2e_fault_rule *rule, const char *begin, const char *end, struct w2e_fault_error *error) {
    char piece[W2E_FAULT_TEXT_SIZE];
    size_t size = (size_t)(end - begin);
    if (size >= sizeof piece) {
        return fail_by_number(error, "the rule is too long: bytes at most: ", sizeof piece - 1);
    }
    memcpy(piece, begin, size);
    piece[size] = 0;
    return w2e_fault_parse(rule, piece, error);
}

static bool add(struct w2e_fault_rules *rules, const struct w2e_fault_rule *rule, struct w2e_fault_error *error) {
    if (w2e_faults_add(rules, rule, 0) == 0) {
        return fail_by_number(error, "there are too many rules: at most ", W2E_FAULT_RULES_MAX);
    }
    return true;
}

bool w2e_faults_parse(struct w2e_fault_rules *rules, const char *text, struct w2e_fault_error *error) {
    for (const char *begin = skip(text, true); *begin != 0;) {
        const char *end = skip(begin, false);
        struct w2e_fault_rule rule;
        if (!parse_piece(&rule, begin, end, error) || !add(rules, &rule, error)) {
            error->position += (size_t)(begin - text);
            return false;
        }
        begin = skip(end, true);
    }
    return true;
}

/* ---- print ---- */

/* Begins a parameter or condition: `opens` stands before the first one. */
static void print_name(struct w2e_text *text, const char *opens, bool *begun, const char *name) {
    w2e_text_add(text, *begun ? "," : opens);
    w2e_text_add(text, name);
    w2e_text_add(text, "=");
    *begun = true;
}

static void print_fraction(struct w2e_text *text, uint64_t value) {
    w2e_text_add(text, value == W2E_FAULT_ONE ? "1" : "0");
    value %= W2E_FAULT_ONE;
    if (value == 0) {
        return;
    }
    w2e_text_add(text, ".");
    for (; value > 0; value %= W2E_FAULT_ONE) {
        value *= 10;
        w2e_text_add_number(text, value / W2E_FAULT_ONE);
    }
}

static void print_value(struct w2e_text *text, const char *opens, bool *begun, const struct w2e_fault_parameter *parameter,
                        uint64_t value) {
    if (value == parameter->standard) {
        return;
    }
    print_name(text, opens, begun, parameter->name);
    if (parameter->unit == W2E_UNIT_FRACTION) {
        print_fraction(text, value);
    } else {
        w2e_text_add_number(text, value);
    }
}

static void print_parameters(struct w2e_text *text, const struct w2e_fault_rule *rule) {
    const struct w2e_fault_parameter *known;
    bool begun = false;
    for (unsigned i = 0; (known = w2e_fault_parameter_at(rule->kind, i)) != NULL; i++) {
        print_value(text, ":", &begun, known, rule->values[known->slot]);
    }
    if (rule->stream != W2E_FAULT_DOWNSTREAM) {
        print_name(text, ":", &begun, "stream");
        w2e_text_add(text, "upstream");
    }
    if (rule->toxicity != W2E_FAULT_ONE) {
        print_name(text, ":", &begun, "toxicity");
        print_fraction(text, rule->toxicity);
    }
}

static void print_whens(struct w2e_text *text, const struct w2e_fault_rule *rule) {
    const struct w2e_fault_parameter *known;
    bool begun = false;
    for (unsigned i = 0; (known = w2e_fault_when_at(rule->kind, i)) != NULL; i++) {
        print_value(text, "@", &begun, known, rule->when[known->slot]);
    }
    if (rule->peers.family != 0) {
        print_name(text, "@", &begun, "peers");
        w2e_fault_range_print(text, &rule->peers);
    }
}

size_t w2e_fault_print(const struct w2e_fault_rule *rule, char *memory, size_t capacity) {
    struct w2e_text text;
    w2e_text_init(&text, memory, capacity);
    w2e_text_add(&text, w2e_fault_info(rule->kind)->name);
    print_parameters(&text, rule);
    print_whens(&text, rule);
    return text.size;
}
