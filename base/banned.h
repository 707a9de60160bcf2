/*
 * Functions that must not be used, forced into every source by the Makefile.
 *
 * The system headers that declare them come first, so that only our own calls fail to compile; the
 * compiler's message then names docs/style.md.
 */
#ifndef BERTH_BASE_BANNED_H
#define BERTH_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BANNED(name) name##_is_banned_see_docs_style_md

#undef strcpy
#define strcpy(to, from) BANNED(strcpy)
#undef strcat
#define strcat(to, from) BANNED(strcat)
#undef strncpy
#define strncpy(to, from, size) BANNED(strncpy)
#undef strncat
#define strncat(to, from, size) BANNED(strncat)
#undef sprintf
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(to, format, args) BANNED(vsprintf)
#undef strtok
#define strtok(text, delimiters) BANNED(strtok)
#undef atoi
#define atoi(text) BANNED(atoi)
#undef system
#define system(command) BANNED(system)
#undef popen
#define popen(command, mode) BANNED(popen)
#undef tmpnam
#define tmpnam(name) BANNED(tmpnam)
#undef mktemp
#define mktemp(name) BANNED(mktemp)
#undef localtime
#define localtime(time) BANNED(localtime)
#undef gmtime
#define gmtime(time) BANNED(gmtime)
#undef ctime
#define ctime(time) BANNED(ctime)
#undef sleep
#define sleep(seconds) BANNED(sleep) /* would stop the event loop */
#undef usleep
#define usleep(useconds) BANNED(usleep)

#endif
