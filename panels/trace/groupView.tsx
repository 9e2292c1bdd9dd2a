import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { count, visible } from '../shared/format.ts';
import { RowGrid } from '../shared/grid/rowGrid.ts';
import type { MenuItem, MenuRequest } from '../shared/menu.tsx';
import { groupColumns, groupFilter, groupRows, measureName, restText } from './groups.ts';
import type { TraceState } from './state.ts';

export interface GroupViewProps {
  state: TraceState;
  openMenu: (request: MenuRequest) => void;
  /** Menus of what to group by and what to measure. */
  byMenu: () => MenuItem[];
  measureMenu: () => MenuItem[];
  topMenu: () => MenuItem[];
}

/** Rows by groups, in place of the rows: what the groups are made of above, the groups below. */
export function GroupView(props: GroupViewProps): JSX.Element | null {
  const { state } = props;
  const choice = state.table.groups.value;
  if (choice === null) return null;
  const page = state.groups.page.value;
  const { data } = state.groups;
  const rest = data === null || page === null ? '' : restText(data, page.counted, choice.measures);
  const title = (id: string): string =>
    visible(state.columns.value.find((column) => column.id === id)?.title ?? id.replace(/^[@=]/, ''), 40);
  const button = (label: string, text: string, items: () => MenuItem[]): JSX.Element => (
    <button
      type="button"
      class="text-button"
      aria-haspopup="menu"
      title={label}
      onClick={(event) => {
        const opener = event.currentTarget;
        const box = opener.getBoundingClientRect();
        const search = items().length > 20 ? { search: 'Find' } : {};
        props.openMenu({ label, items, x: box.left, y: box.bottom + 2, opener, ...search });
      }}
    >
      {text}
      <span class="codicon codicon-chevron-down" aria-hidden="true" />
    </button>
  );
  return (
    <section class="groups" aria-label="Groups">
      <div class="sortbar">
        {button('Group by', `By ${choice.by.map(title).join(', ')}`, props.byMenu)}
        {button(
          'Measures',
          choice.measures.map((measure) => visible(measureName(measure), 40)).join(', '),
          props.measureMenu,
        )}
        {button('How many groups', `Top ${count(choice.top)}`, props.topMenu)}
        <span class="group-counts" role="status">
          {data !== null && `${count(data.groups)} ${data.groups === 1 ? 'group' : 'groups'}`}
          {page?.partial === true && ', counting…'}
          {page !== null && page.missed > 0 && `, ${count(page.missed)} rows had left before`}
        </span>
        <button type="button" class="text-button" onClick={() => state.setGroups(null)}>
          All rows
        </button>
      </div>
      {page !== null && page.error !== null && (
        <div class="banner" role="alert">
          <span class="codicon codicon-error" aria-hidden="true" />
          <span>
            {visible(page.error.message)} <span class="remedy">{visible(page.error.remedy)}</span>
          </span>
        </div>
      )}
      <GroupGrid {...props} />
      {rest !== '' && <div class="group-rest">{rest}</div>}
    </section>
  );
}

function GroupGrid({ state, openMenu }: GroupViewProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const grid = useRef<RowGrid | null>(null);
  const choice = state.table.groups.value!;
  const { data } = state.groups;

  useEffect(() => {
    const made = makeGrid(box.current!, state, openMenu);
    grid.current = made;
    return () => made.dispose();
  }, [state]);

  useEffect(() => {
    const columns = groupColumns(choice, state.columns.value, data);
    grid.current?.setColumns(columns, { hidden: new Set(), widths: state.widths.value, pinned: [] });
    const { by, at, descending } = choice.sort;
    grid.current?.setSort([{ column: `${by === 'key' ? 'by' : 'of'}:${at}`, descending }]);
  }, [choice, data?.by.length, state.widths.value, state.columns.value]);

  useEffect(() => {
    const rows = data === null ? [] : groupRows(choice, data);
    grid.current?.setPage({ first: 0, rows, matching: rows.length }, 0, 0);
  }, [choice, data]);

  return <div class="grid-box" ref={box} />;
}

function makeGrid(parent: HTMLElement, state: TraceState, openMenu: (request: MenuRequest) => void): RowGrid {
  const options = { id: 'group-grid', rowId: 'q', label: 'Groups', follows: false, editable: false };
  const open = (index: number): void => {
    const choice = state.table.groups.value;
    const { data } = state.groups;
    if (choice === null || data === null || index < 0) return;
    const where = groupFilter(state.where.value, choice, data, index);
    if (where === null) state.note('No filter can say what the rows of this group have.');
    else state.openGroup(where);
  };
  const grid: RowGrid = new RowGrid(parent, options, {
    want: () => undefined,
    follow: () => undefined,
    selection: () => undefined,
    active: () => undefined,
    detail: () => open(grid.selection.active),
    escape: () => state.setGroups(null),
    copy: () => state.copyGroups(grid.placed, grid.selection.size > 1 ? grid.selection.ranges : null),
    end: () => false,
    resize: (id, width) => state.resizeColumn(id, width),
    render: (_column, text) => text,
    tooltip: (_column, text) => visible(text, 2000),
    sort: (id) => state.sortGroups(id),
    columnMenu: (id, at) => {
      const items = (): MenuItem[] => [
        { label: 'Sort Descending', run: () => state.sortGroups(id, true) },
        { label: 'Sort Ascending', run: () => state.sortGroups(id, false) },
        { label: 'Size to Fit', run: () => grid.fit(id) },
      ];
      openMenu({ label: 'Column', items, x: at.left, y: at.bottom, opener: grid.element });
    },
    cellMenu: ({ index }, x, y) => {
      const items = (): MenuItem[] => [
        { label: 'Show the Rows of This Group', keys: 'Enter', run: () => open(index) },
        { label: 'Copy Groups', keys: 'Ctrl+C', run: () => state.copyGroups(grid.placed, null) },
      ];
      openMenu({ label: 'Group', items, x, y, opener: grid.element });
    },
  });
  return grid;
}
