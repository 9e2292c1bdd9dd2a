import { expect, test } from 'vitest';
import type { HostState } from '@ringside/core/model';
import { aRun, aStream } from '../test/builders.ts';
import { statusOf } from './statusText.ts';

const host = (name: string, state: HostState['state']): HostState => ({ name, state, info: null, error: null });
const nothing = { runs: [], hosts: [], chosenHost: undefined, sourceOpen: false };

test('hidden while there is nothing to say', () => {
  expect(statusOf(nothing)).toBeNull();
  expect(statusOf({ ...nothing, hosts: [host('web-1', 'disconnected')], runs: [aRun({ state: 'ended' })] })).toBeNull();
});

test('says host, runs, rate and loss', () => {
  const runs = [
    aRun({ rate: 48_000, ledger: { streams: [aStream()] } }),
    aRun({ id: '2', rate: 200, ledger: { streams: [aStream()] } }),
    aRun({ id: '3', state: 'ended', hosts: ['old'], ledger: { streams: [aStream({ lostAgent: 9 })] } }),
  ];
  expect(statusOf({ ...nothing, runs })).toMatchObject({
    text: '$(record) web-1 · 2 runs · 48.2 k/s · lost 0',
    warn: false,
  });
});

test('colour only for loss or a lost host, not for what is unknown', () => {
  const lossy = aRun({ ledger: { streams: [aStream({ lostKernel: 5 })] } });
  expect(statusOf({ ...nothing, runs: [lossy] })?.warn).toBe(true);
  const unknown = aRun({ ledger: { streams: [aStream({ lostKernel: null })] } });
  expect(statusOf({ ...nothing, runs: [unknown] })).toMatchObject({
    text: '$(record) web-1 · 1 run · 0/s · lost ?',
    warn: false,
  });
  expect(statusOf({ ...nothing, hosts: [host('web-1', 'lost')] })).toMatchObject({
    text: '$(record) no host · $(warning) web-1 lost',
    warn: true,
  });
});

test('names the host chosen for the open source, or asks for one', () => {
  expect(statusOf({ ...nothing, sourceOpen: true, chosenHost: 'web-9' })?.text).toBe('$(record) web-9');
  expect(statusOf({ ...nothing, sourceOpen: true })?.text).toBe('$(record) no host');
  const ready = [host('a', 'ready'), host('b', 'ready')];
  expect(statusOf({ ...nothing, hosts: ready })?.text).toBe('$(record) 2 hosts');
});
