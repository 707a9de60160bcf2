/*
 * The forms that texts in specs may have: names, paths, images, host names ...
 *
 * Each function returns 0, or -1 with ERROR_INVALID, a message that quotes the text where that
 * helps and cannot show a secret, and a reason where it is not InvalidSpec. They are used by the
 * schema tables (field.check).
 */
#ifndef BERTH_SPECS_TEXT_CHECK_H
#define BERTH_SPECS_TEXT_CHECK_H

#include "base/error.h"

int check_object_name(const char *text, struct error *err); /* like metadata.name; InvalidName */
int check_label_value(const char *text, struct error *err);

/* Kubernetes' rules; keys that begin with "dev.berth." are ours. */
int check_label_key(const char *text, struct error *err);

/* No ".." and no control characters in it. A mount path is neither "/" nor has a ":" in it. */
int check_absolute_path(const char *text, struct error *err);
int check_secret_file(const char *text, struct error *err); /* never quotes the text */
int check_mount_path(const char *text, struct error *err);

/* The same, for a repository's container: what is Berth's in there is not to be hidden. */
int check_repository_mount_path(const char *text, struct error *err);

int check_image(const char *text, struct error *err);        /* [host[:port]/]path[:tag][@digest] */
int check_machine_type(const char *text, struct error *err); /* InvalidMachineType */
int check_repository_url(const char *text,
                         struct error *err);                 /* for repo_url_parse(); InvalidURL */
int check_branch(const char *text, struct error *err);       /* a short name that git would take */
int check_ref(const char *text, struct error *err);          /* a tag's short name or a commit */
int check_env_name(const char *text, struct error *err);     /* [A-Za-z_][A-Za-z0-9_.-]{0,254} */
int check_env_source(const char *text, struct error *err);   /* the same; never quotes the text */
int check_hostname(const char *text, struct error *err);     /* RFC 1123, at most 253 bytes */
int check_ip_address(const char *text, struct error *err);   /* IPv4 or IPv6 */
int check_capability(const char *text, struct error *err);   /* [A-Z_]+, with or without CAP_ */
int check_volume_name(const char *text, struct error *err);  /* a volume of the engine */
int check_user(const char *text, struct error *err);         /* name or number, optional :group */
int check_port_or_name(const char *text, struct error *err); /* 1..65535, or like metadata.name */
int check_http_path(const char *text, struct error *err); /* begins with "/", nothing to escape */
int check_http_header_name(const char *text, struct error *err);
int check_http_header_value(const char *text, struct error *err); /* never quotes the text */
int check_person(const char *text, struct error *err);            /* login name or e-mail address */

#endif
