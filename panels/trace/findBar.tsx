import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { count, visible } from '../shared/format.ts';
import { IconButton } from '../shared/iconButton.tsx';
import type { FindState } from './find.ts';

/** The search over the rows, as Ctrl+F opens it in an editor. */
export function FindBar({ find, leave }: { find: FindState; leave: () => void }): JSX.Element | null {
  const field = useRef<HTMLInputElement>(null);
  const open = find.open.value;
  useEffect(() => {
    if (open) field.current?.select();
  }, [open]);
  if (!open) return null;
  const error = find.error.value;
  const byExpr = find.by.value === 'expr';
  const close = (): void => {
    find.close();
    leave();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') find.step(event.shiftKey ? -1 : 1);
    else if (event.key === 'Escape') close();
    else if (event.key === 'ArrowDown') leave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="find" role="search" aria-label="Find in the rows">
      <input
        ref={field}
        class={error === null ? 'find-field' : 'find-field invalid'}
        type="text"
        spellcheck={false}
        autocomplete="off"
        aria-label={byExpr ? 'Find rows that meet a condition' : 'Find a text in the rows'}
        aria-invalid={error !== null}
        placeholder={byExpr ? 'Find, such as ret < 0' : 'Find'}
        value={find.text.value}
        onInput={(event) => find.type(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <button
        type="button"
        class="toggle"
        aria-pressed={byExpr}
        title="A condition over fields, as in the filter"
        onClick={() => find.searchBy(byExpr ? 'text' : 'expr')}
      >
        expr
      </button>
      <span class="find-count" role="status">
        {countText(find)}
      </span>
      <IconButton icon="chevron-up" label="Previous match (Shift+F3)" onPress={() => find.step(-1)} />
      <IconButton icon="chevron-down" label="Next match (F3)" onPress={() => find.step(1)} />
      <IconButton icon="close" label="Close (Escape)" onPress={close} />
      {error !== null && (
        <div class="fault" role="alert">
          <div>{visible(error.message)}</div>
          {error.remedy !== '' && <div class="remedy">{visible(error.remedy)}</div>}
        </div>
      )}
    </div>
  );
}

/** "3 of 1,204", "1,204+ matches", "No matches" */
export function countText(find: Pick<FindState, 'result' | 'error' | 'text'>): string {
  const result = find.result.value;
  if (find.error.value !== null || find.text.value.trim() === '') return '';
  if (result === null) return 'Searching…';
  const more = result.partial ? '+' : '';
  if (result.matches === 0) return result.partial ? 'Searching…' : 'No matches';
  const { ordinal } = result;
  if (ordinal === null) return `${count(result.matches)}${more} ${result.matches === 1 ? 'match' : 'matches'}`;
  return `${count(ordinal)} of ${count(result.matches)}${more}`;
}
