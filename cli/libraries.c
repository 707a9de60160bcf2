#include "cli/libraries.h"

#include "clients/git_about.h"

#include <curl/curl.h>
#include <nettle/version.h>
#include <openssl/crypto.h>
#include <uv.h>
#include <yaml.h>

json_t *libraries_to_json(void)
{
    struct git_about git = git_about();
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:s}", "libcurl", curl_version_info(CURLVERSION_NOW)->version,
        "libcrypto", OpenSSL_version(OPENSSL_VERSION_STRING), "jansson", jansson_version_str(),
        "libuv", uv_version_string(), "libyaml", yaml_get_version_string());

    json_object_set_new(json, "libgit2",
                        json_sprintf("%d.%d.%d", git.major, git.minor, git.revision));
    json_object_set_new(json, "nettle",
                        json_sprintf("%d.%d", nettle_version_major(), nettle_version_minor()));
    return json;
}
