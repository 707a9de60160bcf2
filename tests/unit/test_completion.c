#include "cli/completion.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static const struct command show = {
    .name = "show",
    .summary = "show things",
    .operands = "[KIND [NAME]]",
    .options =
        (const struct command_option[]){
            {'o', "output", "text|json|jsonpath=TEMPLATE", "how", COMPLETE_WORDS},
            {'f', "file", "FILE", "what", COMPLETE_FILES},
            {300, "wait", "[=yes|no]", "whether to wait", COMPLETE_WORDS},
            {'q', "quiet", NULL, "say nothing\nnot even this", COMPLETE_NOTHING},
            PLACES_OPTIONS,
            END_OF_OPTIONS,
        },
    .completion = {COMPLETE_KINDS, COMPLETE_NAMES, COMPLETE_NOTHING},
};
static const struct command shell = {
    .name = "shell",
    .summary = "print a script",
    .operands = "bash|zsh [WORD]",
    .completion = {COMPLETE_WORDS, COMPLETE_FIELDS, COMPLETE_TASKS},
};
static const struct command hidden = {.name = "show-nothing"};
static const struct command *const list[] = {&shell, &show, &hidden, NULL};

enum { MAX_WORDS = 8 };

/* "show -o |json": words behind "|" are one that is typed; a line ends with it. */
struct line {
    char *text;
    char *words[MAX_WORDS];
    int count;
    struct completion_wish wish;
};

static void line_read(struct line *line, const char *text)
{
    *line = (struct line){.text = xstrdup(text)};
    line->words[line->count++] = line->text;
    for (char *at = line->text; *at != '\0'; at++) {
        if (*at == ' ') {
            *at = '\0';
            assert_true(line->count < MAX_WORDS);
            line->words[line->count++] = at + 1;
        }
    }
    completion_read(list, line->count, line->words, &line->wish);
}

static void line_done(struct line *line)
{
    cleanup_free(&line->text);
}

