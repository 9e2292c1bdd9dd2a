import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PanelState, ToHost } from '@ringside/core/model';
import { aSpec } from '../test/builders.ts';
import { caps, controlCommands, parsePanelState, parseSpec, parseToHost } from './panelGuards.ts';

const text = fc.string({ maxLength: 40 });
const count = fc.nat();
const spec = fc.record({
  file: text,
  hosts: fc.array(text, { maxLength: 4 }),
  programs: fc.array(text, { maxLength: 4 }),
  targets: fc.array(fc.record({ program: text, key: text, value: text }), { maxLength: 4 }),
  set: fc.dictionary(text, text, { maxKeys: 4, noNullPrototype: true }),
  where: text,
  durationSeconds: fc.option(fc.nat()),
  count: fc.option(fc.nat()),
  mapsSeconds: fc.option(fc.nat()),
  storeBytes: fc.nat(),
});
const state: fc.Arbitrary<PanelState> = fc.record({
  runId: text,
  stream: text,
  where: text,
  hidden: fc.array(text, { maxLength: 5 }),
  widths: fc.dictionary(text, fc.nat(), { maxKeys: 5, noNullPrototype: true }),
  spec: fc.option(spec),
});
const query = fc.record({
  runId: text,
  stream: text,
  where: text,
  first: fc.oneof(count, fc.constant(-1)),
  count: fc.nat(caps.rows),
});
const message: fc.Arbitrary<ToHost> = fc.oneof(
  fc.constantFrom<ToHost>({ type: 'ready' }, { type: 'stop' }, { type: 'keep' }, { type: 'restart' }),
  fc.constantFrom<ToHost>(...Object.keys(controlCommands).map((what) => ({ type: 'control', what }) as ToHost)),
  fc.record({ type: fc.constant('pause' as const), paused: fc.boolean() }),
  fc.record({ type: fc.constant('copy' as const), text }),
  fc.record({ type: fc.constant('rows' as const), id: count, query }),
  fc.record({ type: fc.constant('detail' as const), id: count, runId: text, stream: text, seq: count }),
  fc.record({ type: fc.constant('state' as const), state }),
);

describe('parseToHost', () => {
  test('every message of the protocol passes unchanged', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(parseToHost(structuredClone(sent))).toEqual(sent);
      }),
    );
  });

  test('whatever else comes gives null and never throws', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(parseToHost(value)).toBeNull();
      }),
    );
  });

  test('a message with one property of a wrong type is dropped', () => {
    const wrong = fc.oneof(
      fc.constant(undefined),
      fc.constant(Number.NaN),
      fc.constant({}),
      fc.constant(-2),
      fc.bigInt(),
    );
    const holders = fc.record({ type: fc.constantFrom('rows', 'detail', 'pause', 'copy', 'state') });
    fc.assert(
      fc.property(holders, wrong, (base, bad) => {
        const all = {
          ...base,
          id: bad,
          query: bad,
          paused: bad,
          text: bad,
          state: bad,
          frameMs: bad,
          runId: bad,
          stream: bad,
          seq: bad,
        };
        expect(parseToHost(all)).toBeNull();
      }),
    );
  });

  test('names of Object.prototype are no kinds', () => {
    for (const type of ['constructor', 'toString', '__proto__', 'hasOwnProperty'])
      expect(parseToHost({ type })).toBeNull();
  });

  test('sizes are capped', () => {
    const rows = { runId: 'r', stream: '', where: '', first: 0, count: caps.rows };
    expect(parseToHost({ type: 'rows', id: 1, query: rows })).not.toBeNull();
    expect(parseToHost({ type: 'rows', id: 1, query: { ...rows, count: caps.rows + 1 } })).toBeNull();
    expect(parseToHost({ type: 'rows', id: 1, query: { ...rows, where: 'x'.repeat(caps.where + 1) } })).toBeNull();
    expect(parseToHost({ type: 'rows', id: 1, query: { ...rows, first: -2 } })).toBeNull();
    expect(parseToHost({ type: 'rows', id: 1, query: { ...rows, evicted: 7 } })).toMatchObject({
      query: { evicted: 7 },
    });
    expect(parseToHost({ type: 'rows', id: 1, query: { ...rows, evicted: -7 } })).toBeNull();
    expect(parseToHost({ type: 'rows', id: 1.5, query: rows })).toBeNull();
  });

  test('properties that the protocol does not know are left behind', () => {
    expect(parseToHost({ type: 'pause', paused: true, command: 'rm' })).toEqual({ type: 'pause', paused: true });
  });
});

describe('parsePanelState', () => {
  const good: PanelState = { runId: 'r', stream: 'events', where: '', hidden: [], widths: {}, spec: null };
  test('a state without a spec may leave it out', () => {
    expect(parsePanelState({ ...good, spec: undefined })).toEqual(good);
  });
  test('a broken spec makes the whole state unknown', () => {
    expect(parsePanelState({ ...good, spec: { file: 3 } })).toBeNull();
    expect(parsePanelState({ ...good, spec: 'x' })).toBeNull();
  });
  test('widths are numbers', () => {
    expect(parsePanelState({ ...good, widths: { pid: '12' } })).toBeNull();
    expect(parsePanelState({ ...good, widths: { pid: -1 } })).toBeNull();
    expect(parsePanelState({ ...good, widths: { pid: 12.5 } })).toEqual({ ...good, widths: { pid: 12.5 } });
  });
});

test('parseSpec keeps what an attach needs and nothing else', () => {
  expect(parseSpec({ ...aSpec(), object: '/tmp/evil.o', emitEvents: true })).toEqual(aSpec());
  expect(parseSpec({ ...aSpec(), durationSeconds: -1 })).toBeNull();
  expect(parseSpec({ ...aSpec(), targets: [{ program: '', key: 'iface' }] })).toBeNull();
});
