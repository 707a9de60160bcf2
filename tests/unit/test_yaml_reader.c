#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/yaml_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* after its friends, which it needs */
#include <cmocka.h>

static struct yaml_stream *parse(const char *text)
{
    return yaml_stream_parse(text, strlen(text));
}

/* The only problem of the text. */
static const struct yaml_problem *only_problem(const struct yaml_stream *stream)
{
    assert_int_equal(stream->problem_count, 1);
    return &stream->problems[0];
}

static void nodes_know_where_they_stand(void **state)
{
    auto_owned(yaml_stream) *stream = parse("# first\nname: web\nports:\n  - 80\n  - {a: 'b'}\n");
    const struct yaml_node *root, *ports, *flow;

    (void)state;
    assert_int_equal(stream->count, 1);
    assert_int_equal(stream->problem_count, 0);
    assert_true(stream->is_complete);
    root = stream->documents[0];
    assert_int_equal(root->type, YAML_NODE_MAP);
    assert_int_equal(root->count, 4);
    assert_int_equal(root->line, 2);
    assert_int_equal(root->column, 1);
    ports = yaml_map_get(root, "ports");
    assert_int_equal(ports->type, YAML_NODE_LIST);
    assert_int_equal(ports->count, 2);
    assert_string_equal(ports->items[0]->text, "80");
    assert_true(ports->items[0]->is_plain);
    assert_int_equal(ports->items[0]->line, 4);
    assert_int_equal(ports->items[0]->column, 5);
    flow = yaml_map_get(ports->items[1], "a");
    assert_string_equal(flow->text, "b");
    assert_false(flow->is_plain);
    assert_int_equal(flow->line, 5);
    assert_int_equal(flow->column, 9);
}

/* What stands between where a node begins and ends, in a text of ASCII. */
static void expect_extent(const char *text, const struct yaml_node *node, const char *want)
{
    assert_int_equal(node->end - node->start, strlen(want));
    assert_memory_equal(text + node->start, want, strlen(want));
}

static void nodes_know_where_they_end(void **state)
{
    static const char text[] =
        "a: [1, {b: c}] # d\ne:\n  f: some\n    words  # g\n  h: |\n    i\n\n"
        "j:\n- 'k' \n- l:\n\n# end\n";
    auto_owned(yaml_stream) *stream = parse(text);
    const struct yaml_node *root = stream->documents[0];
    const struct yaml_node *list = yaml_map_get(root, "a"), *map = yaml_map_get(root, "e");

    (void)state;
    assert_false(root->is_flow);
    assert_true(list->is_flow && list->items[1]->is_flow);
    expect_extent(text, list, "[1, {b: c}]");
    expect_extent(text, list->items[1], "{b: c}");
    expect_extent(text, yaml_map_get(map, "f"), "some\n    words");
    expect_extent(text, yaml_map_get(map, "h"), "|\n    i\n\n");
    expect_extent(text, map, "f: some\n    words  # g\n  h: |\n    i\n\n");
    expect_extent(text, yaml_map_get(root, "j"), "- 'k' \n- l:");
}

static void columns_count_characters_and_not_bytes(void **state)
{
    auto_owned(yaml_stream) *stream = parse("\xc3\xa4\xe4\xbd\xa0\xf0\x9f\x98\x80: {k: v, k: w}\n");
    const struct yaml_problem *problem = only_problem(stream);

    (void)state;
    assert_int_equal(problem->line, 1);
    assert_int_equal(problem->column, 13);
}

static void a_missing_key_and_a_wrong_type_have_no_value(void **state)
{
    auto_owned(yaml_stream) *stream = parse("a: [x]\n");

    (void)state;
    assert_null(yaml_map_get(stream->documents[0], "b"));
    assert_null(yaml_map_get(yaml_map_get(stream->documents[0], "a"), "x"));
    assert_null(yaml_map_get(NULL, "a"));
}

