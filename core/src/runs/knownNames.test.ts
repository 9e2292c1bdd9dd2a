/** What a recording knows of names: each once, the last counts, and no more than fits. */
import { describe, expect, it } from 'vitest';
import { decodeNames, encodeNames, noNames, type FoundNames } from '../recording/names.ts';
import { KnownNames } from './knownNames.ts';

const users = (...pairs: [bigint, string][]): FoundNames => ({ ...noNames(), user: new Map(pairs) });
const stack = (id: number, ...frames: bigint[]): FoundNames => ({
  ...noNames(),
  stacks: new Map([['stacks', new Map([[id, frames]])]]),
});

describe('names that are known', () => {
  it('are found again, and taken once', () => {
    const names = new KnownNames();
    expect(names.add(users([0n, 'root'], [1n, 'ann'])).user.size).toBe(2);
    expect([...names.add(users([0n, 'root'], [2n, 'bob'])).user]).toEqual([[2n, 'bob']]);
    expect(names.add(stack(3, 7n, 8n)).stacks.size).toBe(1);
    expect(names.add(stack(3, 7n, 8n)).stacks.size).toBe(0);
    expect([names.user(0), names.user(2), names.user(9), names.group(0)]).toEqual(['root', 'bob', null, null]);
    expect([names.stack('stacks', 3), names.stack('stacks', 4), names.stack('other', 3)]).toEqual([
      [7n, 8n],
      null,
      null,
    ]);
    expect(names.full).toBe(false);
  });

  it('are replaced by what is told later: a number of a stack is used again', () => {
    const names = new KnownNames();
    names.add(stack(3, 7n));
    expect(names.add(stack(3, 9n)).stacks.get('stacks')).toEqual(new Map([[3, [9n]]]));
    expect(names.stack('stacks', 3)).toEqual([9n]);
  });

  it('are as many as fit, and a reader has room for what was written', () => {
    const writer = new KnownNames(1_000);
    const reader = new KnownNames(1_000);
    const read = (found: FoundNames): void => {
      for (const payload of encodeNames(writer.add(found))) reader.add(decodeNames(payload)!);
    };
    for (let i = 0n; i < 100n; i++) read(users([i % 40n, `user${i}`]));
    expect([writer.full, reader.full]).toEqual([true, false]);
    const seen = (names: KnownNames): (string | null)[] => Array.from({ length: 40 }, (_, id) => names.user(id));
    expect(seen(reader)).toEqual(seen(writer));
    expect(seen(reader).filter((name) => name !== null).length).toBeGreaterThan(10);
    expect(writer.add(stack(1, 1n)).stacks.size).toBe(0);
  });

  it('that are empty or too long are none', () => {
    const names = new KnownNames();
    expect(names.add(users([0n, ''], [1n, 'x'.repeat(2_000)])).user.size).toBe(0);
    expect(names.full).toBe(false);
  });
});
