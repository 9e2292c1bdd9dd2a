import type { RunSummary, StreamLedger } from '@ringside/core/model';
import type { JSX } from 'preact';
import { visible } from '../shared/format.ts';
import type { TraceState } from './state.ts';
import { memoryText } from './tools/losses.ts';
import { accountText, isLive, ledgerWords } from './status.ts';

/**
 * The account of the shown stream, always in view: what was produced is what was delivered, what the filter left out
 * on the host and what was lost. A figure that nobody knows is called unknown.
 */
export function LedgerLine({ state }: { state: TraceState }): JSX.Element {
  const run = state.run.value;
  const all = run?.ledger.streams ?? [];
  const shown = all.filter((stream) => stream.name === state.shownStream.value);
  const streams = shown.length > 0 ? shown : all;
  const words = ledgerWords(streams, run?.programs ?? []);
  if (run === null || streams.length === 0) {
    return <footer class="ledger">{state.ready.value ? nothing(run) : ''}</footer>;
  }
  return (
    <footer class="ledger" aria-label="Ledger" title={accounts(all)} onClick={() => explain(state)}>
      {all.length > 1 && shown.length > 0 && <span class="of">{visible(state.shownStream.value, 100)}:</span>}
      <span>
        produced <b>{words.produced}</b>
      </span>
      <span>
        = delivered <b>{words.delivered}</b>
      </span>
      {words.filtered !== null && (
        <span>
          + filtered on the host <b>{words.filtered}</b>
        </span>
      )}
      <span class={words.warn ? 'lost warn' : 'lost'}>
        + lost <b>{words.lost}</b> (kernel <b>{words.kernel}</b> · agent <b>{words.agent}</b> · link <b>{words.link}</b>
        )
      </span>
      {words.notRecorded !== null && (
        <span class="lost">
          + not recorded <b>{words.notRecorded}</b>
        </span>
      )}
      {words.outOfOrder !== null && (
        <span>
          ; <b>{words.outOfOrder}</b> out of order
        </span>
      )}
      <span aria-hidden="true">·</span>
      {run.store !== undefined && (
        <span title="Memory that this run's records take here, and most of it">
          holds <b>{memoryText(run)}</b> ·
        </span>
      )}
      <span class="cost">
        cost <b>{words.cost}</b>, <b>{words.cpu}</b>
      </span>
      <button
        type="button"
        class="small ledger-why"
        aria-expanded={state.tools.section.value === 'ledger'}
        onClick={(event) => {
          event.stopPropagation();
          state.tools.toggle('ledger');
        }}
      >
        Where Are They?
      </button>
    </footer>
  );
}

/** A press anywhere on the line explains it, but not one that ends the marking of text to copy. */
function explain(state: TraceState): void {
  if (getSelection()?.isCollapsed !== false) state.tools.toggle('ledger');
}

/** All streams, one a line, for the tooltip. */
function accounts(streams: readonly StreamLedger[]): string {
  return streams.map((stream) => `${visible(stream.name, 100)}: ${accountText(ledgerWords([stream], []))}`).join('\n');
}

function nothing(run: RunSummary | null): string {
  if (run === null) return 'No run.';
  return isLive(run) ? 'Nothing is counted yet.' : 'Nothing was counted.';
}
