/*
 * The model test: one random sequence of edits, faults and restarts, and at quiet points a
 * comparison of the spec files with the engine. docs/testing.md tells what it promises.
 */
#include "tests/model/check.h"
#include "tests/model/steps.h"
#include "tests/model/tasks.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 3, MAX_PAUSE_MS = 1200 };

static const char usage[] =
    "usage: model --seed N --berth PROGRAM --engine URL --directory DIR --ports FIRST-LAST\n"
    "             [--engine-restart COMMAND] [--network-range CIDR] [--repository file://PATH] "
    "[--verbose]\n"
    "Plays the sequence of one seed against an engine; COMMAND gets KILL or TERM as its argument,\n"
    "and returns when the engine is there again. Exit code: 0 all is as it is to be, 1 it is not\n"
    "(the sequence is printed), 2 usage, 3 it could not be played.\n";

static void name_objects(struct world *world)
{
    static const struct {
        const char *name;
        enum spec_kind kind;
    } names[WORLD_OBJECTS] = {
        {"wa", SPEC_INSTANCE}, {"wb", SPEC_INSTANCE}, {"wc", SPEC_INSTANCE},
        {"wd", SPEC_INSTANCE}, {"we", SPEC_INSTANCE}, {"wf", SPEC_INSTANCE},
        {"pa", SPEC_POOL},     {"pb", SPEC_POOL},     {"pa-0", SPEC_INSTANCE},
    };

    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        struct world_object *object = &world->objects[i];

        object->kind = names[i].kind;
        object->may_be_absent = true;
        object->owner = -1;
        snprintf(object->name, sizeof(object->name), "s%lu-%s", world->seed, names[i].name);
    }
}

static void choose_options(struct world *world)
{
    static const char *const intervals[] = {"1s", "5s", "60s"};

    snprintf(world->scan_interval, sizeof(world->scan_interval), "%s",
             intervals[dice_roll(&world->dice, ARRAY_SIZE(intervals))]);
    snprintf(world->relist_interval, sizeof(world->relist_interval), "%s",
             intervals[dice_roll(&world->dice, ARRAY_SIZE(intervals))]);
    world->is_polling = dice_percent(&world->dice, 10);
    world->statuses = dice_percent(&world->dice, 50) ? path_join(world->directory, "status")
                                                     : xstrdup(world->specs);
    world_say(world, "scan %s, relist %s%s, statuses %s", world->scan_interval,
              world->relist_interval, world->is_polling ? ", polling" : "",
              strcmp(world->statuses, world->specs) == 0 ? "beside the specs" : "apart");
}

static void make_directories(struct world *world)
{
    auto_free char *below = path_join(world->specs, "below");
    struct error err = {0};

    if (dir_make(below, 0755, &err) < 0 || dir_make(world->state, 0700, &err) < 0 ||
        dir_make(world->statuses, 0755, &err) < 0) {
        world_abort(world, "%s", err.message);
    }
}

static void world_begin(struct world *world)
{
    world->journal_stream = open_memstream(&world->journal, &world->journal_size);
    world->dice.state = world->seed;
    world->specs = path_join(world->directory, "specs");
    world->state = path_join(world->directory, "state");
    world->log = path_join(world->directory, "berth.log");
    for (unsigned i = 0; i < WORLD_LISTENERS; i++) {
        world->listeners[i].fd = -1;
    }
    name_objects(world);
    choose_options(world);
    make_directories(world);
    engine_open(&world->engine, world->engine_url);
    foreign_make(world);
    controller_start(world);
}

static void world_end(struct world *world)
{
    controller_kill(world, SIGTERM);
    engine_clean(world);
    engine_close(&world->engine);
    for (unsigned i = 0; i < WORLD_LISTENERS; i++) {
        if (world->listeners[i].fd >= 0) {
            close(world->listeners[i].fd);
        }
    }
    fclose(world->journal_stream);
    free(world->journal);
    free(world->specs);
    free(world->state);
    free(world->statuses);
    free(world->log);
}

static void play_step(struct world *world)
{
    unsigned what = dice_roll(&world->dice, 100);

    world->step++;
    if (what < 15 && world->repository != NULL) {
        step_tasks(world);
    } else if (what < 55) {
        step_files(world);
    } else if (what < 84) {
        step_engine(world);
    } else if (what < 97) {
        step_controller(world);
    } else if (world->engine_restart != NULL) {
        step_engine_restart(world);
    } else {
        world_say(world, "no way to restart this engine");
    }
    if (dice_percent(&world->dice, 60)) {
        pause_ms(dice_roll(&world->dice, MAX_PAUSE_MS));
    }
}

static bool play(struct world *world)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned steps = 2 + dice_roll(&world->dice, 7); steps > 0; steps--) {
            play_step(world);
        }
        if (!check_quiet(world)) {
            return false;
        }
    }
    world->step++;
    step_files_remove_all(world);
    step_tasks_remove_all(world);
    return check_quiet(world);
}

static bool read_ports(const char *text, struct world *world)
{
    return sscanf(text, "%u-%u", &world->port_first, &world->port_last) == 2 &&
           world->port_first > 0 && world->port_first < world->port_last &&
           world->port_last < 65500;
}

static int read_options(int argc, char **argv, struct world *world)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},
        {"berth", required_argument, NULL, 'b'},
        {"engine", required_argument, NULL, 'e'},
        {"directory", required_argument, NULL, 'd'},
        {"ports", required_argument, NULL, 'p'},
        {"engine-restart", required_argument, NULL, 'r'},
        {"network-range", required_argument, NULL, 'n'},
        {"repository", required_argument, NULL, 'R'},
        {"verbose", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int option;

    world->network_range = "10.210.0.0/16";
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's': world->seed = strtoul(optarg, NULL, 10); break;
        case 'b': world->berth = optarg; break;
        case 'e': world->engine_url = optarg; break;
        case 'd': world->directory = optarg; break;
        case 'r': world->engine_restart = optarg; break;
        case 'R': world->repository = optarg; break;
        case 'n': world->network_range = optarg; break;
        case 'v': world->is_verbose = true; break;
        case 'p':
            if (!read_ports(optarg, world)) {
                return -1;
            }
            break;
        default: return -1;
        }
    }
    return world->berth != NULL && world->engine_url != NULL && world->directory != NULL &&
                   world->port_first > 0 && optind == argc
               ? 0
               : -1;
}

int main(int argc, char **argv)
{
    struct world *world = xcalloc(1, sizeof(*world));
    bool is_well;

    signal(SIGPIPE, SIG_IGN);
    if (read_options(argc, argv, world) < 0) {
        fputs(usage, stderr);
        return 2;
    }
    world_begin(world);
    is_well = play(world);
    world_end(world);
    free(world);
    return is_well ? 0 : 1;
}
