#include "clients/tar_writer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 512 };

/* POSIX.1-1988 "ustar"; numbers are octal text. */
struct tar_header {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link_name[100];
    char magic[6];
    char version[2];
    char user[32];
    char group[32];
    char device_major[8];
    char device_minor[8];
    char prefix[155];
    char padding[12];
};

_Static_assert(sizeof(struct tar_header) == BLOCK, "a header is one block");

static void append(struct strbuf *tar, const void *bytes, size_t len)
{
    int result = strbuf_append(tar, bytes, len);

    assert(result == 0); /* the caller's buffer has room for what the caller puts in */
    (void)result;
}

/* The sum of the header's bytes, its own field counting as blanks. */
static void set_checksum(struct tar_header *header)
{
    const unsigned char *bytes = (const unsigned char *)header;
    unsigned sum = 0;

    memset(header->checksum, ' ', sizeof(header->checksum));
    for (size_t i = 0; i < sizeof(*header); i++) {
        sum += bytes[i];
    }
    snprintf(header->checksum, sizeof(header->checksum), "%06o", sum); /* a NUL, then the blank */
}

static void add_header(struct strbuf *tar, const char *name, const char *suffix, char type,
                       unsigned mode, size_t size)
{
    struct tar_header header = {0};

    assert(name[0] != '\0' && name[0] != '/' && strlen(name) <= TAR_MAX_NAME);
    snprintf(header.name, sizeof(header.name), "%s%s", name, suffix);
    snprintf(header.mode, sizeof(header.mode), "%07o", mode & 07777);
    snprintf(header.uid, sizeof(header.uid), "%07o", 0U);
    snprintf(header.gid, sizeof(header.gid), "%07o", 0U);
    snprintf(header.size, sizeof(header.size), "%011zo", size);
    snprintf(header.mtime, sizeof(header.mtime), "%011o", 0U);
    header.type = type;
    memcpy(header.magic, "ustar", sizeof(header.magic));
    memcpy(header.version, "00", sizeof(header.version));
    snprintf(header.user, sizeof(header.user), "root");
    snprintf(header.group, sizeof(header.group), "root");
    set_checksum(&header);
    append(tar, &header, sizeof(header));
}

void tar_add_directory(struct strbuf *tar, const char *name, unsigned mode)
{
    add_header(tar, name, "/", '5', mode, 0);
}

void tar_add_file(struct strbuf *tar, const char *name, unsigned mode, const void *bytes,
                  size_t len)
{
    static const char zeros[BLOCK];

    add_header(tar, name, "", '0', mode, len);
    append(tar, bytes, len);
    append(tar, zeros, (BLOCK - len % BLOCK) % BLOCK);
}

void tar_finish(struct strbuf *tar)
{
    static const char zeros[2 * BLOCK];

    append(tar, zeros, sizeof(zeros));
}
