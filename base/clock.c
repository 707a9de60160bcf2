#include "base/clock.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

uint64_t clock_monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t clock_monotonic_ms(void)
{
    return clock_monotonic_ns() / NS_PER_MS;
}

uint64_t clock_boottime_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)(now.tv_nsec / NS_PER_MS);
}

int64_t clock_wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * MS_PER_SECOND + now.tv_nsec / NS_PER_MS;
}

const char *timestamp_format(int64_t wall_ms, char text[TIMESTAMP_SIZE])
{
    time_t seconds = (time_t)(wall_ms / MS_PER_SECOND);
    struct tm parts;

    text[0] = '\0';
    if (wall_ms != 0 && gmtime_r(&seconds, &parts) != NULL) {
        strftime(text, TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    return text;
}

/* Reads exactly count digits; moves *text behind them. */
static bool read_digits(const char **text, int count, int *ret_value)
{
    int value = 0;

    for (int i = 0; i < count; i++, (*text)++) {
        if (!isdigit((unsigned char)**text)) {
            return false;
        }
        value = value * 10 + (**text - '0');
    }
    *ret_value = value;
    return true;
}

static bool read_char(const char **text, char expected)
{
    if (**text != expected) {
        return false;
    }
    (*text)++;
    return true;
}

/* ".123456789": milliseconds of it; the digits after the third only move the text. */
static bool read_fraction(const char **text, int *ret_ms)
{
    int scale = 100, ms = 0;

    if (!isdigit((unsigned char)**text)) {
        return false;
    }
    for (; isdigit((unsigned char)**text); (*text)++, scale /= 10) {
        ms += (**text - '0') * scale;
    }
    *ret_ms = ms;
    return true;
}

static bool read_offset(const char **text, int *ret_minutes)
{
    int sign = **text == '-' ? -1 : 1, hours, minutes;

    if (read_char(text, 'Z')) {
        *ret_minutes = 0;
        return true;
    }
    if ((**text != '+' && **text != '-') || ((*text)++, !read_digits(text, 2, &hours)) ||
        !read_char(text, ':') || !read_digits(text, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

/* timegm() would make 1 March of 29 February in an ordinary year, and a valid time of hour 99. */
static bool is_real_time(const struct tm *parts)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = parts->tm_year;
    bool is_leap_year = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return parts->tm_mon >= 1 && parts->tm_mon <= 12 && parts->tm_mday >= 1 &&
           parts->tm_mday <= days[parts->tm_mon - 1] &&
           (parts->tm_mon != 2 || parts->tm_mday < 29 || is_leap_year) && parts->tm_hour <= 23 &&
           parts->tm_min <= 59 && parts->tm_sec <= 60;
}

int timestamp_parse(const char *text, int64_t *ret_wall_ms)
{
    struct tm parts = {0};
    int ms = 0, offset;

    if (!read_digits(&text, 4, &parts.tm_year) || !read_char(&text, '-') ||
        !read_digits(&text, 2, &parts.tm_mon) || !read_char(&text, '-') ||
        !read_digits(&text, 2, &parts.tm_mday) || !read_char(&text, 'T') ||
        !read_digits(&text, 2, &parts.tm_hour) || !read_char(&text, ':') ||
        !read_digits(&text, 2, &parts.tm_min) || !read_char(&text, ':') ||
        !read_digits(&text, 2, &parts.tm_sec) ||
        (read_char(&text, '.') && !read_fraction(&text, &ms)) || !read_offset(&text, &offset) ||
        *text != '\0' || !is_real_time(&parts)) {
        return -1;
    }
    if (parts.tm_year == 1) {
        *ret_wall_ms = 0;
        return 0;
    }
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    *ret_wall_ms = ((int64_t)timegm(&parts) - (int64_t)offset * 60) * MS_PER_SECOND + ms;
    return 0;
}
