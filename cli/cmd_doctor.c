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
#include <string.h>

enum { OPTION_PORTS = 256, OPTION_NO_NETWORK };

static int take_output(struct doctor *doctor, struct arguments *args)
{
    if (strcmp(args->value, "json") == 0) {
        json_decref(doctor->checks);
        doctor->checks = json_array();
    } else if (strcmp(args->value, "text") != 0) {
        return arguments_wrong(args, "-o: \"%s\" is neither text nor json", args->value);
    }
    return 0;
}

static int take_arguments(struct doctor *doctor, struct places *places, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        switch (id) {
        case OPTION_ENGINE: doctor->engine = args->value; break;
        case OPTION_PORTS: doctor->ports = args->value; break;
        case OPTION_NO_NETWORK: doctor->has_network = false; break;
        case 'o':
            if (take_output(doctor, args) < 0) {
                return -1;
            }
            break;
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
    auto_free char *finding = NULL;
    va_list args;

    va_start(args, format);
    finding = xvasprintf(format, args);
    va_end(args);
    if (doctor->checks != NULL) {
        json_t *clean = json_string(finding);

        json_array_append_new(doctor->checks,
                              json_pack("{s:s, s:s, s:o, s:s*}", "check", subject, "verdict",
                                        verdict_word(verdict), "message",
                                        clean != NULL ? clean : json_string(""), "fix", fix));
    } else {
        printf("%-4s  %-11s  %s%s%s\n", verdict_word(verdict), subject, finding,
               fix != NULL ? "; fix: " : "", fix != NULL ? fix : "");
    }
    doctor->failed += verdict == DOCTOR_FAIL ? 1 : 0;
    doctor->warned += verdict == DOCTOR_WARN ? 1 : 0;
}

static void doctor_done(struct doctor *doctor)
{
    free(doctor->state_dir);
    free(doctor->specs_dir);
    json_decref(doctor->heartbeat);
    json_decref(doctor->checks);
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
    doctor_check_git_servers(doctor);
    doctor_check_ports(doctor);
    doctor_check_kernel(doctor);
}

static void print_end(const struct doctor *doctor)
{
    json_auto_t *whole = NULL;
    auto_free char *text = NULL;

    if (doctor->checks == NULL) {
        printf("%u failed, %u warnings\n", doctor->failed, doctor->warned);
        return;
    }
    whole = json_pack("{s:O, s:I, s:I}", "checks", doctor->checks, "failed",
                      (json_int_t)doctor->failed, "warnings", (json_int_t)doctor->warned);
    text = json_dumps(whole, JSON_INDENT(2));
    puts(text);
}

static int cmd_doctor(int argc, char **argv)
{
    auto_done(doctor) doctor = {.has_network = true};
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
    print_end(&doctor);
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
        "less, and the line says what that costs) or fail, and what to do. Changes nothing. To the "
        "git servers of the repositories in the spec "
        "directory connections are made, all at once and for 3 s at most; nothing is sent.",
    .options =
        (const struct command_option[]){
            STATE_OPTION,
            SPECS_OPTION,
            {OPTION_ENGINE, "engine", "URL",
             "as of berth run (DOCKER_HOST, the controller's, the default socket)",
             COMPLETE_NOTHING},
            {OPTION_PORTS, "ports", "RANGES",
             "as of berth run (the controller's, " DEFAULT_PORTS ")", COMPLETE_NOTHING},
            {OPTION_NO_NETWORK, "no-network", NULL,
             "do not try to reach the git servers that the specs name", COMPLETE_NOTHING},
            {'o', "output", "text|json", "how (text)", COMPLETE_WORDS},
            END_OF_OPTIONS,
        },
    .exit_codes = "0 nothing failed, 1 something did, 2 usage",
    .examples = "berth doctor\n"
                "berth doctor -o json | jq -r '.checks[] | select(.verdict != \"ok\") | .fix'",
};