static void what_is_wanted_follows_from_what_stands_before(void **state)
{
    static const struct {
        const char *line;
        enum completion what;
        const char *typed, *lead;
        bool wants_options;
    } rows[] = {
        {"show ", COMPLETE_KINDS, "", "", false},
        {"show inst", COMPLETE_KINDS, "inst", "", false},
        {"show instances w", COMPLETE_NAMES, "w", "", false},
        {"show a b c", COMPLETE_NOTHING, "c", "", false},
        {"show a b c d", COMPLETE_NOTHING, "d", "", false},
        {"show -", COMPLETE_NOTHING, "-", "", true},
        {"show --out", COMPLETE_NOTHING, "--out", "", true},
        {"show -q --out", COMPLETE_NOTHING, "--out", "", true},
        {"show -o ", COMPLETE_WORDS, "", "", false},
        {"show -o js", COMPLETE_WORDS, "js", "", false},
        {"show -ojs", COMPLETE_WORDS, "js", "-o", false},
        {"show -qojs", COMPLETE_WORDS, "js", "-qo", false},
        {"show --output js", COMPLETE_WORDS, "js", "", false},
        {"show --output=js", COMPLETE_WORDS, "js", "--output=", false},
        {"show --output = js", COMPLETE_WORDS, "js", "", false}, /* bash splits at "=" */
        {"show --output =", COMPLETE_WORDS, "", "", false},
        {"show --output json inst", COMPLETE_KINDS, "inst", "", false},
        {"show --output = json inst", COMPLETE_KINDS, "inst", "", false},
        {"show --file a", COMPLETE_FILES, "a", "", false},
        {"show --wait inst", COMPLETE_KINDS, "inst", "", false}, /* its value is with "=" only */
        {"show --wait=n", COMPLETE_WORDS, "n", "--wait=", false},
        {"show --wait = n", COMPLETE_WORDS, "n", "", false},
        {"show --nonsense inst", COMPLETE_KINDS, "inst", "", false},
        {"show -- -x", COMPLETE_KINDS, "-x", "", false},
        {"show -q instances -q w", COMPLETE_NAMES, "w", "", false},
        {"shell bash ", COMPLETE_FIELDS, "", "", false},
        {"shell bash x y z", COMPLETE_TASKS, "z", "", false},
        {"nonsense ", COMPLETE_NOTHING, "", "", false},
        {"show-nothing ", COMPLETE_NOTHING, "", "", false}, /* not for people */
        {"help show ", COMPLETE_NOTHING, "", "", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(line) line;

        line_read(&line, rows[i].line);
        if (line.wish.command == NULL || line.wish.what != rows[i].what ||
            line.wish.wants_options != rows[i].wants_options) {
            fail_msg("\"%s\": wants %d, options %d", rows[i].line, (int)line.wish.what,
                     line.wish.wants_options);
        }
        assert_string_equal(line.wish.typed, rows[i].typed);
        assert_int_equal(line.wish.lead_len, strlen(rows[i].lead));
        assert_memory_equal(line.wish.lead, rows[i].lead, strlen(rows[i].lead));
    }
}

static void places_of_the_line_and_the_operand_before_are_known(void **state)
{
    auto_done(line) line;

    (void)state;
    line_read(&line, "show --specs a --state=b --status-dir = c");
    assert_string_equal(line.wish.places.specs, "a");
    assert_string_equal(line.wish.places.state, "b");
    assert_null(line.wish.places.status_dir); /* it is being typed */
    line_done(&line);
    line_read(&line, "show --status-dir c pools w");
    assert_string_equal(line.wish.places.status_dir, "c");
    assert_string_equal(line.wish.before, "pools");
}

static void the_tables_give_candidates(void **state)
{
    static const struct {
        const char *line, *candidates;
    } rows[] = {
        {"", "shell\tprint a script\nshow\tshow things\nhelp\tshow what a command does\n"},
        {"sho", "show\tshow things\n"},
        {"help sho", "show\tshow things\n"},
        {"show --qu", "--quiet\tsay nothing\n"},
        {"show --he", "--help\tshow what the command does\n"},
        {"show -o ", "text\t\njson\t\njsonpath=\t\n"},
        {"show --output=js", "--output=json\t\n--output=jsonpath=\t\n"},
        {"show --wait=", "--wait=yes\t\n--wait=no\t\n"},
        {"show insta", "instances\tInstance\ninstancepools\tInstancePool\n"},
        {"show -q", ""},
        {"shell ", "bash\t\nzsh\t\n"},
        {"shell bash Inst", "Instance\t\nInstance.\t\nInstancePool\t\nInstancePool.\t\n"},
        {"shell bash Instance.", "Instance.metadata\t\nInstance.metadata.\t\n"
                                 "Instance.spec\t\nInstance.spec.\t\n"},
        {"shell bash nonsense.", ""},
        {"nonsense ", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(line) line;
        auto_done(strbuf) out = {0};

        line_read(&line, rows[i].line);
        completion_add_fixed(&out, &line.wish, list);
        if (strcmp(strbuf_text(&out), rows[i].candidates) != 0) {
            fail_msg("\"%s\": %s", rows[i].line, strbuf_text(&out));
        }
    }
}

static void fields_come_one_level_at_a_time(void **state)
{
    auto_done(line) line;
    auto_done(strbuf) out = {0};

    (void)state;
    line_read(&line, "shell bash instance.spec.ports.host");
    completion_add_fixed(&out, &line.wish, list);
    assert_true(strncmp(strbuf_text(&out), "instance.spec.ports.hostPort\t",
                        strlen("instance.spec.ports.hostPort\t")) == 0);
    assert_null(strstr(strbuf_text(&out), "containerPort\t"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wanted_follows_from_what_stands_before),
        cmocka_unit_test(places_of_the_line_and_the_operand_before_are_known),
        cmocka_unit_test(the_tables_give_candidates),
        cmocka_unit_test(fields_come_one_level_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
