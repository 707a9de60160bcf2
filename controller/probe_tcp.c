#include "base/memory.h"
#include "base/parse.h"
#include "controller/probe_worker.h"

#include <stdlib.h>
#include <string.h>

/* A connection that is made and closed again: nothing is sent. */
struct tcp_try {
    uv_tcp_t handle;
    uv_connect_t request;
    struct probe_worker *worker; /* NULL: nobody wants the result */
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void try_close(struct tcp_try *attempt)
{
    attempt->worker = NULL;
    uv_close((uv_handle_t *)&attempt->handle, on_closed);
}

/* Also called, with UV_ECANCELED, when the handle is closed before. */
static void on_connected(uv_connect_t *request, int status)
{
    struct tcp_try *attempt = request->data;
    struct probe_worker *worker = attempt->worker;

    if (worker == NULL) {
        return;
    }
    worker->tcp = NULL;
    try_close(attempt);
    if (status == 0) {
        probe_worker_done(worker, PROBE_SUCCEEDED, "connected");
    } else {
        probe_worker_done(worker, PROBE_FAILED, "cannot connect to port %s: %s",
                          probe_worker_spec(worker)->tcp_socket->port, uv_strerror(status));
    }
}

static int make_address(const char *ip, uint16_t port, struct sockaddr_storage *ret_address)
{
    memset(ret_address, 0, sizeof(*ret_address));
    if (uv_ip4_addr(ip, port, (struct sockaddr_in *)ret_address) == 0) {
        return 0;
    }
    return uv_ip6_addr(ip, port, (struct sockaddr_in6 *)ret_address);
}

void probe_tcp_begin(struct probe_worker *worker)
{
    struct sockaddr_storage address;
    struct tcp_try *attempt;
    const char *ip;
    uint16_t port;
    int status;

    if (!probe_worker_address(worker, probe_worker_spec(worker)->tcp_socket->port, &ip, &port)) {
        return;
    }
    attempt = xcalloc(1, sizeof(*attempt));
    uv_tcp_init(&probe_worker_controller(worker)->loop, &attempt->handle);
    attempt->handle.data = attempt;
    attempt->request.data = attempt;
    attempt->worker = worker;
    status = make_address(ip, port, &address);
    if (status == 0) {
        status = uv_tcp_connect(&attempt->request, &attempt->handle,
                                (const struct sockaddr *)&address, on_connected);
    }
    if (status != 0) {
        try_close(attempt);
        probe_worker_done(worker, PROBE_LOST, "cannot connect: %s", uv_strerror(status));
        return;
    }
    worker->tcp = attempt;
}

void probe_tcp_cancel(struct probe_worker *worker)
{
    if (worker->tcp != NULL) {
        try_close(TAKE(worker->tcp));
    }
}
