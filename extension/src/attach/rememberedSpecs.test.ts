import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { Memento } from 'vscode';
import { expect, test, vi } from 'vitest';
import { aSpec } from '../test/builders.ts';
import { MemoryMemento } from '../test/vscodeMock.ts';
import { RememberedSpecs, specKey } from './rememberedSpecs.ts';

const memory = () => new MemoryMemento() as unknown as Memento;

test('a spec is found again, whatever the order of its properties, and only if it was used', async () => {
  const specs = new RememberedSpecs(memory());
  await specs.set(aSpec(), true);
  const reordered = Object.fromEntries(Object.entries(aSpec()).reverse()) as unknown as ReturnType<typeof aSpec>;
  expect(specs.find(reordered)).toEqual({ spec: aSpec(), live: true });
  expect(specs.find(aSpec({ file: '/etc/other.bpf.c' }))).toBeUndefined();
  expect(specs.find(aSpec({ hosts: ['evil'] }))).toBeUndefined();
});

test('a run that ended does not come back, one that the window took with it does', async () => {
  const store = memory();
  const specs = new RememberedSpecs(store);
  await specs.set(aSpec(), true);
  await specs.set(aSpec({ where: 'pid == 1' }), true);
  await specs.set(aSpec(), false);
  specs.freeze();
  await specs.set(aSpec({ where: 'pid == 1' }), false);
  const next = new RememberedSpecs(store);
  expect(next.find(aSpec())?.live).toBe(false);
  expect(next.find(aSpec({ where: 'pid == 1' }))?.live).toBe(true);
});

test("a run that a debug session's end stopped comes back when that was the window's end, and only then", async () => {
  vi.useFakeTimers();
  const closing = memory();
  const specs = new RememberedSpecs(closing);
  await specs.set(aSpec(), true);
  specs.endedUnlessClosing(aSpec());
  specs.freeze();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(new RememberedSpecs(closing).find(aSpec())?.live).toBe(true);
  const staying = memory();
  const others = new RememberedSpecs(staying);
  await others.set(aSpec(), true);
  others.endedUnlessClosing(aSpec());
  await vi.advanceTimersByTimeAsync(10_000);
  expect(new RememberedSpecs(staying).find(aSpec())?.live).toBe(false);
  // Attached again meanwhile: the earlier end counts no longer.
  await others.set(aSpec(), true);
  others.endedUnlessClosing(aSpec());
  await others.set(aSpec(), true);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(others.find(aSpec())?.live).toBe(true);
  vi.useRealTimers();
});

test('of two panels with one spec, one attaches again', async () => {
  const store = memory();
  await new RememberedSpecs(store).set(aSpec(), true);
  const next = new RememberedSpecs(store);
  expect(next.take(aSpec())).toEqual({ spec: aSpec(), live: true });
  expect(next.take(aSpec())).toEqual({ spec: aSpec(), live: false });
  expect(next.take(aSpec({ hosts: ['other'] }))).toBeUndefined();
});

test('only so many are kept, the oldest leave', async () => {
  const specs = new RememberedSpecs(memory());
  for (let pid = 0; pid < 60; pid++) await specs.set(aSpec({ where: `pid == ${pid}` }), true);
  expect(specs.find(aSpec({ where: 'pid == 9' }))).toBeUndefined();
  expect(specs.find(aSpec({ where: 'pid == 10' }))).toBeDefined();
});

test('two specs have the same key exactly when they are equal', () => {
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      expect(specKey(a) === specKey(b)).toBe(isDeepStrictEqual(plain(a), plain(b)));
    }),
    { numRuns: 500 },
  );
});
