// One event by two means side by side, each with a message of its own: a lesson, not variants.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("raw_tp/sys_enter")
int say_raw(void *ctx)
{
  bpf_printk("seen by raw_tp");
  return 0;
}

SEC("tp_btf/sys_enter")
int say_btf(__u64 *ctx)
{
  bpf_printk("seen by tp_btf");
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
