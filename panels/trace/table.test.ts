import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DerivedColumn, RowOrder, TraceLayout } from '@ringside/core/model';
import { TableChoices } from './table.ts';

const layout: TraceLayout = {
  sort: [{ column: '=a', descending: true }],
  order: ['=a', 'pid', 'ret'],
  pinned: ['=a'],
  derived: [{ expr: 'a', title: 'A' }],
  formats: { '=a': 'hex', ret: 'bin' },
  groups: {
    ...{ by: ['comm', '=a'], measures: [{ of: 'count', field: '' } as const, { of: 'max', field: '=a' } as const] },
    ...{ sort: { by: 'measure', at: 0, descending: true }, top: 50 },
  },
};

function table(of: TraceLayout = layout): TableChoices {
  const choices = new TableChoices();
  choices.restore(structuredClone(of));
  return choices;
}

describe('sorting', () => {
  it('goes through ascending, descending and none, with or without the other columns', () => {
    const choices = new TableChoices();
    const press = (column: string, more = false): readonly RowOrder[] =>
      (choices.sort.value = choices.nextSort(column, more));
    expect(press('pid')).toEqual([{ column: 'pid', descending: false }]);
    expect(press('pid')).toEqual([{ column: 'pid', descending: true }]);
    expect(press('ret', true).map(({ column }) => column)).toEqual(['pid', 'ret']);
    expect(press('ret', true)).toEqual([
      { column: 'pid', descending: true },
      { column: 'ret', descending: true },
    ]);
    expect(press('ret', true)).toEqual([{ column: 'pid', descending: true }]);
    expect(press('comm')).toEqual([{ column: 'comm', descending: false }]);
  });

  it('keeps the place of a column that is turned, and never has more columns than can be sorted by', () => {
    const choices = new TableChoices();
    for (const column of ['a', 'b', 'c', 'd', 'e']) choices.sort.value = choices.nextSort(column, true);
    expect(choices.sort.value.map(({ column }) => column)).toEqual(['a', 'b', 'c', 'e']);
    choices.sort.value = choices.nextSort('a', true);
    expect(choices.sort.value[0]).toEqual({ column: 'a', descending: true });
  });
});

it('a page needs nothing of a table that nobody has changed', () => {
  const choices = new TableChoices();
  expect(choices.query()).toEqual({});
  expect(choices.layout()).toBeUndefined();
  choices.sort.value = [{ column: 'pid', descending: false }];
  choices.until.value = 9;
  choices.setFormat('ret', 'hex');
  expect(choices.query()).toEqual({
    sort: { by: [{ column: 'pid', descending: false }], until: 9 },
    look: { derived: [], formats: { ret: 'hex' } },
  });
  choices.setFormat('ret', null);
  expect(choices.query().look).toBeUndefined();
});

it('what was chosen is the same after it was kept and brought back', () => {
  const id = fc.constantFrom('pid', 'ret', '=a', '__proto__');
  const layouts: fc.Arbitrary<TraceLayout> = fc.record({
    sort: fc.array(fc.record({ column: id, descending: fc.boolean() }), { maxLength: 4 }),
    order: fc.uniqueArray(id),
    pinned: fc.uniqueArray(id),
    derived: fc.uniqueArray(fc.record({ expr: id, title: fc.string() }), { selector: ({ expr }) => expr }),
    formats: fc.dictionary(id, fc.constantFrom('hex' as const, 'bin' as const)),
    groups: fc.constantFrom(null, layout.groups),
  });
  fc.assert(
    fc.property(layouts, (of) => {
      const kept = table(of).layout();
      const empty = Object.values(of).every((part) => part === null || Object.keys(part as object).length === 0);
      expect(kept).toEqual(empty ? undefined : of);
      const choices = table();
      choices.restore(kept);
      expect(choices.layout()).toEqual(kept);
    }),
  );
});

it('columns that are moved stay at the left when they were, in the order in which they show', () => {
  const choices = new TableChoices();
  choices.togglePin('pid');
  choices.togglePin('ret');
  choices.setOrder(['ret', 'pid', 'comm']);
  expect(choices.pinned.value).toEqual(['ret', 'pid']);
  choices.togglePin('ret');
  expect(choices.pinned.value).toEqual(['pid']);
  choices.resetColumns();
  expect([choices.order.value, choices.pinned.value]).toEqual([[], []]);
});

describe('a derived column', () => {
  it('that is changed keeps its place, its order, its format and its groups', () => {
    const choices = table();
    choices.setDerived({ expr: 'b', title: 'B' }, choices.derived.value[0]!);
    expect(choices.layout()).toEqual(
      JSON.parse(
        JSON.stringify(layout)
          .replaceAll('"=a"', '"=b"')
          .replace('{"expr":"a","title":"A"}', '{"expr":"b","title":"B"}'),
      ),
    );
  });

  it('is found again when the panel was told its state anew', () => {
    const choices = table();
    const before = choices.derived.value[0]!;
    choices.restore(structuredClone(layout));
    choices.setDerived({ expr: 'a', title: 'other' }, before);
    expect(choices.derived.value).toEqual([{ expr: 'a', title: 'other' }]);
  });

  it('that is removed leaves nothing behind', () => {
    const choices = table();
    choices.removeDerived('=a');
    expect(choices.layout()).toEqual({
      ...{ sort: [], order: ['pid', 'ret'], pinned: [], derived: [], formats: { ret: 'bin' } },
      groups: { ...layout.groups, by: ['comm'], measures: [{ of: 'count', field: '' }] },
    });
  });

  it('is not lost while another one is typed whose beginning it is', () => {
    const choices = table();
    let made: DerivedColumn | null = null;
    for (const expr of ['a', 'ab', 'abc']) {
      const next = { expr, title: '' };
      choices.setDerived(next, made);
      made = next;
      const ids = choices.query().look!.derived.map(({ expr: of }) => of);
      expect(new Set(ids).size).toBe(ids.length);
    }
    expect(choices.layout()).toEqual({ ...layout, derived: [...layout.derived, { expr: 'abc', title: '' }] });
    choices.removeDerived('=abc');
    expect(choices.layout()).toEqual(layout);
  });

  it('with which all groups go leaves rows one by one', () => {
    const choices = table({ ...layout, groups: { ...layout.groups!, by: ['=a'] } });
    choices.removeDerived('=a');
    expect(choices.groups.value).toBeNull();
  });
});
