import type { JSX } from 'preact';
import { count, visible } from '../shared/format.ts';
import type { TraceState } from './state.ts';

/** Says that the rows are in another order, of which rows, and what came since. */
export function SortBar({ state, focusRows }: { state: TraceState; focusRows: () => void }): JSX.Element | null {
  const sorting = state.sorting.value;
  const sort = state.table.sort.value;
  if (sort.length === 0 || state.table.groups.value !== null) return null;
  const inRows = (action: () => void): void => {
    action();
    focusRows();
  };
  const title = (id: string): string => {
    const column = state.columns.value.find((candidate) => candidate.id === id);
    return visible(column?.title ?? id.replace(/^[@=]/, ''), 40);
  };
  const by = sort.map(({ column, descending }) => `${title(column)} ${descending ? '↓' : '↑'}`).join(', ');
  const arrival = (
    <button type="button" class="text-button" onClick={() => inRows(() => state.sortBy([]))}>
      {sorting === null || sorting.done < 1 ? 'Cancel' : 'Arrival order'}
    </button>
  );
  if (sorting === null || sorting.done < 1) {
    const percent = Math.round(100 * (sorting?.done ?? 0));
    return (
      <div class="sortbar">
        <span class="codicon codicon-loading codicon-spin" aria-hidden="true" />
        <span>
          Sorting by {by}: {percent} %
        </span>
        {arrival}
      </div>
    );
  }
  return (
    <div class="sortbar">
      <span class="codicon codicon-table" aria-hidden="true" />
      <span>
        Sorted by {by}: the {count(state.counts.value?.matching ?? null)} rows that were there then
        {sorting.gone > 0 && `, ${count(sorting.gone)} of which have left the store`}
      </span>
      {sorting.waiting > 0 && (
        <button type="button" class="text-button" title="Sort again" onClick={() => inRows(() => state.sortAgain())}>
          {count(sorting.waiting)} new {sorting.waiting === 1 ? 'row' : 'rows'}
        </button>
      )}
      {arrival}
    </div>
  );
}