static void several_documents_are_told_apart_and_empty_ones_left_out(void **state)
{
    static const struct {
        const char *text;
        size_t count;
    } rows[] = {
        {"", 0},
        {"# nothing\n", 0},
        {"---\n", 0},
        {"---\n---\n---\n", 0},
        {"a: 1\n", 1},
        {"---\na: 1\n", 1},
        {"a: 1\n---\nb: 2\n", 2},
        {"a: 1\n---\n# nothing\n---\nb: 2\n...\n", 2},
        {"a: 1\n...\n---\nb: 2\n", 2},
        {"--- text\n--- 'text'\n--- ''\n", 3},
        {"\xef\xbb\xbf"
         "a: 1\n",
         1},
        {"\xef\xbb\xbf", 0},
        {"a: 1\r\n---\r\nb: 2\r\n", 2},
        {"%YAML 1.2\n---\na: 1\n", 1},
        {"a: |\n  ---\n  x\n", 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(yaml_stream) *stream = parse(rows[i].text);

        if (stream->count != rows[i].count || !stream->is_complete || stream->problem_count > 0) {
            fail_msg("row %zu: %zu documents, %zu problems", i, stream->count,
                     stream->problem_count);
        }
    }
}

static void documents_before_a_syntax_error_are_kept(void **state)
{
    auto_owned(yaml_stream) *stream = parse("a: 1\n---\nb: 2\n---\nc: [\n---\nd: 4\n");

    (void)state;
    assert_int_equal(stream->count, 2);
    assert_false(stream->is_complete);
    assert_string_equal(yaml_map_get(stream->documents[1], "b")->text, "2");
    assert_int_equal(only_problem(stream)->kind, YAML_PROBLEM_SYNTAX);
    assert_int_equal(only_problem(stream)->line, 6);
    assert_int_equal(only_problem(stream)->document, 2);
}

/* What looks like the end of a document may be a line too far to the left. */
static void a_document_that_something_unfit_follows_is_not_kept(void **state)
{
    static const char *const rows[] = {
        "  a: 1\n  b: 2\nc: 3\n", "a: 1\n]\n", "- a\nb: 2\n", "'a'\nb\n", "{a: 1}\nb: 2\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(yaml_stream) *stream = parse(rows[i]);

        if (stream->count != 0 || stream->is_complete || stream->problem_count != 1) {
            fail_msg("row %zu: %zu documents", i, stream->count);
        }
    }
}

/* What ends the reading, where, and a word of what is said about it. */
static void what_is_no_yaml_is_told_with_its_place(void **state)
{
    static const struct {
        const char *text;
        unsigned line, column;
        const char *word;
    } rows[] = {
        {"a: b: c\n", 1, 5, "\":\""},
        {"a:\n\tb: 1\n", 2, 1, "tabs"},
        {"a:\n  b: 1\n \tc: 1\n", 3, 2, "tabs"},
        {"a: |\n\ttext\n", 2, 1, "tabs"},
        {"a: 'x\nb: 2\n", 1, 4, "quote is never closed"},
        {"a: [1, 2\n", 1, 4, "never closed"},
        {"a: {b: 1\n", 1, 4, "never closed"},
        {"a: 1\nb 2\nc: 3\n", 2, 1, "missing"},
        {"a: \"\\q\"\n", 1, 5, "escape"},
        {"a: x y\nb: *\n", 2, 4, "quotes"},
        {"a: @x\n", 1, 4, "@"},
        {"a: `x`\n", 1, 4, "`"},
        {"a: %x\n", 1, 4, "%"},
        {"a: - b\n", 1, 4, "\"- \""},
        {"a: | x\n", 1, 4, "comment"},
        {"%YAML 3.0\n---\na: 1\n", 1, 1, "YAML 1.1 and 1.2"},
        {"<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> x\n", 1, 1, "merge conflict"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(yaml_stream) *stream = parse(rows[i].text);
        const struct yaml_problem *problem;

        assert_false(stream->is_complete);
        problem = &stream->problems[stream->problem_count - 1];
        if (problem->line != rows[i].line || problem->column != rows[i].column ||
            strstr(problem->message, rows[i].word) == NULL) {
            fail_msg("row %zu: %u:%u: %s", i, problem->line, problem->column, problem->message);
        }
    }
}

static void bytes_that_are_no_text_are_told_with_their_place(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        unsigned line, column;
        size_t documents;
        const char *word;
    } rows[] = {
        {"a: \0b\n", 6, 1, 4, 0, "NUL"},
        {"a: 1\n---\nb: \xff\n", 14, 3, 4, 1, "UTF-8"},
        {"a: 1\n---\nb: 2\n---\n\0", 19, 5, 1, 2, "NUL"},
        {"a: 1\r\nb: \xc3\xa4\xc3\n", 14, 2, 5, 0, "UTF-8"},
        {"a: \xc0\xaf\n", 6, 1, 4, 0, "UTF-8"},         /* over-long */
        {"a: \xed\xa0\x80\n", 7, 1, 4, 0, "UTF-8"},     /* a surrogate */
        {"a: \xf4\x90\x80\x80\n", 8, 1, 4, 0, "UTF-8"}, /* past the last character */
        {"a: \xe4\xbd", 5, 1, 4, 0, "UTF-8"},           /* cut off */
        {"a: \x07\n", 5, 1, 4, 0, "control"},
        {"a: \x1b[0m\n", 8, 1, 4, 0, "control"},
        {"a: \x7f\n", 5, 1, 4, 0, "control"},
        {"a: \xef\xbb\xbf"
         "b\n",
         8, 1, 4, 0, "byte order mark"},
        {"\xff\xfe"
         "a\0:\0",
         6, 0, 0, 0, "UTF-16"},
        {"\xfe\xff\0a\0:", 6, 0, 0, 0, "UTF-16"},
        {"%TAG ! x\n---\na: 1\n", 18, 1, 1, 0, "%TAG"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(yaml_stream) *stream = yaml_stream_parse(rows[i].text, rows[i].len);
        const struct yaml_problem *problem = only_problem(stream);

        if (stream->count != rows[i].documents || stream->is_complete ||
            problem->line != rows[i].line || problem->column != rows[i].column ||
            strstr(problem->message, rows[i].word) == NULL) {
            fail_msg("row %zu: %zu documents, %u:%u: %s", i, stream->count, problem->line,
                     problem->column, problem->message);
        }
    }
}

static void what_could_grow_or_surprise_is_refused_where_it_stands(void **state)
{
    auto_owned(yaml_stream) *stream = parse("a: &x 1\n"
                                            "b: *x\n"
                                            "c: {<<: {d: 1}}\n"
                                            "e: !!int 1\n"
                                            "f: !x {}\n"
                                            "? [g]\n"
                                            ": 1\n"
                                            "h: \"a\\0b\"\n"
                                            "---\n"
                                            "good: yes\n");
    static const unsigned lines[] = {1, 2, 3, 4, 5, 6, 8};

    (void)state;
    assert_true(stream->is_complete);
    assert_int_equal(stream->count, 2);
    assert_int_equal(stream->problem_count, ARRAY_SIZE(lines));
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        assert_int_equal(stream->problems[i].line, lines[i]);
        assert_int_equal(stream->problems[i].document, 0);
    }
}

static void the_words_of_merge_keys_are_text_in_quotes(void **state)
{
    auto_owned(yaml_stream) *stream = parse("'<<': 1\na: '&x'\nb: '*x'\nc: '!x'\n");

    (void)state;
    assert_int_equal(stream->problem_count, 0);
}

static void duplicate_keys_are_problems_that_name_the_first_line(void **state)
{
    auto_owned(yaml_stream) *stream = parse("a: 1\nb: {c: 1, c: 2}\n'a': 2\na: 3\n---\na: 1\n");
    static const unsigned lines[] = {2, 3, 4};

    (void)state;
    assert_true(stream->is_complete);
    assert_int_equal(stream->problem_count, 3);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        assert_int_equal(stream->problems[i].kind, YAML_PROBLEM_DUPLICATE_KEY);
        assert_int_equal(stream->problems[i].line, lines[i]);
    }
    assert_non_null(strstr(stream->problems[2].message, "line 1"));
}

