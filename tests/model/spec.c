#include "tests/model/spec.h"

#include "base/cleanup.h"

#include <string.h>

static const char *const images[] = {NULL, "berth-test/busybox:1", "berth-test/web:1"};
static const char *const zones[] = {"za", "zb", "zc"};
static const char *const powers[] = {"Running", "Stopped", "Suspended"};
static const char *const restarts[] = {"Always", "OnFailure", "Never"};
static const struct {
    const char *name;
    unsigned memory_mib;
} machines[] = {{"e2-micro", 1024}, {"e2-small", 2048}, {"custom-1-256", 256}};

const char *spec_kind_name(enum spec_kind kind)
{
    return kind == SPEC_POOL ? "InstancePool" : "Instance";
}

const char *spec_image(const struct spec *spec)
{
    return images[spec->image];
}

unsigned spec_memory_mib(const struct spec *spec)
{
    return machines[spec->machine].memory_mib;
}

const char *spec_zone(const struct spec *spec)
{
    return zones[spec->zone];
}

static void roll_ports(struct spec *spec, struct dice *dice, unsigned fixed_port)
{
    spec->port_count = dice_roll(dice, SPEC_PORTS + 1);
    for (unsigned i = 0; i < spec->port_count; i++) {
        spec->ports[i] = (struct spec_port){.container_port = 8000 + i};
    }
    if (spec->kind == SPEC_INSTANCE && spec->port_count > 0 && dice_percent(dice, 20)) {
        spec->ports[0].host_port = fixed_port;
    }
}

void spec_roll(struct spec *spec, struct dice *dice, unsigned number, unsigned fixed_port)
{
    spec->number = number;
    spec->image = dice_roll(dice, ARRAY_SIZE(images));
    spec->command = dice_roll(dice, 50);
    spec->machine = dice_roll(dice, ARRAY_SIZE(machines));
    spec->zone = dice_roll(dice, ARRAY_SIZE(zones));
    spec->power = dice_percent(dice, 75) ? POWER_RUNNING : dice_roll(dice, ARRAY_SIZE(powers));
    spec->restart = RESTART_ALWAYS;
    spec->grace_s = 1 + dice_roll(dice, 3);
    spec->is_retained = false;
    spec->min_members = dice_roll(dice, 3);
    spec->spare_members = dice_roll(dice, 2);
    if (spec->kind == SPEC_POOL) {
        spec->power = POWER_RUNNING;
    } else {
        spec->restart =
            dice_percent(dice, 70) ? RESTART_ALWAYS : dice_roll(dice, ARRAY_SIZE(restarts));
        spec->is_retained = dice_percent(dice, 10);
    }
    roll_ports(spec, dice, fixed_port);
}

static const char *edit_container(struct spec *spec, struct dice *dice, unsigned fixed_port)
{
    switch (dice_roll(dice, 6)) {
    case 0: spec->image = (spec->image + 1) % ARRAY_SIZE(images); return "image";
    case 1: spec->command++; return "command";
    case 2: spec->machine = (spec->machine + 1) % ARRAY_SIZE(machines); return "machineType";
    case 3: spec->zone = (spec->zone + 1) % ARRAY_SIZE(zones); return "zone";
    case 4: roll_ports(spec, dice, fixed_port); return "ports";
    default: return "env";
    }
}

static const char *edit_in_place(struct spec *spec, struct dice *dice)
{
    if (spec->kind == SPEC_POOL) {
        spec->min_members = dice_roll(dice, 4);
        return "minInstances";
    }
    switch (dice_roll(dice, 4)) {
    case 0: spec->restart = dice_roll(dice, ARRAY_SIZE(restarts)); return "restartPolicy";
    case 1: spec->grace_s = 1 + dice_roll(dice, 3); return "terminationGracePeriodSeconds";
    case 2: spec->is_retained = !spec->is_retained; return "deletionPolicy";
    default: spec->power = dice_roll(dice, ARRAY_SIZE(powers)); return "powerState";
    }
}

const char *spec_roll_edit(struct spec *spec, struct dice *dice, unsigned *number,
                           unsigned fixed_port)
{
    if (dice_percent(dice, 50)) {
        return edit_in_place(spec, dice);
    }
    spec->number = ++*number;
    return edit_container(spec, dice, fixed_port);
}

static void print_ports(const struct spec *spec, const char *indent, struct strbuf *text)
{
    if (spec->port_count == 0) {
        return;
    }
    strbuf_addf(text, "%sports:\n", indent);
    for (unsigned i = 0; i < spec->port_count; i++) {
        strbuf_addf(text, "%s- {name: p%u, containerPort: %u", indent, i,
                    spec->ports[i].container_port);
        if (spec->ports[i].host_port != 0) {
            strbuf_addf(text, ", hostPort: %u", spec->ports[i].host_port);
        }
        strbuf_add(text, "}\n");
    }
}

static void print_machine(const struct spec *spec, const char *indent, struct strbuf *text)
{
    strbuf_addf(text, "%smachineType: %s\n", indent, machines[spec->machine].name);
    strbuf_addf(text, "%szone: %s\n", indent, zones[spec->zone]);
    strbuf_addf(text, "%senv: [{name: MODEL, value: \"%u\"}]\n", indent, spec->number);
    if (spec_image(spec) != NULL) {
        strbuf_addf(text, "%simage: %s\n", indent, spec_image(spec));
        strbuf_addf(text, "%scommand: [sleep]\n%sargs: [\"%u\"]\n", indent, indent,
                    100000 + spec->command);
    }
    strbuf_addf(text, "%sterminationGracePeriodSeconds: %u\n", indent, spec->grace_s);
    strbuf_addf(text, "%spowerState: %s\n", indent, powers[spec->power]);
    strbuf_addf(text, "%srestartPolicy: %s\n", indent, restarts[spec->restart]);
    if (spec->is_retained) {
        strbuf_addf(text, "%sdeletionPolicy: Retain\n", indent);
    }
    print_ports(spec, indent, text);
}

void spec_print(const struct spec *spec, unsigned style, bool is_faulty, struct strbuf *text)
{
    strbuf_addf(text, "apiVersion: berth.dev/v1\nkind: %s\n", spec_kind_name(spec->kind));
    if (style % 2 == 1) {
        strbuf_addf(text, "# written in style %u\nmetadata: {name: %s}\n", style, spec->name);
    } else {
        strbuf_addf(text, "metadata:\n  name: %s\n", spec->name);
    }
    strbuf_add(text, "spec:\n");
    if (is_faulty) {
        strbuf_add(text, "  machineTipe: e2-small\n");
    }
    if (spec->kind == SPEC_INSTANCE) {
        print_machine(spec, "  ", text);
        return;
    }
    strbuf_addf(text, "  minInstances: %u\n  maxInstances: %u\n", spec->min_members,
                spec->min_members + spec->spare_members);
    strbuf_add(text, "  autoscaling: {scaleDownDelaySeconds: 1}\n");
    strbuf_add(text, "  template:\n    spec:\n");
    print_machine(spec, "      ", text);
}

bool spec_equal(const struct spec *a, const struct spec *b)
{
    auto_done(strbuf) one = {0};
    auto_done(strbuf) other = {0};

    spec_print(a, 0, false, &one);
    spec_print(b, 0, false, &other);
    return strcmp(strbuf_text(&one), strbuf_text(&other)) == 0;
}
