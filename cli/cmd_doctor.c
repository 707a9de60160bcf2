#include "cli/command.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "cli/arguments.h"
#include "cli/doctor.h"
#include "cli/status_store.h"
#include "controller/options.h"

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "usage: berth doctor [OPTION...]\n\n"
    "Looks at what Berth needs on this machine, one line for each check: ok, warn (it works with "
    "less,\n"
    "and the line says what that costs) or fail, and what to do. Changes nothing.\n\n"
    "  --state DIR     state directory, also of one to be (BERTH_STATE, " DEFAULT_STATE_DIR ")\n"
    "  --specs DIR     directory with the specs (BERTH_SPECS, " DEFAULT_SPECS_DIR ")\n"
    "  --engine URL    as of berth run (DOCKER_HOST, the controller's, the default socket)\n"
    "  --ports RANGES  as of berth run (the controller's, " DEFAULT_PORTS ")\n"
    "  -h, --help\n\n"
    "Exit code: 0 nothing failed, 1 something did, 2 usage.\n";

struct doctor_flags {
    const char *state, *specs;
    bool wants_help;
};

static int take_arguments(struct doctor *doctor, struct doctor_flags *flags, int argc, char **argv)
{
    static const struct option options[] = {
        {"state", required_argument, NULL, 's'},  {"specs", required_argument, NULL, 'S'},
        {"engine", required_argument, NULL, 'e'}, {"ports", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    int id;

    optind = 1;
    opterr = 0;
    while ((id = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        switch (id) {
        case 's': flags->state = optarg; break;
        case 'S': flags->specs = optarg; break;
        case 'e': doctor->engine = optarg; break;
        case 'p': doctor->ports = optarg; break;
        case 'h': flags->wants_help = true; return 0;
        default: return option_error("doctor", argv, options, id);
        }
    }
    return optind < argc ? usage_error("doctor", "unexpected argument \"%s\"", argv[optind]) : 0;
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

int cmd_doctor(int argc, char **argv)
{
    auto_done(doctor) doctor = {0};
    struct doctor_flags flags = {0};
    int result = take_arguments(&doctor, &flags, argc, argv);

    if (result != 0 || flags.wants_help) {
        fputs(flags.wants_help ? help : "", stdout);
        return result;
    }
    signal(SIGPIPE, SIG_IGN);
    doctor.state_dir = directory_option(flags.state, "BERTH_STATE", DEFAULT_STATE_DIR);
    doctor.specs_dir = directory_option(flags.specs, "BERTH_SPECS", DEFAULT_SPECS_DIR);
    doctor.heartbeat = status_store_heartbeat(doctor.state_dir);
    doctor.is_controlled = status_store_is_controlled(doctor.state_dir);
    check_all(&doctor);
    printf("%u failed, %u warnings\n", doctor.failed, doctor.warned);
    return doctor.failed > 0 ? EXIT_FAILED : EXIT_OK;
}
