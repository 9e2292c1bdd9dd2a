import type { VscodeTextfield } from '@vscode-elements/elements/dist/vscode-textfield/vscode-textfield.js';
import type { JSX } from 'preact';
import { computed } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Announcer } from '../shared/announce.ts';
import { onEntryFocus } from '../shared/entryFocus.ts';
import { clockOfCell, timeDelta, visible } from '../shared/format.ts';
import { Menu, type MenuItem, type MenuRequest } from '../shared/menu.tsx';
import { TraceActions } from './actions.ts';
import type { PlacedColumn } from '../shared/grid/columns.ts';
import { DerivedForm } from './derivedForm.tsx';
import { Detail } from './detail.tsx';
import { Banner, EmptyView } from './emptyView.tsx';
import { FilterBox, type Filtered } from '../shared/filterBox.tsx';
import type { GridRow } from '../shared/grid/pageWindow.ts';
import { RowGrid } from '../shared/grid/rowGrid.ts';
import { FindBar } from './findBar.tsx';
import { GroupView } from './groupView.tsx';
import { Header } from './header.tsx';
import { LedgerLine } from './ledgerLine.tsx';
import { NewRows } from './newRows.tsx';
import { SortBar } from './sortBar.tsx';
import type { TraceState } from './state.ts';
import { faultInText, splitRange } from './tools/range.ts';
import { listenToRowKeys } from './tools/rowKeys.ts';
import { ToolSections } from './tools/sections.tsx';
import { TimeStrip } from './tools/timeStrip.tsx';
import { announceChanges } from './spoken.ts';
import { ViewBar } from './viewBar.tsx';

/** The trace panel: the frame around the grid. */
export function App({ state }: { state: TraceState }): JSX.Element {
  const gridBox = useRef<HTMLDivElement>(null);
  const spoken = useRef<HTMLDivElement>(null);
  const filter = useRef<VscodeTextfield>(null);
  const grid = useRef<RowGrid | null>(null);
  const actions = useRef<TraceActions | null>(null);
  const [menu, setMenu] = useState<MenuRequest | null>(null);

  useEffect(() => {
    const made = makeGrid(gridBox.current!, state, setMenu, () => actions.current);
    grid.current = made;
    actions.current = new TraceActions(state, made, renderCell, setMenu);
    state.attachGrid(made);
    const announcer = new Announcer(spoken.current!);
    const stopSpeaking = announceChanges(state, announcer);
    const stopKeys = pageKeys(filter, state, made, () => void actions.current?.copy('tsv'));
    const stopTheme = watchTheme(made);
    const stopEntry = onEntryFocus(() =>
      (state.table.groups.value === null ? made.element : document.getElementById('group-grid'))?.focus(),
    );
    const stopRowKeys = listenToRowKeys(made.element, state.tools, () => made.activePlace()?.seq ?? state.activeSeq);
    return () => {
      stopEntry();
      stopRowKeys();
      stopSpeaking();
      stopKeys();
      stopTheme();
      announcer.dispose();
      made.dispose();
    };
  }, [state]);

  /** Opens a menu below a button, its right edge at the button's. */
  const openBelow = (label: string, opener: HTMLElement, items: () => MenuItem[], search?: string): void => {
    const box = opener.getBoundingClientRect();
    const place = { x: box.right, y: box.bottom + 2, alignRight: true };
    setMenu({ label, items, opener, ...place, ...(search === undefined ? {} : { search }) });
  };
  const focusRows = (): void => grid.current?.focus();
  const typed = useMemo(() => typedFilter(state), [state]);
  const grouped = state.table.groups.value !== null;

  return (
    <main class="trace" aria-label="Trace">
      <Header state={state} more={(opener) => openBelow('More actions', opener, () => actions.current!.moreMenu())} />
      <TimeStrip state={state} tools={state.tools} />
      <div class="viewbar">
        <FilterBox
          state={typed}
          complete={(text, at) => state.complete(text, at)}
          example={'pid == 4242 && comm ~ "^ng"'}
          field={filter}
          leave={focusRows}
        />
        <ViewBar
          state={state}
          columns={(opener) => {
            const search = state.columns.value.length > 20 ? 'Find a column' : undefined;
            openBelow('Columns', opener, () => actions.current!.columnsMenu(), search);
          }}
          group={(opener) => openBelow('Group by', opener, () => actions.current!.groupMenu(), 'Find a column')}
        />
      </div>
      <Banner state={state} />
      <FindBar find={state.find} leave={focusRows} />
      <DerivedForm state={state} leave={focusRows} />
      <SortBar state={state} focusRows={focusRows} />
      <div class="rows-area">
        <div class={grouped ? 'grid-box away' : 'grid-box'} ref={gridBox} />
        <GroupView
          state={state}
          openMenu={setMenu}
          byMenu={() => actions.current!.groupMenu()}
          measureMenu={() => actions.current!.measureMenu()}
          topMenu={() => actions.current!.topMenu()}
        />
        <EmptyView
          state={state}
          clearFilter={() => {
            state.applyFilter('');
            focusRows();
          }}
        />
        <NewRows state={state} focusRows={focusRows} />
        {state.notice.value !== '' && <div class="notice">{visible(state.notice.value)}</div>}
      </div>
      {state.detailOpen.value && (
        <Detail
          state={state}
          close={() => {
            state.toggleDetail(false);
            focusRows();
          }}
        />
      )}
      <ToolSections
        state={state}
        tools={state.tools}
        close={() => {
          state.tools.section.value = null;
          focusRows();
        }}
      />
      <LedgerLine state={state} />
      <div ref={spoken} class="only-read" />
      {menu !== null && <Menu request={menu} close={() => setMenu(null)} />}
    </main>
  );
}

