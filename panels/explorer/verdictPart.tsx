import type { VerdictReason } from '@ringside/core/model';
import type { JSX } from 'preact';
import { visible } from '../shared/format.ts';
import { IconButton } from '../shared/iconButton.tsx';
import { KernelReport } from '../shared/kernelReport.tsx';
import type { ExplorerState } from './state.ts';

/** Why the program was rejected, the way there, and what repairs it. */
export function VerdictPart({ state }: { state: ExplorerState }): JSX.Element | null {
  const info = state.info.value;
  if (info === null) return null;
  const { reason, parts, part } = info;
  if (reason === null) {
    const accepted = parts[part]?.verdict === 'accepted';
    return (
      <section class="verdict" aria-label="Verdict">
        <p class="verdict-title">{accepted ? '✓ accepted' : 'The log does not say that anything was rejected.'}</p>
      </section>
    );
  }
  return (
    <section class="verdict" aria-label="Verdict">
      <p class="verdict-title bad">✗ {visible(reason.title, 500)}</p>
      {reason.message !== '' && <p class="verdict-message">{visible(reason.message.replaceAll('\n', ' '), 2000)}</p>}
      <Chain reason={reason} state={state} />
      {reason.kernelSuggestion !== '' && (
        <p class="verdict-message">
          <span class="quiet">The kernel suggests: </span>
          {visible(reason.kernelSuggestion, 1000)}
        </p>
      )}
      <Fixes reason={reason} state={state} />
      <KernelReport reason={reason} open={false} />
    </section>
  );
}

function Chain({ reason, state }: { reason: VerdictReason; state: ExplorerState }): JSX.Element | null {
  const { end } = state.info.value!;
  if (end < 0) return null;
  return (
    <ol class="chain" aria-label="How it came to this">
      {reason.cause.map((cause, i) => (
        <li key={i}>
          <button
            type="button"
            class="link"
            title={`Go to the last visit of this line`}
            onClick={() => void state.goToLine(cause.file, cause.line)}
          >
            line {cause.line}
          </button>
          <span>{visible(cause.message, 300)}</span>
        </li>
      ))}
      <li>
        <button
          type="button"
          class="link"
          title="Go to the instruction that was rejected (x)"
          onClick={() => void state.go(end, { leaf: end })}
        >
          {reason.line > 0 ? `line ${reason.line}` : 'the end'}
        </button>
        <span>rejected here</span>
      </li>
    </ol>
  );
}

function Fixes({ reason, state }: { reason: VerdictReason; state: ExplorerState }): JSX.Element | null {
  if (reason.fixes.length === 0) return null;
  const why = state.noFix.value;
  return (
    <p class="fixes">
      {reason.fixes.map(({ title }, i) => (
        <button
          key={i}
          type="button"
          class="fix"
          disabled={why !== ''}
          title={why === '' ? 'Puts this into the source' : why}
          onClick={() => state.send({ type: 'fix', fix: i })}
        >
          <span class="codicon codicon-lightbulb" aria-hidden="true" />
          {visible(title, 200)}
        </button>
      ))}
      {why !== '' && <span class="quiet">{visible(why, 300)}</span>}
      {why !== '' && state.canVerify.value && (
        <IconButton
          icon="refresh"
          label="Verify again"
          text="Verify again"
          onPress={() => state.send({ type: 'verify' })}
        />
      )}
    </p>
  );
}
