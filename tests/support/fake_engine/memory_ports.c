#include "tests/support/fake_engine/memory_world.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Published ports, which are truly bound: TCP ones serve a page. */

struct host_port {
    struct host_port *next;
    char *key; /* "80/tcp" */
    char host_ip[INET6_ADDRSTRLEN];
    uint16_t number;
    char *page;
    union {
        uv_handle_t any;
        uv_tcp_t tcp;
        uv_udp_t udp;
    } handle;
};

struct visitor {
    uv_tcp_t tcp;
    uv_write_t write;
    char *page;
};

/* --- what connects gets a page --- */

static void on_visitor_closed(uv_handle_t *handle)
{
    struct visitor *visitor = handle->data;

    free(visitor->page);
    free(visitor);
}

static void on_page_written(uv_write_t *write, int status)
{
    struct visitor *visitor = write->data;

    (void)status;
    uv_close((uv_handle_t *)&visitor->tcp, on_visitor_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    static char bytes[4096]; /* what is asked does not matter */

    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(bytes, sizeof(bytes));
}

static void on_asked(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct visitor *visitor = stream->data;
    uv_buf_t page = uv_buf_init(visitor->page, (unsigned)strlen(visitor->page));

    (void)buffer;
    uv_read_stop(stream);
    if (len < 0 || uv_write(&visitor->write, stream, &page, 1, on_page_written) < 0) {
        uv_close((uv_handle_t *)stream, on_visitor_closed);
    }
}

static void on_visit(uv_stream_t *listener, int status)
{
    struct host_port *port = listener->data;
    struct visitor *visitor;

    if (status < 0) {
        return;
    }
    visitor = xcalloc(1, sizeof(*visitor));
    visitor->page = xstrdup(port->page);
    visitor->tcp.data = visitor->write.data = visitor;
    uv_tcp_init(listener->loop, &visitor->tcp);
    if (uv_accept(listener, (uv_stream_t *)&visitor->tcp) < 0 ||
        uv_read_start((uv_stream_t *)&visitor->tcp, on_alloc, on_asked) < 0) {
        uv_close((uv_handle_t *)&visitor->tcp, on_visitor_closed);
    }
}

/* --- binding --- */

static void on_port_closed(uv_handle_t *handle)
{
    struct host_port *port = handle->data;

    free(port->key);
    free(port->page);
    free(port);
}

static int bind_tcp(uv_loop_t *loop, struct host_port *port, const struct sockaddr *address)
{
    int code;

    uv_tcp_init(loop, &port->handle.tcp);
    port->handle.any.data = port;
    code = uv_tcp_bind(&port->handle.tcp, address, 0);
    return code < 0 ? code : uv_listen((uv_stream_t *)&port->handle.tcp, 16, on_visit);
}

static int bind_udp(uv_loop_t *loop, struct host_port *port, const struct sockaddr *address)
{
    uv_udp_init(loop, &port->handle.udp);
    port->handle.any.data = port;
    return uv_udp_bind(&port->handle.udp, address, 0);
}

/* Which number it became where any would do. */
static void read_number(struct host_port *port, bool is_udp)
{
    struct sockaddr_storage address;
    int len = sizeof(address);

    if (is_udp) {
        uv_udp_getsockname(&port->handle.udp, (struct sockaddr *)&address, &len);
    } else {
        uv_tcp_getsockname(&port->handle.tcp, (struct sockaddr *)&address, &len);
    }
    port->number = ntohs(((struct sockaddr_in *)&address)->sin_port);
}

/* 0, or libuv's error; the port is in the container's list then too. */
static int bind_port(struct container *container, const char *key, const json_t *binding)
{
    struct host_port *port = xcalloc(1, sizeof(*port));
    const char *host_ip = text_of(binding, "HostIp");
    bool is_udp = strstr(key, "/udp") != NULL;
    struct sockaddr_in address;
    int code;

    snprintf(port->host_ip, sizeof(port->host_ip), "%s", host_ip[0] != '\0' ? host_ip : "0.0.0.0");
    port->key = xstrdup(key);
    port->page = xasprintf("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
                           "<p>hello from %s</p>\n",
                           container->name);
    port->number = (uint16_t)strtoul(text_of(binding, "HostPort"), NULL, 10);
    port->next = container->ports;
    container->ports = port;
    uv_ip4_addr(port->host_ip, port->number, &address);
    code = is_udp ? bind_udp(container->memory->loop, port, (struct sockaddr *)&address)
                  : bind_tcp(container->memory->loop, port, (struct sockaddr *)&address);
    if (code == 0) {
        read_number(port, is_udp);
    }
    return code;
}

int bind_ports(struct container *container, char **ret_message)
{
    json_t *wanted = json_object_get(container->host_config, "PortBindings");
    const char *key;
    json_t *bindings, *binding;
    size_t i;

    json_object_foreach(wanted, key, bindings) {
        json_array_foreach(bindings, i, binding) {
            if (bind_port(container, key, binding) < 0) {
                *ret_message = xasprintf(
                    "driver failed programming external connectivity on endpoint %s (%s): failed "
                    "to bind host port for %s:%u: address already in use",
                    container->name, container->id, container->ports->host_ip,
                    container->ports->number);
                release_ports(container);
                return -1;
            }
        }
    }
    return 0;
}

void release_ports(struct container *container)
{
    struct host_port *next;

    for (struct host_port *port = TAKE(container->ports); port != NULL; port = next) {
        next = port->next;
        uv_close(&port->handle.any, on_port_closed);
    }
}

/* --- showing --- */

json_t *bound_ports(const struct container *container)
{
    json_t *ports = json_object();
    const char *key;
    json_t *ignored;

    if (!is_up(container)) {
        return ports;
    }
    json_object_foreach(json_object_get(container->config, "ExposedPorts"), key, ignored) {
        json_object_set_new(ports, key, json_null());
    }
    for (const struct host_port *port = container->ports; port != NULL; port = port->next) {
        json_t *list = json_object_get(ports, port->key);

        if (!json_is_array(list)) {
            list = json_array();
            json_object_set_new(ports, port->key, list);
        }
        json_array_insert_new(list, 0,
                              json_pack("{s:s, s:o}", "HostIp", port->host_ip, "HostPort",
                                        json_sprintf("%u", port->number)));
    }
    return ports;
}

json_t *bound_port_list(const struct container *container)
{
    json_t *list = json_array();

    for (const struct host_port *port = container->ports; port != NULL; port = port->next) {
        json_array_append_new(list,
                              json_pack("{s:s, s:i, s:i, s:s}", "IP", port->host_ip, "PrivatePort",
                                        (int)strtol(port->key, NULL, 10), "PublicPort",
                                        port->number, "Type", strchr(port->key, '/') + 1));
    }
    return list;
}
