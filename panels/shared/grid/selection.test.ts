import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Selection } from './selection.ts';

describe('Selection', () => {
  it('selects one, extends from the anchor both ways, and starts anew', () => {
    const selection = new Selection();
    selection.select(10);
    selection.extend(13);
    expect(selection.ranges).toEqual([{ from: 10, to: 14 }]);
    selection.extend(8);
    expect(selection.ranges).toEqual([{ from: 8, to: 11 }]);
    expect(selection.active).toBe(8);
    selection.select(20);
    expect(selection.size).toBe(1);
  });

  it('costs one range for all rows', () => {
    const selection = new Selection();
    selection.selectAll(3_000_000);
    expect(selection.size).toBe(3_000_000);
    expect(selection.ranges).toHaveLength(1);
    expect(selection.active).toBe(2_999_999);
    selection.selectAll(0);
    expect(selection.size).toBe(0);
  });

  it('moves up when the oldest rows leave, and loses what left', () => {
    const selection = new Selection();
    selection.select(10);
    selection.extend(19);
    selection.evict(15);
    expect(selection.ranges).toEqual([{ from: 0, to: 5 }]);
    expect(selection.active).toBe(4);
    selection.evict(5);
    expect(selection.size).toBe(0);
    expect(selection.active).toBe(-1);
    selection.extend(3);
    expect(selection.ranges).toEqual([{ from: 3, to: 4 }]);
  });

  it('clears the rows but keeps the place of the keyboard', () => {
    const selection = new Selection();
    selection.select(4);
    selection.clear();
    expect(selection.size).toBe(0);
    expect(selection.active).toBe(4);
  });

  it('toggles like a set of rows does, in sorted ranges that do not touch', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 80 }), (rows) => {
        const selection = new Selection();
        const plain = new Set<number>();
        for (const row of rows) {
          selection.toggle(row);
          if (!plain.delete(row)) plain.add(row);
        }
        expect(selection.size).toBe(plain.size);
        for (let row = 0; row <= 40; row++) expect(selection.has(row)).toBe(plain.has(row));
        selection.ranges.forEach((range, i) => {
          const next = selection.ranges[i + 1];
          if (next !== undefined) expect(next.from).toBeGreaterThan(range.to);
        });
      }),
    );
  });
});
