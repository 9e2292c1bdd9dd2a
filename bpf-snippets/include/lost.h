/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Counts the records that a full ring buffer could not take.
 *
 * The kernel keeps no such count: when a ring is full, bpf_ringbuf_reserve() returns NULL and only the program knows.
 * Ringside reads the per-CPU array `<ring>_lost_samples` beside a ring and shows its sum as "lost in the kernel"; for a
 * ring without one the figure can be unknown.
 *
 *	struct {
 *		__uint(type, BPF_MAP_TYPE_RINGBUF);
 *		__uint(max_entries, 256 * 1024);
 *	} events SEC(".maps");
 *	LOST_SAMPLES(events);                       // once, after the ring
 *
 *	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
 *	if (!e) {
 *		count_lost(events);                 // right after the failed reserve
 *		return 0;
 *	}
 */
#ifndef RINGSIDE_LOST_H
#define RINGSIDE_LOST_H

#define LOST_SAMPLES(ring)                                \
	struct {                                          \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);  \
		__uint(max_entries, 1);                   \
		__type(key, __u32);                       \
		__type(value, __u64);                     \
	} ring##_lost_samples SEC(".maps")

#define count_lost(ring)                                                               \
	do {                                                                           \
		__u32 first_ = 0;                                                      \
		__u64 *lost_ = bpf_map_lookup_elem(&ring##_lost_samples, &first_);     \
		if (lost_)                                                             \
			*lost_ += 1;                                                   \
	} while (0)

#endif
