import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

export type MenuItem =
  | {
      kind?: 'item';
      label: string;
      /** Set for items that are on or off; the menu stays open when they are chosen. */
      checked?: boolean;
      disabled?: boolean;
      keys?: string;
      run: () => void;
    }
  | { kind: 'separator' };

export interface MenuRequest {
  label: string;
  /** Read on every render, so that marks follow the signals they are made from. */
  items: () => MenuItem[];
  x: number;
  y: number;
  /** Puts the menu's right edge at x. */
  alignRight?: boolean;
  /** With many items a field on top narrows them. */
  search?: string;
  /** Gets the focus back. */
  opener: HTMLElement | null;
}

/** Most items that become elements at once; the search field reaches the others. */
const MOST_ITEMS = 200;

/** A context menu with VS Code's looks and keys: arrows, Home, End, first letters, Enter, Escape. */
export function Menu({ request, close }: { request: MenuRequest; close: () => void }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ left: request.x, top: request.y });
  const [search, setSearch] = useState('');
  const shown = narrowed(request.items(), search);

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const { width, height } = element.getBoundingClientRect();
    const left = request.alignRight === true ? request.x - width : request.x;
    setPlace({
      left: Math.max(4, Math.min(left, innerWidth - width - 4)),
      top: Math.max(4, Math.min(request.y, innerHeight - height - 4)),
    });
    (element.querySelector<HTMLElement>('input') ?? itemsOf(element)[0])?.focus();
  }, [request]);

  useEffect(() => {
    const outside = (event: Event): void => {
      if (!(event.target instanceof Node && box.current?.contains(event.target) === true)) close();
    };
    addEventListener('pointerdown', outside, true);
    addEventListener('blur', close);
    addEventListener('resize', close);
    return () => {
      removeEventListener('pointerdown', outside, true);
      removeEventListener('blur', close);
      removeEventListener('resize', close);
    };
  }, [request]);

  const leave = (): void => {
    close();
    giveFocus(request.opener);
  };
  const choose = (item: MenuItem): void => {
    if (item.kind === 'separator' || item.disabled === true) return;
    if (item.checked === undefined) leave();
    item.run();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const handled = menuKey(event, box.current, leave);
    event.stopPropagation();
    if (handled) event.preventDefault();
  };

  return (
    <div
      ref={box}
      class="menu"
      style={{ left: `${place.left}px`, top: `${place.top}px` }}
      onKeyDown={onKeyDown}
      onContextMenu={(event) => event.preventDefault()}
    >
      {request.search !== undefined && (
        <input
          class="menu-search"
          type="text"
          placeholder={request.search}
          aria-label={request.search}
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
      )}
      <div role="menu" aria-label={request.label} class="menu-items">
        {shown.slice(0, MOST_ITEMS).map((item, i) => (
          <Item key={item.kind === 'separator' ? `separator ${i}` : `${item.label} ${i}`} item={item} choose={choose} />
        ))}
        {shown.length > MOST_ITEMS && <div class="menu-more">{shown.length - MOST_ITEMS} more: type to find them</div>}
        {shown.length === 0 && <div class="menu-more">Nothing found</div>}
      </div>
    </div>
  );
}

function Item({ item, choose }: { item: MenuItem; choose: (item: MenuItem) => void }): JSX.Element {
  if (item.kind === 'separator') return <div role="separator" class="menu-separator" />;
  const checkable = item.checked !== undefined;
  return (
    <div
      role={checkable ? 'menuitemcheckbox' : 'menuitem'}
      class="menu-item"
      tabIndex={-1}
      {...(checkable ? { 'aria-checked': item.checked } : {})}
      aria-disabled={item.disabled === true}
      onClick={() => choose(item)}
      onPointerMove={(event) => event.currentTarget.focus({ preventScroll: true })}
    >
      <span class={`menu-check codicon ${item.checked === true ? 'codicon-check' : ''}`} aria-hidden="true" />
      <span class="menu-label">{item.label}</span>
      {item.keys !== undefined && <span class="menu-keys">{item.keys}</span>}
    </div>
  );
}

/** A custom element without delegated focus has its real button inside. */
function giveFocus(opener: HTMLElement | null): void {
  (opener?.shadowRoot?.querySelector('button') ?? opener)?.focus();
}

function narrowed(items: readonly MenuItem[], search: string): readonly MenuItem[] {
  const text = search.trim().toLowerCase();
  if (text === '') return items;
  return items.filter((item) => item.kind !== 'separator' && item.label.toLowerCase().includes(text));
}

function itemsOf(element: HTMLElement): HTMLElement[] {
  return [...element.querySelectorAll<HTMLElement>('.menu-item:not([aria-disabled=true])')];
}

/** Says whether the key was the menu's. */
function menuKey(event: KeyboardEvent, element: HTMLElement | null, leave: () => void): boolean {
  if (element === null) return false;
  const items = itemsOf(element);
  const here = items.indexOf(document.activeElement as HTMLElement);
  const typing = document.activeElement instanceof HTMLInputElement;
  const go = (to: number): boolean => {
    items[(to + items.length) % items.length]?.focus();
    return true;
  };
  switch (event.key) {
    case 'ArrowDown':
      return go(here + 1);
    case 'ArrowUp':
      return go(here < 0 ? -1 : here - 1);
    case 'Home':
      return typing ? false : go(0);
    case 'End':
      return typing ? false : go(-1);
    case 'Escape':
    case 'Tab':
      leave();
      return true;
    case 'Enter':
      (typing ? items[0] : items[here])?.click();
      return true;
    case ' ':
      if (typing) return false;
      items[here]?.click();
      return true;
    default:
      if (typing || event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return false;
      return firstLetter(items, here, event.key.toLowerCase());
  }
}

function firstLetter(items: HTMLElement[], here: number, letter: string): boolean {
  const turned = [...items.slice(here + 1), ...items.slice(0, here + 1)];
  turned.find((item) => item.textContent.trim().toLowerCase().startsWith(letter))?.focus();
  return true;
}
