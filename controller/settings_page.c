#include "controller/settings_page.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "controller/settings.h"
#include "specs/reference_pages.h"

#include <stdlib.h>
#include <string.h>

/* What stands in the file. */
static const char *type_words(enum setting_type type)
{
    switch (type) { /* no default: a type without words does not compile */
    case SETTING_TEXT: return "text";
    case SETTING_PATH: return "path";
    case SETTING_TEXTS: return "list of texts";
    case SETTING_PATHS: return "list of paths";
    case SETTING_SWITCH: return "true or false";
    case SETTING_WORD: return "one word";
    case SETTING_TIME: return "time";
    case SETTING_NUMBER: return "number";
    case SETTING_SIZE: return "size";
    }
    abort(); /* not a type at all: memory is damaged */
}

/* The help without what holds otherwise, which is in brackets at its end. */
static size_t meaning_len(const char *help)
{
    size_t len = strlen(help);
    const char *bracket = help;

    for (const char *at = help; (at = strstr(at, " (")) != NULL; at++) {
        bracket = at;
    }
    return bracket != help && help[len - 1] == ')' ? (size_t)(bracket - help) : len;
}

static void add_otherwise(struct strbuf *out, const struct setting *setting)
{
    size_t begin = meaning_len(setting->help), len = strlen(setting->help);

    if (setting->type == SETTING_SWITCH) {
        strbuf_add(out, "`false`");
    } else if (begin < len) {
        auto_free char *text = xstrndup(setting->help + begin + 2, len - begin - 3);

        markdown_add_text(out, text);
    }
}

static void add_flag(struct strbuf *out, const struct setting *setting)
{
    auto_free char *text = xasprintf("--%s%s%s", setting->flag, setting->value != NULL ? " " : "",
                                     setting->value != NULL ? setting->value : "");

    markdown_add_code(out, text);
}

static void add_row(struct strbuf *out, const struct setting *setting)
{
    auto_free char *meaning = xstrndup(setting->help, meaning_len(setting->help));

    strbuf_addf(out, "| `%s` | ", setting->key);
    add_flag(out, setting);
    strbuf_addf(out, " | %s | ", type_words(setting->type));
    add_otherwise(out, setting);
    strbuf_addf(out, " | %s | ", setting->is_live ? "SIGHUP" : "restart");
    markdown_add_text(out, meaning);
    strbuf_add(out, " |\n");
}

static const char head[] =
    "# Configuration\n\n"
    "Every setting of `berth run`: the key in its configuration file, `berth.yaml`, and the flag. "
    "The file is\nwhat `--config` names, else `./berth.yaml` where there is one; the log says "
    "which (`config_read`).\n\n"
    "What a flag says outweighs the environment (`BERTH_SPECS`, `BERTH_STATE`, `BERTH_STATUS_DIR`, "
    "`DOCKER_HOST`),\nthat outweighs the file, and the file outweighs the default. Relative paths "
    "in the file count from the\nfile's folder. Times are written `30s`, `5m`, `1h30m`, from 1 s "
    "to "
    "24 h; sizes `512Mi`, `8Gi`. A flag\nthat can be repeated is a list in the file.\n\n"
    "*A change*: the file is read again at SIGHUP. What says \"SIGHUP\" is in force then; what "
    "says \"restart\"\nis logged as `config_needs_restart`, and named under `config.needsRestart` "
    "in `controller.yaml`, until\nBerth is started anew.\n\n"
    "| key | flag | type | default | a change | meaning |\n|---|---|---|---|---|---|\n";

void settings_page_add(struct strbuf *out)
{
    reference_add_made_by(out);
    strbuf_add(out, head);
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        add_row(out, &settings[i]);
    }
}
