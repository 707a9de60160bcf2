/*
 * Curl brings librtmp along, and that GnuTLS, which begins by itself when it is loaded: 0.8 MiB
 * that stay resident and a tenth of the time until main(). Nothing here uses it, so it is asked not
 * to, in the way of GNUTLS_SKIP_GLOBAL_INIT in its header: by a function of the program that it
 * looks for. A curl that is built with GnuTLS begins it itself.
 */

int skip_gnutls(void) __asm__("_gnutls_global_init_skip");

int skip_gnutls(void)
{
    return 1;
}
