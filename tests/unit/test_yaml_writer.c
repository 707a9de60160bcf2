#include "base/memory.h"
#include "specs/yaml_reader.h"
#include "specs/yaml_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static char *write_text(const json_t *value)
{
    auto_done(strbuf) out = {0};

    assert_int_equal(yaml_write(&out, value), 0);
    return strbuf_take(&out);
}

/* What the text reads back as; NULL when it is not exactly one document without problems. */
static json_t *read_back(const char *text)
{
    auto_owned(yaml_stream) *stream = yaml_stream_parse(text, strlen(text));

    if (stream->count != 1 || stream->problem_count > 0 || !stream->is_complete) {
        return NULL;
    }
    return yaml_node_to_json(stream->documents[0]);
}

static void assert_round_trip(const json_t *value)
{
    auto_free char *text = write_text(value);
    json_auto_t *back = read_back(text);
    json_t *original = (json_t *)(uintptr_t)value; /* json_equal() takes no const */

    if (back == NULL || !json_equal(original, back)) {
        auto_free char *json = json_dumps(value, JSON_ENCODE_ANY);
        auto_free char *got = back != NULL ? json_dumps(back, JSON_ENCODE_ANY) : NULL;

        fail_msg("%s\nis written as\n%s\nand reads as\n%s", json, text, got);
    }
}

static void a_status_looks_as_people_write_yaml(void **state)
{
    json_auto_t *value = json_loads(
        "{\"apiVersion\": \"berth.dev/v1\", \"metadata\": {\"name\": \"web\", \"labels\": {}},"
        " \"status\": {\"phase\": \"RUNNING\", \"count\": 2, \"progress\": 0.5, \"ready\": true,"
        " \"error\": null, \"hash\": \"012\","
        " \"conditions\": [{\"type\": \"Ready\", \"status\": \"True\","
        " \"lastTransitionTime\": \"2026-01-02T03:04:05Z\"},"
        " {\"type\": \"Stalled\", \"list\": [[1, 2], [{\"a\": \"b\"}]]}],"
        " \"command\": [\"sh\", \"-c\", \"echo a, b\"],"
        " \"ip\": \"127.0.0.1\", \"image\": \"debian:12\", \"none\": [],"
        " \"logTail\": \"first line\\n  second: line\\n\\nlast\","
        " \"message\": \"port \\\"http\\\": in use\"}}",
        0, NULL);
    auto_free char *text = NULL;

    (void)state;
    assert_non_null(value);
    text = write_text(value);
    assert_string_equal(text, "apiVersion: berth.dev/v1\n"
                              "metadata:\n"
                              "  name: web\n"
                              "  labels: {}\n"
                              "status:\n"
                              "  phase: RUNNING\n"
                              "  count: 2\n"
                              "  progress: 0.5\n"
                              "  ready: true\n"
                              "  error: null\n"
                              "  hash: \"012\"\n"
                              "  conditions:\n"
                              "  - type: Ready\n"
                              "    status: \"True\"\n"
                              "    lastTransitionTime: \"2026-01-02T03:04:05Z\"\n"
                              "  - type: Stalled\n"
                              "    list:\n"
                              "    - [1, 2]\n"
                              "    - - a: b\n"
                              "  command: [sh, -c, \"echo a, b\"]\n"
                              "  ip: 127.0.0.1\n"
                              "  image: debian:12\n"
                              "  none: []\n"
                              "  logTail: |-\n"
                              "    first line\n"
                              "      second: line\n"
                              "\n"
                              "    last\n"
                              "  message: \"port \\\"http\\\": in use\"\n");
}

