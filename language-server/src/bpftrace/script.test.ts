import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NameList } from '../kernel/kernel.ts';
import { nowhere, type World } from '../kernel/world.ts';
import { completeScript, hoverScript } from './script.ts';

const field = (name: string, type: string) => ({ name, type, offset: 8, size: 4 });
const world: World = {
  ...nowhere,
  ...{ host: 'web-1', release: '6.12.0' },
  points: {
    tracepoints: new Map([['sched:sched_switch', [field('prev_comm', 'char[16]'), field('prev_pid', 'pid_t')]]]),
    tracepointNames: new NameList(['sched/sched_switch', 'sched/sched_wakeup', 'net/net_dev_queue']),
    kprobes: new NameList(['vfs_read', 'vfs_write']),
    complete: true,
  },
};
const rangeOf = (start: number, end: number) => ({
  start: { line: 0, character: start },
  end: { line: 0, character: end },
});

function labels(text: string): string[] {
  const at = text.indexOf('‸');
  return completeScript(text.replace('‸', ''), at, world, rangeOf).items.map((item) => item.label);
}
function hover(text: string): string | undefined {
  return hoverScript(text.replace('‸', ''), text.indexOf('‸'), world)?.markdown;
}

describe('bpftrace scripts', () => {
  it('complete types of probes, then what the host has of them', () => {
    expect(labels('trac‸')).toContain('tracepoint:');
    expect(labels('tracepoint:sched:‸')).toEqual(['sched:sched_switch', 'sched:sched_wakeup']);
    expect(labels('t:wakeup‸ { }')).toEqual(['sched:sched_wakeup']);
    expect(labels('BEGIN { } kprobe:vfs_‸')).toEqual(['vfs_read', 'vfs_write']);
    expect(labels('kprobe:vfs_read, kretprobe:vfs_w‸')).toEqual(['vfs_write']);
    expect(labels('profile:hz‸')).toEqual([]);
  });

  it('replace what was typed of a probe, and no more', () => {
    const { items } = completeScript('k:vfs_r', 7, world, rangeOf);
    expect(items[0]!.textEdit).toEqual({ range: rangeOf(2, 7), newText: 'vfs_read' });
  });

  it('complete the fields of the probe that the block belongs to', () => {
    expect(labels('tracepoint:sched:sched_switch { printf("%s", args.‸')).toEqual(['prev_comm', 'prev_pid']);
    expect(labels('tracepoint:sched:sched_switch { } kprobe:vfs_read { args.‸ }')).toEqual([]);
    expect(labels('tracepoint:sched:sched_switch { $x = args->prev_‸')).toContain('prev_pid');
  });

  it('complete variables, functions and the maps of the script', () => {
    expect(labels('kprobe:vfs_read { co‸')).toEqual(expect.arrayContaining(['comm', 'count', 'cpu']));
    expect(labels('kprobe:vfs_read { @reads[pid] = count(); @wr‸ }')).toEqual(['@reads']);
    expect(labels('kprobe:vfs_read { args.x.‸')).toEqual([]);
  });

  it('tell what is under the pointer', () => {
    const probe = hover('tracepoint:sched:sched_sw‸itch { }')!;
    expect(probe).toContain('char prev_comm[16];');
    expect(probe).toContain('web-1');
    expect(hover('kprobe:vfs_raed‸ { }')).toContain('not in web-1');
    expect(hover('kprobe:vfs_* ‸{ }')).toBeUndefined();
    expect(hover('kprobe:vfs_read { printf("%d", pi‸d); }')).toContain('Process id');
    expect(hover('kprobe:vfs_read { cou‸nt(); }')).toContain('counts calls');
    expect(hover('t:sched:sched_switch { args.prev_p‸id }')).toContain('pid_t prev_pid;');
    expect(hover('kprobe:vfs_read { printf("pi‸d"); } // pid')).toBeUndefined();
  });

  it('take any text', () => {
    const part = fc.constantFrom(
      'kprobe:',
      'args.',
      '{',
      '}',
      '"',
      '/*',
      '//',
      '@',
      'tracepoint:sched:',
      ' ',
      '\n',
      'pid',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), fc.nat(200), (parts, at) => {
        const text = parts.join('');
        const offset = Math.min(at, text.length);
        completeScript(text, offset, world, rangeOf);
        hoverScript(text, offset, world);
      }),
    );
  });
});
