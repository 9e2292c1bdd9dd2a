import { expect, it, vi } from 'vitest';
vi.mock('vscode', () => ({}));

import type { RunGlobal } from '@ringside/core/model';
import { heldNow, isKnob, isVariable, KnobChanges } from './globalsForm.ts';

const global = (change: Partial<RunGlobal>): RunGlobal => ({
  ...{ name: 'min_us', section: '.rodata', type: '__u64', size: 8, value: 1000, constVolatile: true },
  ...{ comment: '', set: null, now: [], ...change },
});

it('knobs are const volatile; variables are what may change while it runs', () => {
  const [knob, text, data, zeroed] = [
    global({}),
    global({ constVolatile: false }),
    global({ section: '.data', constVolatile: false }),
    global({ section: '.bss.shared', constVolatile: false }),
  ];
  expect([knob, text, data, zeroed].map(isKnob)).toEqual([true, false, false, false]);
  expect([knob, text, data, zeroed].map(isVariable)).toEqual([false, false, true, true]);
});

it('what the object says anyway is no change; what was set before stays', () => {
  const [a, b] = [global({ name: 'a' }), global({ name: 'b', set: '7' })];
  const changes = new KnobChanges([a, b]);
  expect(changes).toMatchObject({ changed: false, set: { b: '7' } });
  expect(changes.valueOf(b)).toBe('7');
  changes.change(a, '5');
  expect(changes).toMatchObject({ changed: true, set: { a: '5', b: '7' } });
  changes.change(a, '1000');
  expect(changes).toMatchObject({ changed: false, set: { b: '7' } });
  changes.change(b, '1000');
  expect(changes).toMatchObject({ changed: true, set: {} });
});

it('a variable shows what it holds now: on all hosts the same, or host by host', () => {
  const now = (...values: (number | null)[]) => values.map((value, i) => ({ host: `web-${i + 1}`, value }));
  expect(heldNow(global({ now: now(7) }))).toEqual({ text: '7', typed: '7' });
  expect(heldNow(global({ now: now(7, 7) }))).toEqual({ text: '7', typed: '7' });
  expect(heldNow(global({ now: now(7, 8) }))).toEqual({ text: '7 on web-1, 8 on web-2', typed: '' });
  // Neither a value that cannot be printed nor a host that does not answer is a 0.
  expect(heldNow(global({ now: now(null) }))).toEqual({ text: 'not shown', typed: '' });
  expect(heldNow(global({ now: [] }))).toEqual({ text: 'not known', typed: '' });
});
