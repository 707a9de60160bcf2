#include "clients/tar_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 512 };

/* Offsets of the fields, by POSIX. */
enum {
    NAME = 0,
    MODE = 100,
    UID = 108,
    GID = 116,
    SIZE = 124,
    MTIME = 136,
    CHECKSUM = 148,
    TYPE = 156,
    MAGIC = 257,
    USER = 265
};

static unsigned long octal(const char *field)
{
    return strtoul(field, NULL, 8);
}

static void assert_header(const char *header, const char *name, char type, unsigned mode,
                          size_t size)
{
    unsigned sum = 0;

    assert_string_equal(header + NAME, name);
    assert_int_equal(octal(header + MODE), mode);
    assert_int_equal(octal(header + UID), 0);
    assert_int_equal(octal(header + GID), 0);
    assert_int_equal(octal(header + SIZE), size);
    assert_int_equal(octal(header + MTIME), 0);
    assert_int_equal(header[TYPE], type);
    assert_memory_equal(header + MAGIC,
                        "ustar\0"
                        "00",
                        8);
    assert_string_equal(header + USER, "root");
    for (size_t i = 0; i < BLOCK; i++) {
        sum += i >= CHECKSUM && i < CHECKSUM + 8 ? ' ' : (unsigned char)header[i];
    }
    assert_int_equal(octal(header + CHECKSUM), sum);
}

static bool is_zero(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != '\0') {
            return false;
        }
    }
    return true;
}

static void directories_and_files_have_headers_and_whole_blocks(void **state)
{
    auto_done(strbuf) tar = {0};

    (void)state;
    tar_add_directory(&tar, "run", 0755);
    tar_add_file(&tar, "run/empty", 0600, "", 0);
    tar_add_file(&tar, "run/hello", 04755, "hello", 5);
    tar_finish(&tar);
    assert_int_equal(tar.len, 6 * BLOCK);
    assert_header(tar.text, "run/", '5', 0755, 0);
    assert_header(tar.text + BLOCK, "run/empty", '0', 0600, 0);
    assert_header(tar.text + 2 * BLOCK, "run/hello", '0', 04755, 5);
    assert_memory_equal(tar.text + 3 * BLOCK, "hello", 5);
    assert_true(is_zero(tar.text + 3 * BLOCK + 5, 3 * BLOCK - 5));
}

static void contents_of_any_length_are_padded(void **state)
{
    static const size_t lengths[] = {1, 511, 512, 513, 1024, 100000};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        auto_done(strbuf) tar = {0};
        auto_free char *bytes = malloc(lengths[i]);
        size_t blocks = (lengths[i] + BLOCK - 1) / BLOCK;

        assert_non_null(bytes);
        memset(bytes, 0xa5, lengths[i]);
        tar_add_file(&tar, "f", 0644, bytes, lengths[i]);
        tar_finish(&tar);
        assert_int_equal(tar.len, (1 + blocks + 2) * BLOCK);
        assert_header(tar.text, "f", '0', 0644, lengths[i]);
        assert_memory_equal(tar.text + BLOCK, bytes, lengths[i]);
        assert_true(is_zero(tar.text + BLOCK + lengths[i], tar.len - BLOCK - lengths[i]));
    }
}

static void equal_input_gives_equal_bytes(void **state)
{
    auto_done(strbuf) one = {0}, two = {0};

    (void)state;
    tar_add_file(&one, "f", 0644, "same", 4);
    tar_add_file(&two, "f", 0644, "same", 4);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.text, two.text, one.len);
}

static void the_longest_name_fits(void **state)
{
    auto_done(strbuf) tar = {0};
    char name[TAR_MAX_NAME + 1], with_slash[TAR_MAX_NAME + 2];

    (void)state;
    memset(name, 'n', TAR_MAX_NAME);
    name[TAR_MAX_NAME] = '\0';
    memcpy(with_slash, name, TAR_MAX_NAME);
    memcpy(with_slash + TAR_MAX_NAME, "/", 2);
    tar_add_directory(&tar, name, 0755);
    tar_add_file(&tar, name, 0644, "", 0);
    assert_header(tar.text, with_slash, '5', 0755, 0);
    assert_header(tar.text + BLOCK, name, '0', 0644, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directories_and_files_have_headers_and_whole_blocks),
        cmocka_unit_test(contents_of_any_length_are_padded),
        cmocka_unit_test(equal_input_gives_equal_bytes),
        cmocka_unit_test(the_longest_name_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
