import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Announcer } from '../shared/announce.ts';
import { count, visible } from '../shared/format.ts';
import { IconButton } from '../shared/iconButton.tsx';
import { stepText } from './copyText.ts';
import { press, type Actions, type Pressed } from './keys.ts';
import { MiddleColumn } from './middleColumn.tsx';
import { SourceColumn } from './sourceColumn.tsx';
import { StateColumn } from './stateColumn.tsx';
import type { ExplorerState } from './state.ts';
import { Stepper } from './stepper.tsx';
import { VerdictPart } from './verdictPart.tsx';

/** The verifier explorer: C source, instructions and state side by side, and below them the verdict and the stepper. */
export function ExplorerApp({ state }: { state: ExplorerState }): JSX.Element {
  const spoken = useRef<HTMLDivElement>(null);
  const announcer = useRef<Announcer | null>(null);
  const info = state.info.value;
  const said = state.said.value;

  useEffect(() => {
    announcer.current = new Announcer(spoken.current!);
    const onKey = (event: KeyboardEvent): void => {
      if (press(pressed(event), actionsOf(state))) event.preventDefault();
    };
    addEventListener('keydown', onKey, { capture: false });
    return () => {
      removeEventListener('keydown', onKey);
      announcer.current?.dispose();
    };
  }, []);
  useEffect(() => {
    if (said !== '') announcer.current?.say(said);
  }, [said]);
  useEffect(() => {
    const { now } = state;
    return now.subscribe((view) => {
      if (view !== null)
        announcer.current?.say(`${view.insn}: ${view.text}${view.line > 0 ? `, line ${view.line}` : ''}`);
    });
  }, []);

  return (
    <main class="explorer" aria-label="Verifier explorer" aria-busy={info === null && state.error.value === null}>
      <Head state={state} />
      {state.error.value !== null ? (
        <div class="failure" role="alert">
          <p>{visible(state.error.value.message, 1000)}</p>
          <p class="quiet">{visible(state.error.value.remedy, 1000)}</p>
        </div>
      ) : info === null ? (
        <p class="empty">Reading the log…</p>
      ) : (
        <>
          <div class="columns">
            <SourceColumn state={state} />
            <MiddleColumn state={state} />
            <StateColumn state={state} />
          </div>
          <footer class="foot">
            <VerdictPart state={state} />
            <Stepper state={state} />
          </footer>
        </>
      )}
      <div ref={spoken} class="only-read" />
    </main>
  );
}

function Head({ state }: { state: ExplorerState }): JSX.Element {
  const info = state.info.value;
  return (
    <header class="header">
      <h1 class="name">Verifier</h1>
      <span class="about">
        <span aria-hidden="true">· </span>
        {visible(state.title.value, 200)}
        {info !== null && info.kernel !== '' && <span class="kernel"> · {visible(info.kernel, 100)}</span>}
      </span>
      {info !== null && info.parts.length > 1 && (
        <select
          class="program"
          aria-label="Program"
          value={info.part}
          onChange={(event) =>
            state.send({ type: 'open', program: info.parts[Number(event.currentTarget.value)]?.program ?? '' })
          }
        >
          {info.parts.map(({ program, verdict }, i) => (
            <option key={i} value={i}>
              {verdict === 'rejected' ? '✗ ' : verdict === 'accepted' ? '✓ ' : ''}
              {visible(program, 100)}
            </option>
          ))}
        </select>
      )}
      {info !== null && <SearchBox state={state} />}
      <span class="done">{state.done.value}</span>
      {info !== null && (
        <span class="actions" role="toolbar" aria-label="Verifier">
          {state.canVerify.value && (
            <IconButton icon="refresh" label="Verify again" onPress={() => state.send({ type: 'verify' })} />
          )}
          <IconButton
            icon="diff"
            label="Compare with another verdict"
            keys="5"
            onPress={() => state.send({ type: 'compare' })}
          />
          <IconButton icon="link" label="Copy a link to this instruction" keys="l" onPress={() => state.copyLink()} />
          <IconButton
            icon="copy"
            label="Copy this instruction and its state"
            keys="Ctrl+C"
            onPress={() => copy(state)}
          />
          <IconButton icon="output" label="Show the whole log as text" onPress={() => state.send({ type: 'log' })} />
        </span>
      )}
    </header>
  );
}

function SearchBox({ state }: { state: ExplorerState }): JSX.Element {
  const found = state.found.value;
  return (
    <span class="search" role="search">
      <input
        id="search"
        type="text"
        placeholder="Find: r1, call, scalar(…)"
        title="Finds registers, instructions and states (/)"
        aria-label="Find registers, instructions and states"
        spellcheck={false}
        onKeyDown={(event) => {
          if (event.key === 'Enter') {
            event.preventDefault();
            void state.search(event.currentTarget.value, !event.shiftKey);
          } else if (event.key === 'Escape') {
            event.preventDefault();
            document.querySelector<HTMLElement>('.rows')?.focus();
          }
        }}
      />
      <span class="found">
        {found === null
          ? ''
          : found.n === 0
            ? 'none'
            : `${count(found.k)} of ${count(found.n)}${found.more ? '+' : ''}`}
      </span>
    </span>
  );
}

function copy(state: ExplorerState): void {
  const selected = String(getSelection());
  if (selected !== '') state.copy(selected, 'the selection');
  else if (state.now.value !== null) state.copy(stepText(state.now.value, state.source.value), 'the instruction');
}

function actionsOf(state: ExplorerState): Actions {
  const searched = (): HTMLInputElement | null => document.querySelector<HTMLInputElement>('#search');
  return {
    move: (by) => void state.move(by),
    first: () => void state.first(),
    last: () => void state.last(),
    set: () => void state.goToSet(),
    visit: (forward) => void state.goToVisit(forward),
    back: () => void state.back(),
    rejected: () => {
      const end = state.info.value?.end ?? -1;
      void state.go(end, { leaf: end });
    },
    search: () => {
      searched()?.focus();
      searched()?.select();
    },
    match: (forward) => void state.search(searched()?.value ?? '', forward),
    view: (view) => state.show(view),
    copy: () => copy(state),
    link: () => state.copyLink(),
    source: () => {
      const now = state.now.value;
      if (now !== null && now.file >= 0 && now.line > 0)
        state.send({ type: 'source', file: now.file, line: now.line, column: now.column });
    },
  };
}

function pressed(event: KeyboardEvent): Pressed {
  const { key, altKey: alt, ctrlKey, metaKey, shiftKey: shift } = event;
  const target = event.target instanceof Element ? event.target : null;
  const where = target?.closest('.editor, .plain')
    ? 'source'
    : target?.closest('input, select, textarea')
      ? 'text'
      : target?.closest('.rows')
        ? 'rows'
        : target?.closest('button, vscode-toolbar-button')
          ? 'button'
          : 'page';
  return { key, alt, ctrl: ctrlKey || metaKey, shift, where };
}
