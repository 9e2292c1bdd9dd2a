/** What a replay knows of names: the last one of each counts, and no more than fits. */
import { describe, expect, it } from 'vitest';
import { noNames, type FoundNames } from '../recording/names.ts';
import { KnownNames } from './knownNames.ts';

const users = (...pairs: [bigint, string][]): FoundNames => ({ ...noNames(), user: new Map(pairs) });
const stack = (id: number, ...frames: bigint[]): FoundNames => ({
  ...noNames(),
  stacks: new Map([['stacks', new Map([[id, frames]])]]),
});

describe('names that are known', () => {
  it('are found again', () => {
    const names = new KnownNames();
    names.add(users([0n, 'root'], [1n, 'ann']));
    names.add(users([2n, 'bob']));
    names.add(stack(3, 7n, 8n));
    expect([names.user(0), names.user(2), names.user(9), names.group(0)]).toEqual(['root', 'bob', null, null]);
    expect([names.stack('stacks', 3), names.stack('stacks', 4), names.stack('other', 3)]).toEqual([
      [7n, 8n],
      null,
      null,
    ]);
  });

  it('are replaced by what is told later: a number of a stack is used again', () => {
    const names = new KnownNames();
    names.add(stack(3, 7n));
    names.add(stack(3, 9n));
    expect(names.stack('stacks', 3)).toEqual([9n]);
  });

  it('are as many as fit; what replaces another one takes no room of its own', () => {
    const names = new KnownNames(1_000);
    for (let round = 0; round < 50; round++) names.add(users([0n, `root${round}`]));
    for (let i = 1n; i < 100n; i++) names.add(users([i, `user${i}`]));
    const seen = Array.from({ length: 100 }, (_, id) => names.user(id)).filter((name) => name !== null);
    expect(seen[0]).toBe('root49');
    expect(seen.length).toBeGreaterThan(10);
    expect(seen.length).toBeLessThan(50);
  });
});
