/*
 * The limit that Berth is measured against: a Docker Engine driven by nothing but its API, with as
 * many calls at once as are asked for. And the witness that watches all peers alike: the engine's
 * own events.
 *
 * usage: bare_api --socket PATH [--parallel P] COMMAND
 *   up IMAGE FROM TO   make the network, create and start the containers FROM to TO (counted from
 *                      1), one port and 64 MiB each
 *   down               stop and remove all of them, and the network
 *   list               one list of them
 *   watch LABEL        the events of containers with that label, until it is killed; a line for
 *                      each: CLOCK_REALTIME in ns, action, name. "ready" when it listens
 *   now                CLOCK_REALTIME and CLOCK_MONOTONIC in ns
 *
 * up, down and list print {"ms":...,"requests":...}. Exit status 1: a call failed (it is told).
 */
#include <curl/curl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LABEL "dev.berth.bench=bare"
#define LABEL_FILTER "%7B%22label%22%3A%5B%22dev.berth.bench%3Dbare%22%5D%7D"

#define COMMAND "trap 'exit 0' TERM; sleep 1000000 & wait" /* as all peers have it */

enum { MAX_PARALLEL = 64, FIRST_PORT = 26000, BODY_SIZE = 1024 };

struct bench {
    const char *socket, *image;
    unsigned parallel;
    unsigned from, to; /* of up */
    char **ids;        /* of down */
    atomic_uint next;  /* that a worker takes */
    atomic_uint requests;
    atomic_bool has_failed;
};

struct text {
    char *bytes;
    size_t len;
};

static int64_t now_ns(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* --- one call --------------------------------------------------------------------------------- */

static size_t take_bytes(char *bytes, size_t size, size_t count, void *user)
{
    struct text *text = user;
    char *longer = realloc(text->bytes, text->len + size * count + 1);

    if (longer == NULL) {
        return 0;
    }
    memcpy(longer + text->len, bytes, size * count);
    text->bytes = longer;
    text->len += size * count;
    longer[text->len] = '\0';
    return size * count;
}

static CURL *open_connection(const struct bench *bench)
{
    CURL *curl = curl_easy_init();

    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, bench->socket);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    return curl;
}

