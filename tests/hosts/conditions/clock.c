/* A wall clock of our own for every program of a host (/etc/ld.so.preload): /etc/clock holds the seconds by which it is
   shifted, and those by which it moves on at each look. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift, step, looks;

__attribute__((constructor)) static void read_clock(void) {
    FILE *file = fopen("/etc/clock", "r");
    if (!file) return;
    if (fscanf(file, "%ld %ld", &shift, &step) < 1) shift = 0;
    fclose(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift + step * looks++;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec found;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &found);
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (now) *now = found.tv_sec;
    return found.tv_sec;
}
