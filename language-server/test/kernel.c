// A small kernel: its BTF is what the cases of the language server are answered from, the same on every machine.
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef int __s32;
typedef _Bool bool;
typedef int pid_t;
typedef long ssize_t;
typedef unsigned long size_t;
typedef long long loff_t;

struct qstr {
	__u32 hash;
	__u32 len;
	const unsigned char *name;
};
struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};
struct inode {
	__u16 i_mode;
#ifdef OLDER
	__u32 i_ino;
#else
	__u64 i_ino;
#endif
};
struct path {
	void *mnt;
	struct dentry *dentry;
};
struct file {
	unsigned int f_flags;
	struct path f_path;
	struct inode *f_inode;
};
#ifndef OLDER
enum task_kind { TASK_USER, TASK_KERNEL };
struct css_set {
	int refcount;
};
#endif
struct task_struct {
	long state;
#ifdef OLDER
	void *stack;
#endif
	pid_t pid;
	pid_t tgid;
	struct task_struct *real_parent;
	char comm[16];
	unsigned sched_reset_on_fork : 1;
	unsigned in_execve : 1;
	struct {
		__u64 start_time;
#ifndef OLDER
		__u64 exit_time;
#endif
	};
	struct file *files[4];
#ifndef OLDER
	struct task_struct *last_wakee;
	enum task_kind kind;
	struct css_set *cgroups;
#endif
};
struct sock_common {
	__u32 skc_daddr;
	__u16 skc_dport;
	unsigned short skc_family;
};
struct sock {
	struct sock_common __sk_common;
	int sk_protocol;
};
struct pt_regs {
	unsigned long ip;
	unsigned long ax;
};
struct xdp_md {
	__u32 data;
	__u32 data_end;
	__u32 ingress_ifindex;
};
struct __sk_buff {
	__u32 len;
	__u32 mark;
};
struct bpf_raw_tracepoint_args {
	__u64 args[0];
};
struct bpf_perf_event_data {
	struct pt_regs regs;
	__u64 sample_period;
};
struct trace_entry {
	unsigned short type;
	int pid;
};
struct trace_event_raw_sys_enter {
	struct trace_entry ent;
	long id;
	unsigned long args[6];
	char __data[0];
};
struct trace_event_raw_sys_exit {
	struct trace_entry ent;
	long id;
	long ret;
	char __data[0];
};
struct trace_event_raw_sched_process_exec {
	struct trace_entry ent;
	__u32 __data_loc_filename;
	pid_t pid;
	pid_t old_pid;
	char __data[0];
};
struct trace_event_raw_sched_wakeup_template {
	struct trace_entry ent;
	char comm[16];
	pid_t pid;
	int prio;
	char __data[0];
};
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};
struct tcp_congestion_ops {
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	char name[16];
};
struct bpf_struct_ops_tcp_congestion_ops {
	struct tcp_congestion_ops data;
};

enum bpf_func_id {
	BPF_FUNC_unspec, BPF_FUNC_map_lookup_elem, BPF_FUNC_map_update_elem, BPF_FUNC_map_delete_elem, BPF_FUNC_probe_read,
	BPF_FUNC_ktime_get_ns, BPF_FUNC_trace_printk, BPF_FUNC_get_prandom_u32, BPF_FUNC_get_current_pid_tgid,
	BPF_FUNC_get_current_task, BPF_FUNC_get_current_comm, BPF_FUNC_perf_event_output, BPF_FUNC_redirect,
#ifdef OLDER
	BPF_FUNC_xdp_adjust_head, BPF_FUNC_probe_read_kernel, BPF_FUNC_probe_read_user_str,
#else
	BPF_FUNC_xdp_adjust_head, BPF_FUNC_probe_read_kernel, BPF_FUNC_probe_read_user_str, BPF_FUNC_ringbuf_output,
	BPF_FUNC_ringbuf_reserve, BPF_FUNC_ringbuf_submit, BPF_FUNC_get_current_task_btf, BPF_FUNC_get_stackid,
#endif
};
enum bpf_map_type {
	BPF_MAP_TYPE_UNSPEC, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY,
	BPF_MAP_TYPE_LRU_HASH,
#ifndef OLDER
	BPF_MAP_TYPE_RINGBUF, BPF_MAP_TYPE_TASK_STORAGE,
#endif
};
#ifdef OLDER
enum skb_reason { SKB_CONSUMED, SKB_DROPPED };
#else
enum skb_reason { SKB_NOT_YET, SKB_CONSUMED, SKB_DROPPED };
#endif
enum map_flags { BPF_F_NO_PREALLOC = 1, BPF_F_NO_COMMON_LRU = 2 };
enum xdp_action { XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT };

typedef void (*btf_trace_sched_switch)(void *, bool, struct task_struct *, struct task_struct *);
#ifndef OLDER
typedef void (*btf_trace_sched_process_exec)(void *, struct task_struct *, pid_t);
#endif

ssize_t vfs_read(struct file *file, char *buf, size_t count, loff_t *pos) { return 0; }
ssize_t vfs_write(struct file *file, const char *buf, size_t count, loff_t *pos) { return 0; }
int vfs_unlink(struct inode *dir, struct dentry *dentry) { return 0; }
void tcp_close(struct sock *sk, long timeout) {}
int bpf_lsm_file_open(struct file *file) { return 0; }
#ifndef OLDER
int bpf_lsm_bprm_check_security(void *bprm) { return 0; }
#endif
long __x64_sys_openat(const struct pt_regs *regs) { return 0; }
long __do_sys_openat(int dfd, const char *filename, int flags, unsigned short mode) { return 0; }
int __traceiter_sched_switch(void *__data, bool preempt, struct task_struct *prev, struct task_struct *next) { return 0; }
#ifndef OLDER
__attribute__((btf_decl_tag("bpf_kfunc"))) struct task_struct *bpf_task_acquire(struct task_struct *p) { return p; }
#endif
__attribute__((btf_decl_tag("bpf_kfunc"))) void bpf_task_release(struct task_struct *p) {}

// What is in no function's signature is kept by a variable that holds it.
struct {
	struct xdp_md a;
	struct __sk_buff b;
	struct bpf_raw_tracepoint_args c[1];
	struct bpf_perf_event_data d;
	struct trace_event_raw_sys_enter e[1];
	struct trace_event_raw_sys_exit f[1];
	struct trace_event_raw_sched_process_exec g[1];
	struct trace_event_raw_sched_wakeup_template h[1];
	struct bpf_iter__task i;
	struct bpf_iter_meta j;
	struct bpf_struct_ops_tcp_congestion_ops k;
	enum bpf_func_id l;
	enum bpf_map_type m;
	enum map_flags n;
	enum xdp_action o;
	btf_trace_sched_switch p;
#ifndef OLDER
	btf_trace_sched_process_exec q;
	struct css_set u;
#endif
	enum skb_reason t;
	__u8 r;
	__s32 s;
} kept;
