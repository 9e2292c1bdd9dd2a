// SPDX-License-Identifier: MIT
// Fills a pinned hash map with N entries: u32 key, then 16 bytes of value that look like a flow's counters.
//
//   fillMap PIN N
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BATCH 10000

struct flow {
	__u64 bytes;
	__u32 packets;
	__u32 port;
};

static __u32 keys[BATCH];
static struct flow flows[BATCH];

int main(int argc, char **argv)
{
	union bpf_attr attr;
	long count = argc > 2 ? atol(argv[2]) : 0;
	int map;

	if (count <= 0) {
		fprintf(stderr, "usage: fillMap PIN N\n");
		return 2;
	}
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (__u64)(unsigned long)argv[1];
	map = syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr));
	if (map < 0) {
		perror(argv[1]);
		return 1;
	}
	for (long done = 0; done < count;) {
		long batch = count - done < BATCH ? count - done : BATCH;

		for (long i = 0; i < batch; i++) {
			keys[i] = (done + i) * 2654435761u;
			flows[i] = (struct flow){ (done + i) * 1500ull * 977, (done + i) % 100000, (done + i) % 65536 };
		}
		memset(&attr, 0, sizeof(attr));
		attr.batch.map_fd = map;
		attr.batch.keys = (__u64)(unsigned long)keys;
		attr.batch.values = (__u64)(unsigned long)flows;
		attr.batch.count = batch;
		if (syscall(SYS_bpf, BPF_MAP_UPDATE_BATCH, &attr, sizeof(attr))) {
			perror("filling the map");
			return 1;
		}
		done += batch;
	}
	return 0;
}
