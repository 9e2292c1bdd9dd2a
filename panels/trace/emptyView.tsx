import '@vscode-elements/elements/dist/vscode-button/index.js';
import type { JSX } from 'preact';
import { visible } from '../shared/format.ts';
import type { TraceState } from './state.ts';
import { emptyState } from './status.ts';

/** What stands in place of rows: why there are none, and what to do. */
export function EmptyView({ state, clearFilter }: { state: TraceState; clearFilter: () => void }): JSX.Element | null {
  const counts = state.counts.value;
  const run = state.run.value;
  // Rows may still show while a run is being replaced; the words belong to an empty table only.
  if (counts !== null && counts.matching > 0 && run !== null) return null;
  const empty = emptyState({
    run,
    spec: state.spec.value,
    where: state.where.value,
    stored: counts?.stored ?? 0,
    partial: counts?.partial ?? false,
    ready: state.ready.value,
  });
  return (
    <div class="empty">
      <span class={`codicon codicon-${empty.icon} ${empty.icon === 'error' ? 'failed' : ''}`} aria-hidden="true" />
      <p class="empty-title">{visible(empty.title)}</p>
      {empty.lines.map((line, i) => (
        <p key={i} class="empty-line">
          {visible(line)}
        </p>
      ))}
      {empty.detail !== '' && (
        <pre class="empty-detail" tabIndex={0} aria-label="Details">
          {empty.detail
            .slice(0, 20_000)
            .split('\n')
            .map((line) => visible(line))
            .join('\n')}
        </pre>
      )}
      {empty.action === 'restart' && <vscode-button onClick={() => state.restart()}>Attach again</vscode-button>}
      {empty.action === 'adopt' && <vscode-button onClick={() => state.restart()}>Go on with it</vscode-button>}
      {empty.action === 'clear-filter' && (
        <vscode-button secondary onClick={clearFilter}>
          Clear the filter
        </vscode-button>
      )}
    </div>
  );
}

/** One line above the rows when something is wrong but there still are rows to see. */
export function Banner({ state }: { state: TraceState }): JSX.Element | null {
  const run = state.run.value;
  const failure = state.failure.value;
  const rows = (state.counts.value?.matching ?? 0) > 0;
  const error = failure ?? (rows && run !== null ? run.error : null);
  if (error === null) return null;
  return (
    <div class="banner" role="alert" title={visible(error.detail)}>
      <span class="codicon codicon-error" aria-hidden="true" />
      <span>
        {visible(error.message)} <span class="remedy">{visible(error.remedy)}</span>
      </span>
    </div>
  );
}
