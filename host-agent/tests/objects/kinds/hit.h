/* What every program of the attach matrix says when it ran: one record with a value that its trigger knows as well. */
#ifndef HIT_H
#define HIT_H

#define HIT_MAGIC 0x52494e47 /* "RING" */
#define MATRIX_PORT 4242     /* of all traffic that the triggers make */

struct hit {
	__u32 magic;
	__u32 program; /* tells the two sides of a session apart: 1 at entry, 2 at return; else 0 */
	__u64 value;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} events SEC(".maps");

static __always_inline void hit_of(__u32 program, __u64 value)
{
	struct hit *record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);

	if (!record)
		return;
	record->magic = HIT_MAGIC;
	record->program = program;
	record->value = value;
	bpf_ringbuf_submit(record, 0);
}

static __always_inline void hit(__u64 value)
{
	hit_of(0, value);
}

/* For kinds that run in the context of the process that triggers them. */
static __always_inline void hit_pid(void)
{
	hit(bpf_get_current_pid_tgid() >> 32);
}

char LICENSE[] SEC("license") = "GPL";

#endif
