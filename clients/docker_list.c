#include "clients/docker_list.h"

#include <string.h>

void docker_list_begin(struct docker_list *list, const char *text, size_t len)
{
    *list = (struct docker_list){.at = text, .end = text + len};
}

static void skip_space(struct docker_list *list)
{
    while (list->at < list->end &&
           (*list->at == ' ' || *list->at == '\t' || *list->at == '\n' || *list->at == '\r')) {
        list->at++;
    }
}

static bool take(struct docker_list *list, char wanted)
{
    skip_space(list);
    if (list->at == list->end || *list->at != wanted) {
        return false;
    }
    list->at++;
    return true;
}

/* at: behind the opening quote. Returns the closing one; NULL: there is none. */
static const char *find_quote(const char *at, const char *end)
{
    const char *quote = at;

    while ((quote = memchr(quote, '"', (size_t)(end - quote))) != NULL) {
        const char *before = quote;

        while (before > at && before[-1] == '\\') {
            before--;
        }
        if ((quote - before) % 2 == 0) {
            return quote;
        }
        quote++;
    }
    return NULL;
}

static uint64_t mix(uint64_t digest, const char *bytes, size_t len)
{
    uint64_t word;

    for (; len >= sizeof(word); bytes += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        digest = (digest ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        digest ^= digest >> 29;
    }
    word = len;
    memcpy(&word, bytes, len); /* the length stays in the last byte, which is beyond it */
    ((unsigned char *)&word)[sizeof(word) - 1] = (unsigned char)len;
    digest = (digest ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return digest ^ digest >> 29;
}

static bool is_key(const char *key, size_t len, const char *wanted)
{
    return key != NULL && len == strlen(wanted) && memcmp(key, wanted, len) == 0;
}

/* ["/web"], and nothing else: others are of containers that are linked. */
static void take_name(struct docker_list_item *item, const char *value, size_t len)
{
    static const char begin[] = "[\"/", end[] = "\"]";
    size_t around = sizeof(begin) - 1 + sizeof(end) - 1;

    if (len <= around || memcmp(value, begin, sizeof(begin) - 1) != 0 ||
        memcmp(value + len - (sizeof(end) - 1), end, sizeof(end) - 1) != 0) {
        return;
    }
    value += sizeof(begin) - 1;
    len -= around;
    if (memchr(value, '"', len) == NULL && memchr(value, '\\', len) == NULL &&
        memchr(value, '/', len) == NULL) {
        item->name = value;
        item->name_len = len;
    }
}

/* What is being read of an item. */
struct walk {
    unsigned depth;
    const char *key; /* of the outermost brackets: the member at hand, NULL before its key */
    size_t key_len;
    const char *value; /* NULL before its colon */
};

static void end_member(struct walk *walk, struct docker_list_item *item, const char *at)
{
    if (walk->key != NULL && walk->value != NULL) {
        size_t len = (size_t)(at - walk->value);

        if (is_key(walk->key, walk->key_len, "Names")) {
            take_name(item, walk->value, len);
        }
        if (!is_key(walk->key, walk->key_len, "Status")) {
            item->digest = mix(item->digest, walk->key, walk->key_len);
            item->digest = mix(item->digest, walk->value, len);
        }
    }
    walk->key = walk->value = NULL;
}

/* at: where the item's object begins. Returns where it has ended; NULL: it does not. */
static const char *walk_item(struct docker_list_item *item, const char *at, const char *end)
{
    struct walk walk = {0};

    for (; at < end; at++) {
        const char *quote;

        switch (*at) {
        case '"':
            quote = find_quote(at + 1, end);
            if (quote == NULL) {
                return NULL;
            }
            if (walk.depth == 1 && walk.value == NULL) {
                walk.key = at + 1;
                walk.key_len = (size_t)(quote - at - 1);
            }
            at = quote;
            break;
        case '{':
        case '[': walk.depth++; break;
        case '}':
        case ']':
            if (walk.depth == 1) {
                end_member(&walk, item, at);
                return at + 1;
            }
            walk.depth--;
            break;
        case ':':
            if (walk.depth == 1 && walk.value == NULL) {
                walk.value = at + 1;
            }
            break;
        case ',':
            if (walk.depth == 1) {
                end_member(&walk, item, at);
            }
            break;
        default: break;
        }
    }
    return NULL;
}

int docker_list_next(struct docker_list *list, struct docker_list_item *ret_item)
{
    struct docker_list_item item = {.digest = UINT64_C(0xcbf29ce484222325)};
    const char *after;

    if (!list->has_begun && !take(list, '[')) {
        return -1;
    }
    if (take(list, ']')) {
        skip_space(list);
        return list->at == list->end ? 0 : -1;
    }
    if (list->has_begun && !take(list, ',')) {
        return -1;
    }
    skip_space(list);
    if (list->at == list->end || *list->at != '{') {
        return -1;
    }
    after = walk_item(&item, list->at, list->end);
    if (after == NULL) {
        return -1;
    }
    item.text = list->at;
    item.len = (size_t)(after - list->at);
    item.digest = item.digest != 0 ? item.digest : 1;
    list->at = after;
    list->has_begun = true;
    *ret_item = item;
    return 1;
}
