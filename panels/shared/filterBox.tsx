import type { VscodeTextfield } from '@vscode-elements/elements/dist/vscode-textfield/vscode-textfield.js';
import type { JSX, RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ReadonlySignal } from '@preact/signals';
import type { Completions, ErrorData } from '@ringside/core/model';
import { Proposals, useProposals } from './proposals.tsx';
import { visible } from './format.ts';

/** Typing applies itself after this pause. */
const PAUSE_MS = 250;
/** Characters of the expression shown on each side of the fault. */
const AROUND = 40;

/** A filter that the engine did not take. The rows shown are still those of the filter before it. */
export interface FilterFault {
  where: string;
  error: ErrorData;
  at: number | null;
}

export interface Filtered {
  readonly where: ReadonlySignal<string>;
  readonly filterFault: ReadonlySignal<FilterFault | null>;
  /** Tries a filter. */
  applyFilter(where: string): void;
}

export interface FilterBoxProps {
  state: Filtered;
  /** Gives what can stand at a place; left out where nobody knows. */
  complete?: (text: string, at: number) => Promise<Completions>;
  /** What may be typed, as an example. */
  example: string;
  field: RefObject<VscodeTextfield>;
  /** Gives the keyboard back to the rows. */
  leave: () => void;
}

/** The filter: an EXPR, applied on Enter or when typing rests; what is wrong with it stands below, over the rows. */
export function FilterBox({ state, complete, example, field, leave }: FilterBoxProps): JSX.Element {
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const [filled, setFilled] = useState(state.where.value !== '');
  const proposals = useProposals(field, complete, () => onInput(false));
  const where = state.where.value;
  const fault = state.filterFault.value;

  // A filter set elsewhere (menu, restored state) shows here; text that is being typed is the user's.
  useEffect(() => {
    const element = field.current;
    if (element === null || fault !== null) return;
    if (document.activeElement !== element || element.value.trim() === '') element.value = where;
    setFilled(element.value !== '');
  }, [where]);

  // What is wrong before the end is not about to be typed: it is said, instead of what could come next.
  useEffect(() => {
    if (fault !== null && fault.at !== null && fault.at < fault.where.trimEnd().length) proposals.close();
  }, [fault]);

  const apply = (): void => {
    if (timer.current !== null) clearTimeout(timer.current);
    timer.current = null;
    state.applyFilter(field.current?.value ?? '');
  };
  const onInput = (propose = true): void => {
    if (propose) proposals.ask();
    setFilled((field.current?.value ?? '') !== '');
    if (timer.current !== null) clearTimeout(timer.current);
    timer.current = setTimeout(apply, PAUSE_MS);
  };
  const clear = (): void => {
    if (field.current !== null) field.current.value = '';
    setFilled(false);
    apply();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (proposals.key(event)) return;
    if (event.key === 'Enter' || event.key === 'Escape') proposals.close();
    if (event.key === 'Enter') apply();
    else if (event.key === 'Escape' || event.key === 'ArrowDown') leave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div class="filter" role="search">
      <vscode-textfield
        ref={field}
        class="filter-field"
        label="Filter: a condition over fields"
        placeholder={`Filter, such as ${example}`}
        title="Press / to come here, Enter to apply, Escape to leave"
        autocomplete="off"
        spellcheck={false}
        invalid={fault !== null}
        onInput={() => onInput()}
        onBlur={() => proposals.close()}
        onKeyDown={onKeyDown}
      >
        <span
          slot="content-before"
          class={`codicon ${fault === null ? 'codicon-filter' : 'codicon-error'}`}
          aria-hidden="true"
        />
        {filled ? (
          <button slot="content-after" type="button" class="clear" title="Clear the filter" onClick={clear}>
            <span class="codicon codicon-close" aria-hidden="true" />
            <span class="only-read">Clear the filter</span>
          </button>
        ) : (
          // Without it the input's own background lies over the round corners of the border.
          <span slot="content-after" class="field-end" />
        )}
      </vscode-textfield>
      <Proposals proposals={proposals} />
      {fault !== null && !proposals.open && <Fault fault={fault} />}
    </div>
  );
}

function Fault({ fault }: { fault: FilterFault }): JSX.Element {
  return (
    <div class="fault" role="alert">
      {fault.at !== null && <FaultPlace where={fault.where} at={fault.at} />}
      <div>{visible(fault.error.message)}</div>
      {fault.error.remedy !== '' && <div class="remedy">{visible(fault.error.remedy)}</div>}
    </div>
  );
}

/** The expression with a caret under the fault. Each character takes one place, so the caret stands right. */
function FaultPlace({ where, at }: { where: string; at: number }): JSX.Element {
  const from = Math.max(0, at - AROUND);
  const lead = from > 0 ? '…' : '';
  const text = where.slice(from, at + AROUND).replace(/[^\x20-\x7e]/g, '·');
  return (
    <pre class="place" aria-hidden="true">
      {`${lead}${text}${at + AROUND < where.length ? '…' : ''}\n${' '.repeat(lead.length + at - from)}^`}
    </pre>
  );
}
