// SPDX-License-Identifier: MIT
// A paced source of system calls for benchmarks: getppid(MAGIC, n, thread) at a total rate, so that a probe can tell
// them from everybody else's.
//
//   generator RATE SECONDS [CPU]      RATE 0 = as fast as it goes; prints one JSON object at the end.
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAGIC 0xC0FFEEL
#define BATCH 1024

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void sleep_until(struct timespec *next)
{
	struct timespec current;

	next->tv_nsec += 500000;
	if (next->tv_nsec >= 1000000000) {
		next->tv_nsec -= 1000000000;
		next->tv_sec++;
	}
	clock_gettime(CLOCK_MONOTONIC, &current);
	if (current.tv_sec > next->tv_sec || (current.tv_sec == next->tv_sec && current.tv_nsec > next->tv_nsec))
		*next = current; // behind: do not try to catch up by sleeping less than not at all
	else
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: generator RATE SECONDS [CPU]\n");
		return 2;
	}
	double rate = atof(argv[1]), seconds = atof(argv[2]);
	if (argc > 3) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(atoi(argv[3]), &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	struct timespec next;
	long calls = 0;
	double start = now(), elapsed;

	clock_gettime(CLOCK_MONOTONIC, &next);
	while ((elapsed = now() - start) < seconds) {
		long due = rate > 0 ? (long)(elapsed * rate) : calls + BATCH;
		long end = due < calls + BATCH ? due : calls + BATCH; // look at the clock again soon

		for (; calls < end; calls++)
			syscall(SYS_getppid, MAGIC, calls, 0L);
		if (rate > 0 && calls == due)
			sleep_until(&next);
	}
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
	printf("{\"calls\":%ld,\"seconds\":%.6f,\"cpuSeconds\":%.6f}\n", calls, elapsed, cpu);
	return 0;
}
