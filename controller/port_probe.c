#include "controller/port_probe.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t make_address(const char *host_ip, uint16_t port, union address *ret_address)
{
    memset(ret_address, 0, sizeof(*ret_address));
    if (inet_pton(AF_INET, host_ip, &ret_address->v4.sin_addr) == 1) {
        ret_address->v4.sin_family = AF_INET;
        ret_address->v4.sin_port = htons(port);
        return sizeof(ret_address->v4);
    }
    if (inet_pton(AF_INET6, host_ip, &ret_address->v6.sin6_addr) == 1) {
        ret_address->v6.sin6_family = AF_INET6;
        ret_address->v6.sin6_port = htons(port);
        return sizeof(ret_address->v6);
    }
    return 0;
}

int port_probe(const char *host_ip, uint16_t port, enum port_protocol protocol)
{
    union address address;
    socklen_t len = make_address(host_ip, port, &address);
    int type = protocol == PROTOCOL_UDP ? SOCK_DGRAM : SOCK_STREAM, one = 1;
    auto_close int fd = len > 0 ? socket(address.any.sa_family, type | SOCK_CLOEXEC, 0) : -1;

    if (fd < 0) {
        return 0;
    }
    /* Without it a port whose last connections linger in TIME_WAIT would count as taken. */
    if (type == SOCK_STREAM) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    if (bind(fd, &address.any, len) < 0 || (type == SOCK_STREAM && listen(fd, 1) < 0)) {
        return errno == EADDRINUSE ? -1 : 0;
    }
    return 0;
}
