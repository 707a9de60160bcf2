#include "tests/support/fake_engine/fault_rules.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 4 };

/* What a fault wants behind its name. */
enum argument { NOTHING, MAYBE_NUMBER, NUMBER, PROCESS };

static const struct {
    const char *name;
    enum fault_kind kind;
    bool is_of_event;
    enum argument argument;
} known[] = {
    {"drop-before", FAULT_DROP_BEFORE, false, NOTHING},
    {"drop-after", FAULT_DROP_AFTER, false, NOTHING},
    {"delay", FAULT_DELAY, false, NUMBER},
    {"delay-after", FAULT_DELAY_AFTER, false, NUMBER},
    {"hang", FAULT_HANG, false, MAYBE_NUMBER},
    {"hang-after", FAULT_HANG_AFTER, false, MAYBE_NUMBER},
    {"close-mid-body", FAULT_CLOSE_MID_BODY, false, NOTHING},
    {"garbage", FAULT_GARBAGE, false, NOTHING},
    {"status", FAULT_STATUS, false, NUMBER},
    {"status-after", FAULT_STATUS_AFTER, false, NUMBER},
    {"disk-full", FAULT_DISK_FULL, false, NOTHING},
    {"port-in-use", FAULT_PORT_IN_USE, false, MAYBE_NUMBER},
    {"kill-before", FAULT_KILL_BEFORE, false, PROCESS},
    {"kill-after", FAULT_KILL_AFTER, false, PROCESS},
    {"lose", FAULT_EVENT_LOSE, true, NOTHING},
    {"double", FAULT_EVENT_DOUBLE, true, NOTHING},
    {"swap", FAULT_EVENT_SWAP, true, NOTHING},
    {"late", FAULT_EVENT_LATE, true, NUMBER},
    {"garbage", FAULT_EVENT_GARBAGE, true, NOTHING},
    {"close", FAULT_EVENT_CLOSE, true, NOTHING},
};

const char *fault_name(enum fault_kind kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (known[i].kind == kind) {
            return known[i].name;
        }
    }
    return "";
}

void fault_rules_done(struct fault_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        free(rules->items[i].first);
        free(rules->items[i].second);
        free(rules->items[i].who);
    }
    free(rules->items);
    *rules = (struct fault_rules){0};
}

/* Cuts the line into words, in place; more than MAX_WORDS are as many as that and one. */
static size_t split(char *line, char *words[MAX_WORDS + 1])
{
    size_t count = 0;
    char *rest = NULL;

    for (char *word = strtok_r(line, " \t\r", &rest); word != NULL && count <= MAX_WORDS;
         word = strtok_r(NULL, " \t\r", &rest)) {
        words[count++] = word;
    }
    return count;
}

/* "7", "2-5", "2-", "*" */
static int read_which(const char *text, struct fault_rule *rule)
{
    int end = 0;

    rule->from = 1;
    rule->to = UINT_MAX;
    if (strcmp(text, "*") == 0) {
        return 0;
    }
    if (sscanf(text, "%u%n", &rule->from, &end) != 1) {
        return -1;
    }
    if (text[end] == '\0') {
        rule->to = rule->from;
        return 0;
    }
    if (strcmp(text + end, "-") == 0) {
        return 0;
    }
    text += end;
    return sscanf(text, "-%u%n", &rule->to, &end) == 1 && text[end] == '\0' ? 0 : -1;
}

/* "call 7 POST /containers/create", "event 1 container die" */
static int read_selector(char *text, struct fault_rule *rule, struct error *err)
{
    char *words[MAX_WORDS + 1];
    size_t count = split(text, words);

    if (count < 2 || count > 4 ||
        (strcmp(words[0], "call") != 0 && strcmp(words[0], "event") != 0)) {
        return error_set(err, ERROR_INVALID, "a rule begins with \"call\" or \"event\" and which");
    }
    rule->is_event = strcmp(words[0], "event") == 0;
    if (read_which(words[1], rule) < 0) {
        return error_set(err, ERROR_INVALID, "\"%.32s\" is no number, range or *", words[1]);
    }
    rule->first = xstrdup(count > 2 ? words[2] : "*");
    rule->second = xstrdup(count > 3 ? words[3] : "*");
    return 0;
}

static int read_argument(enum argument wanted, const char *text, struct fault_rule *rule,
                         struct error *err)
{
    uint64_t number = 0;

    if (text == NULL ? wanted == NUMBER || wanted == PROCESS : wanted == NOTHING) {
        return error_set(err, ERROR_INVALID, "%s argument",
                         text == NULL ? "the fault wants an" : "the fault takes no");
    }
    if (text != NULL && wanted == PROCESS) {
        rule->who = xstrdup(text);
        rule->fault.who = rule->who;
    } else if (text != NULL && (parse_u64(text, &number) < 0 || number > INT_MAX)) {
        return error_set(err, ERROR_INVALID, "\"%.32s\" is no number", text);
    }
    rule->fault.number = (unsigned)number;
    return 0;
}

/* "delay 500" */
static int read_fault(char *text, struct fault_rule *rule, struct error *err)
{
    char *words[MAX_WORDS + 1];
    size_t count = split(text, words);

    for (size_t i = 0; count > 0 && i < ARRAY_SIZE(known); i++) {
        if (known[i].is_of_event == rule->is_event && strcmp(known[i].name, words[0]) == 0) {
            rule->fault.kind = known[i].kind;
            return read_argument(known[i].argument, count > 1 ? words[1] : NULL, rule, err);
        }
    }
    return error_set(err, ERROR_INVALID, "\"%.32s\" is no fault of %s", count > 0 ? words[0] : "",
                     rule->is_event ? "an event" : "a call");
}

static int read_rule(char *line, struct fault_rules *rules, struct error *err)
{
    char *colon = strstr(line, ": ");
    struct fault_rule *rule;

    if (line[strspn(line, " \t\r")] == '\0') {
        return 0;
    }
    if (colon == NULL) {
        return error_set(err, ERROR_INVALID, "there is no \": \" in front of a fault");
    }
    *colon = '\0';
    array_grow(&rules->items, rules->count, &rules->capacity, sizeof(*rules->items));
    rule = &rules->items[rules->count++];
    *rule = (struct fault_rule){0};
    return read_selector(line, rule, err) < 0 ? -1 : read_fault(colon + 1, rule, err);
}

int fault_rules_read(const char *text, struct fault_rules *rules, struct error *err)
{
    auto_free char *copy = xstrdup(text);
    unsigned number = 0;

    for (char *line = copy, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        line[strcspn(line, "#")] = '\0';
        number++;
        if (read_rule(line, rules, err) < 0) {
            return error_wrap(err, "line %u", number);
        }
    }
    return 0;
}