/* Texts that some reader takes for something else, and texts that YAML's own signs are in. */
static const char *const hard_texts[] = {
    "",
    " ",
    "  ",
    "no",
    "No",
    "NO",
    "yes",
    "on",
    "off",
    "y",
    "n",
    "Y",
    "N",
    "true",
    "False",
    "null",
    "Null",
    "~",
    "012",
    "0",
    "-0",
    "1",
    "-1",
    "+1",
    "1.5",
    "1.",
    ".5",
    "-.5",
    "1e3",
    "1E-3",
    "0x1f",
    "0o17",
    "0b11",
    "1_000",
    "1_0.5",
    "12:30",
    "1:20:30",
    "1:20:30.5",
    ".inf",
    "-.INF",
    ".nan",
    "=",
    "<<",
    "2026-01-02",
    "2026-01-02T03:04:05Z",
    "2026-1-2 3:4:5",
    "12e",
    "1a",
    "0xg",
    "127.0.0.1",
    "1.2.3",
    "::1",
    "a: b",
    "a:",
    ":a",
    "a:b",
    "a :b",
    ":",
    "- x",
    "-",
    "--",
    "---",
    "--- a",
    "-x",
    "--flag",
    "...",
    "... a",
    ".",
    "..",
    "?",
    "? a",
    "?a",
    "#c",
    "a #c",
    "a#c",
    "a # c",
    "&a",
    "*a",
    "!a",
    "!",
    "|",
    ">",
    "|-",
    "'",
    "\"",
    "'a'",
    "\"a\"",
    "a'b",
    "a\"b",
    "%a",
    "@a",
    "`a",
    ",",
    "a,",
    "a,b",
    "[",
    "]",
    "[]",
    "[a]",
    "{",
    "}",
    "{}",
    "{a}",
    "a[",
    "a]b",
    "a{",
    "\\",
    "a\\n",
    " a",
    "a ",
    "a  b",
    "\t",
    "a\tb",
    "\ta",
    "a\t",
    "\n",
    "\n\n",
    "a\n",
    "a\n\n",
    "\na",
    "a\nb",
    "a\nb\n",
    "a\n\nb",
    " a\nb",
    "a\n b",
    "a\nb ",
    "a \nb",
    "a\n \nb",
    "a\n\tb",
    "\ta\nb",
    "a\n  ",
    "a\n  \n",
    "a\r\nb",
    "\r",
    "a\rb",
    "a\n---\nb",
    "a\n...\n",
    "---\na",
    "# a\nb",
    "a\n# b",
    "- a\n- b",
    "a: b\nc: d",
    "|\n",
    "'\n'",
    "\x01",
    "\x1b[31mred\x1b[0m",
    "\x7f",
    "\xc2\x80",
    "\xc2\x85",
    "a\xc2\x85"
    "b",
    "\xc2\xa0",
    "\xe2\x80\xa8",
    "a\xe2\x80\xa9"
    "b",
    "\xef\xbb\xbf",
    "\xef\xbb\xbf"
    "a",
    "\xef\xbf\xbe",
    "\xef\xbf\xbd",
    "gr\xc3\xbc\xc3\x9f",
    "\xe4\xbd\xa0\xe5\xa5\xbd",
    "\xf0\x9f\x98\x80",
    "\xf4\x8f\xbf\xbf",
    "%TAG ! x",
    "a\n%TAG ! x",
    "%YAML 1.2",
    "<<<<<<< HEAD",
    "key",
    "True",
    "1,2",
    "- ",
    "-\ta",
    "? ",
    ": ",
    "# ",
    "a\n: b",
    "a\n- b",
    "a\n#b\n",
    "''",
    "\"\"",
    "a: |\n  b",
};

static void hard_texts_read_back_wherever_they_stand(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(hard_texts); i++) {
        json_auto_t *text = json_string(hard_texts[i]);
        json_auto_t *list = json_pack("[O]", text);
        json_auto_t *map = json_pack("{s: O, s: O}", "key", text, "more", text);
        json_auto_t *key =
            json_pack("{s: i, s: [{s: O}]}", hard_texts[i], 1, "k", hard_texts[i], text);
        json_auto_t *deep = json_pack("{s: [{s: O, s: O}, [O, O], O], s: {s: {s: O}}}", "a", "b",
                                      text, "c", text, text, text, text, "d", "e", "f", text);
        json_t *const values[] = {text, list, map, key, deep};

        assert_non_null(text);
        for (size_t j = 0; j < ARRAY_SIZE(values); j++) {
            assert_round_trip(values[j]);
        }
    }
}