static char *repeated(const char *head, const char *part, size_t count, const char *tail)
{
    auto_done(strbuf) text = {0};

    strbuf_add(&text, head);
    for (size_t i = 0; i < count; i++) {
        strbuf_add(&text, part);
    }
    strbuf_add(&text, tail);
    return strbuf_take(&text);
}

static void everything_has_a_ceiling(void **state)
{
    const struct {
        const char *head, *part;
        size_t count;
        const char *tail, *word;
    } rows[] = {
        {"a: ", "[", 100000, "", "deep"},
        {"a: ", "{b: ", 30000, "", "deep"},
        {"", "- ", 30000, "x", "deep"},
        {"", "- x\n", YAML_MAX_NODES, "", "values"},
        {"a: [", "x,", YAML_MAX_NODES, "]", "values"},
        {"", "--- x\n", YAML_MAX_DOCUMENTS + 1, "", "documents"},
        {"", "---\n", YAML_MAX_DOCUMENTS + 1, "", "documents"},
        {"a: '", "x", YAML_MAX_BYTES, "'", "larger"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *text = repeated(rows[i].head, rows[i].part, rows[i].count, rows[i].tail);
        auto_owned(yaml_stream) *stream = parse(text);

        assert_false(stream->is_complete);
        assert_int_equal(only_problem(stream)->kind, YAML_PROBLEM_TOO_LARGE);
        if (strstr(only_problem(stream)->message, rows[i].word) == NULL) {
            fail_msg("row %zu: %s", i, only_problem(stream)->message);
        }
    }
}

static void what_fits_below_the_ceilings_is_read(void **state)
{
    auto_free char *deep = repeated("", "[", YAML_MAX_DEPTH, "");
    auto_free char *all = repeated(deep, "]", YAML_MAX_DEPTH, "\n");
    auto_free char *long_text = repeated("a: '", "x", YAML_MAX_BYTES - 5, "'");
    auto_free char *many = repeated("", "- x\n", YAML_MAX_NODES - 1, "");
    auto_free char *documents = repeated("", "--- x\n", YAML_MAX_DOCUMENTS, "");
    const struct {
        const char *text;
        size_t count;
    } rows[] = {{all, 1}, {long_text, 1}, {many, 1}, {documents, YAML_MAX_DOCUMENTS}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(yaml_stream) *stream = parse(rows[i].text);

        assert_true(stream->is_complete);
        assert_int_equal(stream->count, rows[i].count);
    }
}

static void what_we_wrote_ourselves_has_a_higher_ceiling(void **state)
{
    static const size_t max_nodes = (size_t)YAML_OWN_SCALE * YAML_MAX_NODES;
    static const size_t max_bytes = (size_t)YAML_OWN_SCALE * YAML_MAX_BYTES;
    auto_free char *many = repeated("", "- x\n", max_nodes - 1, "");
    auto_free char *too_many = repeated("", "- x\n", max_nodes, "");
    auto_free char *large = repeated("a: '", "x", max_bytes - 5, "'");
    auto_free char *too_large = repeated("a: '", "x", max_bytes - 4, "'");
    const struct {
        const char *text;
        bool is_complete;
    } rows[] = {{many, true}, {too_many, false}, {large, true}, {too_large, false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(yaml_stream) *stream = yaml_stream_parse_own(rows[i].text, strlen(rows[i].text));

        assert_int_equal(stream->is_complete, rows[i].is_complete);
    }
}

/*
 * CPU time, so that a busy machine does not matter; each of these once took seconds or more
 * somewhere.
 */
static void hostile_texts_cost_little_time(void **state)
{
    const struct {
        const char *head, *part;
        size_t count;
    } rows[] = {
        {"a: ", "[", 1000000},     {"", "? ", 500000},           {"", "%TAG !a! b\n", 90000},
        {"", "&a ", 300000},       {"", "*a : ", 200000},        {"a: \"", "\\\n", 500000},
        {"{", "a: b,", 200000},    {"", "a: b\n", 200000},       {"", "'a': {", 150000},
        {"a: |\n", " \n", 500000}, {"", "- - - - - -\n", 80000}, {"", "#\n", 500000},
        {"", "x ", 500000},        {"", "\xc3\xa4", 500000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *text = repeated(rows[i].head, rows[i].part, rows[i].count, "");
        clock_t start = clock();
        auto_owned(yaml_stream) *stream = parse(text);
        double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;

        if (seconds > 4) {
            fail_msg("row %zu takes %.1f s", i, seconds);
        }
        assert_true(stream->problem_count <= YAML_MAX_PROBLEMS + 1);
    }
}

static void plain_scalars_become_json_by_the_core_schema(void **state)
{
    auto_owned(yaml_stream) *stream =
        parse("[null, ~, true, True, false, yes, 'true', 0, -12, +7, 0x1f, 0o17, 017, 1.5, -.5,"
              " 1e3, 1., .inf, 9223372036854775807, -9223372036854775808, 9223372036854775808,"
              " 1e999, 1_000, 12:30, '', {}, [], text]\n");
    json_auto_t *got = NULL, *expected = NULL;

    (void)state;
    assert_int_equal(stream->count, 1);
    got = yaml_node_to_json(stream->documents[0]);
    expected = json_loads("[null, null, true, true, false, \"yes\", \"true\", 0, -12, 7, 31,"
                          " 15, 17, 1.5, -0.5, 1000.0, 1.0, \".inf\", 9223372036854775807,"
                          " -9223372036854775808, 9223372036854775808.0, \"1e999\", \"1_000\","
                          " \"12:30\", \"\", {}, [], \"text\"]",
                          0, NULL);
    assert_non_null(expected);
    assert_true(json_equal(got, expected));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_know_where_they_stand),
        cmocka_unit_test(nodes_know_where_they_end),
        cmocka_unit_test(columns_count_characters_and_not_bytes),
        cmocka_unit_test(a_missing_key_and_a_wrong_type_have_no_value),
        cmocka_unit_test(several_documents_are_told_apart_and_empty_ones_left_out),
        cmocka_unit_test(documents_before_a_syntax_error_are_kept),
        cmocka_unit_test(a_document_that_something_unfit_follows_is_not_kept),
        cmocka_unit_test(what_is_no_yaml_is_told_with_its_place),
        cmocka_unit_test(bytes_that_are_no_text_are_told_with_their_place),
        cmocka_unit_test(what_could_grow_or_surprise_is_refused_where_it_stands),
        cmocka_unit_test(the_words_of_merge_keys_are_text_in_quotes),
        cmocka_unit_test(duplicate_keys_are_problems_that_name_the_first_line),
        cmocka_unit_test(everything_has_a_ceiling),
        cmocka_unit_test(what_fits_below_the_ceilings_is_read),
        cmocka_unit_test(what_we_wrote_ourselves_has_a_higher_ceiling),
        cmocka_unit_test(hostile_texts_cost_little_time),
        cmocka_unit_test(plain_scalars_become_json_by_the_core_schema),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
