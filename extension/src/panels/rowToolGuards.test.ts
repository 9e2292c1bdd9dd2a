import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TraceAsk } from '@ringside/core/model';
import { parsePanelState, parseToHost } from './panelGuards.ts';
import { parseTraceAsk, rowCaps } from './rowToolGuards.ts';

const view = { stream: 'events', where: '' };
const asks: TraceAsk[] = [
  { ask: 'places', view, seqs: [0, 7] },
  { ask: 'measure', view, evicted: 3, ranges: [{ from: 1, to: 4 }], from: 0 },
  { ask: 'check', stream: '', where: 'pid ==' },
  {
    ...{ ask: 'summary', stream: '', where: '', since: 0 },
    spec: { kind: 'series', measure: { of: 'count', field: '' }, by: '', top: 1, seconds: 0 },
  },
];

it.each(asks)('takes a question as it is: %j', (ask) => {
  expect(parseTraceAsk({ ...ask, more: 1 })).toEqual(ask);
  expect(parseToHost({ type: 'ask', id: 1, runId: 'r', ask })).toEqual({ type: 'ask', id: 1, runId: 'r', ask });
});

it.each([
  { ask: 'export', stream: '', where: '' },
  { ask: 'places', view, seqs: Array.from({ length: rowCaps.bookmarks + 1 }, () => 1) },
  { ask: 'places', view, seqs: [-1] },
  { ask: 'measure', view, evicted: 0, ranges: [{ from: 5, to: 4 }], from: 0 },
  { ask: 'measure', view: null, evicted: 0, ranges: [], from: 0 },
  { ask: 'check', stream: '', where: 'x'.repeat(100_000) },
  { ask: 'summary', stream: '', where: '', since: 0, spec: { kind: 'series' } },
])('drops what is no question, or too much of one', (ask) => {
  expect(parseTraceAsk(ask)).toBeNull();
});

it('takes remedies and declarations that it knows', () => {
  expect(parseToHost({ type: 'remedy', remedy: 'ring', stream: 'events' })).not.toBeNull();
  expect(parseToHost({ type: 'remedy', remedy: 'rm', stream: 'events' })).toBeNull();
  expect(parseToHost({ type: 'declaration', record: 'struct event', path: 'pid' })).not.toBeNull();
  expect(parseToHost({ type: 'declaration', record: 7, path: 'pid' })).toBeNull();
});

it('keeps colour rules and bookmarks of a state, without those that are none', () => {
  const state = { runId: 'r', stream: '', where: '', hidden: [], widths: {}, spec: null };
  const rule = { where: 'ret < 0', colour: 'red', on: true };
  const mark = { stream: 'events', seq: 7, time: '17', note: '' };
  expect(parsePanelState({ ...state, colours: [rule, { ...rule, colour: 'url(x)' }], bookmarks: [mark, 3] })).toEqual({
    ...state,
    colours: [rule],
    bookmarks: [mark],
  });
  expect(parsePanelState(state)).toEqual(state);
});

it('throws for nothing that a page could send', () => {
  fc.assert(
    fc.property(fc.anything(), fc.constantFrom('places', 'measure', 'check', 'summary'), (value, ask) => {
      const parsed = parseTraceAsk({
        ask,
        view: value,
        ranges: value,
        seqs: value,
        spec: value,
        stream: '',
        where: '',
      });
      expect(parsed === null || parsed.ask === ask).toBe(true);
    }),
  );
});
