import type { StateFrame, StateView, Term } from '@ringside/core/model';
import type { JSX } from 'preact';
import { visible } from '../shared/format.ts';
import { Spoken } from './spoken.tsx';
import type { ExplorerState } from './state.ts';

/** Registers and stack before the instruction: what C calls them, and what the verifier knows. */
export function StateColumn({ state }: { state: ExplorerState }): JSX.Element {
  const now = state.now.value;
  const other = state.compared.value === null ? null : state.otherNow.value;
  return (
    <section class="column state" aria-label="State before the instruction">
      <div class="column-head">
        <h2>{now === null ? 'state' : `state before insn ${now.insn}`}</h2>
        {now !== null && now.references.length > 0 && (
          <span class="quiet" title="References that must be released">
            holds {now.references.map((id) => `reference ${id}`).join(', ')}
          </span>
        )}
      </div>
      {now === null ? (
        <p class="empty">No instruction is shown.</p>
      ) : (
        <div class="terms" onKeyDown={(event) => onKeys(event, state)}>
          {now.frames.map((frame, depth) => (
            <Frame key={depth} frame={frame} depth={depth} now={now} other={other} state={state} />
          ))}
          {now.frames.every(({ registers, stack }) => registers.length + stack.length === 0) && (
            <p class="empty">The log says nothing of the state here.</p>
          )}
        </div>
      )}
    </section>
  );
}

function onKeys(event: KeyboardEvent, state: ExplorerState): void {
  const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  const all = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('.term')];
  const at = all.findIndex((one) => one === document.activeElement);
  if (by === 0 || at < 0) return;
  event.preventDefault();
  event.stopPropagation();
  const next = all[at + by];
  next?.focus();
  if (next?.dataset['name'] !== undefined) state.chosen.value = next.dataset['name'];
}

interface FrameProps {
  frame: StateFrame;
  depth: number;
  now: StateView;
  other: StateView | null;
  state: ExplorerState;
}

function Frame({ frame, depth, now, other, state }: FrameProps): JSX.Element {
  const beside = new Map(
    [...(other?.frames[depth]?.registers ?? []), ...(other?.frames[depth]?.stack ?? [])].map((term) => [
      term.name,
      term,
    ]),
  );
  const list = (terms: Term[], label: string): JSX.Element | null =>
    terms.length === 0 ? null : (
      <ul aria-label={label}>
        {terms.map((term) => (
          <li key={term.name}>
            <TermRow
              term={term}
              depth={depth}
              now={now}
              other={beside.get(term.name)}
              compares={other !== null}
              state={state}
            />
          </li>
        ))}
      </ul>
    );
  const name = frame.function === '' ? (depth === 0 ? '' : 'caller') : frame.function;
  return (
    <div class={depth === 0 ? 'frame' : 'frame outer'}>
      {(now.frames.length > 1 || frame.callback) && (
        <h3>
          {visible(name, 200)}
          {frame.callback ? ' (callback)' : ''}
        </h3>
      )}
      {list(frame.registers, 'Registers')}
      {list(frame.stack, 'Stack')}
    </div>
  );
}

interface TermRowProps {
  term: Term;
  depth: number;
  now: StateView;
  other: Term | undefined;
  compares: boolean;
  state: ExplorerState;
}

function TermRow({ term, depth, now, other, compares, state }: TermRowProps): JSX.Element {
  const { name, variable, type, text, raw, changed } = term;
  const inner = depth === 0;
  const chosen = inner && state.chosen.value === name;
  const use = !inner ? '' : now.reads.includes(name) ? 'read' : now.writes.includes(name) ? 'written' : '';
  const differs = compares && other !== undefined && other.text !== text;
  const about = [use === '' ? '' : `${use} by this instruction`, changed ? 'just set' : ''].filter(
    (part) => part !== '',
  );
  return (
    <button
      type="button"
      class={`term ${chosen ? 'chosen' : ''} ${changed ? 'changed' : ''} ${use} ${differs ? 'differs' : ''}`}
      data-name={inner ? name : undefined}
      tabIndex={chosen ? 0 : -1}
      aria-pressed={chosen}
      title={`${raw}\n${inner ? 'Double-click or Enter: to where it was set' : ''}`}
      onClick={() => inner && (state.chosen.value = name)}
      onDblClick={() => inner && void state.goToSet(name)}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || !inner) return;
        event.preventDefault();
        event.stopPropagation();
        void state.goToSet(name);
      }}
    >
      <span class="term-name">{name}</span>
      <span class="term-value">
        {variable !== '' && <span class="variable">{visible(variable, 100)}</span>}
        {variable !== '' && <span class="quiet"> : </span>}
        <span>{visible(text, 400)}</span>
        {type !== '' && <span class="type">{visible(type, 100)}</span>}
        {differs && (
          <span class="beside">
            <span aria-hidden="true">≠ </span>
            <Spoken>differs, there</Spoken>
            {visible(other.text, 400)}
          </span>
        )}
        {about.length > 0 && <Spoken>{about.join(', ')}</Spoken>}
      </span>
    </button>
  );
}
