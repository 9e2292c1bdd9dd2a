import { describe, expect, it } from 'vitest';
import { type Key, gridCommand, headerCommand, rowAfter } from './keyboard.ts';

const key = (name: string, modifiers: Partial<Key> = {}): Key => ({
  key: name,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...modifiers,
});

describe('gridCommand', () => {
  it.each([
    [key('ArrowUp'), { kind: 'move', to: 'up', extend: false }],
    [key('ArrowDown', { shiftKey: true }), { kind: 'move', to: 'down', extend: true }],
    [key('PageDown'), { kind: 'move', to: 'page-down', extend: false }],
    [key('End'), { kind: 'move', to: 'last', extend: false }],
    [key('Home', { ctrlKey: true, shiftKey: true }), { kind: 'move', to: 'first', extend: true }],
    [key('ArrowUp', { ctrlKey: true }), { kind: 'scroll', rows: -1 }],
    [key('ArrowRight'), { kind: 'cell', by: 1 }],
    [key('Enter'), { kind: 'detail' }],
    [key(' '), { kind: 'toggle' }],
    [key('a', { ctrlKey: true }), { kind: 'select-all' }],
    [key('c', { metaKey: true }), { kind: 'copy' }],
    [key('F10', { shiftKey: true }), { kind: 'menu' }],
    [key('ContextMenu'), { kind: 'menu' }],
    [key('ArrowUp', { altKey: true }), { kind: 'header' }],
    [key('Escape'), { kind: 'clear' }],
  ])('%j', (pressed, command) => expect(gridCommand(pressed)).toEqual(command));

  it('leaves other keys to VS Code', () => {
    for (const name of ['x', 'F5', 'F10', 'Tab', '/', 'Shift']) expect(gridCommand(key(name))).toBeNull();
    for (const name of ['p', 'f', 's', 'Enter']) expect(gridCommand(key(name, { ctrlKey: true }))).toBeNull();
    expect(gridCommand(key('C', { ctrlKey: true, shiftKey: true }))).toBeNull();
    expect(gridCommand(key('ArrowDown', { altKey: true }))).toBeNull();
  });
});

describe('headerCommand', () => {
  it('moves, resizes, opens the menu and goes back', () => {
    expect(headerCommand(key('ArrowLeft'))).toEqual({ kind: 'focus', to: 'previous' });
    expect(headerCommand(key('ArrowRight', { shiftKey: true }))).toEqual({ kind: 'resize', by: 1 });
    expect(headerCommand(key('Enter', { shiftKey: true }))).toEqual({ kind: 'press', more: true });
    expect(headerCommand(key('ArrowLeft', { ctrlKey: true }))).toEqual({ kind: 'move', by: -1 });
    expect(headerCommand(key(' '))).toEqual({ kind: 'menu' });
    expect(headerCommand(key('ArrowDown', { altKey: true }))).toEqual({ kind: 'menu' });
    expect(headerCommand(key('ArrowDown'))).toEqual({ kind: 'rows' });
    expect(headerCommand(key('Escape'))).toEqual({ kind: 'rows' });
    expect(headerCommand(key('c', { ctrlKey: true }))).toBeNull();
  });
});

describe('rowAfter', () => {
  it('enters where the eye is, then moves by rows and pages', () => {
    const standing = { active: -1, rows: 1000, page: 20, entry: 500 };
    expect(rowAfter('down', standing)).toBe(500);
    expect(rowAfter('last', standing)).toBe(999);
    expect(rowAfter('first', standing)).toBe(0);
    expect(rowAfter('up', { ...standing, active: 3 })).toBe(2);
    expect(rowAfter('page-down', { ...standing, active: 3 })).toBe(23);
  });
});
