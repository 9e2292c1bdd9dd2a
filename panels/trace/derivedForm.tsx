import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { DerivedColumn } from '@ringside/core/model';
import { visible } from '../shared/format.ts';
import type { TraceState } from './state.ts';

/** Typing shows its values after this pause. */
const PAUSE_MS = 300;

/** Where a derived column is made or changed: its values show while it is typed, and what is wrong stands below. */
export function DerivedForm({ state, leave }: { state: TraceState; leave: () => void }): JSX.Element | null {
  const editing = state.editing.value;
  return editing === null ? null : <Form key={editing.before?.expr ?? ''} state={state} leave={leave} />;
}

function Form({ state, leave }: { state: TraceState; leave: () => void }): JSX.Element {
  const { before } = state.editing.value!;
  const [expr, setExpr] = useState(before?.expr ?? '');
  const [title, setTitle] = useState(before?.title ?? '');
  const field = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const made = useRef<DerivedColumn | null>(before);
  const error = state.columns.value.find(({ id }) => id === `=${made.current?.expr ?? ''}`)?.error ?? null;

  useEffect(() => field.current?.focus(), []);
  const show = (text: string, name: string): void => {
    if (timer.current !== null) clearTimeout(timer.current);
    timer.current = null;
    if (text.trim() === '') return;
    const next = { expr: text.trim(), title: name.trim() };
    state.setDerived(next, made.current);
    made.current = next;
  };
  const typed = (text: string, name: string): void => {
    setExpr(text);
    setTitle(name);
    if (timer.current !== null) clearTimeout(timer.current);
    timer.current = setTimeout(() => show(text, name), PAUSE_MS);
  };
  const done = (): void => {
    show(expr, title);
    state.editing.value = null;
    leave();
  };
  const cancel = (): void => {
    if (timer.current !== null) clearTimeout(timer.current);
    if (before !== null) state.setDerived(before, made.current);
    else if (made.current !== null) state.removeDerived(`=${made.current.expr}`);
    state.editing.value = null;
    leave();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') done();
    else if (event.key === 'Escape') cancel();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="derived" role="group" aria-label="Derived column">
      <label>
        Column
        <input
          ref={field}
          class={error === null ? 'find-field wide' : 'find-field wide invalid'}
          type="text"
          spellcheck={false}
          placeholder="end_ns - start_ns"
          aria-invalid={error !== null}
          value={expr}
          onInput={(event) => typed(event.currentTarget.value, title)}
          onKeyDown={onKeyDown}
        />
      </label>
      <label>
        Name
        <input
          class="find-field"
          type="text"
          spellcheck={false}
          placeholder="as written"
          value={title}
          onInput={(event) => typed(expr, event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
      </label>
      <button type="button" class="text-button" onClick={done}>
        Done
      </button>
      <button type="button" class="text-button" onClick={cancel}>
        Cancel
      </button>
      {error !== null && (
        <div class="fault" role="alert">
          <pre class="place" aria-hidden="true">
            {visible(error.detail, 400).replaceAll('⟪LF⟫', '\n')}
          </pre>
          <div>{visible(error.message)}</div>
          {error.remedy !== '' && <div class="remedy">{visible(error.remedy)}</div>}
        </div>
      )}
    </div>
  );
}
