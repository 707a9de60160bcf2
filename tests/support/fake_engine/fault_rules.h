/* The rules of a fault script as they are read; faults.h tells how they are written. */
#ifndef BERTH_TESTS_FAKE_ENGINE_FAULT_RULES_H
#define BERTH_TESTS_FAKE_ENGINE_FAULT_RULES_H

#include "tests/support/fake_engine/faults.h"

#include <stdbool.h>
#include <stddef.h>

struct fault_rule {
    bool is_event;
    unsigned from, to;    /* of those that fit, counted from 1 */
    char *first, *second; /* patterns: method and path, or type and action */
    struct fault fault;
    char *who; /* owns what the fault borrows */
    unsigned seen;
};

struct fault_rules {
    struct fault_rule *items;
    size_t count, capacity;
};

/*
 * Adds the rules of the text to rules, which begins zeroed; after an error fault_rules_done is due
 * too.
 */
int fault_rules_read(const char *text, struct fault_rules *rules, struct error *err);
void fault_rules_done(struct fault_rules *rules);

#endif
