import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_STATE, panelState, toPanel } from './guards.ts';

const page = {
  runId: 'r',
  stream: 's',
  where: '',
  columns: [{ id: 'pid', title: 'pid', align: 'right', width: 7, field: null }],
  first: 0,
  rows: [{ seq: 1, cells: ['1'] }],
  matching: 1,
  stored: 1,
  delivered: 1,
  partial: false,
  filterError: null,
};

describe('toPanel', () => {
  it('takes well-formed messages and refuses the others', () => {
    expect(toPanel({ type: 'rows', id: 1, page })).not.toBeNull();
    expect(toPanel({ type: 'detail', id: 1, detail: null })).not.toBeNull();
    for (const broken of [
      { ...page, rows: [{ seq: 1, cells: [1] }] },
      { ...page, matching: Number.NaN },
      { ...page, columns: null },
      { ...page, filterError: 'no' },
    ]) {
      expect(toPanel({ type: 'rows', id: 1, page: broken })).toBeNull();
    }
    expect(toPanel({ type: 'run', run: { id: 'r' } })).toBeNull();
    expect(toPanel({ type: 'something' })).toBeNull();
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.anything(), (data) => void toPanel(data)));
  });
});

describe('panelState', () => {
  it('takes what fits of an older or broken state', () => {
    expect(panelState(undefined)).toEqual(EMPTY_STATE);
    expect(panelState({ runId: 'r', stream: 3, hidden: ['a'], widths: { a: 10, b: 'x' }, spec: 'no' })).toEqual({
      ...EMPTY_STATE,
      runId: 'r',
      hidden: ['a'],
      widths: { a: 10 },
    });
    fc.assert(fc.property(fc.anything(), (data) => void panelState(data)));
  });

  it('takes a layout that is whole, and none with groups that cannot be shown', () => {
    const groups = { by: ['comm'], measures: [{ of: 'count', field: '' }], sort: { by: 'key', at: 0 }, top: 9 };
    const layout = { sort: [], order: [], pinned: [], derived: [], formats: {}, groups };
    expect(panelState({ layout }).layout).toEqual(layout);
    for (const broken of [
      { measures: undefined },
      { measures: [null] },
      { top: 'x' },
      { by: 'comm' },
      { sort: null },
    ]) {
      expect(panelState({ layout: { ...layout, groups: { ...groups, ...broken } } }).layout).toBeUndefined();
    }
  });
});
