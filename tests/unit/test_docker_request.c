#include "clients/docker_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* Takes the request. body NULL: none is expected. */
static void expect(struct docker_request *request, const char *method, const char *path,
                   const char *body)
{
    assert_string_equal(request->method, method);
    assert_string_equal(request->path, path);
    if (body == NULL) {
        assert_null(request->body);
        assert_int_equal(request->body_len, 0);
        assert_null(request->content_type);
    } else {
        assert_int_equal(request->body_len, strlen(body));
        assert_memory_equal(request->body, body, strlen(body));
        assert_string_equal(request->content_type, "application/json");
    }
    assert_true(strlen(request->what) > 0);
    assert_non_null(request->failure_reason);
    assert_true(request->max_reply > 0);
    docker_request_free(request);
}

static json_t *filters(void)
{
    return json_pack("{s:[s]}", "label", "dev.berth.controller=a b");
}

#define FILTERS "%7B%22label%22%3A%5B%22dev.berth.controller%3Da%20b%22%5D%7D"

static void container_requests_have_their_method_path_and_body(void **state)
{
    json_auto_t *body = json_pack("{s:s}", "Image", "app:1");
    json_auto_t *labels = filters();

    (void)state;
    expect(docker_list_containers(NULL), "GET", "/containers/json?all=1", NULL);
    expect(docker_list_containers(labels), "GET", "/containers/json?all=1&filters=" FILTERS, NULL);
    expect(docker_inspect_container("web"), "GET", "/containers/web/json", NULL);
    expect(docker_create_container("web", body), "POST", "/containers/create?name=web",
           "{\"Image\":\"app:1\"}");
    expect(docker_start_container("web"), "POST", "/containers/web/start", NULL);
    expect(docker_stop_container("web", 30), "POST", "/containers/web/stop?t=30", NULL);
    expect(docker_kill_container("web", "TERM"), "POST", "/containers/web/kill?signal=TERM", NULL);
    expect(docker_remove_container("web"), "DELETE", "/containers/web?force=1&v=1", NULL);
    expect(docker_rename_container("web", "old"), "POST", "/containers/web/rename?name=old", NULL);
    expect(docker_pause_container("web"), "POST", "/containers/web/pause", NULL);
    expect(docker_unpause_container("web"), "POST", "/containers/web/unpause", NULL);
    expect(docker_update_container("web", body), "POST", "/containers/web/update",
           "{\"Image\":\"app:1\"}");
    expect(docker_container_stats("web"), "GET", "/containers/web/stats?stream=false&one-shot=true",
           NULL);
    expect(docker_container_logs("web", 20), "GET",
           "/containers/web/logs?stdout=1&stderr=1&tail=20", NULL);
    expect(docker_stream_logs("web", 20, false), "GET",
           "/containers/web/logs?stdout=1&stderr=1&tail=20&follow=0", NULL);
    expect(docker_stream_logs("web", -1, true), "GET",
           "/containers/web/logs?stdout=1&stderr=1&tail=all&follow=1", NULL);
    expect(docker_upgrade_attach("web"), "POST",
           "/containers/web/attach?stream=1&stdout=1&stderr=1", "{}");
    expect(docker_create_exec("web", body), "POST", "/containers/web/exec",
           "{\"Image\":\"app:1\"}");
    expect(docker_start_exec("5e1f"), "POST", "/exec/5e1f/start",
           "{\"Detach\":true,\"Tty\":false}");
    expect(docker_attach_exec("5e1f"), "POST", "/exec/5e1f/start",
           "{\"Detach\":false,\"Tty\":false}");
    expect(docker_upgrade_exec("5e1f", true), "POST", "/exec/5e1f/start",
           "{\"Detach\":false,\"Tty\":true}");
    expect(docker_resize_exec("5e1f", 24, 80), "POST", "/exec/5e1f/resize?h=24&w=80", NULL);
    expect(docker_inspect_exec("5e1f"), "GET", "/exec/5e1f/json", NULL);
}

