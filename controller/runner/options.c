#include "controller/runner/options.h"

#include "controller/runner/util.h"

#include <inttypes.h>
#include <string.h>

static struct option_rule *find_rule(struct option_rule *rules, size_t rule_count, const char *name)
{
    for (size_t i = 0; i < rule_count; i++) {
        if (strcmp(rules[i].name, name) == 0) {
            return &rules[i];
        }
    }
    return NULL;
}

static int take_value(const char *command, struct option_rule *rule, char *value)
{
    if (rule->is_seen && rule->list == NULL) {
        runner_complain("%s: %s is given twice", command, rule->name);
        return -1;
    }
    rule->is_seen = true;
    if (rule->is_path && util_clean_path(value) < 0) {
        runner_complain("%s: %s \"%s\" is not an absolute path without \"..\"", command, rule->name,
                        value);
        return -1;
    }
    if (rule->list != NULL) {
        if (rule->list->count == OPTION_LIST_MAX) {
            runner_complain("%s: %s is given more than %d times", command, rule->name,
                            OPTION_LIST_MAX);
            return -1;
        }
        rule->list->items[rule->list->count++] = value;
        return 0;
    }
    if (rule->text != NULL) {
        *rule->text = value;
        return 0;
    }
    if (util_parse_number(value, rule->min, rule->max, rule->number) < 0) {
        runner_complain("%s: %s \"%s\" is not a number in %" PRIu64 "..%" PRIu64, command,
                        rule->name, value, rule->min, rule->max);
        return -1;
    }
    return 0;
}

int options_parse(const char *command, int argc, char **argv, struct option_rule *rules,
                  size_t rule_count)
{
    int i = 0;

    while (i < argc && strcmp(argv[i], "--") != 0) {
        struct option_rule *rule = find_rule(rules, rule_count, argv[i]);

        if (rule == NULL) {
            runner_complain("%s: unknown argument \"%s\"", command, argv[i]);
            return -1;
        }
        if (i + 1 == argc) {
            runner_complain("%s: %s needs a value", command, argv[i]);
            return -1;
        }
        if (take_value(command, rule, argv[i + 1]) < 0) {
            return -1;
        }
        i += 2;
    }
    for (size_t k = 0; k < rule_count; k++) {
        if (rules[k].is_required && !rules[k].is_seen) {
            runner_complain("%s: %s is missing", command, rules[k].name);
            return -1;
        }
    }
    return i < argc ? i + 1 : argc;
}
