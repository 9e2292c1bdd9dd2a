import { describe, expect, it } from 'vitest';
import { RingsideError } from '../errors.ts';
import type { LinkItem } from '../model/index.ts';
import { namedTakeable, takeableLink } from './takeAway.ts';

const link = (given: Partial<LinkItem>): LinkItem => ({
  ...{ id: 7, kind: 'tracing', program: { id: 12, name: 'probe' }, attachType: null, target: 'vfs_read', details: {} },
  ...{ missed: null, owners: [], pins: [], ringside: false },
  ...given,
});
const xdp = link({ id: null, kind: 'xdp', target: 'eth0 generic', details: { ifindex: '2', mode: 'generic' } });
const tc = (direction: string, handle: string) =>
  link({
    ...{ id: null, kind: 'tc', target: `eth0 ${direction}` },
    details: { ifindex: '2', direction, handle, priority: '49152', name: 'probe' },
  });
const inventory = {
  programs: [{ id: 12, name: 'probe', pins: ['/sys/fs/bpf/probe'] }],
  maps: [{ id: 3, name: 'counts', pins: ['/sys/fs/bpf/counts'] }],
  links: [link({}), xdp, tc('ingress', '0x1'), tc('egress', '0x1')],
};
const code = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return error instanceof RingsideError ? error.code : String(error);
  }
  return 'none';
};

describe('what can be taken away', () => {
  it('is a link by its number and program', () => {
    expect(takeableLink(link({}))).toEqual({ kind: 'link', link: 7, program: 12 });
  });

  it('is a hook by its place', () => {
    expect(takeableLink(tc('egress', '0x1f'))).toMatchObject({
      ...{ kind: 'hook', hook: 'tc', ifindex: 2, mode: 'egress', handle: 31, priority: 49152, program: 12 },
    });
    expect(takeableLink(xdp)).toMatchObject({ hook: 'xdp', mode: 'generic', handle: 0 });
  });

  it('is nothing where no place is known', () => {
    expect(takeableLink(link({ id: null, kind: 'netkit' }))).toBeNull();
    expect(takeableLink({ ...xdp, program: null })).toBeNull();
  });
});

describe('what a person types for it', () => {
  it.each([
    ['7', 'link 7 (tracing) on vfs_read of probe (12)'],
    ['eth0:xdp', 'xdp on eth0 generic of probe (12)'],
    ['eth0:tc:egress', 'tc on eth0 egress of probe (12)'],
    ['/sys/fs/bpf/counts', 'pin /sys/fs/bpf/counts of map 3'],
    ['/sys/fs/bpf/probe', 'pin /sys/fs/bpf/probe of program 12'],
  ])('%s', (name, words) => {
    expect(namedTakeable(name, inventory).words).toBe(words);
  });

  it.each([
    ['eth0', 'usage'],
    ['eth0:tc', 'usage'],
    ['eth1', 'not-there'],
    ['8', 'not-there'],
    ['vfs_read', 'not-there'],
    ['/sys/fs/bpf/other', 'not-there'],
    ['', 'not-there'],
  ])('%s says %s', (name, expected) => {
    expect(code(() => namedTakeable(name, inventory))).toBe(expected);
  });
});
