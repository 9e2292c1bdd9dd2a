export type Move = 'up' | 'down' | 'page-up' | 'page-down' | 'first' | 'last';

/** What a key means in the grid. */
export type GridCommand =
  | { kind: 'move'; to: Move; extend: boolean }
  | { kind: 'scroll'; rows: -1 | 1 }
  | { kind: 'cell'; by: -1 | 1 }
  | { kind: 'detail' }
  | { kind: 'toggle' }
  | { kind: 'select-all' }
  | { kind: 'copy' }
  | { kind: 'menu' }
  | { kind: 'header' }
  | { kind: 'clear' };

export interface Key {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

/** Null leaves the key to the page and to VS Code's own keybindings. */
export function gridCommand(key: Key): GridCommand | null {
  const control = key.ctrlKey || key.metaKey;
  if (key.altKey) return key.key === 'ArrowUp' ? { kind: 'header' } : null;
  if (control) return controlCommand(key);
  const extend = key.shiftKey;
  switch (key.key) {
    case 'ArrowUp':
      return { kind: 'move', to: 'up', extend };
    case 'ArrowDown':
      return { kind: 'move', to: 'down', extend };
    case 'PageUp':
      return { kind: 'move', to: 'page-up', extend };
    case 'PageDown':
      return { kind: 'move', to: 'page-down', extend };
    case 'Home':
      return { kind: 'move', to: 'first', extend };
    case 'End':
      return { kind: 'move', to: 'last', extend };
    case 'ArrowLeft':
      return extend ? null : { kind: 'cell', by: -1 };
    case 'ArrowRight':
      return extend ? null : { kind: 'cell', by: 1 };
    case 'Enter':
      return { kind: 'detail' };
    case ' ':
      return { kind: 'toggle' };
    case 'ContextMenu':
      return { kind: 'menu' };
    case 'F10':
      return extend ? { kind: 'menu' } : null;
    case 'Escape':
      return { kind: 'clear' };
    default:
      return null;
  }
}

function controlCommand(key: Key): GridCommand | null {
  switch (key.key) {
    case 'a':
    case 'A':
      return key.shiftKey ? null : { kind: 'select-all' };
    case 'c':
    case 'C':
      return key.shiftKey ? null : { kind: 'copy' };
    case 'Home':
      return { kind: 'move', to: 'first', extend: key.shiftKey };
    case 'End':
      return { kind: 'move', to: 'last', extend: key.shiftKey };
    case 'ArrowUp':
      return { kind: 'scroll', rows: -1 };
    case 'ArrowDown':
      return { kind: 'scroll', rows: 1 };
    default:
      return null;
  }
}

/** Where the keyboard stands (-1 = nowhere yet), and where it may enter. */
export interface Standing {
  active: number;
  /** Rows of the view, and rows that a page moves by. */
  rows: number;
  page: number;
  /** The row in view from which the keyboard starts. */
  entry: number;
}

/** The row that a movement leads to; may lie outside, the grid clamps. */
export function rowAfter(to: Move, { active, rows, page, entry }: Standing): number {
  if (to === 'first') return 0;
  if (to === 'last') return rows - 1;
  if (active < 0) return entry;
  return active + { up: -1, down: 1, 'page-up': -page, 'page-down': page }[to];
}

/** What a key means on a focused column header. */
export type HeaderCommand =
  | { kind: 'focus'; to: 'previous' | 'next' | 'first' | 'last' }
  | { kind: 'resize'; by: -1 | 1 }
  | { kind: 'move'; by: -1 | 1 }
  /** Sorts by the column, where the grid can; else it opens the menu. */
  | { kind: 'press'; more: boolean }
  | { kind: 'menu' }
  | { kind: 'rows' };

export function headerCommand(key: Key): HeaderCommand | null {
  if (key.ctrlKey || key.metaKey) {
    if (key.key === 'ArrowLeft') return { kind: 'move', by: -1 };
    return key.key === 'ArrowRight' ? { kind: 'move', by: 1 } : null;
  }
  switch (key.key) {
    case 'ArrowLeft':
      return key.shiftKey ? { kind: 'resize', by: -1 } : { kind: 'focus', to: 'previous' };
    case 'ArrowRight':
      return key.shiftKey ? { kind: 'resize', by: 1 } : { kind: 'focus', to: 'next' };
    case 'Home':
      return { kind: 'focus', to: 'first' };
    case 'End':
      return { kind: 'focus', to: 'last' };
    case 'ArrowDown':
      return key.altKey ? { kind: 'menu' } : { kind: 'rows' };
    case 'Enter':
      return { kind: 'press', more: key.shiftKey };
    case ' ':
    case 'ContextMenu':
      return { kind: 'menu' };
    case 'F10':
      return key.shiftKey ? { kind: 'menu' } : null;
    case 'Escape':
      return { kind: 'rows' };
    default:
      return null;
  }
}
