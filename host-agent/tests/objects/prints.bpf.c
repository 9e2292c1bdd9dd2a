// One line for each getpid of one thread; none with SILENT.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 wanted_tid;
const volatile __u32 mark;
__u32 line;

static __attribute__((noinline)) int speak(int number)
{
#ifndef SILENT
  bpf_printk("mark %d line %d", mark, number);
#endif
  return number;
}

SEC("tracepoint/syscalls/sys_enter_getpid")
int on_getpid(void *ctx)
{
  if ((__u32)bpf_get_current_pid_tgid() == wanted_tid)
    speak(line++);
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
