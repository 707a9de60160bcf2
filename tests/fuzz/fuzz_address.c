/*
 * What an operator writes on the command line: addresses of engines and proxies, ranges of ports
 * and of networks; and the beginning of a private key. Each is taken or refused with a reason in
 * one clean line.
 */
#include "base/memory.h"
#include "base/parse.h"
#include "clients/docker_endpoint.h"
#include "clients/git_proxy.h"
#include "clients/git_ssh_key.h"
#include "reconcilers/ports.h"
#include "reconcilers/subnets.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static void check_error(int result, const struct error *err)
{
    assert((result < 0) == (err->kind != ERROR_NONE));
    assert(result == 0 || err->message[0] != '\0');
}

/* What is also said of the configuration file, one line for each error. */
static void check_line(const struct error *err)
{
    assert(text_is_clean_utf8(err->message, strlen(err->message)));
    assert(strpbrk(err->message, "\r\n\t") == NULL);
}

static void read_endpoint(const char *text)
{
    auto_done(docker_endpoint) endpoint = {0};
    struct error err = {0};
    int result = docker_endpoint_parse(text, no_environment, &endpoint, &err);

    check_error(result, &err);
    if (result == 0) {
        assert(strcmp(endpoint.text, text) == 0 && endpoint.base_url != NULL);
        assert(endpoint.is_local == (endpoint.socket_path != NULL));
        assert(endpoint.is_local || strpbrk(text, "@ ?#\r\n") == NULL);
    } else if (strchr(text, '@') != NULL) {
        assert(strchr(err.message, '@') == NULL); /* a password may be before it */
    }
}

static void read_proxy(const char *text)
{
    struct error err = {0};
    int result = git_proxy_check(text, &err);

    check_error(result, &err);
    assert(result < 0 || strchr(text, '@') == NULL);
}

static void read_network(const char *text)
{
    struct subnet range, back;
    struct error err = {0};
    char written[SUBNET_SIZE];
    int result = network_range_parse(text, &range, &err);

    check_error(result, &err);
    check_line(&err);
    if (result == 0 && range.prefix_len > 0) {
        assert(range.prefix_len >= 8 && range.prefix_len <= SUBNET_PREFIX_LEN);
        assert(subnet_parse(subnet_format(&range, written), &back) == 0);
        assert(back.address == range.address && back.prefix_len == range.prefix_len);
    }
}

static void read_ports(const char *text)
{
    struct port_table table;
    struct error err = {0};
    int result;

    port_table_init(&table);
    result = port_table_set_ranges(&table, text, &err);
    check_error(result, &err);
    check_line(&err);
    for (size_t i = 0; result == 0 && i < table.range_count; i++) {
        assert(table.ranges[i].first > 0 && table.ranges[i].first <= table.ranges[i].last);
    }
    port_table_done(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = xstrndup(size > 0 ? (const char *)data : "", size);

    read_endpoint(text);
    read_proxy(text);
    read_network(text);
    read_ports(text);
    assert(git_ssh_key_kind(text) <= GIT_SSH_KEY_OTHER);
    return 0;
}
