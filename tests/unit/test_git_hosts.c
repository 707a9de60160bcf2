#include "cli/git_hosts.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/strbuf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct git_hosts hosts;

static void a_url_has_a_host_and_a_port(void **state)
{
    static const struct {
        const char *url, *host, *port; /* NULL: none is to be reached */
    } rows[] = {
        {"https://Git.Example.com/o/r.git", "git.example.com", "443"},
        {"https://git.example.com:8443/o/r", "git.example.com", "8443"},
        {"http://git.example.com/o/r", "git.example.com", "80"},
        {"git@git.example.com:o/r.git", "git.example.com", "22"},
        {"ssh://git@git.example.com:2222/o/r", "git.example.com", "2222"},
        {"git://git.example.com/o/r", "git.example.com", "9418"},
        {"file:///srv/git/r.git", NULL, NULL},
        {"no url", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        git_hosts_add_url(&hosts, rows[i].url);
        assert_int_equal(hosts.count, rows[i].host != NULL ? 1 : 0);
        if (rows[i].host != NULL) {
            assert_string_equal(hosts.items[0].host, rows[i].host);
            assert_string_equal(hosts.items[0].port, rows[i].port);
        }
        git_hosts_done(&hosts);
    }
}

static void each_server_of_a_file_is_there_once(void **state)
{
    static const char text[] = "apiVersion: berth.dev/v1\n"
                               "kind: Repository\n"
                               "metadata: {name: r}\n"
                               "spec: {url: 'https://a.example.com/o/r'}\n"
                               "---\n"
                               "apiVersion: berth.dev/v1\n"
                               "kind: Task\n"
                               "metadata: {name: t}\n"
                               "spec: {repository: 'https://a.example.com/o/other.git'}\n"
                               "---\n"
                               "apiVersion: berth.dev/v1\n"
                               "kind: Task\n"
                               "metadata: {name: u}\n"
                               "spec: {repository: {name: r}}\n"
                               "---\n"
                               "apiVersion: berth.dev/v1\n"
                               "kind: InstancePool\n"
                               "metadata: {name: p}\n"
                               "spec:\n"
                               "  maxInstances: 1\n"
                               "  warmRepositories: ['https://b.example.com/o/r']\n"
                               "  template: {spec: {machineType: e2-small}}\n";
    auto_owned(spec_file) *file = spec_file_parse("a.yaml", text, sizeof(text) - 1);

    (void)state;
    assert_false(spec_file_has_errors(file));
    git_hosts_add(&hosts, file);
    assert_int_equal(hosts.count, 2);
    assert_string_equal(hosts.items[0].host, "a.example.com");
    assert_string_equal(hosts.items[1].host, "b.example.com");
    git_hosts_done(&hosts);
}

static void of_too_many_the_rest_is_counted(void **state)
{
    (void)state;
    for (int i = 0; i < GIT_HOSTS_MAX + 3; i++) {
        auto_free char *url = xasprintf("https://h%d.example.com/o/r", i);

        git_hosts_add_url(&hosts, url);
    }
    assert_int_equal(hosts.count, GIT_HOSTS_MAX);
    assert_int_equal(hosts.left_out, 3);
    git_hosts_done(&hosts);
    hosts.left_out = 0;
}

static int listen_somewhere(int backlog, uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void add_port(uint16_t port)
{
    auto_free char *url = xasprintf("http://127.0.0.1:%u/o/r", port);

    git_hosts_add_url(&hosts, url);
}

/* Its queue is full: who comes now gets no answer at all. */
static int fill(uint16_t port, int fds[8])
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    for (int i = 0; i < 8; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(fds[i], (const struct sockaddr *)&address, sizeof(address));
    }
    return 0;
}

static void those_that_answer_are_told_from_those_that_do_not(void **state)
{
    uint16_t open_port, closed_port, silent_port;
    auto_close int open_fd = listen_somewhere(8, &open_port);
    auto_close int silent_fd = listen_somewhere(0, &silent_port);
    int closed_fd = listen_somewhere(8, &closed_port), waiting[8];
    uint64_t began_ms = clock_monotonic_ms();

    (void)state;
    close(closed_fd);
    fill(silent_port, waiting);
    add_port(open_port);
    add_port(closed_port);
    add_port(silent_port);
    git_hosts_add_url(&hosts, "https://no-such-host.invalid/o/r");
    git_hosts_reach(&hosts, 1000);
    assert_true(hosts.items[0].is_reached);
    assert_string_equal(hosts.items[0].message, "127.0.0.1");
    assert_false(hosts.items[1].is_reached);
    assert_string_equal(hosts.items[1].message, "127.0.0.1: Connection refused");
    assert_false(hosts.items[2].is_reached);
    assert_true(strstr(hosts.items[2].message, "no answer within 1.0 s") != NULL ||
                strstr(hosts.items[2].message, strerror(ETIMEDOUT)) != NULL);
    assert_false(hosts.items[3].is_reached);
    assert_true(clock_monotonic_ms() - began_ms < 10000); /* all at once, and none for long */
    for (int i = 0; i < 8; i++) {
        close(waiting[i]);
    }
    git_hosts_done(&hosts);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_has_a_host_and_a_port),
        cmocka_unit_test(each_server_of_a_file_is_there_once),
        cmocka_unit_test(of_too_many_the_rest_is_counted),
        cmocka_unit_test(those_that_answer_are_told_from_those_that_do_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
