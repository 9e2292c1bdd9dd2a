// Reads a field that no kernel has.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct task_struct {
  int no_such_field_anywhere;
} __attribute__((preserve_access_index));

int found;

SEC("raw_tp/sys_enter")
int reads_missing_field(void *ctx)
{
  struct task_struct *task = (void *)bpf_get_current_task();
  found = BPF_CORE_READ(task, no_such_field_anywhere);
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
