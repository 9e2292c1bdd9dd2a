import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseMapsState, parseMapsToHost } from '../../extension/src/panels/mapsGuards.ts';
import { mapsState, plainLook, toMapsPanel } from './guards.ts';
import { numbersOf, sparkPath } from './spark.ts';

const state = {
  scope: { kind: 'run' as const, runId: 'r' },
  title: 't',
  target: { host: 'web-1', id: 7 },
  map: 'm',
  look: plainLook,
  widths: { key: 80 },
  view: 'table' as const,
};

it('what one side sends the other understands', () => {
  expect(toMapsPanel({ type: 'init', title: 't', state })).not.toBeNull();
  expect(mapsState(state)).toEqual(state);
  expect(parseMapsState(state)).toEqual(state);
  const target = state.target;
  for (const query of [
    { ask: 'list' },
    { ask: 'rows', target, look: plainLook, first: 0, count: 60 },
    { ask: 'entry', target, seq: 3 },
    { ask: 'histograms', target, scale: '', first: 0, count: 24 },
    { ask: 'change', target, change: { do: 'edit', seq: 1, column: 'value', text: '1' } },
    { ask: 'change', target, change: { do: 'delete', seqs: [1, 2] } },
    { ask: 'change', target, change: { do: 'undo' } },
  ])
    expect(parseMapsToHost({ type: 'ask', id: -1, query }), query.ask).toEqual({ type: 'ask', id: -1, query });
});

it('anything else is dropped on both sides, and throws nothing', () => {
  const target = { host: 'h', id: 1 };
  for (const query of [
    { ask: 'rows', target, look: plainLook, first: 0, count: 1e9 },
    { ask: 'rows', target: { host: 'h', id: -1 }, look: plainLook, first: 0, count: 1 },
    { ask: 'change', target, change: { do: 'edit', seq: 1.5, column: 'value', text: '' } },
    { ask: 'change', target, change: { do: 'drop' } },
  ])
    expect(parseMapsToHost({ type: 'ask', id: 1, query })).toBeNull();
  fc.assert(
    fc.property(fc.anything(), (message) => {
      expect(() => toMapsPanel(message)).not.toThrow();
      expect(() => parseMapsToHost(message)).not.toThrow();
      expect(() => parseMapsState(message)).not.toThrow();
    }),
  );
});

it('a trend is a line within its box, whatever the numbers', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1e6, max: 1e6 }), { maxLength: 40 }), (values) => {
      const places = [...sparkPath(values).matchAll(/[ML]([\d.-]+) ([\d.-]+)/g)];
      expect(places).toHaveLength(values.length);
      for (const [, x, y] of places) {
        expect(Number(x)).toBeLessThanOrEqual(100);
        expect(Number(y)).toBeGreaterThanOrEqual(0);
        expect(Number(y)).toBeLessThanOrEqual(14);
      }
    }),
  );
  expect(numbersOf('1,x,-2.5')).toEqual([1, -2.5]);
});
