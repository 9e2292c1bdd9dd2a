import type { VscodeTextfield } from '@vscode-elements/elements/dist/vscode-textfield/vscode-textfield.js';
import type { Completion, Completions } from '@ringside/core/model';
import type { JSX, RefObject } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { visible } from './format.ts';

/** Proposals come when typing rests for so long. */
const PAUSE_MS = 120;
/** Most that are shown; what is typed further narrows them. */
const MOST_SHOWN = 12;

interface Shown extends Completions {
  /** The one that Enter or Tab takes; -1 = none yet, so that Enter still applies the filter. */
  chosen: number;
}

export interface ProposalList {
  readonly open: boolean;
  readonly shown: Shown | null;
  /** Asks what can stand where the cursor is. */
  ask(): void;
  close(): void;
  take(item: Completion): void;
  /** Says whether the key was the list's. */
  key(event: KeyboardEvent): boolean;
}

/** What can stand at the cursor of a field. */
export function useProposals(
  field: RefObject<VscodeTextfield>,
  complete: ((text: string, at: number) => Promise<Completions>) | undefined,
  changed: () => void,
): ProposalList {
  const [shown, setShown] = useState<Shown | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const asked = useRef(0);

  const close = (): void => {
    if (timer.current !== null) clearTimeout(timer.current);
    timer.current = null;
    asked.current++;
    setShown(null);
  };
  const ask = (): void => {
    if (complete === undefined) return;
    if (timer.current !== null) clearTimeout(timer.current);
    const question = ++asked.current;
    timer.current = setTimeout(() => {
      const element = field.current;
      if (element === null) return;
      const at = cursorOf(element);
      complete(element.value, at).then(
        (answer) => {
          // Something else was typed meanwhile, or the field was left.
          if (question !== asked.current) return;
          setShown(answer.items.length === 0 ? null : { ...answer, chosen: -1 });
        },
        () => setShown(null), // without an answer there is nothing to propose
      );
    }, PAUSE_MS);
  };
  const take = (item: Completion): void => {
    const element = field.current;
    if (element === null || shown === null) return;
    const before = element.value.slice(0, shown.from);
    // What was typed since the proposals came belongs to the word that is replaced.
    const after = element.value.slice(Math.max(shown.to, cursorOf(element)));
    const text = `${before}${item.text}${after === '' ? ' ' : ''}`;
    element.value = text + after;
    setCursor(element, text.length);
    close();
    changed();
    ask();
  };
  const key = (event: KeyboardEvent): boolean => {
    if (event.key === ' ' && event.ctrlKey) ask();
    else if (shown === null || !listKey(event, shown, setShown, take)) return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  return { open: shown !== null, shown, ask, close, take, key };
}

function listKey(
  event: KeyboardEvent,
  shown: Shown,
  setShown: (shown: Shown) => void,
  take: (item: Completion) => void,
): boolean {
  const count = Math.min(shown.items.length, MOST_SHOWN);
  const go = (by: number): void => setShown({ ...shown, chosen: (shown.chosen + by + count) % count });
  if (event.key === 'ArrowDown') go(1);
  else if (event.key === 'ArrowUp') go(shown.chosen < 0 ? 0 : -1);
  else if (event.key === 'Tab' && !event.shiftKey) take(shown.items[Math.max(0, shown.chosen)]!);
  else if (event.key === 'Enter' && shown.chosen >= 0) take(shown.items[shown.chosen]!);
  else return false;
  return true;
}

/** The list below the field. What is chosen in it is spoken: the field's own input is out of an id's reach. */
export function Proposals({ proposals }: { proposals: ProposalList }): JSX.Element {
  const { shown } = proposals;
  const items = shown?.items.slice(0, MOST_SHOWN) ?? [];
  const chosen = shown === null ? undefined : items[shown.chosen];
  const words =
    shown === null
      ? ''
      : chosen === undefined
        ? `${shown.items.length} proposals, Down to choose`
        : `${visible(chosen.text, 100)}, ${visible(chosen.detail, 100)}`;
  return (
    <>
      <div class="only-read" role="status">
        {words}
      </div>
      {items.length > 0 && (
        <div class="proposals" role="listbox" aria-label="Proposals for the filter">
          {items.map((item, i) => (
            <div
              key={`${item.kind} ${item.text}`}
              role="option"
              aria-selected={i === shown?.chosen}
              class={`proposal ${item.kind}`}
              onPointerDown={(event) => {
                // The field keeps the focus.
                event.preventDefault();
                proposals.take(item);
              }}
            >
              <span class="proposal-text">{visible(item.text, 200)}</span>
              <span class="proposal-detail">{visible(item.detail, 100)}</span>
            </div>
          ))}
        </div>
      )}
    </>
  );
}

function inputOf(element: VscodeTextfield): HTMLInputElement | null {
  return element.shadowRoot?.querySelector('input') ?? null;
}

function cursorOf(element: VscodeTextfield): number {
  return inputOf(element)?.selectionStart ?? element.value.length;
}

function setCursor(element: VscodeTextfield, at: number): void {
  const input = inputOf(element);
  if (input === null) return;
  input.value = element.value;
  input.setSelectionRange(at, at);
}
