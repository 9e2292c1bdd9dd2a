// Variants of one hook by different means, as mature tools have them, and programs whose targets no kernel has.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 wanted_tid;
__u64 by_btf;
__u64 by_raw;
__u64 by_event;
__u64 by_probe;
__u64 by_trampoline;

static int count(__u64 *counter)
{
  if ((__u32)bpf_get_current_pid_tgid() == wanted_tid)
    __sync_fetch_and_add(counter, 1);
  return 0;
}

SEC("raw_tp/sys_enter")
int enter_raw(void *ctx)
{
  return count(&by_raw);
}

SEC("tp_btf/sys_enter")
int enter_btf(__u64 *ctx)
{
  return count(&by_btf);
}

SEC("tracepoint/syscalls/sys_enter_getpid")
int on_getpid(void *ctx)
{
  return count(&by_event);
}

SEC("kprobe/bpf_fentry_test1")
int probe_idle(void *ctx)
{
  return count(&by_probe);
}

SEC("fentry/bpf_fentry_test1")
int trampoline_idle(__u64 *ctx)
{
  return count(&by_trampoline);
}

SEC("fentry/no_such_function_in_any_kernel")
int gone(__u64 *ctx)
{
  return 0;
}

SEC("tp_btf/no_such_event_in_any_kernel")
int gone_event(__u64 *ctx)
{
  return 0;
}

SEC("?raw_tp/sys_exit")
int optional(void *ctx)
{
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