static void network_volume_and_engine_requests_have_theirs(void **state)
{
    json_auto_t *body = json_pack("{s:s}", "Name", "zone-a");
    json_auto_t *labels = filters();

    (void)state;
    expect(docker_get_version(), "GET", "/version", NULL);
    expect(docker_get_info(), "GET", "/info", NULL);
    expect(docker_list_networks(labels), "GET", "/networks?filters=" FILTERS, NULL);
    expect(docker_inspect_network("zone-a"), "GET", "/networks/zone-a", NULL);
    expect(docker_create_network(body), "POST", "/networks/create", "{\"Name\":\"zone-a\"}");
    expect(docker_remove_network("zone-a"), "DELETE", "/networks/zone-a", NULL);
    expect(docker_connect_network("zone-a", body), "POST", "/networks/zone-a/connect",
           "{\"Name\":\"zone-a\"}");
    expect(docker_disconnect_network("zone-a", "web", true), "POST", "/networks/zone-a/disconnect",
           "{\"Container\":\"web\",\"Force\":true}");
    expect(docker_list_volumes(NULL), "GET", "/volumes", NULL);
    expect(docker_create_volume(body), "POST", "/volumes/create", "{\"Name\":\"zone-a\"}");
    expect(docker_remove_volume("v"), "DELETE", "/volumes/v", NULL);
}

static void what_comes_before_a_version_is_agreed_on_is_asked_without(void **state)
{
    auto_owned(docker_request) *version = docker_get_version(), *info = docker_get_info();
    auto_owned(docker_request) *list = docker_list_networks(NULL);

    (void)state;
    assert_true(version->is_unversioned);
    assert_true(info->is_unversioned);
    assert_false(list->is_unversioned);
}

static void names_cannot_leave_their_place_in_the_path(void **state)
{
    (void)state;
    expect(docker_inspect_container("a/../b?x=1#y"), "GET",
           "/containers/a%2F..%2Fb%3Fx%3D1%23y/json", NULL);
    expect(docker_rename_container("a%2f", "b&c=\r\nd"), "POST",
           "/containers/a%252f/rename?name=b%26c%3D%0D%0Ad", NULL);
    expect(docker_inspect_network("z\xc3\xa4h"), "GET", "/networks/z%C3%A4h", NULL);
}

