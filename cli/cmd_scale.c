#include "cli/command.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/arguments.h"
#include "cli/spec_change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_MIN = 256, OPTION_MAX, OPTION_REPLICAS };

struct scale {
    struct places places;
    struct spec_change change;
    const char *min, *max; /* NULL: as it is */
};

static void scale_done(struct scale *scale)
{
    spec_change_done(&scale->change);
}

static int take_number(struct arguments *args, const char *option, const char **number)
{
    uint64_t value;

    if (parse_u64(args->value, &value) < 0) {
        return arguments_wrong(args, "--%s: \"%s\" is no number", option, args->value);
    }
    *number = args->value;
    return 0;
}

static int take_option(struct scale *scale, struct arguments *args, int id)
{
    switch (id) {
    case OPTION_MIN: return take_number(args, "min", &scale->min);
    case OPTION_MAX: return take_number(args, "max", &scale->max);
    case OPTION_REPLICAS:
        if (take_number(args, "replicas", &scale->min) < 0) {
            return -1;
        }
        scale->max = scale->min;
        return 0;
    default: places_take(&scale->places, id, args->value); return 0;
    }
}

static int take_arguments(struct scale *scale, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        if (take_option(scale, args, id) < 0) {
            return -1;
        }
    }
    if (id < 0 || spec_change_operands(&scale->change, args) < 0) {
        return -1;
    }
    if (scale->change.kind != KIND_INSTANCE_POOL) {
        return arguments_wrong(args, "only an InstancePool can be scaled, not %s",
                               scale->change.spelling);
    }
    if (scale->min == NULL && scale->max == NULL) {
        return arguments_wrong(args, "how many? --min N, --max N, or --replicas N for both");
    }
    return 0;
}

/* "minInstances 1 -> 3, maxInstances 5" */
static void print_number(const char *name, const int64_t *before, int64_t after)
{
    if (before != NULL && *before != after) {
        printf("%s %lld -> %lld", name, (long long)*before, (long long)after);
    } else {
        printf("%s %lld", name, (long long)after);
    }
}

static void print_result(const struct spec_change *change)
{
    const struct pool_spec *before = change->before != NULL ? &change->before->pool : NULL;
    const struct pool_spec *after = &change->object->pool;
    bool is_same = before != NULL && before->min_instances == after->min_instances &&
                   before->max_instances == after->max_instances;

    printf("%s %s (", change->spelling, is_same ? "unchanged" : "scaled");
    print_number("minInstances", before != NULL ? &before->min_instances : NULL,
                 after->min_instances);
    fputs(", ", stdout);
    print_number("maxInstances", before != NULL ? &before->max_instances : NULL,
                 after->max_instances);
    printf(", in %s)\n", change->file->name);
}

static int scale_pool(struct scale *scale, struct error *err)
{
    struct spec_change *change = &scale->change;

    if (spec_change_open(change, &scale->places, err) < 0 ||
        (scale->min != NULL && spec_change_set(change, "spec.minInstances", scale->min, err) < 0) ||
        (scale->max != NULL && spec_change_set(change, "spec.maxInstances", scale->max, err) < 0) ||
        spec_change_check(change, err) < 0) {
        return -1;
    }
    return spec_change_write(change, err);
}

static int cmd_scale(int argc, char **argv)
{
    auto_done(scale) scale = {0};
    struct arguments args;
    struct error err = {0};

    arguments_init(&args, &command_scale, argc, argv);
    if (take_arguments(&scale, &args) < 0) {
        return args.exit_code;
    }
    if (scale_pool(&scale, &err) < 0) {
        fprintf(stderr, "berth scale: %s\n", err.message);
        return EXIT_FAILED;
    }
    print_result(&scale.change);
    return EXIT_OK;
}

const struct command command_scale = {
    .name = "scale",
    .run = cmd_scale,
    .summary = "change how many members a pool has",
    .group = GROUP_SPECS,
    .operands = "pool NAME | pool/NAME",
    .description = "Sets minInstances and maxInstances of an InstancePool in its spec file, and "
                   "says what they were and are. The rest of the file stays byte for byte. What "
                   "would not be a good spec is not written.",
    .options =
        (const struct command_option[]){
            {OPTION_MIN, "min", "N", "the least number of members", COMPLETE_NOTHING},
            {OPTION_MAX, "max", "N", "the greatest number of members", COMPLETE_NOTHING},
            {OPTION_REPLICAS, "replicas", "N", "both", COMPLETE_NOTHING},
            SPECS_OPTION,
            STATE_OPTION,
            END_OF_OPTIONS,
        },
    .exit_codes = "0 done, or it was so; 1 no such pool, or it would not be a good spec; 2 usage",
    .examples = "berth scale pool web --min 3 --max 10\n"
                "berth scale pool/web --replicas 5",
    .completion = {COMPLETE_KINDS, COMPLETE_POOLS, COMPLETE_NOTHING},
};
