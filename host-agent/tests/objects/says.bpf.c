// What programs say other than by records: BPF streams, iterator text; and what they are told by a user ring buffer.
// Needs Linux 6.17 for the streams.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

const volatile __u32 wanted_tid;
// One variable, so that its parts lie in this order.
struct {
  __u64 heard;
  __u64 sum;
  // A kernel may have no room for a line: what was taken is counted.
  __u64 stdout;
  __u64 stderr;
} counts;

struct {
  __uint(type, BPF_MAP_TYPE_USER_RINGBUF);
  __uint(max_entries, 4096);
} told SEC(".maps");

// Linux 6.18 has it under this name, 6.17 without the last part.
extern int bpf_stream_vprintk_impl(int stream, const char *format, const void *args, __u32 length, void *aux) __ksym
  __weak;
extern int bpf_stream_vprintk(int stream, const char *format, const void *args, __u32 length, void *aux) __ksym __weak;

static long say(int stream, const char *format, __u64 value)
{
  __u64 args[] = {value};
  if (bpf_ksym_exists(bpf_stream_vprintk_impl))
    return bpf_stream_vprintk_impl(stream, format, args, sizeof(args), (void *)0);
  if (bpf_ksym_exists(bpf_stream_vprintk))
    return bpf_stream_vprintk(stream, format, args, sizeof(args), (void *)0);
  return -1;
}

static const char said[] = "said %llu\n";
static const char complained[] = "complained %llu ";
static const char about_it[] = "about it\n";

SEC("?tracepoint/syscalls/sys_enter_getpid")
int says(void *ctx)
{
  if ((__u32)bpf_get_current_pid_tgid() != wanted_tid)
    return 0;
  counts.heard += 1;
  if (say(1, said, counts.heard) >= 0)
    counts.stdout += 1;
  if (say(2, complained, counts.heard) >= 0 && say(2, about_it, counts.heard) >= 0)
    counts.stderr += 1;
  return 0;
}

static long hear(struct bpf_dynptr *record, void *ctx)
{
  __u64 value = 0;
  bpf_dynptr_read(&value, sizeof(value), record, 0, 0);
  counts.heard += 1;
  counts.sum += value;
  return 0;
}

SEC("?tracepoint/syscalls/sys_enter_getpid")
int is_told(void *ctx)
{
  if ((__u32)bpf_get_current_pid_tgid() == wanted_tid)
    bpf_user_ringbuf_drain(&told, hear, 0, 0);
  return 0;
}

struct seq_file;
struct bpf_iter_meta {
  struct seq_file *seq;
  __u64 session_id;
  __u64 seq_num;
} __attribute__((preserve_access_index));
struct bpf_map {
  __u32 id;
} __attribute__((preserve_access_index));
struct bpf_iter__bpf_map {
  struct bpf_iter_meta *meta;
  struct bpf_map *map;
} __attribute__((preserve_access_index));

SEC("?iter/bpf_map")
int every_map(struct bpf_iter__bpf_map *ctx)
{
  struct bpf_map *map = ctx->map;
  if (map)
    BPF_SEQ_PRINTF(ctx->meta->seq, "map %u\n", map->id);
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
