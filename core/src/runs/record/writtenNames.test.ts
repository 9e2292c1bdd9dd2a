/** What of names goes into a recording, what stays in one of the last minutes, and what is counted as missing. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noNames, type FoundNames } from '../../recording/names.ts';
import { noIds } from '../namedIds.ts';
import { MOST_MISSING, unnamedText, WrittenNames } from './writtenNames.ts';

const users = (...ids: number[]): FoundNames => ({
  ...noNames(),
  user: new Map(ids.map((id) => [BigInt(id), `user${id}`])),
});
const stack = (id: number, ...frames: bigint[]): FoundNames => ({
  ...noNames(),
  stacks: new Map([['stacks', new Map([[id, frames]])]]),
});
const written = (found: FoundNames): number[] => [...found.user.keys()].map(Number);
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('names of a recording', () => {
  it('are written once, and again when they are others', () => {
    const names = new WrittenNames();
    expect(written(names.add(users(0, 1), 1n))).toEqual([0, 1]);
    expect(written(names.add(users(0, 2), 2n))).toEqual([2]);
    expect(names.add(stack(3, 7n, 8n), 3n).stacks.size).toBe(1);
    expect(names.add(stack(3, 7n, 8n), 4n).stacks.size).toBe(0);
    expect(names.add(stack(3, 9n), 5n).stacks).toEqual(new Map([['stacks', new Map([[3, [9n]]])]]));
    expect(names.missing(6n)).toBe(0);
  });

  it('that are empty or too long are none', () => {
    const names = new WrittenNames();
    const found = { ...noNames(), user: new Map([[0n, ''], [1n, 'x'.repeat(2_000)]]) }; // prettier-ignore
    expect(written(names.add(found, 1n))).toEqual([]);
    expect(names.missing(2n)).toBe(0);
  });

  it('are those that came first when there is no room for all; each of the others is counted once', () => {
    const names = new WrittenNames({ mostBytes: 1_000 });
    const kept = range(0, 2).flatMap(() => range(0, 40).flatMap((id) => written(names.add(users(id), BigInt(id)))));
    expect(kept).toEqual(range(0, kept.length));
    expect(kept.length).toBeGreaterThan(10);
    expect(names.missing(10n ** 18n)).toBe(40 - kept.length);
  });

  it('that nobody could be asked for are missing until they are told', () => {
    const names = new WrittenNames();
    names.add(users(1), 1n);
    names.lack({ ...noIds(), user: new Set([1n, 2n]), stacks: new Map([['stacks', new Set([2])]]) }, 2n);
    expect(names.missing(3n)).toBe(2);
    names.add(users(2), 3n);
    expect(names.missing(4n)).toBe(1);
  });
});

it('that are missing are said', () => {
  expect(unnamedText(0)).toBe('');
  expect(unnamedText(1)).toContain('One user');
  expect(unnamedText(1_234)).toMatch(
    /^1,234 users, functions and stacks are shown as numbers: the recording had no room/,
  );
  expect(unnamedText(MOST_MISSING)).toContain('100,000 or more users');
});

describe('names of a recording that keeps the last minutes', () => {
  /** User `i` is needed at `i`, user 0 always. */
  function filled(windowNs = 20n): { names: WrittenNames; kept: number[] } {
    const names = new WrittenNames({ windowNs, mostBytes: 1_000 });
    for (const id of range(0, 40)) names.add(users(0, id), BigInt(id));
    return { names, kept: written(names.carry(0n, 1_000n)) };
  }

  it('are those that rows needed last, however early they were written', () => {
    const { kept } = filled();
    expect(kept[0]).toBe(0);
    expect(kept.at(-1)).toBe(39);
    expect(kept.slice(1)).toEqual(range(41 - kept.length, 40));
  });

  it('are written again when they were taken out and rows need them once more', () => {
    const { names } = filled();
    expect(written(names.add(users(1, 39), 60n))).toEqual([1]);
  });

  it('of all kinds go by when they were needed', () => {
    const names = new WrittenNames({ windowNs: 20n, mostBytes: 1_000 });
    names.add(stack(1, 5n, 6n), 1n);
    names.add({ ...noNames(), symbol: new Map([[5n, 'old']]) }, 2n);
    names.add({ ...noNames(), symbol: new Map([[6n, 'new']]) }, 50n);
    for (const id of range(0, 40)) names.add(users(id), BigInt(10 + id));
    const carried = names.carry(0n, 1_000n);
    expect([carried.stacks.size, [...carried.symbol.values()]]).toEqual([0, ['new']]);
  });

  it('do not take turns: what rows need all the time stays, and what has no room is counted', () => {
    const names = new WrittenNames({ windowNs: 1_000n, mostBytes: 1_000 });
    const first = range(0, 40).flatMap((id) => written(names.add(users(id), 1n)));
    expect(first.length).toBeLessThan(40);
    for (let now = 2n; now < 400n; now += 5n) expect(written(names.add(users(...range(0, 40)), now))).toEqual([]);
    expect(names.missing(400n)).toBe(40 - first.length);
  });

  it('give way to newer ones some seconds after rows needed them last, however long the window', () => {
    const names = new WrittenNames({ windowNs: 3_600_000_000_000n, mostBytes: 1_000 });
    const first = written(names.add(users(...range(0, 40)), 1n));
    expect(written(names.add(users(100), 9_000_000_000n))).toEqual([]);
    expect(written(names.add(users(100), 11_000_000_000n))).toEqual([100]);
    const kept = written(names.carry(0n, 10n ** 13n));
    expect(kept).toContain(100);
    expect(kept).toContain(first.at(-1));
    expect(kept).not.toContain(0);
  });

  it('are missing when their chunk has left the file and rows in it need them', () => {
    const { names, kept } = filled(20n);
    const taken = range(1, 40).filter((id) => !kept.includes(id));
    expect(taken.length).toBeGreaterThan(0);
    // Written and needed at the same time: the rows leave with the chunk.
    names.carry(0n, 0n);
    expect(names.missing(10n)).toBe(0);
    const early = filled(20n).names;
    early.carry(0n, 10n);
    expect(early.missing(20n)).toBe(taken.filter((id) => id <= 10).length);
    expect(early.missing(80n)).toBe(0);
  });

  it('are carried from older chunks, not from those that stay', () => {
    const names = new WrittenNames({ windowNs: 20n });
    names.add(users(0, 1), 1n);
    names.add(users(2), 9n);
    expect(written(names.carry(5n, 4n))).toEqual([0, 1]);
    expect(written(names.carry(12n, 11n))).toEqual([0, 1, 2]);
    expect(names.missing(12n)).toBe(0);
  });

  it('are, after anything: bounded, and either in the file or counted for every row of the window', () => {
    const step = fc.record({ ids: fc.array(fc.nat(60), { minLength: 1, maxLength: 8 }), trim: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 2, max: 40 }), (steps, window) => {
        const names = new WrittenNames({ windowNs: BigInt(window), mostBytes: 700 });
        let file: { id: number; at: number }[] = [];
        const needed: { id: number; at: number }[] = [];
        for (const [at, { ids, trim }] of steps.entries()) {
          needed.push(...ids.map((id) => ({ id, at })));
          for (const id of written(names.add(users(...ids), BigInt(at)))) file.push({ id, at });
          const cut = at - window;
          if (!trim || cut <= 0) continue;
          const carried = written(names.carry(BigInt(cut), BigInt(cut - 1)));
          expect(carried.length * 43).toBeLessThanOrEqual(700 + 43);
          file = [...carried.map((id) => ({ id, at: cut - 1 })), ...file.filter((one) => one.at >= cut)];
        }
        const now = steps.length;
        const there = new Set(file.map(({ id }) => id));
        const wanted = new Set(needed.filter(({ at }) => at >= now - window).map(({ id }) => id));
        const lacking = [...wanted].filter((id) => !there.has(id));
        expect(names.missing(BigInt(now))).toBeGreaterThanOrEqual(lacking.length);
        expect(names.missing(BigInt(now))).toBeLessThanOrEqual(wanted.size);
      }),
      { numRuns: 500 },
    );
  });
});
