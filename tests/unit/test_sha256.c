#include "base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* FIPS 180-2, appendix B; RFC 4231, test cases 1 and 2. */
static void known_answers_come_out(void **state)
{
    char hex[SHA256_HEX_SIZE];
    unsigned char key[20];

    (void)state;
    sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    memset(key, 0x0b, sizeof(key));
    hmac_sha256_hex(key, sizeof(key), "Hi There", 8, hex);
    assert_string_equal(hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_sha256_hex("Jefe", 4, "what do ya want for nothing?", 28, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(known_answers_come_out)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
