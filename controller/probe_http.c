#include "base/memory.h"
#include "base/parse.h"
#include "base/version.h"
#include "controller/probe_worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_BODY = 10240, /* what is read of an answer: nobody looks at it */
    MAX_REDIRECTS = 10,
};

/* One request; a redirection to the same host is followed by another one. */
struct http_try {
    struct probe_worker *worker;
    CURL *easy;
    struct curl_slist *headers;
    size_t seen;
    bool is_body_over;
    unsigned redirects;
};

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
    struct http_try *attempt = user;

    (void)bytes;
    attempt->seen += size * count;
    attempt->is_body_over = attempt->seen > MAX_BODY;
    return attempt->is_body_over ? 0 : size * count;
}

/* The request */

static void add_header(struct http_try *attempt, const char *line)
{
    struct curl_slist *longer = curl_slist_append(attempt->headers, line);

    if (longer == NULL) {
        abort(); /* out of memory */
    }
    attempt->headers = longer;
}

static void set_headers(struct http_try *attempt, const struct http_header_list *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        const struct http_header *header = &headers->items[i];
        /* curl's way to say that a header has no value */
        auto_free char *line = header->value[0] != '\0'
                                   ? xasprintf("%s: %s", header->name, header->value)
                                   : xasprintf("%s;", header->name);

        add_header(attempt, line);
    }
    curl_easy_setopt(attempt->easy, CURLOPT_HTTPHEADER, attempt->headers);
}

static void set_options(struct http_try *attempt)
{
    CURL *easy = attempt->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, attempt);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, attempt);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "berth-probe/" BERTH_VERSION);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    /* each try is a connection of its own: what is asked is whether one can be made */
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
}

static void start(struct http_try *attempt)
{
    struct curl_loop *loop = probe_worker_curl(attempt->worker);
    CURLMcode code;

    assert(!loop->is_in_curl);
    code = curl_multi_add_handle(loop->multi, attempt->easy);
    assert(code == CURLM_OK); /* else: out of memory, or a handle twice */
    (void)code;
}

void probe_http_begin(struct probe_worker *worker)
{
    const struct http_get_action *get = probe_worker_spec(worker)->http_get;
    struct http_try *attempt;
    auto_free char *url = NULL;
    const char *ip;
    uint16_t port;

    if (!probe_worker_address(worker, get->port, &ip, &port)) {
        return;
    }
    url = xasprintf(strchr(ip, ':') == NULL ? "%s://%s:%u%s" : "%s://[%s]:%u%s",
                    get->scheme == HTTP_SCHEME_HTTPS ? "https" : "http", ip, port, get->path);
    attempt = xcalloc(1, sizeof(*attempt));
    attempt->worker = worker;
    attempt->easy = curl_easy_init();
    if (attempt->easy == NULL) {
        abort(); /* out of memory */
    }
    worker->http = attempt;
    set_options(attempt);
    set_headers(attempt, &get->headers);
    curl_easy_setopt(attempt->easy, CURLOPT_URL, url);
    start(attempt);
}

/* The answer */

static void try_free(struct http_try *attempt)
{
    curl_easy_cleanup(attempt->easy);
    curl_slist_free_all(attempt->headers);
    free(attempt);
}

void probe_http_cancel(struct probe_worker *worker)
{
    struct http_try *attempt = TAKE(worker->http);

    if (attempt != NULL) {
        curl_multi_remove_handle(probe_worker_curl(worker)->multi, attempt->easy);
        try_free(attempt);
    }
}

/* The caller's to free with curl_free(); NULL: the URL has none. */
static char *host_of(const char *text)
{
    CURLU *url = curl_url();
    char *host = NULL;

    if (url != NULL && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK) {
        curl_url_get(url, CURLUPART_HOST, &host, 0);
    }
    curl_url_cleanup(url);
    return host;
}

/* Where to, if it leads to the same host; NULL: nowhere. Lent by curl. */
static const char *redirection_of(const struct http_try *attempt)
{
    const char *from = NULL;
    char *to = NULL, *from_host, *to_host;
    bool is_same;

    curl_easy_getinfo(attempt->easy, CURLINFO_REDIRECT_URL, &to);
    curl_easy_getinfo(attempt->easy, CURLINFO_EFFECTIVE_URL, &from);
    if (to == NULL || from == NULL) {
        return NULL;
    }
    from_host = host_of(from);
    to_host = host_of(to);
    is_same = from_host != NULL && text_equal(from_host, to_host);
    curl_free(from_host);
    curl_free(to_host);
    return is_same ? to : NULL;
}

/* True when the same try goes on elsewhere. */
static bool follow(struct http_try *attempt)
{
    const char *to = redirection_of(attempt);
    auto_free char *url = NULL;

    if (to == NULL || attempt->redirects == MAX_REDIRECTS) {
        return false;
    }
    url = xstrdup(to);
    attempt->redirects++;
    attempt->seen = 0;
    curl_easy_setopt(attempt->easy, CURLOPT_URL, url);
    start(attempt);
    return true;
}

static void describe_error(struct probe_worker *worker, CURL *easy, CURLcode code)
{
    const char *port = probe_worker_spec(worker)->http_get->port;
    long number = 0;

    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    if (code == CURLE_COULDNT_CONNECT && number != 0) {
        probe_worker_done(worker, PROBE_FAILED, "cannot connect to port %s: %s", port,
                          uv_strerror(uv_translate_sys_error((int)number)));
    } else {
        probe_worker_done(worker, PROBE_FAILED, "no HTTP answer on port %s: %s", port,
                          curl_easy_strerror(code));
    }
}

static void finish(struct http_try *attempt, CURLcode code)
{
    struct probe_worker *worker = attempt->worker;
    CURL *easy = attempt->easy;
    long status = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if ((code == CURLE_OK || attempt->is_body_over) && status >= 300 && status <= 399 &&
        follow(attempt)) {
        return;
    }
    worker->http = NULL;
    if (code != CURLE_OK && !attempt->is_body_over) {
        describe_error(worker, easy, code);
    } else if (attempt->redirects == MAX_REDIRECTS && redirection_of(attempt) != NULL) {
        probe_worker_done(worker, PROBE_FAILED, "more than %d redirections", MAX_REDIRECTS);
    } else if (status >= 200 && status <= 399) {
        probe_worker_done(worker, PROBE_SUCCEEDED, "HTTP status %ld", status);
    } else {
        probe_worker_done(worker, PROBE_FAILED, "HTTP status %ld", status);
    }
    try_free(attempt);
}

void probe_http_visited(struct curl_loop *loop)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(loop->multi, &left)) != NULL) {
        struct http_try *attempt;
        CURLcode code = message->data.result;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &attempt);
        curl_multi_remove_handle(loop->multi, attempt->easy);
        finish(attempt, code);
    }
}
