#include "cli/command.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "cli/arguments.h"
#include "cli/documents.h"
#include "cli/object_urls.h"
#include "cli/table.h"
#include "cli/targets.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPTION_PRINT = 256, OPTION_BROWSER, OPTION_PORT };

struct open_options {
    struct places places;
    const char *target, *port;
    bool is_bare, is_json, wants_browser;
};

extern char **environ;

static int take_arguments(struct open_options *options, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        switch (id) {
        case OPTION_PRINT: options->is_bare = true; break;
        case OPTION_BROWSER: options->wants_browser = true; break;
        case OPTION_PORT: options->port = args->value; break;
        case 'o':
            if (strcmp(args->value, "text") != 0 && strcmp(args->value, "json") != 0) {
                return arguments_wrong(args, "-o: \"%s\" is neither text nor json", args->value);
            }
            options->is_json = strcmp(args->value, "json") == 0;
            break;
        default: places_take(&options->places, id, args->value); break;
        }
    }
    if (id < 0 ||
        arguments_count(args, 1, 1, "whose addresses? name a task, a repository or an instance") <
            0) {
        return -1;
    }
    options->target = args->operands[0];
    return 0;
}

/* Only the port that is asked for. New reference, or NULL. */
static json_t *choose(const json_t *urls, const char *name, const char *spelling, struct error *err)
{
    auto_done(strbuf) names = {0};
    size_t index;
    json_t *item;

    json_array_foreach(urls, index, item) {
        if (name == NULL || text_equal(document_text(item, "name"), name)) {
            return name == NULL ? json_deep_copy(urls) : json_pack("[O]", item);
        }
        strbuf_addf(&names, "%s%s", index > 0 ? ", " : "", document_text(item, "name"));
    }
    error_set(err, ERROR_NOT_FOUND, "%s has no TCP port \"%s\"; it has: %s", spelling, name,
              strbuf_text(&names));
    return NULL;
}

static int no_ports(const struct target *target, const char *spelling, struct error *err)
{
    auto_free char *reason = target_reason(target);
    const char *phase = target_text(target, NULL, "phase");

    return error_set(err, ERROR_NOT_FOUND,
                     "%s has no TCP ports, or none yet (%s%s); ports are asked for in spec.ports",
                     spelling, phase != NULL ? phase : "no status yet", reason);
}

static void print_urls(const json_t *urls, const struct open_options *options)
{
    auto_done(table) table = {0};
    size_t index;
    json_t *item;

    if (options->is_json) {
        auto_free char *text = json_dumps(urls, JSON_INDENT(2));

        puts(text);
        return;
    }
    table_init(&table, options->is_bare ? 1 : 2);
    json_array_foreach(urls, index, item) {
        table_add(&table, document_text(item, "url"));
        if (!options->is_bare) {
            table_add(&table, document_text(item, "name"));
        }
    }
    table_print(&table, stdout);
}

/* What the user's BROWSER names first, as sensible-browser takes it, or the desktop's own. */
static int open_in_browser(const char *url, struct error *err)
{
    const char *browsers = getenv("BROWSER");
    bool is_named = browsers != NULL && browsers[0] != '\0' && browsers[0] != ':';
    auto_free char *program =
        is_named ? xstrndup(browsers, strcspn(browsers, ":")) : xstrdup("xdg-open");
    auto_free char *address = xstrdup(url);
    char *args[] = {program, address, NULL};
    pid_t pid;
    int status, number = posix_spawnp(&pid, program, NULL, NULL, args, environ);

    if (number == ENOENT && !is_named) {
        return error_set(err, ERROR_NOT_FOUND,
                         "there is no xdg-open, and BROWSER names no program to open %s with", url);
    }
    if (number != 0) {
        return error_set_errno(err, number, "start \"%s\"", program);
    }
    if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return 0;
    }
    return error_set(err, ERROR_TRANSIENT, "\"%s\" could not open %s", program, url);
}

static int show(const struct open_options *options, const struct target *target, struct error *err)
{
    auto_free char *spelling = target_spelling(target);
    auto_free char *host = engine_host_of(target->engine);
    json_auto_t *urls = object_urls(target->document, host), *chosen = NULL;

    if (json_array_size(urls) == 0) {
        return no_ports(target, spelling, err);
    }
    chosen = choose(urls, options->port, spelling, err);
    if (chosen == NULL) {
        return -1;
    }
    print_urls(chosen, options);
    fflush(stdout);
    return options->wants_browser
               ? open_in_browser(document_text(json_array_get(chosen, 0), "url"), err)
               : 0;
}

static int cmd_open(int argc, char **argv)
{
    struct open_options options = {0};
    auto_done(target) target = {0};
    struct error err = {0};
    struct arguments args;

    arguments_init(&args, &command_open, argc, argv);
    if (take_arguments(&options, &args) < 0) {
        return args.exit_code;
    }
    if (target_find(options.target, &options.places, &target, &err) < 0 ||
        show(&options, &target, &err) < 0) {
        fprintf(stderr, "berth open: %s\n", err.message);
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

const struct command command_open = {
    .name = "open",
    .run = cmd_open,
    .summary = "print the URLs of a task, a repository or an instance",
    .group = GROUP_LOOKING,
    .operands = "TARGET",
    .description =
        "Prints the URLs at which the TCP ports of an object are reached, a line each, with the "
        "port's name. Ports are on this machine already: nothing is forwarded, and no controller "
        "is needed. A port whose name begins with https, and the ports 443 and 8443, are https; "
        "all others http.\n\n" TARGET_HELP,
    .options =
        (const struct command_option[]){
            {OPTION_PORT, "port", "NAME", "only this port", COMPLETE_NOTHING},
            {OPTION_PRINT, "print", NULL, "only the URLs, for scripts", COMPLETE_NOTHING},
            {OPTION_BROWSER, "browser", NULL,
             "open the first one too: with what BROWSER names, else with xdg-open",
             COMPLETE_NOTHING},
            {'o', "output", "text|json", "how (text)", COMPLETE_WORDS},
            PLACES_OPTIONS,
            END_OF_OPTIONS,
        },
    .exit_codes = "0; 1 there is no such object, or it has no TCP port, or no browser; 2 usage",
    .examples = "berth open fix-7\n"
                "curl \"$(berth open instance/web --print --port http)\"",
    .completion = {COMPLETE_TARGETS, COMPLETE_NOTHING, COMPLETE_NOTHING},
};
