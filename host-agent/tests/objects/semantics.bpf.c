// What libbpf gives to objects, in one: sections of globals with names of their own, maps in maps, tail calls from the start,
// subprograms, configuration, kernel symbols and functions, optional parts.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define BPF_MAP_TYPE_ARENA_NUMBER 33

const volatile __u32 wanted_tid;
__u64 results[8];
__u64 in_own_data SEC(".data.own") = 11;
__u64 in_own_bss SEC(".bss.own");
const volatile __u64 in_own_rodata SEC(".rodata.own") = 13;

extern int LINUX_KERNEL_VERSION __kconfig;
extern int CONFIG_RINGSIDE_HAS_NO_SUCH_VALUE __kconfig __weak;
extern const void vfs_read __ksym;
extern const void no_such_symbol_of_any_kernel __ksym __weak;

struct task_struct {
  int pid;
} __attribute__((preserve_access_index));

extern struct task_struct *bpf_task_from_pid(int pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;
extern int bpf_no_such_function_of_any_kernel(int number) __ksym __weak;

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} optional_map SEC(".maps") __weak;

struct inner {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} first SEC(".maps"), second SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 2);
  __type(key, __u32);
  __array(values, struct inner);
} outer SEC(".maps") = {
  .values = { &first, &second },
};

int last(void *ctx);

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 2);
  __uint(key_size, sizeof(__u32));
  __array(values, int (void *));
} jumps SEC(".maps") = {
  .values = { [1] = (void *)&last },
};

struct {
  __uint(type, BPF_MAP_TYPE_ARENA_NUMBER);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 10);
} arena SEC(".maps");

static __attribute__((noinline)) __u64 twice(__u64 number)
{
  return number * 2;
}

__attribute__((noinline)) int global_thrice(int number)
{
  return number * 3;
}

SEC("tp_btf/sys_enter")
int entry(__u64 *ctx)
{
  __u32 zero = 0, one = 1;
  if ((__u32)bpf_get_current_pid_tgid() != wanted_tid)
    return 0;
  results[0] = LINUX_KERNEL_VERSION;
  results[1] = CONFIG_RINGSIDE_HAS_NO_SUCH_VALUE;
  results[2] = (__u64)&vfs_read != 0 && (__u64)&no_such_symbol_of_any_kernel == 0;
  results[3] = twice(in_own_data) + in_own_rodata + global_thrice(2);
  in_own_bss++;
  void *inner = bpf_map_lookup_elem(&outer, &one);
  if (inner) {
    __u64 *value = bpf_map_lookup_elem(inner, &zero);
    if (value)
      *value = 17;
  }
  __u64 *optional = bpf_map_lookup_elem(&optional_map, &zero);
  if (optional)
    *optional = 19;
  if (bpf_ksym_exists(bpf_no_such_function_of_any_kernel))
    results[4] = bpf_no_such_function_of_any_kernel(1);
  if (bpf_ksym_exists(bpf_task_from_pid)) {
    // Itself: some virtual machines hide process 1 even from the kernel's own search.
    struct task_struct *task = bpf_task_from_pid(bpf_get_current_pid_tgid() >> 32);
    if (task) {
      results[5] = 1;
      bpf_task_release(task);
    }
  }
  bpf_tail_call(ctx, &jumps, 1);
  results[6] = 1;
  return 0;
}

SEC("tp_btf/sys_enter")
int last(void *ctx)
{
  results[7] += 1;
  return 0;
}

SEC("?tp_btf/sys_exit")
int optional_program(__u64 *ctx)
{
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
