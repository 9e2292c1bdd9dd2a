import type { Column } from '@ringside/core/model';
import { describe, expect, it } from 'vitest';
import { movedColumn, NARROWEST, WIDEST, columnsBetween, placeColumns, sameColumns, startWidth } from './columns.ts';

const column = (id: string, width = 8): Column => ({ id, title: id, align: 'left', width, field: null });
const three = [column('a'), column('b'), column('c')];
const none = new Set<string>();

describe('placeColumns', () => {
  it('puts columns side by side and gives the rest to the last one', () => {
    const placed = placeColumns(three, { hidden: none, widths: { a: 100, b: 50 } }, 7, 1000);
    expect(placed.map(({ left, width }) => [left, width])).toEqual([
      [0, 100],
      [100, 50],
      [150, 850],
    ]);
  });

  it('keeps the source index of shown columns when others are hidden', () => {
    expect(placeColumns(three, { hidden: new Set(['b']), widths: {} }, 7, 100).map((placed) => placed.source)).toEqual([
      0, 2,
    ]);
  });

  it('shows one column even if all are hidden', () => {
    expect(placeColumns(three, { hidden: new Set(['a', 'b', 'c']), widths: {} }, 7, 100)).toHaveLength(1);
    expect(placeColumns([], { hidden: none, widths: {} }, 7, 100)).toEqual([]);
  });

  it('clamps stored widths and takes nothing from prototypes', () => {
    const odd = [column('toString'), column('b'), column('c')];
    const placed = placeColumns(odd, { hidden: none, widths: { b: -5, c: 1e9 } }, 7, 10);
    expect(placed.map(({ width }) => width)).toEqual([startWidth(odd[0]!, 7), NARROWEST, WIDEST]);
    expect(placeColumns(three, { hidden: none, widths: { a: Number.NaN } }, 7, 10)[0]!.width).toBe(NARROWEST);
  });

  it('does not let one long column start with all the room', () => {
    expect(startWidth(column('x', 100_000), 7)).toBeLessThan(500);
  });
});

describe('the order of columns', () => {
  const choices = { hidden: none, widths: {}, order: ['c', 'gone', 'a'], pinned: ['b'] };

  it('has pinned columns first, then those that were put in order, then the others', () => {
    const placed = placeColumns([...three, column('d')], choices, 7, 10_000);
    expect(placed.map((one) => one.column.id)).toEqual(['b', 'c', 'a', 'd']);
    expect(placed.map((one) => one.pinned)).toEqual([true, false, false, false]);
  });

  it('pins no more than leaves something to scroll', () => {
    const placed = placeColumns(three, { ...choices, widths: { b: 90 } }, 7, 100);
    expect(placed.some((one) => one.pinned)).toBe(false);
  });

  it('changes by one column at a time, and not over the edge of the pinned ones', () => {
    const placed = placeColumns(three, choices, 7, 10_000);
    expect(movedColumn(placed, 'c', 2)).toEqual(['b', 'a', 'c']);
    expect(movedColumn(placed, 'c', 0)).toBeNull();
    expect(movedColumn(placed, 'c', 3)).toBeNull();
  });
});

describe('columnsBetween', () => {
  it('finds the columns that touch the window', () => {
    const placed = placeColumns(
      Array.from({ length: 1000 }, (_, i) => column(`c${i}`)),
      { hidden: none, widths: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`c${i}`, 100])) },
      7,
      500,
    );
    expect(columnsBetween(placed, 250, 600)).toEqual([2, 6]);
    expect(columnsBetween(placed, -300, 100)).toEqual([0, 1]);
    expect(columnsBetween(placed, 1e9, 2e9)).toEqual([1000, 1000]);
  });
});

describe('sameColumns', () => {
  it('sees every difference that shows', () => {
    expect(sameColumns(three, [...three])).toBe(true);
    expect(sameColumns(three, three.slice(1))).toBe(false);
    expect(sameColumns([column('a')], [{ ...column('a'), align: 'right' }])).toBe(false);
  });
});
