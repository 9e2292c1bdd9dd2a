import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KeptRunInfo } from '@ringside/core/model';
import { aRun } from '../test/builders.ts';
import { aLinkItem, aMapItem, aProgramItem } from '../test/inventoryBuilders.ts';
import { bytesText, costText, inventoryKinds, inventoryRows, memoryOf, totalWords } from './inventoryRows.ts';

const agent = (pid: number) => [{ pid, command: 'ringside-agent', ringside: true }];
const kept: KeptRunInfo = { host: 'web-1', run: 'k', name: 'opens', expires: '9', by: '', since: '0', pid: 70, uid: 0 };
const run = aRun({
  attachments: [{ host: 'web-1', program: 'p', section: '', target: '', link: { id: 5, kind: 'tracing' } }],
});
const known = { host: 'web-1', runs: [run], kept: [kept] };

describe('whose a thing is', () => {
  const whose = (item: Parameters<typeof aProgramItem>[0], links = [aLinkItem({ id: 5, owners: agent(60) })]) =>
    inventoryRows({ programs: [aProgramItem(item)], maps: [], links }, 'programs', known)[0]!;

  test('a run of this window, by the link that its agent holds', () => {
    expect(whose({ ringside: true, owners: agent(60) }).whose).toEqual({
      kind: 'run',
      runId: 'run-1',
      name: 'execsnoop',
    });
  });

  test('not of the run that has the same link on another host', () => {
    const elsewhere = { ...known, host: 'web-2' };
    const links = [aLinkItem({ id: 5, owners: agent(60) })];
    const programs = [aProgramItem({ ringside: true, owners: agent(60) })];
    expect(inventoryRows({ programs, maps: [], links }, 'programs', elsewhere)[0]!.whose.kind).toBe('session');
  });

  test('a kept run, by its agent', () => {
    expect(whose({ ringside: true, owners: agent(70) }).description).toMatch(/^Ringside: opens, kept · /);
  });

  test('another session of Ringside', () => {
    expect(whose({ ringside: true, owners: agent(80) }).description).toMatch(/^Ringside: another session · /);
  });

  test('others, by their commands', () => {
    const systemd = { pid: 1, command: 'systemd', ringside: false };
    expect(whose({ owners: [systemd] }).description).toMatch(/^systemd · /);
    expect(whose({ owners: [systemd, { ...systemd, command: 'cilium' }] }).description).toMatch(/^systemd and 1 more/);
    expect(whose({ pins: ['/sys/fs/bpf/p'] }).description).toMatch(/^pinned, no process/);
  });

  test('unknown where the agent may not look', () => {
    expect(whose({ owners: null, ringside: null }).description).toMatch(/^owner unknown/);
    expect(whose({ owners: null, ringside: null }).details).toContainEqual(expect.stringContaining('unknown'));
  });
});

test('what others have can be taken away, what is ours ends with its run', () => {
  const links = [
    aLinkItem({ id: 5, program: { id: 1, name: 'p' } }),
    aLinkItem({ id: 6, ringside: true, owners: agent(80) }),
  ];
  const programs = [aProgramItem({ pins: ['/sys/fs/bpf/p'] })];
  const rows = (kind: 'links' | 'pins' | 'programs') => inventoryRows({ programs, maps: [], links }, kind, known);
  expect(rows('links').map(({ takeable }) => takeable)).toEqual([null, { kind: 'link', link: 5, program: 1 }]);
  expect(rows('pins')[0]!.takeable).toEqual({ kind: 'pin', path: '/sys/fs/bpf/p', of: 'program', id: 1 });
  expect(rows('programs')[0]!.takeable).toBeNull();
});

test('ours come first, then what costs most', () => {
  const programs = [
    aProgramItem({ id: 1, name: 'idle', runNanos: 0, runs: 0 }),
    aProgramItem({ id: 2, name: 'busy', runNanos: 900, runs: 3, nanosPerRun: 300 }),
    aProgramItem({ id: 3, name: 'mine', ringside: true, owners: agent(80) }),
  ];
  const rows = inventoryRows({ programs, maps: [], links: [] }, 'programs', known);
  expect(rows.map(({ label }) => label)).toEqual(['mine', 'busy', 'idle']);
  expect(totalWords(rows)).toBe('3, 1 of Ringside');
});

test('what is not known is never 0', () => {
  expect(costText({ runs: null, nanosPerRun: null })).toBe('cost unknown');
  expect(costText({ runs: 0, nanosPerRun: null })).toBe('never ran');
  expect(costText({ runs: 2, nanosPerRun: 61.4 })).toBe('61 ns/run');
  expect(bytesText(null)).toBe('memory unknown');
  expect(memoryOf({ programs: [aProgramItem({ memoryBytes: null })], maps: [], links: [] })).toBeNull();
  expect(memoryOf({ programs: [aProgramItem()], maps: [aMapItem()], links: [] })).toBe(12_288);
});

test('bytes', () => {
  expect([0, 1023, 1024, 4096, 10_240, 1_048_576, '9007199254740993'].map((n) => bytesText(n))).toEqual([
    ...['0 B', '1023 B', '1.0 KB', '4.0 KB', '10 KB', '1.0 MB', '8388608 GB'],
  ]);
});

test('pins name what they hold', () => {
  const inventory = {
    programs: [aProgramItem({ pins: ['/sys/fs/bpf/b'] })],
    maps: [aMapItem({ pins: ['/sys/fs/bpf/a'] })],
    links: [],
  };
  expect(inventoryRows(inventory, 'pins', known).map(({ label, description }) => [label, description])).toEqual([
    ['/sys/fs/bpf/a', 'pinned, no process · map counts'],
    ['/sys/fs/bpf/b', 'pinned, no process · program handle'],
  ]);
});

test('rows of a kind have ids of their own, whatever is attached', () => {
  const link = fc.record({ id: fc.option(fc.integer({ min: 1 })), kind: fc.string(), target: fc.string() });
  fc.assert(
    fc.property(fc.uniqueArray(link, { selector: ({ id, target }) => id ?? `no ${target}` }), (links) => {
      const inventory = { programs: [], maps: [], links: links.map((given) => aLinkItem(given)) };
      for (const kind of inventoryKinds) {
        const ids = inventoryRows(inventory, kind, known).map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
      }
    }),
  );
});
