// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Shows every TCP connection that this machine opens: to whom, by which program, how long the handshake took.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "lost.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// vmlinux.h has the kernel's types, not its #defines.
#define AF_INET 2
#define AF_INET6 10

enum ip_version {
	IPV4 = 4,
	IPV6 = 6,
};

enum outcome {
	CONNECTED,
	FAILED,
};

// The version says which member counts.
union ip_addr {
	__be32 v4;
	__u8 v6[16];
};

struct connect_event {
	__u64 ts;
	__u64 latency_ns;
	__u32 pid;
	enum ip_version version;
	enum outcome outcome;
	__u16 sport;
	__u16 dport;
	union ip_addr saddr;
	union ip_addr daddr;
	char comm[16];
};

struct attempt {
	__u64 started;
	__u32 pid;
	char comm[16];
};

// By socket: the handshake ends in an interrupt, where the current process is whoever happened to run.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct attempt);
} attempts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");
LOST_SAMPLES(events);

static __always_inline void begin(__u64 socket)
{
	struct attempt attempt = {};

	attempt.started = bpf_ktime_get_ns();
	attempt.pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(attempt.comm, sizeof(attempt.comm));
	bpf_map_update_elem(&attempts, &socket, &attempt, BPF_ANY);
}

static __always_inline void report(struct trace_event_raw_inet_sock_set_state *ctx, struct attempt *attempt)
{
	struct connect_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		count_lost(events);
		return;
	}

	e->ts = bpf_ktime_get_ns();
	e->latency_ns = e->ts - attempt->started;
	e->pid = attempt->pid;
	__builtin_memcpy(e->comm, attempt->comm, sizeof(e->comm));
	e->outcome = ctx->newstate == TCP_ESTABLISHED ? CONNECTED : FAILED;
	// The tracepoint has turned the ports to host order already; addresses stay as they are on the wire.
	e->sport = ctx->sport;
	e->dport = ctx->dport;

	// A reserved record holds whatever was there before: what a v4 address does not fill is cleared.
	__builtin_memset(&e->saddr, 0, sizeof(e->saddr));
	__builtin_memset(&e->daddr, 0, sizeof(e->daddr));
	// Single numbers are read straight from the context; its arrays the verifier wants to be copied by a helper.
	if (ctx->family == AF_INET) {
		e->version = IPV4;
		bpf_probe_read_kernel(&e->saddr.v4, sizeof(e->saddr.v4), ctx->saddr);
		bpf_probe_read_kernel(&e->daddr.v4, sizeof(e->daddr.v4), ctx->daddr);
	} else {
		e->version = IPV6;
		bpf_probe_read_kernel(e->saddr.v6, sizeof(e->saddr.v6), ctx->saddr_v6);
		bpf_probe_read_kernel(e->daddr.v6, sizeof(e->daddr.v6), ctx->daddr_v6);
	}

	bpf_ringbuf_submit(e, 0);
}

// Called whenever a TCP socket changes its state: connect() leads to SYN_SENT, the answer to what comes after it.
SEC("tp/sock/inet_sock_set_state")
int handle_state(struct trace_event_raw_inet_sock_set_state *ctx)
{
	__u64 socket = (__u64)ctx->skaddr;
	struct attempt *attempt;

	if (ctx->protocol != IPPROTO_TCP || (ctx->family != AF_INET && ctx->family != AF_INET6))
		return 0;
	if (ctx->newstate == TCP_SYN_SENT) {
		begin(socket);
		return 0;
	}
	if (ctx->oldstate != TCP_SYN_SENT)
		return 0;

	attempt = bpf_map_lookup_elem(&attempts, &socket);
	if (attempt) {
		report(ctx, attempt);
		bpf_map_delete_elem(&attempts, &socket);
	}
	return 0;
}
