import type { VscodeTextfield } from '@vscode-elements/elements/dist/vscode-textfield/vscode-textfield.js';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Announcer } from '../shared/announce.ts';
import { onEntryFocus } from '../shared/entryFocus.ts';
import { FilterBox } from '../shared/filterBox.tsx';
import { visible } from '../shared/format.ts';
import { RowGrid } from '../shared/grid/rowGrid.ts';
import { Menu, type MenuItem, type MenuRequest } from '../shared/menu.tsx';
import { MapsActions } from './actions.ts';
import { AddForm } from './addForm.tsx';
import { CellEditor, type Editing } from './cellEditor.tsx';
import { EntryDetail } from './entryDetail.tsx';
import { HistogramView } from './histogramView.tsx';
import { KeptTimes } from './keptTimes.tsx';
import { MapList } from './mapList.tsx';
import { drawSpark, numbersOf, sparkWords } from './spark.ts';
import type { MapsState } from './state.ts';
import { Toolbar } from './toolbar.tsx';
import { Trouble } from './trouble.tsx';
import { shownWords } from './words.ts';

/** The Maps panel: the list of maps, and the rows or histograms of the one that is chosen. */
export function MapsApp({ state }: { state: MapsState }): JSX.Element {
  const gridBox = useRef<HTMLDivElement>(null);
  const spoken = useRef<HTMLDivElement>(null);
  const filter = useRef<VscodeTextfield>(null);
  const grid = useRef<RowGrid | null>(null);
  const actions = useRef<MapsActions | null>(null);
  const [menu, setMenu] = useState<MenuRequest | null>(null);
  const [editing, setEditing] = useState<Editing | null>(null);
  const focusRows = (): void => grid.current?.focus();

  const beginEdit = (typed: string | null = null): boolean => {
    const place = grid.current?.activePlace() ?? null;
    const cell = grid.current?.activeCell() ?? null;
    const column = state.columns.value.find(({ id }) => id === place?.column?.id);
    const seq = place?.seq ?? null;
    if (place === null || seq === null || cell === null || column?.editable !== true) return false;
    const [box, area] = [cell.getBoundingClientRect(), gridBox.current!.getBoundingClientRect()];
    const at = { left: box.left - area.left, top: box.top - area.top, width: box.width, height: box.height };
    state.editing.value = true;
    setEditing({ seq, column, text: typed ?? place.text, typed: typed !== null, ...at });
    return true;
  };
  const endEdit = (): void => {
    state.editing.value = false;
    setEditing(null);
    focusRows();
  };

  const openHistogramMenu = (opener: HTMLElement, x: number, y: number): void => {
    const items = (): MenuItem[] => actions.current?.chartItems(state.where.value) ?? [];
    setMenu({ label: 'Histograms', items, x, y, opener });
  };

  useEffect(() => {
    const made = makeGrid(gridBox.current!, state, {
      openMenu: setMenu,
      actions: () => actions.current,
      edit: beginEdit,
    });
    grid.current = made;
    actions.current = new MapsActions(state, made, () => beginEdit());
    state.attachGrid(made);
    const announcer = new Announcer(spoken.current!);
    const stopSpeaking = state.notice.subscribe((notice) => {
      if (notice !== null) announcer.say(visible(notice.text));
    });
    const stopTrouble = state.shown.subscribe((shown) => {
      if (shown?.trouble) announcer.say(visible(shown.trouble.error.message));
    });
    const stopKeys = gridKeys(made, state, { actions: () => actions.current, edit: beginEdit, filter });
    const stopTheme = watchTheme(made);
    const stopEntry = onEntryFocus(() => document.querySelector<HTMLElement>('.map-list [role="listbox"]')?.focus());
    return () => {
      stopSpeaking();
      stopTrouble();
      stopKeys();
      stopTheme();
      stopEntry();
      announcer.dispose();
      made.dispose();
    };
  }, [state]);

  // Another map is another table: what was typed into belongs to the one before.
  useEffect(() => setEditing(null), [state.target.value]);

  const shown = state.shown.value;
  const histogram = state.asHistogram.value;
  const notice = state.notice.value;
  const old = state.isOld.value && (shown?.readAt ?? null) !== null;
  const words = shown === null ? '' : shownWords(shown, old ? 'old' : state.look.value.paused ? 'paused' : 'live');
  const rowsGone = histogram || (shown !== null && shown.columns.length === 0);
  return (
    <main class="maps" aria-label="Maps">
      <MapList state={state} />
      <div class="map-view">
        <Toolbar state={state} actions={() => actions.current} openMenu={setMenu} />
        <div class="map-bar">
          {!histogram || state.where.value !== '' ? (
            <FilterBox state={state} example={'value > 100 && rate > 0'} field={filter} leave={focusRows} />
          ) : null}
          <span class={old ? 'map-words old' : 'map-words'} title={words}>
            {words}
          </span>
        </div>
        {state.adding.value && (
          <AddForm
            state={state}
            close={() => {
              state.adding.value = false;
              focusRows();
            }}
          />
        )}
        <KeptTimes state={state} />
        <Trouble state={state} />
        <div class={old ? 'map-rows old' : 'map-rows'}>
          <div class="grid-box" ref={gridBox} hidden={rowsGone} />
          {histogram && <HistogramView state={state} openMenu={openHistogramMenu} />}
          {editing !== null && !rowsGone && <CellEditor state={state} at={editing} close={endEdit} />}
          {notice !== null && <div class={`notice ${notice.bad ? 'bad' : ''}`}>{visible(notice.text)}</div>}
        </div>
        {state.detailOpen.value && !histogram && (
          <EntryDetail
            state={state}
            close={() => {
              state.toggleDetail(false);
              focusRows();
            }}
          />
        )}
      </div>
      <div ref={spoken} class="only-read" />
      {menu !== null && <Menu request={menu} close={() => setMenu(null)} />}
    </main>
  );
}