/* Other programs read our files too, and many of them by YAML 1.1. */
static void words_with_another_meaning_are_in_quotes(void **state)
{
    static const char *const rows[] = {
        "no",
        "Yes",
        "on",
        "y",
        "True",
        "null",
        "~",
        "",
        "012",
        "1",
        "+1",
        "1.5",
        "1e3",
        "0x1f",
        "0o17",
        "0b11",
        "1_000",
        "12:30",
        ".inf",
        "=",
        "<<",
        "2026-01-02",
        "2026-01-02T03:04:05Z",
        "-1",
        " a",
        "a ",
        "a: b",
        "- a",
        "#a",
        "a #b",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a",
        "{a",
        "[a",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_auto_t *value = json_pack("{s: s}", "k", rows[i]);
        auto_free char *text = write_text(value);
        auto_free char *expected = xasprintf("k: \"%s\"\n", rows[i]);

        assert_string_equal(text, expected);
    }
}

static void ordinary_words_have_no_quotes(void **state)
{
    static const char *const rows[] = {
        "web",
        "debian:12",
        "127.0.0.1",
        "1.2.3",
        "v1.0",
        "https://h/o/r",
        "a b",
        "-v",
        "--flag",
        "5 minutes",
        "100%",
        "a#b",
        "user@host",
        "it's",
        "a, b",
        "C:\\x",
        "repo-a-b-1e3f9c",
        "gr\xc3\xbc\xc3\x9f",
        "sha256:12ab",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_auto_t *value = json_pack("{s: s}", "k", rows[i]);
        auto_free char *text = write_text(value);
        auto_free char *expected = xasprintf("k: %s\n", rows[i]);

        assert_string_equal(text, expected);
    }
}

static void very_long_keys_texts_and_lists_read_back(void **state)
{
    auto_free char *words = xcalloc(1, 200001);
    json_auto_t *value = NULL;

    (void)state;
    for (size_t i = 0; i < 200000; i++) {
        words[i] = " abc: #-'\"\\"[i * 7 % 11];
    }
    words[0] = 'a';
    value = json_pack("{s: s, s: {s: [i], s: s}}", "text", words, words, words, 1, "x", words);
    assert_non_null(value);
    json_object_set_new(value, "list", json_array());
    for (int i = 0; i < 5000; i++) {
        json_array_append_new(json_object_get(value, "list"), json_integer(i));
    }
    for (size_t len = 990; len < 1030;
         len++) { /* where readers stop to look for the ':' of a key */
        auto_free char *key = xstrndup("", 0);

        key = xrealloc_array(key, len + 1, 1);
        memset(key, 'k', len);
        key[len] = '\0';
        json_object_set_new(value, key, json_integer((json_int_t)len));
    }
    assert_round_trip(value);
}

static void numbers_read_back_exactly_and_stay_short(void **state)
{
    static const struct {
        double real;
        const char *text;
    } rows[] = {
        {0.5, "0.5\n"},
        {0.1, "0.1\n"},
        {1, "1.0\n"},
        {-2.5, "-2.5\n"},
        {1e100, "1e+100\n"},
        {1e-7, "1e-07\n"},
        {0.1 + 0.2, "0.30000000000000004\n"},
        {100000, "100000.0\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_auto_t *value = json_real(rows[i].real);
        auto_free char *text = write_text(value);

        assert_string_equal(text, rows[i].text);
        assert_round_trip(value);
    }
}

static uint64_t seed;

static unsigned below(unsigned limit)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % limit;
}

