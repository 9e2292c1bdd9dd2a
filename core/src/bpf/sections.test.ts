import { describe, expect, it } from 'vitest';
import { parseSection, sectionForms } from './sections.ts';

const parse = (name: string) => {
  const { type, attach, target, needsTarget } = parseSection(name);
  return [type, attach, target, needsTarget.join(' ')];
};

describe('parseSection', () => {
  it.each([
    ['tracepoint/syscalls/sys_enter_execve', 'tracepoint', 'tracepoint', 'syscalls:sys_enter_execve', ''],
    ['tp/sched/sched_switch', 'tracepoint', 'tracepoint', 'sched:sched_switch', ''],
    ['tp/sched', 'tracepoint', 'tracepoint', null, 'event'],
    ['raw_tp/sys_enter', 'raw_tracepoint', 'raw_tp', 'sys_enter', ''],
    ['raw_tracepoint.w/bpf_testmod', 'raw_tracepoint_writable', 'raw_tp', 'bpf_testmod', ''],
    ['tp_btf/sched_wakeup', 'tracing', 'tp_btf', 'sched_wakeup', ''],
    ['kprobe/do_unlinkat+0x10', 'kprobe', 'kprobe', 'do_unlinkat+0x10', ''],
    ['kprobe', 'kprobe', 'kprobe', null, 'func'],
    ['kretprobe/do_unlinkat', 'kprobe', 'kretprobe', 'do_unlinkat', ''],
    ['kprobe.multi/tcp_*', 'kprobe', 'kprobe.multi', 'tcp_*', ''],
    ['kprobe.session/vfs_read', 'kprobe', 'kprobe.session', 'vfs_read', ''],
    ['ksyscall/openat', 'kprobe', 'ksyscall', 'openat', ''],
    ['uprobe', 'kprobe', 'uprobe', null, 'binary symbol'],
    ['uprobe//bin/bash', 'kprobe', 'uprobe', '/bin/bash', 'symbol'],
    ['uprobe//bin/bash:readline', 'kprobe', 'uprobe', '/bin/bash:readline', ''],
    ['uprobe.s//bin/bash:readline', 'kprobe', 'uprobe', '/bin/bash:readline', ''],
    ['uretprobe.multi/libc.so.6:mem*', 'kprobe', 'uretprobe.multi', 'libc.so.6:mem*', ''],
    ['usdt', 'kprobe', 'usdt', null, 'binary provider probe'],
    ['usdt/libc.so.6:libc:setjmp', 'kprobe', 'usdt', 'libc.so.6:libc:setjmp', ''],
    ['usdt/libc.so.6:libc', 'kprobe', 'usdt', 'libc.so.6:libc', 'probe'],
    ['fentry/vfs_read', 'tracing', 'fentry', 'vfs_read', ''],
    ['fexit', 'tracing', 'fexit', null, 'func'],
    ['fmod_ret/security_file_open', 'tracing', 'fmod_ret', 'security_file_open', ''],
    ['fsession.multi/tcp_*', 'tracing', 'fsession.multi', 'tcp_*', ''],
    ['freplace/handler', 'ext', 'freplace', 'handler', 'program'],
    ['lsm/file_open', 'lsm', 'lsm', 'file_open', ''],
    ['lsm_cgroup/socket_bind', 'lsm', 'lsm_cgroup', 'socket_bind', 'cgroup'],
    ['iter/task', 'tracing', 'iter', 'task', ''],
    ['iter/bpf_map_elem', 'tracing', 'iter', 'bpf_map_elem', 'map'],
    ['xdp', 'xdp', 'xdp', null, 'iface'],
    ['xdp.frags/devmap', 'xdp', 'xdp/devmap', null, 'map'],
    ['tc', 'sched_cls', 'tc', null, 'iface direction'],
    ['tc/ingress', 'sched_cls', 'tcx/ingress', null, 'iface'],
    ['netkit/peer', 'sched_cls', 'netkit/peer', null, 'iface'],
    ['action', 'sched_act', 'tc', null, 'iface direction'],
    ['perf_event', 'perf_event', 'perf_event', null, ''],
    ['cgroup_skb/egress', 'cgroup_skb', 'cgroup_skb/egress', null, 'cgroup'],
    ['cgroup/skb', 'cgroup_skb', 'cgroup/skb', null, 'cgroup direction'],
    ['cgroup/connect4', 'cgroup_sock_addr', 'cgroup/connect4', null, 'cgroup'],
    ['sockops', 'sock_ops', 'sockops', null, 'cgroup'],
    ['sk_skb/stream_verdict', 'sk_skb', 'sk_skb/stream_verdict', null, 'map'],
    ['sk_lookup', 'sk_lookup', 'sk_lookup', null, ''],
    ['struct_ops/enqueue', 'struct_ops', 'struct_ops', 'enqueue', ''],
    ['syscall', 'syscall', 'syscall', null, ''],
    ['socket', 'socket_filter', 'socket', null, 'iface'],
  ])('%s', (name, type, attach, target, needs) => {
    expect(parse(name)).toEqual([type, attach, target, needs]);
  });

  it('knows every form of libbpf 1.8 once', () => {
    expect(sectionForms).toHaveLength(116);
    expect(new Set(sectionForms.map((f) => f.pattern)).size).toBe(sectionForms.length);
    for (const form of sectionForms) expect(parseSection(form.pattern.replace('+', '')).type).toBe(form.type);
  });

  it('does not load SEC("?…") by itself', () => {
    expect(parseSection('?kprobe/f')).toMatchObject({ autoload: false, target: 'f', type: 'kprobe' });
    expect(parseSection('kprobe/f').autoload).toBe(true);
  });

  it('tells sleepable forms', () => {
    expect(parseSection('fentry.s/f').sleepable).toBe(true);
    expect(parseSection('lsm.s/f').sleepable).toBe(true);
    expect(parseSection('fentry/f').sleepable).toBe(false);
  });

  it.each([
    ['xdp_pass', 'xdp'],
    ['xdp/lo', 'xdp'],
    ['socket/x', 'socket'],
    ['perf_event/type=0,config=0,frequency=99', 'perf_event'],
    ['kporbe/do_unlinkat', 'kprobe'],
    ['tracepont/syscalls/sys_enter_open', 'tracepoint'],
    ['cgroup/conect4', 'cgroup/connect4'],
    ['prog', null],
    ['', null],
  ])('takes %s for a mistyped %s', (name, nearest) => {
    expect(parseSection(name)).toMatchObject({ type: 'unspec', attach: '', form: null });
    expect(parseSection(name).nearest()).toBe(nearest);
  });
});
