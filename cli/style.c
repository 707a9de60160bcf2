#include "cli/style.h"

#include "base/cleanup.h"
#include "base/parse.h"
#include "specs/status.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool style_decide(bool is_terminal, const char *no_color, const char *term)
{
    return is_terminal && (no_color == NULL || no_color[0] == '\0') && term != NULL &&
           term[0] != '\0' && strcmp(term, "dumb") != 0;
}

bool style_is_on(FILE *out)
{
    return style_decide(isatty(fileno(out)) == 1, getenv("NO_COLOR"), getenv("TERM"));
}

const char *style_begin(enum style style)
{
    switch (style) {
    case STYLE_PLAIN: break;
    case STYLE_GOOD: return "\033[32m";
    case STYLE_BUSY: return "\033[33m";
    case STYLE_BAD: return "\033[31m";
    case STYLE_DIM: return "\033[2m";
    case STYLE_BOLD: return "\033[1m";
    }
    return "";
}

const char *style_end(enum style style)
{
    return style == STYLE_PLAIN ? "" : "\033[0m";
}

static enum style style_of(enum phase phase)
{
    switch (phase) {
    case PHASE_RUNNING:
    case PHASE_TASK_RUNNING:
    case PHASE_SUCCEEDED: return STYLE_GOOD;
    case PHASE_UNKNOWN:
    case PHASE_PROVISIONING:
    case PHASE_STAGING:
    case PHASE_STOPPING:
    case PHASE_SUSPENDING:
    case PHASE_PENDING:
    case PHASE_PREPARING: return STYLE_BUSY;
    case PHASE_REPAIRING:
    case PHASE_FAILED:
    case PHASE_INVALID: return STYLE_BAD;
    case PHASE_TERMINATED:
    case PHASE_SUSPENDED: break;
    }
    return STYLE_DIM;
}

enum style style_of_phase(const char *phase)
{
    for (int i = 0; phase != NULL && i <= (int)PHASE_INVALID; i++) {
        if (strcmp(phase, phase_name((enum phase)i)) == 0) {
            return style_of((enum phase)i);
        }
    }
    return STYLE_PLAIN;
}

bool style_locale_has_utf8(const char *lc_all, const char *lc_ctype, const char *lang)
{
    const char *const values[] = {lc_all, lc_ctype, lang};

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        if (values[i] != NULL && values[i][0] != '\0') {
            return strcasestr(values[i], "utf-8") != NULL || strcasestr(values[i], "utf8") != NULL;
        }
    }
    return false;
}

bool style_has_utf8(void)
{
    return style_locale_has_utf8(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG"));
}
