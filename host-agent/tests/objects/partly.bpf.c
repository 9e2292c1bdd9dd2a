// Programs that fail one by one for reasons of the host or of their own, beside one that is fine.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct task_struct {
  int no_such_field_anywhere;
} __attribute__((preserve_access_index));

extern int bpf_no_such_function_of_the_kernel(int number) __ksym;
extern const int no_such_symbol_of_the_kernel __ksym;
extern int CONFIG_NO_SUCH_VALUE __kconfig;
extern int CONFIG_NOTHING_EITHER __kconfig __weak;

__u64 seen;

SEC("raw_tp/sys_enter")
int fine(void *ctx)
{
  __sync_fetch_and_add(&seen, 1 + CONFIG_NOTHING_EITHER);
  return 0;
}

SEC("raw_tp/sys_enter")
int wants_field(void *ctx)
{
  struct task_struct *task = (void *)bpf_get_current_task();
  seen = BPF_CORE_READ(task, no_such_field_anywhere);
  return 0;
}

SEC("raw_tp/sys_enter")
int wants_function(void *ctx)
{
  return bpf_no_such_function_of_the_kernel(1);
}

SEC("raw_tp/sys_enter")
int wants_symbol(void *ctx)
{
  return no_such_symbol_of_the_kernel != 0;
}

SEC("raw_tp/sys_enter")
int wants_value(void *ctx)
{
  return CONFIG_NO_SUCH_VALUE;
}

SEC("raw_tp/sys_enter")
int wants_helper(void *ctx)
{
  long (*no_such_helper)(void) = (void *)9999;
  return no_such_helper();
}

SEC("raw_tp/sys_enter")
int wants_other_type(void *ctx)
{
  // A helper of network programs.
  return bpf_redirect(1, 0);
}

SEC("raw_tp/sys_enter")
int reads_beyond(struct bpf_raw_tracepoint_args *ctx)
{
  return *(volatile __u64 *)((void *)ctx + 4096);
}

SEC("no/such/section")
int of_no_kind(void *ctx)
{
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
