import type { JSX } from 'preact';
import { count, visible } from '../shared/format.ts';
import type { TraceState } from './state.ts';
import { spanText } from './tools/figures.ts';

export interface ViewBarProps {
  state: TraceState;
  columns: (opener: HTMLElement) => void;
  group: (opener: HTMLElement) => void;
}

/** Beside the filter: which stream, how much of it shows, and which columns. */
export function ViewBar({ state, columns, group }: ViewBarProps): JSX.Element {
  const hidden = state.columns.value.filter((column) => state.hidden.value.has(column.id)).length;
  return (
    <div class="viewbar-right">
      <Counts state={state} />
      <Streams state={state} />
      <button
        type="button"
        class="text-button"
        aria-haspopup="menu"
        title="Count rows by the values of columns"
        onClick={(event) => group(event.currentTarget)}
      >
        Group
        <span class="codicon codicon-chevron-down" aria-hidden="true" />
      </button>
      <button
        type="button"
        class="text-button"
        aria-haspopup="menu"
        title={hidden === 0 ? 'Choose the columns' : `Choose the columns (${hidden} hidden)`}
        onClick={(event) => columns(event.currentTarget)}
      >
        Columns
        {hidden > 0 && <span class="badge">{hidden} hidden</span>}
        <span class="codicon codicon-chevron-down" aria-hidden="true" />
      </button>
    </div>
  );
}

function Counts({ state }: { state: TraceState }): JSX.Element | null {
  const counts = state.counts.value;
  if (counts === null) return null;
  const left = counts.delivered - counts.stored;
  const title =
    left > 0
      ? `${count(counts.delivered)} delivered; the oldest ${count(left)} have left the store`
      : `${count(counts.delivered)} delivered, all of them stored`;
  const selected = state.selected.value;
  const figures = state.tools.selected.value;
  return (
    <span class="counts" title={title}>
      {selected > 1 && (
        <>
          <button
            type="button"
            class="selected-count"
            title="Show time and figures of the selected rows"
            onClick={() => state.toggleDetail(true)}
          >
            {count(selected)} selected
            {figures !== null && `, ${spanText(figures.figures)}`}
          </button>
          {' · '}
        </>
      )}
      {state.where.value === '' ? (
        <span>
          {count(counts.stored)} {counts.stored === 1 ? 'row' : 'rows'}
        </span>
      ) : (
        <span>
          {count(counts.matching)}
          {counts.partial ? '+' : ''} of {count(counts.stored)}
        </span>
      )}
    </span>
  );
}

/** Only there when there is a choice. */
function Streams({ state }: { state: TraceState }): JSX.Element | null {
  const run = state.run.value;
  const names = new Set([
    ...(run?.schemas.map((schema) => schema.stream) ?? []),
    ...(run?.ledger.streams.map((stream) => stream.name) ?? []),
  ]);
  const shown = state.shownStream.value;
  if (shown !== '') names.add(shown);
  if (names.size < 2) return null;
  return (
    <vscode-single-select
      class="streams"
      label="Stream"
      title="Stream"
      value={shown}
      onChange={(event) => state.selectStream(event.currentTarget.value)}
    >
      {[...names].map((name) => (
        <vscode-option key={name} value={name} selected={name === shown}>
          {visible(name, 100)}
        </vscode-option>
      ))}
    </vscode-single-select>
  );
}
