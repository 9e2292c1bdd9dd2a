// Values of the kernel's configuration that no kernel has by itself.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int CONFIG_RINGSIDE_NUMBER __kconfig;
extern char CONFIG_RINGSIDE_NAME[16] __kconfig __weak;

const volatile __u32 wanted_tid;
__u64 number;
__u64 letter;

SEC("raw_tp/sys_enter")
int on_call(void *ctx)
{
  if ((__u32)bpf_get_current_pid_tgid() != wanted_tid)
    return 0;
  number = CONFIG_RINGSIDE_NUMBER;
  letter = CONFIG_RINGSIDE_NAME[0];
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
