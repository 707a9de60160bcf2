/*
 * Spec files and the errors they must give, as text: for each spec-errors/NAME.yaml the formatted
 * errors are compared with spec-errors/NAME.expected. With a spec-errors/NAME.policy beside it,
 * what is wrong with that file is an error too, or else what that policy refuses. Prints TAP.
 *
 *     run_spec_errors tests/cases            UPDATE=1 writes the expected files anew
 */
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/policy.h"
#include "specs/reason.h"
#include "specs/spec_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char suffix[] = ".yaml";

/* One line for each error: its text, and the reason where the catalogue has none such. */
static void append_errors(struct strbuf *out, const char *file, const struct spec_error *errors,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        auto_free char *line = spec_error_format(file, &errors[i]);

        strbuf_addf(out, "%s\n", line);
        if (reason_find(errors[i].reason) == NULL) {
            strbuf_addf(out, "NO SUCH REASON: %s\n", errors[i].reason);
        }
    }
}

static void append_refusals(struct strbuf *out, const struct policy *policy,
                            const struct spec_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct object *object = file->documents[i].object;
        auto_done(policy_refusal) refusal = {0};

        if (object == NULL) {
            continue;
        }
        if (policy_refuses_object(policy, &policy->mounts, object, &refusal)) {
            strbuf_addf(out, "%s/%s: %s: %s: %s\n", kind_name(object->kind), object->name,
                        refusal.reason, refusal.path, refusal.message);
        } else {
            strbuf_addf(out, "%s/%s: allowed\n", kind_name(object->kind), object->name);
        }
    }
}

static void append_policy(struct strbuf *out, const char *path, const struct spec_file *file)
{
    auto_owned(policy) *policy = NULL;
    auto_free char *text = NULL;
    struct error err = {0};
    size_t len;

    if (file_read(AT_FDCWD, path, 4 << 20, &text, &len, &err) < 0) {
        return;
    }
    policy = policy_parse("policy.yaml", text, len);
    for (size_t i = 0; i < policy->error_count; i++) {
        strbuf_addf(out, "%s\n", policy->errors[i]);
    }
    if (policy->error_count == 0) {
        append_refusals(out, policy, file);
    }
}

static char *errors_of(const char *name, const char *policy_path, const char *text, size_t len)
{
    auto_owned(spec_file) *file = spec_file_parse(name, text, len);
    auto_done(strbuf) out = {0};

    for (size_t i = 0; i < file->count; i++) {
        append_errors(&out, name, file->documents[i].errors, file->documents[i].error_count);
    }
    append_errors(&out, name, file->errors, file->error_count);
    append_policy(&out, policy_path, file);
    return strbuf_take(&out);
}

static void print_indented(const char *title, const char *text)
{
    printf("#   %s:\n", title);
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        printf("#     %.*s\n", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

static bool check_case(const char *folder, const char *name)
{
    auto_free char *path = path_join(folder, name);
    auto_free char *stem = xstrndup(path, strlen(path) - strlen(suffix));
    auto_free char *expected_path = xasprintf("%s.expected", stem);
    auto_free char *policy_path = xasprintf("%s.policy", stem);
    auto_free char *text = NULL, *expected = NULL, *got = NULL;
    struct error err = {0};
    size_t len;

    if (file_read(AT_FDCWD, path, 4 << 20, &text, &len, &err) < 0) {
        printf("#   %s\n", err.message);
        return false;
    }
    got = errors_of(name, policy_path, text, len);
    if (getenv("UPDATE") != NULL) {
        return file_replace(AT_FDCWD, expected_path, got, strlen(got), 0644, FILE_VISIBLE, &err) ==
               0;
    }
    if (file_read(AT_FDCWD, expected_path, 4 << 20, &expected, NULL, &err) < 0) {
        printf("#   %s\n", err.message);
        return false;
    }
    if (strcmp(got, expected) != 0) {
        print_indented("expected", expected);
        print_indented("got", got);
        return false;
    }
    return !text_has_prefix(name, "good-") || got[0] == '\0';
}

static int is_case(const struct dirent *entry)
{
    return text_has_suffix(entry->d_name, suffix);
}

int main(int argc, char **argv)
{
    struct dirent **entries;
    int count, failed = 0;
    auto_free char *folder = path_join(argc == 2 ? argv[1] : "tests/cases", "spec-errors");

    count = scandir(folder, &entries, is_case, alphasort);
    if (count <= 0) {
        fprintf(stderr, "no cases in \"%s\"\n", folder);
        return 2;
    }
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        bool is_ok = check_case(folder, entries[i]->d_name);

        printf("%sok %d - spec errors of %s\n", is_ok ? "" : "not ", i + 1, entries[i]->d_name);
        failed += !is_ok;
        free(entries[i]);
    }
    free(entries);
    return failed > 0;
}
