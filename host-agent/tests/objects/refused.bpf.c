// Kinds that need a BTF target, which some kernels refuse or do not have.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("fentry/bpf_fentry_test1")
int on_idle_function(__u64 *ctx)
{
  return 0;
}

SEC("?fentry/no_such_function_in_any_kernel")
int on_nothing(__u64 *ctx)
{
  return 0;
}

SEC("?kprobe/vfs_read")
int on_read(void *ctx)
{
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
