// A USDT program with the maps that libbpf's header brings along.
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

long seen;

SEC("usdt")
int BPF_USDT(on_probe, long argument)
{
  seen = argument;
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
