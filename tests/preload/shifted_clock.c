/*
 * A clock that is set while a program runs, without touching the machine's. Preloaded into it
 * (LD_PRELOAD), it adds the seconds in the file that BERTH_TEST_CLOCK names to what the program is
 * told:
 *
 *   "86400"        the wall clock was set forward by a day
 *   "86400 86400"  the machine slept for a day: the clock that counts sleep, CLOCK_BOOTTIME, is
 *   ahead as well
 *
 * The file is read at each call, so writing it is setting the clock. No file: no difference. Write
 * it by rename.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct shift {
    long long realtime, boottime; /* seconds */
};

static struct shift read_shift(void)
{
    const char *path = getenv("BERTH_TEST_CLOCK");
    struct shift shift = {0};
    char text[64];
    ssize_t len;
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0) {
        return shift;
    }
    len = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    sscanf(text, "%lld %lld", &shift.realtime, &shift.boottime);
    return shift;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += read_shift().realtime;
    } else if (result == 0 && clock == CLOCK_BOOTTIME) {
        now->tv_sec += read_shift().boottime;
    }
    return result;
}

time_t time(time_t *ret_now)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (ret_now != NULL) {
        *ret_now = now.tv_sec;
    }
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}