static json_t *random_text(void)
{
    static const char *const pieces[] = {
        "a",
        "b",
        " ",
        "  ",
        "\n",
        "\n\n",
        ":",
        ": ",
        "#",
        " #",
        "-",
        "- ",
        "'",
        "\"",
        "\\",
        "\t",
        ",",
        "[",
        "]",
        "{",
        "}",
        "&",
        "*",
        "!",
        "|",
        ">",
        "%",
        "@",
        "`",
        "?",
        "0",
        "1",
        ".",
        "e",
        "x",
        "_",
        "true",
        "no",
        "~",
        "\xc3\xa4",
        "\xe2\x80\xa8",
        "\xc2\x85",
        "\x1b",
        "\r",
        "\xf0\x9f\x98\x80",
        "---",
        "...",
        "<<",
    };
    char text[200] = "";

    if (below(4) == 0) {
        return json_string(hard_texts[below(ARRAY_SIZE(hard_texts))]);
    }
    for (unsigned i = below(8); i > 0; i--) {
        strncat(text, pieces[below(ARRAY_SIZE(pieces))], sizeof(text) - strlen(text) - 1);
    }
    return json_string(text);
}

static json_t *random_value(unsigned depth)
{
    unsigned kind = below(depth == 0 ? 6 : 8);
    json_t *value;

    switch (kind) {
    case 0: return json_null();
    case 1: return json_boolean(below(2));
    case 2:
        return json_integer((json_int_t)((uint64_t)below(1u << 31) << below(32)) *
                            (below(2) ? 1 : -1));
    case 3: return json_real((double)below(1000000) / (below(1000) + 1));
    case 4:
    case 5: return random_text();
    case 6:
        value = json_array();
        for (unsigned i = below(5); i > 0; i--) {
            json_array_append_new(value, random_value(depth - 1));
        }
        return value;
    default:
        value = json_object();
        for (unsigned i = below(5); i > 0; i--) {
            json_auto_t *key = random_text();

            json_object_set_new(value, json_string_value(key), random_value(depth - 1));
        }
        return value;
    }
}

static void any_value_reads_back_equal(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 30000; i++) {
        json_auto_t *value = NULL;

        seed = i;
        value = random_value(6);
        assert_round_trip(value);
    }
}

static void nul_characters_are_replaced_since_no_reader_takes_them(void **state)
{
    json_auto_t *value = json_stringn("a\0b", 3);
    auto_free char *text = write_text(value);

    (void)state;
    assert_string_equal(text, "\"a\\uFFFDb\"\n");
}

static void what_could_not_be_read_again_is_refused(void **state)
{
    for (int depth = 31; depth <= 34; depth++) {
        auto_done(strbuf) lists = {0};
        auto_done(strbuf) maps = {0};
        json_auto_t *list = json_array(), *map = json_object();

        (void)state;
        for (int i = 1; i < depth; i++) {
            list = json_pack("[o]", list);
            map = json_pack("{s: o}", "k", map);
        }
        assert_int_equal(yaml_write(&lists, list), depth <= YAML_MAX_DEPTH ? 0 : -1);
        assert_int_equal(yaml_write(&maps, map), depth <= YAML_MAX_DEPTH ? 0 : -1);
        if (depth <= YAML_MAX_DEPTH) {
            assert_round_trip(list);
            assert_round_trip(map);
        }
    }
}

static void a_full_buffer_is_an_error(void **state)
{
    json_auto_t *value =
        json_loads("{\"a\": [\"x y\", {\"b\": \"c\\nd\"}], \"e\": \"f\"}", 0, NULL);
    auto_free char *whole = write_text(value);

    (void)state;
    for (size_t max = 1; max <= strlen(whole); max++) {
        auto_done(strbuf) out = {.max_len = max};

        assert_int_equal(yaml_write(&out, value), max == strlen(whole) ? 0 : -1);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_looks_as_people_write_yaml),
        cmocka_unit_test(hard_texts_read_back_wherever_they_stand),
        cmocka_unit_test(words_with_another_meaning_are_in_quotes),
        cmocka_unit_test(ordinary_words_have_no_quotes),
        cmocka_unit_test(very_long_keys_texts_and_lists_read_back),
        cmocka_unit_test(numbers_read_back_exactly_and_stay_short),
        cmocka_unit_test(any_value_reads_back_equal),
        cmocka_unit_test(nul_characters_are_replaced_since_no_reader_takes_them),
        cmocka_unit_test(what_could_not_be_read_again_is_refused),
        cmocka_unit_test(a_full_buffer_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
