/*
 * Plain http through an http proxy.
 *
 * libgit2 asks a proxy for a tunnel where the server speaks https, but goes straight to a server
 * that speaks http. So it is given connections that go to the proxy, with the server's name put
 * into each request, which is how a proxy is asked for http.
 */
#ifndef BERTH_CLIENTS_GIT_PROXY_H
#define BERTH_CLIENTS_GIT_PROXY_H

#include "base/error.h"

/*
 * "http://host", "http://host:port", with a slash at the end or not. ERROR_INVALID (InvalidURL):
 * something else, or with credentials inside.
 */
int git_proxy_check(const char *proxy, struct error *err);

/*
 * From here on all connections of this process that libgit2 does not encrypt go to the proxy, which
 * was checked. Only for a job whose server speaks http.
 */
void git_proxy_use(const char *proxy);

#endif
