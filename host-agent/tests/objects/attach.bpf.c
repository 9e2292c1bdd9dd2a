// One program for each kind that most kernels can attach: each says that it ran by a record of its own.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define PORT 4343

struct hit {
  char program[16];
  __u64 value;
};

const volatile __u32 wanted_tid;
const volatile __u32 wanted_pid;

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 20);
} hits SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_SOCKMAP);
  __uint(max_entries, 2);
  __type(key, __u32);
  __type(value, __u32);
} connections SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_CPUMAP);
  __uint(max_entries, 64);
  __type(key, __u32);
  __type(value, struct bpf_cpumap_val);
} cpus SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, struct bpf_devmap_val);
} devices SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 8);
  __type(key, __u32);
  __type(value, __u64);
} walked SEC(".maps");

static __always_inline int hit(const char *program, __u64 value)
{
  struct hit *record = bpf_ringbuf_reserve(&hits, sizeof(*record), 0);
  if (!record)
    return 0;
  __builtin_memcpy(record->program, program, sizeof(record->program));
  record->value = value;
  bpf_ringbuf_submit(record, 0);
  return 0;
}

#define HIT(name, value)                  \
  ({                                      \
    const char program[16] = #name;       \
    hit(program, value);                  \
  })

static __always_inline int mine(void)
{
  return (__u32)bpf_get_current_pid_tgid() == wanted_tid;
}

static __always_inline int my_process(void)
{
  return bpf_get_current_pid_tgid() >> 32 == wanted_pid;
}

// ---- functions and events

SEC("raw_tp/sys_enter")
int raw_enter(struct bpf_raw_tracepoint_args *ctx)
{
  if (mine())
    HIT(raw_enter, ctx->args[1]);
  return 0;
}

SEC("tp_btf/sys_enter")
int btf_enter(__u64 *ctx)
{
  if (mine())
    HIT(btf_enter, ctx[1]);
  return 0;
}

SEC("uprobe")
int on_entry(struct pt_regs *ctx)
{
  if (my_process())
    HIT(on_entry, 1);
  return 0;
}

SEC("uretprobe")
int on_exit(struct pt_regs *ctx)
{
  if (my_process())
    HIT(on_exit, 1);
  return 0;
}

SEC("uprobe.multi")
int on_many(struct pt_regs *ctx)
{
  if (my_process())
    HIT(on_many, 1);
  return 0;
}

SEC("uprobe/libc.so.6:getuid")
int in_libc(void *ctx)
{
  if (my_process())
    HIT(in_libc, 1);
  return 0;
}

SEC("perf_event")
int on_sample(struct bpf_perf_event_data *ctx)
{
  if (my_process())
    HIT(on_sample, 1);
  return 0;
}

// ---- iterators

struct bpf_iter_meta {
  struct seq_file *seq;
} __attribute__((preserve_access_index));

struct task_struct {
  int pid;
  int tgid;
} __attribute__((preserve_access_index));

struct bpf_iter__task {
  struct bpf_iter_meta *meta;
  struct task_struct *task;
} __attribute__((preserve_access_index));

struct bpf_iter__bpf_map_elem {
  struct bpf_iter_meta *meta;
  struct bpf_map *map;
  __u32 *key;
  __u64 *value;
} __attribute__((preserve_access_index));

struct bpf_iter__cgroup {
  struct bpf_iter_meta *meta;
  struct cgroup *cgroup;
} __attribute__((preserve_access_index));

SEC("iter/task")
int each_task(struct bpf_iter__task *ctx)
{
  struct task_struct *task = ctx->task;
  if (!task)
    return 0;
  __u64 numbers[2] = {task->tgid, task->pid};
  static const char format[] = "%d/%d\n";
  bpf_seq_printf(ctx->meta->seq, format, sizeof(format), numbers, sizeof(numbers));
  return 0;
}

SEC("iter/bpf_map_elem")
int each_entry(struct bpf_iter__bpf_map_elem *ctx)
{
  __u32 *key = ctx->key;
  __u64 *value = ctx->value;
  if (!key || !value)
    return 0;
  __u64 numbers[2] = {*key, *value};
  static const char format[] = "%d=%d\n";
  bpf_seq_printf(ctx->meta->seq, format, sizeof(format), numbers, sizeof(numbers));
  return 0;
}

