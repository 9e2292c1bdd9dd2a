/* Iterators: each says once that it is being read, and writes a line of text. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "hit.h"

/* Kernels name these contexts only when they were built with the subsystem. */
struct bpf_iter__dmabuf___local {
	struct bpf_iter_meta *meta;
} __attribute__((preserve_access_index));

struct bpf_iter__kmem_cache___local {
	struct bpf_iter_meta *meta;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} walked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} stored SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

static __always_inline int seen(struct bpf_iter_meta *meta)
{
	static const char line[] = "read\n";

	if (meta->seq_num == 0)
		hit(MATRIX_PORT);
	bpf_seq_write(meta->seq, line, sizeof(line) - 1);
	return 0;
}

#define ITERATOR(section, name, context) \
	SEC(section)                     \
	int name(struct context *ctx)    \
	{                                \
		return seen(ctx->meta);  \
	}

ITERATOR("iter/task", on_task, bpf_iter__task)
ITERATOR("iter/task_file", on_task_file, bpf_iter__task_file)
ITERATOR("iter/task_vma", on_task_vma, bpf_iter__task_vma)
ITERATOR("iter/bpf_map", on_bpf_map, bpf_iter__bpf_map)
ITERATOR("iter/bpf_map_elem", on_bpf_map_elem, bpf_iter__bpf_map_elem)
ITERATOR("iter/bpf_sk_storage_map", on_bpf_sk_storage_map, bpf_iter__bpf_sk_storage_map)
ITERATOR("iter/sockmap", on_sockmap, bpf_iter__sockmap)
ITERATOR("iter/bpf_prog", on_bpf_prog, bpf_iter__bpf_prog)
ITERATOR("iter/bpf_link", on_bpf_link, bpf_iter__bpf_link)
ITERATOR("iter/cgroup", on_cgroup, bpf_iter__cgroup)
ITERATOR("iter/tcp", on_tcp, bpf_iter__tcp)
ITERATOR("iter/udp", on_udp, bpf_iter__udp)
ITERATOR("iter/unix", on_unix, bpf_iter__unix)
ITERATOR("iter/netlink", on_netlink, bpf_iter__netlink)
ITERATOR("iter/ipv6_route", on_ipv6_route, bpf_iter__ipv6_route)
ITERATOR("iter/ksym", on_ksym, bpf_iter__ksym)
ITERATOR("iter/kmem_cache", on_kmem_cache, bpf_iter__kmem_cache___local)
ITERATOR("iter/dmabuf", on_dmabuf, bpf_iter__dmabuf___local)
ITERATOR("iter.s/task", on_task_s, bpf_iter__task)
