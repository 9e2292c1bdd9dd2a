// A static probe of user space, read by libbpf's own header: weak maps, kconfig, an argument by its note.
#include <linux/bpf.h>
#include <asm/ptrace.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/usdt.bpf.h>

__u64 lines;
__u64 last;

SEC("usdt")
int BPF_USDT(on_line, long number)
{
  __sync_fetch_and_add(&lines, 1);
  last = number;
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
