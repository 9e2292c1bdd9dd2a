// A map of every type that user space can reach, and a program so that there is something to load.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

// Newer than the headers of some distributions.
#define MAP_TYPE_CGRP_STORAGE 32

#define ENTRIES(n) __uint(max_entries, n)
#define KEY __type(key, __u32)
#define VALUE __type(value, __u64)

struct { __uint(type, BPF_MAP_TYPE_HASH); ENTRIES(100000); KEY; VALUE; } hash SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); ENTRIES(4); KEY; VALUE; } four SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); ENTRIES(64); KEY; VALUE; } lru SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_HASH); ENTRIES(16); KEY; __type(value, __u32); } percpu_hash SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); ENTRIES(2); KEY; __type(value, __u32); } percpu_array SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); ENTRIES(5); KEY; VALUE; } array SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); ENTRIES(1000); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, __u64); __type(value, __u32); } trie SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_QUEUE); ENTRIES(3); __uint(value_size, 4); } queue SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_STACK); ENTRIES(3); __uint(value_size, 4); } stack SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_BLOOM_FILTER); ENTRIES(100); __uint(value_size, 4); } bloom SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); ENTRIES(4); KEY; __type(value, __u32); } programs SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); KEY; __type(value, __u32); } perf SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_CGROUP_ARRAY); ENTRIES(2); KEY; __type(value, __u32); } cgroups SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_STACK_TRACE); ENTRIES(4); __uint(key_size, 4); __uint(value_size, 64); } stacks SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_SOCKMAP); ENTRIES(4); KEY; VALUE; } sockets SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_SOCKHASH); ENTRIES(4); KEY; VALUE; } sockhash SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_DEVMAP); ENTRIES(4); KEY; __type(value, __u32); } devices SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_CPUMAP); ENTRIES(2); KEY; __type(value, __u32); } cpus SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); ENTRIES(4096); } ring SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_SK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); VALUE; } of_socket SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_TASK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); VALUE; } of_task SEC(".maps");
struct { __uint(type, MAP_TYPE_CGRP_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); VALUE; } of_cgroup SEC(".maps");

struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); ENTRIES(1); KEY; VALUE; };
struct inner inner_one SEC(".maps");
struct inner inner_two SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); ENTRIES(2); KEY; __array(values, struct inner); } outer_array SEC(".maps") = {
  .values = { [0] = &inner_one },
};
struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); ENTRIES(2); KEY; __array(values, struct inner); } outer_hash SEC(".maps");

const volatile __u64 constant = 42;

SEC("socket")
int filter_with_a_name_that_is_long(struct __sk_buff *skb)
{
  return constant == 43;
}

char LICENSE[] SEC("license") = "GPL";