interface GridParts {
  openMenu: (request: MenuRequest) => void;
  actions: () => MapsActions | null;
  edit: (typed?: string | null) => boolean;
}

function makeGrid(parent: HTMLElement, state: MapsState, { openMenu, actions, edit }: GridParts): RowGrid {
  const options = {
    id: 'maps-grid',
    rowId: 'm',
    label: 'Entries',
    follows: false,
    editable: true,
    draw: (cell: HTMLElement, { column }: { column: { id: string } }, text: string) => {
      if (column.id !== 'trend') return false;
      drawSpark(cell, text);
      return true;
    },
  };
  const grid: RowGrid = new RowGrid(parent, options, {
    want: (want) => state.want(want),
    follow: () => undefined,
    selection: (selection) => (state.selected.value = selection.size),
    active: (seq) => state.activeChanged(seq),
    detail: () => {
      const place = grid.activePlace();
      if (place !== null && actions()?.openInner(place) === true) return;
      if (!edit()) state.toggleDetail();
    },
    escape: () => state.toggleDetail(false),
    copy: () => void actions()?.copy('tsv'),
    end: () => false,
    resize: (id, width) => state.resizeColumn(id, width),
    render: (_column, text) => text,
    tooltip: ({ column }, text) => (column.id === 'trend' ? sparkWords(numbersOf(text)) : visible(text, 2000)),
    columnMenu: (id, at) => {
      const items = (): MenuItem[] => actions()?.columnMenu(id) ?? [];
      const opener = document.activeElement instanceof HTMLElement ? document.activeElement : grid.element;
      openMenu({ label: 'Column', items, x: at.left, y: at.bottom, opener });
    },
    cellMenu: (place, x, y) => {
      const items = actions()?.cellMenu(place) ?? [];
      openMenu({ label: 'Entry', items: () => items, x, y, opener: grid.element });
    },
  });
  return grid;
}

interface KeyParts {
  actions: () => MapsActions | null;
  edit: (typed?: string | null) => boolean;
  filter: { current: VscodeTextfield | null };
}

/** Typing begins an edit, F2 too; Delete deletes, Ctrl+Z takes back, `/` goes to the filter. */
function gridKeys(grid: RowGrid, state: MapsState, { actions, edit, filter }: KeyParts): () => void {
  const inGrid = (event: KeyboardEvent): boolean => {
    const control = event.ctrlKey || event.metaKey;
    if (control && event.key.toLowerCase() === 'z' && !event.shiftKey) {
      void state.tryChange({ do: 'undo' });
      return true;
    }
    if (control || event.altKey) return false;
    if (event.key === 'F2') return edit();
    if (event.key === 'Delete') {
      void actions()?.delete();
      return true;
    }
    const typing = event.key.length === 1 && event.key !== ' ' && event.key !== '/';
    return typing && edit(event.key);
  };
  const onGridKey = (event: KeyboardEvent): void => {
    if (document.activeElement !== grid.element || !inGrid(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const onPageKey = (event: KeyboardEvent): void => {
    const target = event.composedPath()[0];
    const typing = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
    if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    filter.current?.focus();
  };
  grid.element.addEventListener('keydown', onGridKey, true);
  document.addEventListener('keydown', onPageKey);
  return () => {
    grid.element.removeEventListener('keydown', onGridKey, true);
    document.removeEventListener('keydown', onPageKey);
  };
}

/** VS Code changes the body's class and its variables when theme or font change. */
function watchTheme(grid: RowGrid): () => void {
  const observer = new MutationObserver(() => grid.restyle());
  observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
  return () => observer.disconnect();
}
