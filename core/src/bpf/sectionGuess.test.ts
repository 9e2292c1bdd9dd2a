import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guessSection } from './sectionGuess.ts';
import { parseSection, sectionForms } from './sections.ts';

describe('guessSection', () => {
  it.each([
    ['xdp_pass', 'xdp_md', 'xdp', {}],
    ['xdp/lo', 'xdp_md', 'xdp', { iface: 'lo' }],
    ['xdp/eth0', null, 'xdp', { iface: 'eth0' }],
    ['xdp/router', 'xdp_md', 'xdp', {}],
    ['xdp_devmap', 'xdp_md', 'xdp/devmap', {}],
    ['?xdp_prog', 'xdp_md', '?xdp', {}],
    ['socket/x', '__sk_buff', 'socket', {}],
    ['socket1', '__sk_buff', 'socket', {}],
    ['perf_event/type=0,config=0,frequency=99', 'bpf_perf_event_data', 'perf_event', { freq: '99' }],
    ['perf_event/type=1,config=2,freq=7', null, 'perf_event', { event: 'page-faults', freq: '7' }],
    ['tc_ingress', '__sk_buff', 'tc/ingress', {}],
    ['tc-egress', '__sk_buff', 'tc/egress', {}],
    ['classifier/foo', '__sk_buff', 'tc', {}],
    ['classifier/ingress', '__sk_buff', 'tc/ingress', {}],
    ['cgroup_skb_x', '__sk_buff', 'cgroup/skb', {}],
    ['cgroup_skb_egress', '__sk_buff', 'cgroup_skb/egress', {}],
    ['cgroup_connect4', 'bpf_sock_addr', 'cgroup/connect4', {}],
    ['cgroup/connect4_proxy', 'bpf_sock_addr', 'cgroup/connect4', {}],
    ['connect6', 'bpf_sock_addr', 'cgroup/connect6', {}],
    ['tracepoint__syscalls__sys_enter_openat', null, 'tracepoint/syscalls/sys_enter_openat', {}],
    ['tracepoint:sched:sched_switch', null, 'tracepoint/sched/sched_switch', {}],
    ['kprobe__do_unlinkat', 'pt_regs', 'kprobe/do_unlinkat', {}],
    ['kretprobe_vfs_read', 'pt_regs', 'kretprobe/vfs_read', {}],
    ['kfunc__vfs_read', null, 'fentry/vfs_read', {}],
    ['sockops_main', 'bpf_sock_ops', 'sockops', {}],
    ['lwt_in_x', '__sk_buff', 'lwt_in', {}],
    ['from-container', '__sk_buff', 'tc', {}],
    ['main', 'xdp_md', 'xdp', {}],
    ['prog', 'bpf_iter__task', 'iter/task', {}],
    ['prog', 'bpf_sock_ops', 'sockops', {}],
    ['prog', 'bpf_perf_event_data', 'perf_event', {}],
  ])('takes %s with struct %s for %s', (name, context, section, keys) => {
    expect(guessSection(name, 'program', context)).toMatchObject({ section, keys });
  });

  it('takes an interface from behind a slash, not from the name of a program', () => {
    expect(guessSection('xdp/vlan01', 'p', 'xdp_md')?.keys).toEqual({ iface: 'vlan01' });
    expect(guessSection('xdp_vlan01', 'p', 'xdp_md')?.keys).toEqual({});
    expect(guessSection('tc_eth0', 'p', '__sk_buff')?.keys).toEqual({});
  });

  it('believes the context argument more than the name', () => {
    expect(guessSection('xdp_like', 'p', '__sk_buff')?.section).toBe('tc');
    expect(guessSection('socket_like', 'p', 'xdp_md')?.section).toBe('xdp');
  });

  it('says nothing where nothing is said', () => {
    expect(guessSection('prog', 'p', null)).toBeNull();
    expect(guessSection('prog', 'p', 'bpf_sock_addr')).toBeNull(); // bind, connect or sendmsg?
    expect(guessSection('', '', 'task_struct')).toBeNull();
  });

  it('says from what it was read', () => {
    expect(guessSection('xdp/lo', 'p', 'xdp_md')?.why).toBe(
      'libbpf does not know the section "xdp/lo"; it begins with "xdp" and its context argument is struct xdp_md, so it is taken for "xdp" with iface=lo.',
    );
  });

  it('gives only sections that libbpf knows, whatever the name', () => {
    const prefixes = sectionForms.map((f) => f.pattern.replace(/\+$/, ''));
    const name = fc
      .tuple(fc.constantFrom('', ...prefixes), fc.constantFrom('', '_', '/', ':', '-', '__'), fc.string())
      .map((parts) => parts.join(''));
    const context = fc.constantFrom(null, 'xdp_md', '__sk_buff', 'pt_regs', 'bpf_sock_addr', 'bpf_iter__task', 'other');
    fc.assert(
      fc.property(name, fc.string(), context, (section, program, struct) => {
        const guess = guessSection(section, program, struct);
        if (guess !== null) expect(parseSection(guess.section).form).not.toBeNull();
      }),
      { numRuns: 2000 },
    );
  });
});
