#include "controller/port_probe.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

/*
 * A socket on a port of the loopback that the kernel chose; -1: this machine has no such address.
 */
static int occupy(int family, int type, uint16_t *ret_port)
{
    auto_close int fd = socket(family, type | SOCK_CLOEXEC, 0);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);

    if (fd < 0 || bind(fd, address, len) < 0 || (type == SOCK_STREAM && listen(fd, 1) < 0) ||
        getsockname(fd, address, &len) < 0) {
        return -1;
    }
    *ret_port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    return TAKE_FD(fd);
}

static void a_port_that_somebody_listens_on_is_taken(void **state)
{
    uint16_t port = 0;
    auto_close int fd = occupy(AF_INET, SOCK_STREAM, &port);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(port_probe("127.0.0.1", port, PROTOCOL_TCP), -1);
    assert_int_equal(port_probe("0.0.0.0", port, PROTOCOL_TCP), -1);
    assert_int_equal(port_probe("127.0.0.1", port, PROTOCOL_UDP), 0);
    close(TAKE_FD(fd));
    assert_int_equal(port_probe("127.0.0.1", port, PROTOCOL_TCP), 0);
    assert_int_equal(port_probe("127.0.0.1", port, PROTOCOL_TCP), 0); /* probing leaves nothing */
}

static void udp_ports_are_asked_as_such(void **state)
{
    uint16_t port = 0;
    auto_close int fd = occupy(AF_INET, SOCK_DGRAM, &port);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(port_probe("127.0.0.1", port, PROTOCOL_UDP), -1);
    assert_int_equal(port_probe("127.0.0.1", port, PROTOCOL_TCP), 0);
}

static void ipv6_addresses_are_understood(void **state)
{
    uint16_t port = 0;
    auto_close int fd = occupy(AF_INET6, SOCK_STREAM, &port);

    (void)state;
    if (fd < 0) {
        return; /* a machine without IPv6 */
    }
    assert_int_equal(port_probe("::1", port, PROTOCOL_TCP), -1);
    close(TAKE_FD(fd));
    assert_int_equal(port_probe("::1", port, PROTOCOL_TCP), 0);
}

/* It is a hint only: where it cannot tell, the start of the container does. */
static void what_cannot_be_asked_counts_as_free(void **state)
{
    static const char *const addresses[] = {"203.0.113.7", "2001:db8::7", "localhost", "", "1.2.3"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        assert_int_equal(port_probe(addresses[i], 20000, PROTOCOL_TCP), 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_that_somebody_listens_on_is_taken),
        cmocka_unit_test(udp_ports_are_asked_as_such),
        cmocka_unit_test(ipv6_addresses_are_understood),
        cmocka_unit_test(what_cannot_be_asked_counts_as_free),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
