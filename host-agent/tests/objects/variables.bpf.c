// Variables that a program writes while they are changed from outside, and one that nobody may change.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u64 constant = 42;
volatile __u64 numbers[3];

SEC("socket")
int count(struct __sk_buff *skb)
{
  numbers[2] += constant;
  return numbers[0] != 0;
}

char LICENSE[] SEC("license") = "GPL";
