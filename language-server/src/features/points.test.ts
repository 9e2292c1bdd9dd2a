import { describe, expect, it } from 'vitest';
import { NameList } from '../kernel/kernel.ts';
import { nowhere, type World } from '../kernel/world.ts';
import { describePoint, listPoints, searchPoints, startOf } from './points.ts';

const field = (name: string, offset: number) => ({ name, type: 'int', offset, size: 4 });
const functions = [
  ...Array.from({ length: 150 }, (_, i) => `tcp_function_${String(i).padStart(3, '0')}`),
  ...Array.from({ length: 12 }, (_, i) => `__udp_${i}`),
  'lonely',
  'vfs_read',
];
const world: World = {
  ...nowhere,
  host: 'web-1',
  points: {
    tracepoints: new Map([
      ['sched:sched_switch', [field('common_pid', 4), field('prev_pid', 8)]],
      ['sched:sched_wakeup', []],
      ['net:net_dev_queue', []],
    ]),
    tracepointNames: new NameList(['sched/sched_switch', 'sched/sched_wakeup', 'net/net_dev_queue']),
    kprobes: new NameList(functions),
    complete: true,
  },
};
const ask = (kind: 'tracepoint' | 'function' | null, group: string | null, text = '', first = 0, limit = 100) =>
  listPoints({ kind, group, text, first, limit }, world);

describe('attach points', () => {
  it('are counted by kind', () => {
    expect(ask(null, null).groups.slice(0, 3)).toEqual([
      { name: 'tracepoint', count: 3 },
      { name: 'function', count: 164 },
      { name: 'raw_tp', count: 0 },
    ]);
    expect(
      ask(null, null, 'sched')
        .groups.slice(0, 2)
        .map((each) => each.count),
    ).toEqual([2, 0]);
    expect(ask(null, null)).toMatchObject({ host: 'web-1', cached: false });
  });

  it('of events are grouped by category, of functions by their first word, the rare ones together', () => {
    expect(ask('tracepoint', null).groups).toEqual([
      { name: 'net', count: 1 },
      { name: 'sched', count: 2 },
    ]);
    expect(ask('function', null).groups).toEqual([
      { name: 'tcp', count: 150 },
      { name: 'udp', count: 12 },
      { name: '…', count: 2 },
    ]);
    expect(ask('function', '…').names).toEqual(['lonely', 'vfs_read']);
  });

  it('come in pages, and with a text only those that hold it', () => {
    const page = ask('function', 'tcp', '', 100, 100);
    expect([page.names.length, page.names[0], page.total]).toEqual([50, 'tcp_function_100', 150]);
    expect(ask('function', null, 'dp_1').groups).toEqual([{ name: 'udp', count: 3 }]);
    expect(ask('function', 'udp', 'dp_1').names).toEqual(['__udp_1', '__udp_10', '__udp_11']);
    expect(ask('function', 'nobody').names).toEqual([]);
  });

  it('are found by any part of their name, what begins with it first', () => {
    expect(searchPoints('sched_w', 10, world).found).toEqual([{ kind: 'tracepoint', name: 'sched/sched_wakeup' }]);
    expect(searchPoints('lonely', 10, world)).toEqual({ found: [{ kind: 'function', name: 'lonely' }], more: false });
    const many = searchPoints('tcp_', 20, world);
    expect([many.found.length, many.more]).toEqual([20, true]);
  });

  it('tell their fields and how a program there begins', () => {
    expect(describePoint('tracepoint', 'sched/sched_switch', world)).toMatchObject({
      arguments: [{ name: 'prev_pid', type: 'int', offset: 8, size: 4 }],
      starts: [{ section: 'tp/sched/sched_switch', name: 'handle_sched_switch' }],
    });
    // Without the kernel's types there are no arguments, and no entry probes.
    const read = describePoint('function', 'vfs_read', world)!;
    expect(read.arguments).toBeNull();
    expect(read.starts.map((start) => start.section)).toEqual(['kprobe/vfs_read', 'kretprobe/vfs_read']);
    expect(read.starts[0]!.text).toBe('SEC("kprobe/vfs_read")\nint BPF_KPROBE(handle_vfs_read)\n{\n\treturn 0;\n}\n');
    expect(describePoint('function', 'nobody', world)).toBeNull();
  });

  it('of binaries begin as well, and unknown sections do not', () => {
    expect(startOf('uprobe/libc.so.6:malloc', world)?.text).toContain('BPF_UPROBE(handle_malloc)');
    expect(startOf('usdt/libc.so.6:libc:setjmp', world)?.text).toContain('BPF_USDT(handle_setjmp)');
    expect(startOf('nonsense/x', world)).toBeNull();
  });
});
