import type { MapColumn } from '@ringside/core/model';
import type { JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { visible } from '../shared/format.ts';
import { errorOf, type MapsState } from './state.ts';

export interface Editing {
  seq: number;
  column: MapColumn;
  text: string;
  /** What was typed took the old text's place; else the old text is there, chosen. */
  typed: boolean;
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface CellEditorProps {
  state: MapsState;
  at: Editing;
  /** Gives the keyboard back to the rows. */
  close: () => void;
}

/** Typing into a cell: Enter writes, Escape does not. What is wrong stands below it until it is right. */
export function CellEditor({ state, at, close }: CellEditorProps): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  const [fault, setFault] = useState('');
  const [busy, setBusy] = useState(false);

  // Before the next key comes: what is typed fast belongs into the field, too.
  useLayoutEffect(() => {
    const input = field.current;
    if (input === null) return;
    // Set once: what is typed is the person's, whatever is drawn anew meanwhile.
    input.value = at.text;
    input.focus();
    if (!at.typed) input.select();
  }, [at]);

  const write = async (): Promise<void> => {
    const text = field.current?.value ?? '';
    if (busy) return;
    if (text === at.text && !at.typed) {
      close();
      return;
    }
    setBusy(true);
    try {
      await state.change({ do: 'edit', seq: at.seq, column: at.column.id, text });
      close();
    } catch (error) {
      const { message, remedy } = errorOf(error);
      setFault([message, remedy].filter((part) => part !== '').join(' '));
      setBusy(false);
      field.current?.focus();
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.key === 'Enter') void write();
    else if (event.key === 'Escape') close();
    else return;
    event.preventDefault();
  };
  const name = visible(at.column.title, 200);
  const type = at.column.field === null ? '' : `, ${visible(at.column.field.type, 200)}`;
  return (
    <div class="cell-editor" style={{ left: `${at.left}px`, top: `${at.top}px`, minWidth: `${at.width}px` }}>
      <input
        ref={field}
        type="text"
        spellcheck={false}
        autocomplete="off"
        aria-label={`${name}${type}: Enter writes it to the map, Escape leaves it as it is`}
        aria-invalid={fault !== ''}
        aria-describedby="cell-fault"
        readOnly={busy}
        style={{ height: `${at.height}px` }}
        onKeyDown={onKeyDown}
        onInput={() => setFault('')}
        onBlur={() => {
          if (!busy && fault === '') close();
        }}
      />
      <div id="cell-fault" class={fault === '' ? 'only-read' : 'cell-fault'} role="alert">
        {visible(fault)}
      </div>
    </div>
  );
}
