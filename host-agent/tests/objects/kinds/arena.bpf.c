/* Memory that programs and user space share. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "hit.h"

#define PAGES 16
#define ARENA 33 /* BPF_MAP_TYPE_ARENA, which headers before Linux 6.9 do not know */

struct {
	__uint(type, ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PAGES);
} arena SEC(".maps");

extern void __attribute__((address_space(1))) *
bpf_arena_alloc_pages(void *map, void __attribute__((address_space(1))) *address, __u32 pages, int node, __u64 flags) __ksym __weak;

SEC("syscall")
int on_arena(void *ctx)
{
	__u64 __attribute__((address_space(1))) *page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);

	if (!page)
		return 1;
	page[1] = MATRIX_PORT;
	hit(page[1]);
	return 0;
}
