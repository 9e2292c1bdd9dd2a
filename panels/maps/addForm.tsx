import type { JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { visible } from '../shared/format.ts';
import { errorOf, type MapsState } from './state.ts';

/** A new entry: key and value as JSON, as they would be typed after `ringside map set`. */
export function AddForm({ state, close }: { state: MapsState; close: () => void }): JSX.Element | null {
  const first = useRef<HTMLInputElement>(null);
  const key = useRef<HTMLInputElement>(null);
  const value = useRef<HTMLInputElement>(null);
  const [fault, setFault] = useState('');
  const shown = state.shown.value;
  const keyless = shown?.template.key === '';

  useLayoutEffect(() => {
    first.current?.focus();
    first.current?.select();
  }, []);

  if (shown === null) return null;
  const add = async (): Promise<void> => {
    try {
      await state.change({ do: 'add', key: key.current?.value ?? '', value: value.current?.value ?? '' });
      close();
    } catch (error) {
      const { message, remedy } = errorOf(error);
      setFault([message, remedy].filter((part) => part !== '').join(' '));
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.key !== 'Escape') return;
    event.preventDefault();
    close();
  };
  const input = (label: string, start: string, place: typeof key): JSX.Element => (
    <label>
      <span>{label}</span>
      <input
        ref={(element) => {
          place.current = element;
          if (keyless || label === 'key') first.current = element;
        }}
        type="text"
        spellcheck={false}
        autocomplete="off"
        defaultValue={start}
        aria-invalid={fault !== ''}
        onInput={() => setFault('')}
      />
    </label>
  );
  return (
    <form
      class="add-form"
      aria-label="New entry"
      onKeyDown={onKeyDown}
      onSubmit={(event) => {
        event.preventDefault();
        void add();
      }}
    >
      {!keyless && input('key', shown.template.key, key)}
      {input('value', shown.template.value, value)}
      <button type="submit" class="push-button" disabled={state.busy.value}>
        {keyless ? 'Put In' : 'Add'}
      </button>
      <button type="button" class="push-button second" onClick={close}>
        Cancel
      </button>
      {fault !== '' && (
        <div class="add-fault" role="alert">
          {visible(fault)}
        </div>
      )}
    </form>
  );
}