/** The filter as it is typed: the range of time is shown on its own. */
function typedFilter({ tools, filterFault }: TraceState): Filtered {
  const fault = computed(() => {
    const found = filterFault.value;
    return found && { ...found, where: splitRange(found.where).text, at: faultInText(found.where, found.at) };
  });
  return { where: tools.text, filterFault: fault, applyFilter: (text) => tools.applyText(text) };
}

/** A cell's text for people: only times may come as numbers. */
function renderCell(column: PlacedColumn, text: string): string {
  return column.column.id === '@time' ? clockOfCell(text) : text;
}

/** The whole text of a cell, and for times the distance to the row above. */
function tooltip(column: PlacedColumn, text: string, above: string | null): string {
  const whole = visible(renderCell(column, text), 2000);
  if (column.column.id !== '@time' || above === null) return whole;
  const delta = timeDelta(above, text);
  return delta === '' ? whole : `${whole} (${delta} to the row above)`;
}

function makeGrid(
  parent: HTMLElement,
  state: TraceState,
  openMenu: (request: MenuRequest) => void,
  actions: () => TraceActions | null,
): RowGrid {
  const tag = (row: GridRow): string => state.tools.tag(row);
  const options = { id: 'trace-grid', rowId: 'g', label: 'Records', follows: true, editable: false, tag };
  const grid: RowGrid = new RowGrid(parent, options, {
    want: (want) => state.want(want),
    follow: (following) => state.followChanged(following),
    selection: (selection) => {
      state.selected.value = selection.size;
      state.tools.selectionChanged(selection.ranges);
    },
    active: (seq) => state.activeChanged(seq),
    detail: () => state.toggleDetail(),
    escape: () => state.toggleDetail(false),
    copy: () => void actions()?.copy('tsv'),
    end: () => state.follow(),
    resize: (id, width) => state.resizeColumn(id, width),
    sort: (id, more) => state.sortBy(state.table.nextSort(id, more)),
    order: (ids) => state.setColumnOrder(ids),
    render: renderCell,
    tooltip,
    columnMenu: (id, at) => {
      const items = (): MenuItem[] => actions()?.columnMenu(id) ?? [];
      const opener = document.activeElement instanceof HTMLElement ? document.activeElement : grid.element;
      openMenu({ label: 'Column', items, x: at.left, y: at.bottom, opener });
    },
    cellMenu: (place, x, y) => {
      const items = actions()?.cellMenu(place) ?? [];
      openMenu({ label: 'Row', items: () => items, x, y, opener: grid.element });
    },
  });
  return grid;
}

/**
 * `/` goes to the filter from anywhere but a field, Ctrl+F to the search. VS Code runs its own copy command in the page, on the desktop even
 * when the key was handled here: it copies rows too, once.
 */
function pageKeys(
  filter: { current: VscodeTextfield | null },
  state: TraceState,
  grid: RowGrid,
  copy: () => void,
): () => void {
  let copiedAt = 0;
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key.toLowerCase() === 'c' && (event.ctrlKey || event.metaKey)) copiedAt = event.timeStamp;
    if (findKey(event, state)) {
      event.preventDefault();
      return;
    }
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    event.preventDefault();
    filter.current?.focus();
  };
  const onCopy = (event: ClipboardEvent): void => {
    if (document.activeElement !== grid.element) return;
    event.preventDefault();
    if (event.timeStamp - copiedAt > 500) copy();
  };
  document.addEventListener('keydown', onKeyDown);
  document.addEventListener('copy', onCopy);
  return () => {
    document.removeEventListener('keydown', onKeyDown);
    document.removeEventListener('copy', onCopy);
  };
}

/** Ctrl+F searches, F3 and Shift+F3 go on; says whether the key was one of them. */
function findKey(event: KeyboardEvent, { find }: TraceState): boolean {
  if (event.altKey) return false;
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === 'f') {
    find.show();
    document.querySelector<HTMLInputElement>('.find .find-field')?.select();
    return true;
  }
  if (event.key !== 'F3' || event.ctrlKey || event.metaKey) return false;
  if (find.open.value) find.step(event.shiftKey ? -1 : 1);
  else find.show();
  return true;
}

function isTyping(event: Event): boolean {
  const target = event.composedPath()[0];
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}

/** VS Code changes the body's class and its variables when theme or font change. */
function watchTheme(grid: RowGrid): () => void {
  const observer = new MutationObserver(() => grid.restyle());
  observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
  return () => observer.disconnect();
}
