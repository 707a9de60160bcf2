#include "cli/init_files.h"

#include "controller/settings.h"

#include <string.h>

static void add_readme(struct strbuf *out)
{
    strbuf_add(out,
               "# What runs on this host\n"
               "\n"
               "`specs/` says which containers there are. Berth watches it, and "
               "keeps the host\n"
               "as the files say.\n"
               "\n"
               "| file | what |\n"
               "|---|---|\n"
               "| `specs/` | one YAML file for each thing, or several in one; folders are fine |\n"
               "| `specs/*.status.yaml` | written by Berth: how each is; not kept in git |\n"
               "| `berth.yaml` | settings of the controller |\n"
               "| `state/` | what the controller remembers; not kept in git |\n"
               "\n"
               "```\n"
               "berth validate specs           # is it right?\n"
               "berth run                      # here: it reads berth.yaml\n"
               "berth get                      # how is it?\n"
               "berth explain instance.spec    # what can be said?\n"
               "berth fmt --write specs        # one form for all files\n"
               "```\n");
}

static void add_ignored(struct strbuf *out)
{
    strbuf_add(out, "# Written by Berth beside the specs, and while files are replaced.\n"
                    "*.status.yaml\n"
                    ".*.tmp\n"
                    "# What the controller remembers.\n"
                    "/state/\n"
                    "# Made by: berth schema >specs/.berth.schema.json\n"
                    ".berth.schema.json\n");
}

/* A key that is commented out, with its meaning above it. */
static void add_setting(struct strbuf *out, const struct setting *setting)
{
    const char *value = setting->default_text != NULL ? setting->default_text : setting->value;
    bool is_list = setting->type == SETTING_TEXTS || setting->type == SETTING_PATHS;

    strbuf_addf(out, "\n# %s\n#%s: ", setting->help, setting->key);
    if (setting->type == SETTING_SWITCH) {
        strbuf_add(out, "false");
    } else {
        strbuf_addf(out, "%s%s%s", is_list ? "[" : "", value != NULL ? value : "...",
                    is_list ? "]" : "");
    }
    strbuf_addf(out, "%s\n", setting->is_live ? "" : "    # needs a restart");
}

static void add_config(struct strbuf *out)
{
    strbuf_add(out,
               "# Settings of `berth run`, which reads this file when it is started beside it, "
               "or with\n"
               "# --config. The other commands find specs and state by it, too. SIGHUP has it "
               "read again.\n"
               "# What is commented out has its default. See: berth run --help\n"
               "specs: specs\n"
               "state: state\n");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(settings[i].key, "specs") != 0 && strcmp(settings[i].key, "state") != 0) {
            add_setting(out, &settings[i]);
        }
    }
}

static void add_web(struct strbuf *out)
{
    strbuf_add(out,
               "# One container, which stands for a machine. See: berth explain instance.spec\n"
               "apiVersion: berth.dev/v1\n"
               "kind: Instance\n"
               "metadata:\n"
               "  name: web\n"
               "  labels: {app: web}\n"
               "spec:\n"
               "  machineType: e2-small      # processors and memory: see berth explain "
               "instance.spec.machineType\n"
               "  image: busybox:1.36\n"
               "  command: [sh, -c, \"mkdir -p /www && echo hello >/www/index.html && exec httpd "
               "-f -p 8080 -h /www\"]\n"
               "  # env:\n"
               "  #   - {name: GREETING, value: hello}\n"
               "  ports:\n"
               "    - {name: http, containerPort: 8080}    # the host's port is in the status\n"
               "  # volumes:\n"
               "  #   - {mountPath: /data, volume: web-data}\n"
               "  readinessProbe:\n"
               "    httpGet: {path: /, port: http}\n"
               "    periodSeconds: 5\n");
}

static void add_more(struct strbuf *out)
{
    strbuf_add(out, "## Nothing here counts yet: take the \"# \" away from what you want.\n"
                    "\n"
                    "## A pool: as many machines as tasks need, within two numbers.\n"
                    "# apiVersion: berth.dev/v1\n"
                    "# kind: InstancePool\n"
                    "# metadata: {name: default}\n"
                    "# spec:\n"
                    "#   minInstances: 1\n"
                    "#   maxInstances: 3\n"
                    "#   template:\n"
                    "#     spec: {machineType: e2-standard-2}\n"
                    "# ---\n"
                    "## A repository: settings of its container.\n"
                    "# apiVersion: berth.dev/v1\n"
                    "# kind: Repository\n"
                    "# metadata: {name: project}\n"
                    "# spec:\n"
                    "#   url: https://github.com/octocat/Hello-World.git\n"
                    "#   setup: {command: [sh, -c, \"echo prepared >prepared\"]}\n"
                    "# ---\n"
                    "## A task: a command on the repository, in a working tree of its own.\n"
                    "# apiVersion: berth.dev/v1\n"
                    "# kind: Task\n"
                    "# metadata: {name: look}\n"
                    "# spec:\n"
                    "#   repository: {name: project}\n"
                    "#   command: [sh, -c, \"git log -1 && ls\"]\n");
}

const struct init_file init_files[] = {
    {"README.md", add_readme},   {".gitignore", add_ignored},   {"berth.yaml", add_config},
    {"specs/web.yaml", add_web}, {"specs/more.yaml", add_more}, {NULL, NULL},
};
