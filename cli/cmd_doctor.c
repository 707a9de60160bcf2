#include "cli/command.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "cli/arguments.h"
#include "cli/doctor.h"
#include "cli/status_store.h"
#include "controller/options.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPTION_PORTS = 256 };

static int take_arguments(struct doctor *doctor, struct places *places, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        switch (id) {
        case OPTION_ENGINE: doctor->engine = args->value; break;
        case OPTION_PORTS: doctor->ports = args->value; break;
        default: places_take(places, id, args->value); break;
        }
    }
    return id < 0 ? -1 : arguments_count(args, 0, 0, NULL);
}

static const char *verdict_word(enum doctor_verdict verdict)
{
    switch (verdict) { /* no default: a verdict without a word does not compile */
    case DOCTOR_OK: return "ok";
    case DOCTOR_WARN: return "warn";
    case DOCTOR_FAIL: return "fail";
    }
    abort(); /* not a verdict at all: memory is damaged */
}

void doctor_say(struct doctor *doctor, enum doctor_verdict verdict, const char *subject,
                const char *fix, const char *format, ...)
{
    va_list args;

    printf("%-4s  %-11s  ", verdict_word(verdict), subject);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("%s%s\n", fix != NULL ? "; fix: " : "", fix != NULL ? fix : "");
    doctor->failed += verdict == DOCTOR_FAIL ? 1 : 0;
    doctor->warned += verdict == DOCTOR_WARN ? 1 : 0;
}

static void doctor_done(struct doctor *doctor)
{
    free(doctor->state_dir);
    free(doctor->specs_dir);
    json_decref(doctor->heartbeat);
    docker_host_done(&doctor->host);
}

static void check_controller(struct doctor *doctor)
{
    const json_t *pid = json_object_get(doctor->heartbeat, "pid");
    const char *version = json_string_value(json_object_get(doctor->heartbeat, "version"));

    if (doctor->is_controlled) {
        doctor_say(doctor, DOCTOR_OK, "controller", NULL,
                   "one runs with this state directory, pid %lld, version %s",
                   (long long)json_integer_value(pid), version != NULL ? version : "unknown");
    } else {
        doctor_say(doctor, DOCTOR_WARN, "controller", "start berth run",
                   "none runs with state directory %s", doctor->state_dir);
    }
}

static void check_all(struct doctor *doctor)
{
    check_controller(doctor);
    doctor_check_permissions(doctor);
    doctor_check_directories(doctor);
    doctor_check_engine(doctor);
    doctor_check_disk(doctor);
    doctor_check_trees(doctor);
    doctor_check_git(doctor);
    doctor_check_ports(doctor);
    doctor_check_kernel(doctor);
}

static int cmd_doctor(int argc, char **argv)
{
    auto_done(doctor) doctor = {0};
    struct places places = {0};
    struct arguments args;

    arguments_init(&args, &command_doctor, argc, argv);
    if (take_arguments(&doctor, &places, &args) < 0) {
        return args.exit_code;
    }
    signal(SIGPIPE, SIG_IGN);
    doctor.state_dir = directory_option(places.state, "BERTH_STATE", DEFAULT_STATE_DIR);
    doctor.specs_dir = directory_option(places.specs, "BERTH_SPECS", DEFAULT_SPECS_DIR);
    doctor.heartbeat = status_store_heartbeat(doctor.state_dir);
    doctor.is_controlled = status_store_is_controlled(doctor.state_dir);
    check_all(&doctor);
    printf("%u failed, %u warnings\n", doctor.failed, doctor.warned);
    return doctor.failed > 0 ? EXIT_FAILED : EXIT_OK;
}

const struct command command_doctor = {
    .name = "doctor",
    .run = cmd_doctor,
    .summary = "look at what Berth needs on this machine",
    .group = GROUP_OPERATING,
    .description =
        "Looks at what Berth needs on this machine, one line for each check: ok, warn (it works "
        "with "
        "less, and the line says what that costs) or fail, and what to do. Changes nothing.",
    .options =
        (const struct command_option[]){
            STATE_OPTION,
            SPECS_OPTION,
            {OPTION_ENGINE, "engine", "URL",
             "as of berth run (DOCKER_HOST, the controller's, the default socket)",
             COMPLETE_NOTHING},
            {OPTION_PORTS, "ports", "RANGES",
             "as of berth run (the controller's, " DEFAULT_PORTS ")", COMPLETE_NOTHING},
            END_OF_OPTIONS,
        },
    .exit_codes = "0 nothing failed, 1 something did, 2 usage",
};
