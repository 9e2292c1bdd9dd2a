import type { JSX } from 'preact';
import { count } from '../shared/format.ts';
import type { TraceState } from './state.ts';

/** Says how many rows came since the view stood still, and goes to them. */
export function NewRows({ state, focusRows }: { state: TraceState; focusRows: () => void }): JSX.Element | null {
  const waiting = state.newRows.value;
  if (waiting === 0) return null;
  const go = (): void => {
    if (state.paused.value) state.setPaused(false);
    else state.follow();
    focusRows();
  };
  return (
    <button type="button" class="new-rows" onClick={go} title="Follow again (End)">
      <span class="codicon codicon-arrow-down" aria-hidden="true" />
      {count(waiting)} new {waiting === 1 ? 'row' : 'rows'}
    </button>
  );
}