static void images_keep_their_slashes_and_are_pulled_by_one_tag(void **state)
{
    static const struct {
        const char *image, *path;
    } rows[] = {
        {"debian", "/images/create?fromImage=debian&tag=latest"},
        {"debian:12", "/images/create?fromImage=debian&tag=12"},
        {"host:5000/team/app", "/images/create?fromImage=host%3A5000%2Fteam%2Fapp&tag=latest"},
        {"host:5000/app:v1.2", "/images/create?fromImage=host%3A5000%2Fapp&tag=v1.2"},
        {"app@sha256:0a1b", "/images/create?fromImage=app&tag=sha256%3A0a1b"},
        {"app:3@sha256:0a1b", "/images/create?fromImage=app%3A3&tag=sha256%3A0a1b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        auto_owned(docker_request) *request = docker_pull_image(rows[i].image);

        assert_string_equal(request->path, rows[i].path);
        assert_int_equal(request->timeout_ms, 0); /* a pull takes as long as it takes */
    }
    expect(docker_inspect_image("host:5000/team/app:1@sha256:0a?b"), "GET",
           "/images/host:5000/team/app:1@sha256:0a%3Fb/json", NULL);
    expect(docker_remove_image("team/app:1"), "DELETE", "/images/team/app:1", NULL);
}

static void an_import_carries_its_tar_and_changes(void **state)
{
    static const char *const changes[] = {"CMD [\"/x\"]", "LABEL a=b", NULL};
    static const char tar[] = "a\0b";
    auto_owned(docker_request) *request = docker_import_image("berth/idle:1", changes, tar, 3);

    (void)state;
    assert_string_equal(request->method, "POST");
    assert_string_equal(request->path, "/images/create?fromSrc=-&repo=berth%2Fidle&tag=1"
                                       "&changes=CMD%20%5B%22%2Fx%22%5D&changes=LABEL%20a%3Db");
    assert_string_equal(request->content_type, "application/x-tar");
    assert_int_equal(request->body_len, 3);
    assert_memory_equal(request->body, tar, 3);
    assert_ptr_not_equal(request->body, tar);
}

static void an_archive_goes_by_put(void **state)
{
    auto_owned(docker_request) *request = docker_put_archive("web", "/opt/a b", "tar", 3);

    (void)state;
    assert_string_equal(request->method, "PUT");
    assert_string_equal(request->path, "/containers/web/archive?path=%2Fopt%2Fa%20b");
    assert_string_equal(request->content_type, "application/x-tar");
    assert_int_equal(request->body_len, 3);
}

static void events_are_asked_with_nine_digits_and_no_timeout(void **state)
{
    static const struct {
        int64_t since_ns;
        const char *path;
    } rows[] = {
        {INT64_C(1700000000000000000), "/events?since=1700000000.000000000"},
        {INT64_C(1700000000000000007), "/events?since=1700000000.000000007"},
        {INT64_C(1700000000987654321), "/events?since=1700000000.987654321"},
        {0, "/events?since=0.000000000"},
        {-5, "/events?since=0.000000000"},
    };
    json_auto_t *labels = filters();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        auto_owned(docker_request) *request = docker_watch_events(rows[i].since_ns, NULL);

        assert_string_equal(request->path, rows[i].path);
        assert_int_equal(request->timeout_ms, 0);
    }
    expect(docker_watch_events(0, labels), "GET", "/events?since=0.000000000&filters=" FILTERS,
           NULL);
}

static void a_stop_may_take_its_grace_and_all_others_end_some_time(void **state)
{
    auto_owned(docker_request) *stop = docker_stop_container("web", 3600);
    auto_owned(docker_request) *start = docker_start_container("web");
    auto_owned(docker_request) *inspect = docker_inspect_container("web");

    (void)state;
    assert_true(stop->timeout_ms > 3600 * 1000);
    assert_true(start->timeout_ms > 0 && start->timeout_ms < 3600 * 1000);
    assert_true(inspect->timeout_ms > 0 && inspect->timeout_ms < 3600 * 1000);
}

static void error_texts_name_the_object(void **state)
{
    auto_owned(docker_request) *start = docker_start_container("web-1");
    auto_owned(docker_request) *pull = docker_pull_image("team/app:9");
    auto_owned(docker_request) *archive = docker_put_archive("web-1", "/opt", "", 0);

    (void)state;
    assert_string_equal(start->what, "start container \"web-1\"");
    assert_string_equal(pull->what, "pull image \"team/app:9\"");
    assert_string_equal(archive->what, "copy files to \"/opt\" in container \"web-1\"");
    docker_request_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(container_requests_have_their_method_path_and_body),
        cmocka_unit_test(network_volume_and_engine_requests_have_theirs),
        cmocka_unit_test(what_comes_before_a_version_is_agreed_on_is_asked_without),
        cmocka_unit_test(names_cannot_leave_their_place_in_the_path),
        cmocka_unit_test(images_keep_their_slashes_and_are_pulled_by_one_tag),
        cmocka_unit_test(an_import_carries_its_tar_and_changes),
        cmocka_unit_test(an_archive_goes_by_put),
        cmocka_unit_test(events_are_asked_with_nine_digits_and_no_timeout),
        cmocka_unit_test(a_stop_may_take_its_grace_and_all_others_end_some_time),
        cmocka_unit_test(error_texts_name_the_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