SEC("iter/cgroup")
int each_group(struct bpf_iter__cgroup *ctx)
{
  static const char line[] = "group\n";
  if (ctx->cgroup)
    bpf_seq_write(ctx->meta->seq, line, sizeof(line) - 1);
  return 0;
}

// ---- packets

static __always_inline int port_of(struct __sk_buff *skb, __u32 network)
{
  struct iphdr ip;
  struct udphdr udp;
  if (bpf_skb_load_bytes(skb, network, &ip, sizeof(ip)) || ip.protocol != IPPROTO_UDP)
    return 0;
  if (bpf_skb_load_bytes(skb, network + sizeof(ip), &udp, sizeof(udp)))
    return 0;
  return bpf_ntohs(udp.dest);
}

SEC("socket")
int on_socket(struct __sk_buff *skb)
{
  if (port_of(skb, ETH_HLEN) == PORT)
    HIT(on_socket, PORT);
  return 0;
}

SEC("tc")
int on_tc(struct __sk_buff *skb)
{
  if (port_of(skb, ETH_HLEN) == PORT)
    HIT(on_tc, PORT);
  return -1;
}

SEC("xdp")
int to_cpu(struct xdp_md *ctx)
{
  return bpf_redirect_map(&cpus, 0, XDP_PASS);
}

SEC("xdp")
int other_xdp(struct xdp_md *ctx)
{
  return XDP_PASS;
}

SEC("xdp/cpumap")
int on_cpu(struct xdp_md *ctx)
{
  HIT(on_cpu, ctx->data_end - ctx->data);
  return XDP_PASS;
}

SEC("xdp/devmap")
int on_device(struct xdp_md *ctx)
{
  return XDP_PASS;
}

SEC("netfilter")
int on_netfilter(void *ctx)
{
  HIT(on_netfilter, 1);
  return 1;
}

SEC("sk_lookup")
int on_lookup(struct bpf_sk_lookup *ctx)
{
  if (ctx->local_port == PORT)
    HIT(on_lookup, PORT);
  return SK_PASS;
}

SEC("flow_dissector")
int on_flow(struct __sk_buff *skb)
{
  return BPF_OK;
}

SEC("sk_reuseport")
int on_reuseport(struct sk_reuseport_md *ctx)
{
  HIT(on_reuseport, ctx->len);
  return SK_PASS;
}

// ---- control groups and connections

SEC("cgroup/connect4")
int on_connect(struct bpf_sock_addr *ctx)
{
  HIT(on_connect, bpf_ntohs((__u16)ctx->user_port));
  return 1;
}

SEC("cgroup/sock_create")
int on_create(struct bpf_sock *sock)
{
  HIT(on_create, sock->protocol);
  return 1;
}

SEC("cgroup/skb")
int on_group_skb(struct __sk_buff *skb)
{
  if (port_of(skb, 0) == PORT)
    HIT(on_group_skb, PORT);
  return 1;
}

SEC("sockops")
int fill(struct bpf_sock_ops *ctx)
{
  __u32 at = ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB;
  if (!at && ctx->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
    return 1;
  if (ctx->local_port == PORT || bpf_ntohl(ctx->remote_port) == PORT) {
    HIT(fill, at);
    bpf_sock_map_update(ctx, &connections, &at, BPF_ANY);
  }
  return 1;
}

SEC("sk_msg")
int on_message(struct sk_msg_md *msg)
{
  HIT(on_message, msg->size);
  return SK_PASS;
}

SEC("sk_skb/stream_verdict")
int on_stream(struct __sk_buff *skb)
{
  HIT(on_stream, skb->len);
  return SK_PASS;
}

// ---- neither

SEC("syscall")
int on_call(void *ctx)
{
  HIT(on_call, 1);
  return 7;
}

SEC("syscall")
int with_context(__u64 *ctx)
{
  HIT(with_context, ctx[3]);
  ctx[0] = 5;
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
