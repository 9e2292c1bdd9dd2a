import { expect, test } from 'vitest';
import fc from 'fast-check';
import type { VerifiedHost } from '@ringside/core/model';
import { toVerdictsPanel } from './guards.ts';
import { programsOf, summaryWords } from './summary.ts';

const stats = {
  ...{ instructions: 4, processed: 9, limitPercent: 0, totalStates: 1, peakStates: 1, stackBytes: 8, verifyMicros: 9 },
};
const reason = {
  ...{ category: 'null-pointer', title: '`e` may be NULL', message: '', file: 'a.bpf.c', line: 3, column: 1 },
  ...{ cause: [{ file: '', line: 2, column: 1, message: 'set here' }], fixes: [{ title: 'Add a check', edits: [] }] },
  ...{ kernelSuggestion: '', registers: {} },
};
const host = (given: Partial<VerifiedHost> = {}): VerifiedHost => ({
  ...{ name: 'web-1', state: 'done', step: '', error: null, checkedAt: 1 },
  report: {
    ...{ ok: false, host: 'web-1', kernel: '6.12', notes: [] },
    programs: [
      { name: 'p', section: 'xdp', verdict: 'rejected', reason, stats },
      { name: 'q', section: 'xdp', verdict: 'accepted', reason: null, stats: { ...stats, processed: null } },
    ],
  },
  ...given,
});

test('lets through what the extension host sends, and nothing else', () => {
  const message = { type: 'hosts', title: 'a.bpf.c', file: '/w/a.bpf.c', hosts: [host()] };
  expect(toVerdictsPanel(message)).toEqual(message);
  expect(toVerdictsPanel({ type: 'host', host: host({ report: null }) })).not.toBeNull();
  const bad = (change: (copy: typeof message) => void): unknown => {
    const copy = structuredClone(message);
    change(copy);
    return toVerdictsPanel(copy);
  };
  expect(bad((m) => Object.assign(m.hosts[0]!, { state: 'gone' }))).toBeNull();
  expect(bad((m) => Object.assign(m.hosts[0]!.report!.programs[0]!, { verdict: 'maybe' }))).toBeNull();
  expect(bad((m) => Object.assign(m.hosts[0]!.report!.programs[0]!.stats, { processed: '9' }))).toBeNull();
  expect(bad((m) => Object.assign(m.hosts[0]!.report!.programs[0]!.reason!, { cause: null }))).toBeNull();
  fc.assert(fc.property(fc.anything(), (value) => toVerdictsPanel(value) === null));
});

test('a summary adds up to the hosts, and a host whose report is old does not count as asked', () => {
  const accepts = host({ name: 'web-2', report: { ...host().report!, ok: true } });
  const lost = host({
    name: 'web-3',
    error: { code: 'host-lost', message: 'Lost.', remedy: '', detail: '', links: [] },
  });
  expect(summaryWords([host(), accepts, lost])).toBe('3 hosts: 1 accepts it, 1 rejects it, 1 not verified');
  expect(summaryWords([accepts])).toBe('1 host: 1 accepts it');
  expect(summaryWords([host({ state: 'running', step: 'Connecting to web-1' }), lost])).toBe('Connecting to web-1');
  expect(summaryWords([host({ state: 'running' }), host({ name: 'b', state: 'waiting' })])).toBe(
    'verifying on 2 of 2 hosts',
  );
  expect(programsOf([host({ report: null }), host()])).toEqual(['p', 'q']);
});
