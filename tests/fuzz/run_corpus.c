/*
 * Runs a fuzz target over its corpus as a plain test.
 *
 * usage: fuzz_NAME FOLDER|FILE...
 *
 * Every file below the folders, in the order of their names, is handed to the target in memory of
 * exactly its size, so that a sanitizer sees a read past its end. One TAP test: it fails when there
 * is nothing to read, and does not end at all when the target crashes; the name of the file in hand
 * is then the last line of the output.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_PATH = 4096, MAX_FILE = 64 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned files_run;
static char first_failure[MAX_PATH + 128]; /* TAP wants the reason after the result */

static int fail(const char *what, const char *path)
{
    if (first_failure[0] == '\0') {
        snprintf(first_failure, sizeof(first_failure), "%s %s", what, path);
    }
    return -1;
}

static int run_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        return fail("cannot open", path);
    }
    uint8_t *data = malloc(size == 0 ? 1 : size);
    size_t len = data == NULL ? 0 : fread(data, 1, size, file);

    fclose(file);
    if (data == NULL || len != size) {
        free(data);
        return fail("cannot read all of", path);
    }
    printf("# %s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    files_run++;
    return 0;
}

static int run_path(const char *path);

static int run_folder(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    int result = 0;

    if (count < 0) {
        return fail("cannot list", path);
    }
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        char child[MAX_PATH];

        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            if (snprintf(child, sizeof(child), "%s/%s", path, name) >= (int)sizeof(child) ||
                run_path(child) < 0) {
                result = -1;
            }
        }
        free(entries[i]);
    }
    free(entries);
    return result;
}

static int run_path(const char *path)
{
    struct stat info;

    if (stat(path, &info) < 0) {
        return fail("cannot read", path);
    }
    if (S_ISDIR(info.st_mode)) {
        return run_folder(path);
    }
    if (!S_ISREG(info.st_mode) || info.st_size > MAX_FILE) {
        return fail("not a plain file, or too large:", path);
    }
    return run_file(path, (size_t)info.st_size);
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '/');
    int result = 0;

    name = name == NULL ? argv[0] : name + 1;
    printf("1..1\n");
    for (int i = 1; i < argc; i++) {
        if (run_path(argv[i]) < 0) {
            result = -1;
        }
    }
    if (files_run == 0) {
        result = fail("no file to read in", argc > 1 ? argv[1] : "nothing");
    }
    if (result < 0) {
        printf("not ok 1 - %s\n# %s\n", name, first_failure);
        return 1;
    }
    printf("ok 1 - %s over %u files\n", name, files_run);
    return 0;
}
