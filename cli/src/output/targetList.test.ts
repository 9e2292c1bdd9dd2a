import { describe, expect, it } from 'vitest';
import type { TargetEntry, TargetKind } from '@ringside/core';
import { declared, targetList } from './targetList.ts';

const target = (change: Partial<TargetEntry>): TargetEntry => ({
  name: 'x',
  module: '',
  arguments: [],
  returns: '',
  details: {},
  unusable: null,
  ...change,
});
const shown = (kind: TargetKind, ...targets: TargetEntry[]): string =>
  targetList({ host: 'local', kind, targets, total: targets.length });

describe('a list of targets for people', () => {
  it('puts names where C has them', () => {
    expect(declared({ name: 'comm', type: 'char[16]' })).toBe('char comm[16]');
    expect(declared({ name: 'file', type: 'struct file *' })).toBe('struct file *file');
    expect(declared({ name: 'done', type: 'void (*)(int)' })).toBe('void (*done)(int)');
    expect(declared({ name: 'name', type: '__data_loc char[]' })).toBe('__data_loc char[] name');
    expect(declared({ name: '...', type: '' })).toBe('...');
  });

  it('shows functions as declarations, and what cannot be used with the reason', () => {
    const file = { name: 'file', type: 'struct file *', offset: null, size: 8 };
    expect(shown('kprobe', target({ name: 'vfs_read', returns: 'ssize_t', arguments: [file] }))).toBe(
      'ssize_t vfs_read(struct file *file)',
    );
    const barred = target({ name: 'nft_do', module: 'nf_tables', arguments: null, returns: null, unusable: 'notrace' });
    expect(shown('fentry', barred)).toBe('nft_do  [nf_tables]  ! notrace');
  });

  it('shows events with fields, probes with places, the rest as a table', () => {
    const pid = { name: 'pid', type: 'pid_t', offset: 24, size: 4 };
    expect(shown('tracepoint', target({ name: 'sched:x', arguments: [pid] }))).toBe('sched:x\n    24    4  pid_t pid');
    const arg = { name: 'arg1', type: 's32', offset: null, size: 4 };
    const details = { sites: '2', semaphore: '0x10' };
    expect(shown('usdt', target({ name: 'shop:buy', module: '/bin/shop', arguments: [arg], details }))).toBe(
      'shop:buy(s32 arg1)  /bin/shop, 2 places, with semaphore',
    );
    const lo = target({ name: 'lo', details: { ifindex: '1', type: 'loopback', mtu: '65536' } });
    expect(shown('iface', lo)).toBe('NAME  INDEX  TYPE        MTU\nlo        1  loopback  65536');
  });
});