/* The reply's status, and its text if somebody wants it (to be freed). */
static long call(struct bench *bench, CURL *curl, const char *method, const char *path,
                 const char *body, char **ret_reply)
{
    char url[BODY_SIZE];
    struct text reply = {0};
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    long status = 0;

    snprintf(url, sizeof(url), "http://engine/v1.41%s", path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    if (body == NULL) {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    }
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
    atomic_fetch_add(&bench->requests, 1);
    if (curl_easy_perform(curl) == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_slist_free_all(headers);
    if (status < 200 || status >= 300) {
        fprintf(stderr, "bare_api: %s %s: %ld %s\n", method, path, status,
                reply.bytes != NULL ? reply.bytes : "");
    }
    if (ret_reply != NULL) {
        *ret_reply = reply.bytes;
    } else {
        free(reply.bytes);
    }
    return status;
}

static bool is_fine(long status)
{
    return status >= 200 && status < 300;
}

/* --- workers ---------------------------------------------------------------------------------- */

static bool bring_up(struct bench *bench, CURL *curl, unsigned number)
{
    char body[BODY_SIZE], path[BODY_SIZE];

    snprintf(body, sizeof(body),
             "{\"Image\":\"%s\",\"Cmd\":[\"/bin/sh\",\"-c\",\"" COMMAND "\"],"
             "\"Labels\":{\"dev.berth.bench\":\"bare\"},\"ExposedPorts\":{\"8080/tcp\":{}},"
             "\"HostConfig\":{\"Memory\":67108864,\"NetworkMode\":\"bench-bare\","
             "\"PortBindings\":{\"8080/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"%u\"}]}}}",
             bench->image, FIRST_PORT + number);
    snprintf(path, sizeof(path), "/containers/create?name=bench-bare-%u", number);
    if (!is_fine(call(bench, curl, "POST", path, body, NULL))) {
        return false;
    }
    snprintf(path, sizeof(path), "/containers/bench-bare-%u/start", number);
    return is_fine(call(bench, curl, "POST", path, "", NULL));
}

static bool take_down(struct bench *bench, CURL *curl, unsigned number)
{
    char path[BODY_SIZE];

    snprintf(path, sizeof(path), "/containers/%s/stop?t=10", bench->ids[number]);
    if (!is_fine(call(bench, curl, "POST", path, "", NULL))) {
        return false;
    }
    snprintf(path, sizeof(path), "/containers/%s?v=1", bench->ids[number]);
    return is_fine(call(bench, curl, "DELETE", path, NULL, NULL));
}

static void *work(void *user)
{
    struct bench *bench = user;
    CURL *curl = open_connection(bench);
    unsigned number;

    while ((number = atomic_fetch_add(&bench->next, 1)) < bench->to) {
        bool is_done =
            bench->ids != NULL ? take_down(bench, curl, number) : bring_up(bench, curl, number + 1);

        if (!is_done) {
            atomic_store(&bench->has_failed, true);
        }
    }
    curl_easy_cleanup(curl);
    return NULL;
}

static void run_workers(struct bench *bench)
{
    pthread_t threads[MAX_PARALLEL];
    unsigned count = bench->parallel < MAX_PARALLEL ? bench->parallel : MAX_PARALLEL;

    for (unsigned i = 0; i < count; i++) {
        pthread_create(&threads[i], NULL, work, bench);
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
}

/* --- commands --------------------------------------------------------------------------------- */

static int make_network(struct bench *bench, CURL *curl)
{
    char *reply = NULL;
    bool is_there, is_made;

    is_made = is_fine(call(bench, curl, "GET", "/networks?filters=" LABEL_FILTER, NULL, &reply));
    is_there = is_made && strstr(reply, "bench-bare") != NULL;
    free(reply);
    if (is_made && !is_there) {
        is_made = is_fine(call(bench, curl, "POST", "/networks/create",
                               "{\"Name\":\"bench-bare\",\"CheckDuplicate\":true,"
                               "\"Labels\":{\"dev.berth.bench\":\"bare\"}}",
                               NULL));
    }
    return is_made ? 0 : -1;
}

static int up(struct bench *bench)
{
    CURL *curl = open_connection(bench);
    int result = make_network(bench, curl);

    curl_easy_cleanup(curl);
    if (result == 0) {
        atomic_store(&bench->next, bench->from - 1);
        run_workers(bench);
    }
    return result;
}

static int list(struct bench *bench, CURL *curl, json_t **ret_list)
{
    char *reply = NULL;
    bool is_done = is_fine(
        call(bench, curl, "GET", "/containers/json?all=1&filters=" LABEL_FILTER, NULL, &reply));

    *ret_list = is_done ? json_loads(reply, 0, NULL) : NULL;
    free(reply);
    return *ret_list != NULL ? 0 : -1;
}

static int down(struct bench *bench)
{
    CURL *curl = open_connection(bench);
    json_t *containers;

    if (list(bench, curl, &containers) < 0) {
        curl_easy_cleanup(curl);
        return -1;
    }
    bench->to = (unsigned)json_array_size(containers);
    bench->ids = calloc(bench->to + 1, sizeof(*bench->ids));
    for (unsigned i = 0; i < bench->to; i++) {
        bench->ids[i] =
            strdup(json_string_value(json_object_get(json_array_get(containers, i), "Id")));
    }
    run_workers(bench);
    call(bench, curl, "DELETE", "/networks/bench-bare", NULL, NULL);
    for (unsigned i = 0; i < bench->to; i++) {
        free(bench->ids[i]);
    }
    free(bench->ids);
    json_decref(containers);
    curl_easy_cleanup(curl);
    return 0;
}

static int list_once(struct bench *bench)
{
    CURL *curl = open_connection(bench);
    json_t *containers = NULL;
    int result = list(bench, curl, &containers);

    json_decref(containers);
    curl_easy_cleanup(curl);
    return result;
}

/* --- the witness ------------------------------------------------------------------------------ */

static void print_event(const char *line)
{
    json_t *event = json_loads(line, 0, NULL);
    json_t *actor = json_object_get(event, "Actor");

    if (event != NULL) {
        printf("%" JSON_INTEGER_FORMAT " %s %s\n",
               json_integer_value(json_object_get(event, "timeNano")),
               json_string_value(json_object_get(event, "Action")),
               json_string_value(json_object_get(json_object_get(actor, "Attributes"), "name")));
        fflush(stdout);
    }
    json_decref(event);
}

static size_t take_events(char *bytes, size_t size, size_t count, void *user)
{
    struct text *text = user;
    char *line = NULL, *end;
    size_t taken = take_bytes(bytes, size, count, text);

    line = text->bytes;
    while (line != NULL && (end = strchr(line, '\n')) != NULL) {
        *end = '\0';
        print_event(line);
        line = end + 1;
    }
    if (line != NULL) {
        text->len -= (size_t)(line - text->bytes);
        memmove(text->bytes, line, text->len + 1);
    }
    return taken;
}

/* The engine answers with its headers when it listens. */
static size_t take_header(char *bytes, size_t size, size_t count, void *user)
{
    (void)user;
    if (size * count == 2 && bytes[0] == '\r') {
        printf("ready\n");
        fflush(stdout);
    }
    return size * count;
}

static int watch(struct bench *bench, const char *label)
{
    CURL *curl = open_connection(bench);
    char filters[BODY_SIZE], url[2 * BODY_SIZE], *escaped;
    struct text text = {0};

    snprintf(filters, sizeof(filters), "{\"type\":[\"container\"],\"label\":[\"%s\"]}", label);
    escaped = curl_easy_escape(curl, filters, 0);
    snprintf(url, sizeof(url), "http://engine/v1.41/events?filters=%s", escaped);
    curl_free(escaped);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_events);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    free(text.bytes);
    return -1;
}

/* --- the command line ------------------------------------------------------------------------- */

static int usage(void)
{
    fprintf(stderr, "usage: bare_api --socket PATH [--parallel P] "
                    "up IMAGE FROM TO|down|list|watch LABEL|now\n");
    return 2;
}

static int measure(struct bench *bench, int (*command)(struct bench *bench))
{
    int64_t began_at_ns = now_ns(CLOCK_MONOTONIC);
    int result = command(bench);

    printf("{\"ms\":%.3f,\"requests\":%u}\n", (double)(now_ns(CLOCK_MONOTONIC) - began_at_ns) / 1e6,
           atomic_load(&bench->requests));
    return result < 0 || atomic_load(&bench->has_failed) ? 1 : 0;
}

static int run(struct bench *bench, char **words, int count)
{
    if (count == 4 && strcmp(words[0], "up") == 0) {
        bench->image = words[1];
        bench->from = (unsigned)strtoul(words[2], NULL, 10);
        bench->to = (unsigned)strtoul(words[3], NULL, 10);
        return measure(bench, up);
    }
    if (count == 1 && strcmp(words[0], "down") == 0) {
        return measure(bench, down);
    }
    if (count == 1 && strcmp(words[0], "list") == 0) {
        return measure(bench, list_once);
    }
    if (count == 2 && strcmp(words[0], "watch") == 0) {
        return watch(bench, words[1]) < 0;
    }
    if (count == 1 && strcmp(words[0], "now") == 0) {
        printf("%lld %lld\n", (long long)now_ns(CLOCK_REALTIME),
               (long long)now_ns(CLOCK_MONOTONIC));
        return 0;
    }
    return usage();
}

int main(int argc, char **argv)
{
    struct bench bench = {.parallel = 4};
    int at = 1;

    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        if (strcmp(argv[at], "--socket") == 0) {
            bench.socket = argv[at + 1];
        } else if (strcmp(argv[at], "--parallel") == 0) {
            bench.parallel = (unsigned)strtoul(argv[at + 1], NULL, 10);
        } else {
            return usage();
        }
    }
    if (bench.socket == NULL || bench.parallel == 0) {
        return usage();
    }
    curl_global_init(CURL_GLOBAL_ALL);
    return run(&bench, argv + at, argc - at);
}
