#include "tests/support/fake_engine/faults.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "tests/support/fake_engine/fault_rules.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

struct faults {
    struct fault_rules rules;
    uint64_t seed;
    unsigned permille, last;
    unsigned calls, events; /* asked about */
    unsigned spoiled;
};

struct faults *faults_new(void)
{
    return xcalloc(1, sizeof(struct faults));
}

void faults_free(struct faults *faults)
{
    fault_rules_done(&faults->rules);
    free(faults);
}

int faults_set_script(struct faults *faults, const char *text, struct error *err)
{
    struct fault_rules rules = {0};

    if (fault_rules_read(text, &rules, err) < 0) {
        fault_rules_done(&rules);
        return -1;
    }
    fault_rules_done(&faults->rules);
    faults->rules = rules;
    faults->calls = faults->events = faults->spoiled = 0;
    return 0;
}

void faults_set_seed(struct faults *faults, uint64_t seed, unsigned permille, unsigned last)
{
    faults->seed = seed;
    faults->permille = permille;
    faults->last = last;
}

unsigned faults_count(const struct faults *faults)
{
    return faults->spoiled;
}

unsigned faults_event_count(const struct faults *faults)
{
    return faults->events;
}

/* --- by rules --- */

static bool is_write(const char *method)
{
    return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

static bool fits(const struct fault_rule *rule, bool is_event, const char *first,
                 const char *second)
{
    if (rule->is_event != is_event) {
        return false;
    }
    if (!is_event && strcmp(rule->first, "WRITE") == 0) {
        return is_write(first) && fnmatch(rule->second, second, 0) == 0;
    }
    return fnmatch(rule->first, first, 0) == 0 && fnmatch(rule->second, second, 0) == 0;
}

/* Every rule that fits counts, also behind the one that wins. */
static struct fault by_rules(struct faults *faults, bool is_event, const char *first,
                             const char *second)
{
    struct fault fault = {0};

    for (size_t i = 0; i < faults->rules.count; i++) {
        struct fault_rule *rule = &faults->rules.items[i];

        if (fits(rule, is_event, first, second)) {
            rule->seen++;
            if (fault.kind == FAULT_NONE && rule->seen >= rule->from && rule->seen <= rule->to) {
                fault = rule->fault;
            }
        }
    }
    return fault;
}

/* --- by a seed --- */

/* splitmix64: neighbouring numbers give unrelated ones. */
static uint64_t mix(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static struct fault by_seed(const struct faults *faults, bool is_event, unsigned number)
{
    static const struct fault of_calls[] = {
        {FAULT_DROP_BEFORE, 0, NULL},    {FAULT_DROP_AFTER, 0, NULL},
        {FAULT_DELAY, 300, NULL},        {FAULT_DELAY_AFTER, 300, NULL},
        {FAULT_HANG, 2000, NULL},        {FAULT_HANG_AFTER, 2000, NULL},
        {FAULT_CLOSE_MID_BODY, 0, NULL}, {FAULT_GARBAGE, 0, NULL},
        {FAULT_STATUS, 404, NULL},       {FAULT_STATUS, 409, NULL},
        {FAULT_STATUS, 500, NULL},       {FAULT_STATUS, 503, NULL},
        {FAULT_STATUS_AFTER, 500, NULL}, {FAULT_DISK_FULL, 0, NULL},
    };
    static const struct fault of_events[] = {
        {FAULT_EVENT_LOSE, 0, NULL},   {FAULT_EVENT_DOUBLE, 0, NULL},  {FAULT_EVENT_SWAP, 0, NULL},
        {FAULT_EVENT_LATE, 300, NULL}, {FAULT_EVENT_GARBAGE, 0, NULL}, {FAULT_EVENT_CLOSE, 0, NULL},
    };
    uint64_t drawn = mix(mix(faults->seed) ^ (number * 2 + is_event));

    if ((faults->last > 0 && number > faults->last) || drawn % 1000 >= faults->permille) {
        return (struct fault){0};
    }
    drawn /= 1000;
    return is_event ? of_events[drawn % ARRAY_SIZE(of_events)]
                    : of_calls[drawn % ARRAY_SIZE(of_calls)];
}

static struct fault pick(struct faults *faults, bool is_event, unsigned number, const char *first,
                         const char *second)
{
    struct fault fault = by_rules(faults, is_event, first, second);

    if (fault.kind == FAULT_NONE) {
        fault = by_seed(faults, is_event, number);
    }
    faults->spoiled += fault.kind != FAULT_NONE;
    return fault;
}

struct fault faults_of_call(struct faults *faults, const char *method, const char *path)
{
    return pick(faults, false, ++faults->calls, method, path);
}

struct fault faults_of_event(struct faults *faults, const char *type, const char *action)
{
    return pick(faults, true, ++faults->events, type, action);
}
