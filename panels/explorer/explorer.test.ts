import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { ExplorationInfo, StateView } from '@ringside/core/model';
import { currentTheme, hex, themeData } from '../source-editor/theme.ts';
import { stepText } from './copyText.ts';
import { toExplorerPanel } from './guards.ts';
import { press, type Actions, type Pressed } from './keys.ts';
import { Latest } from './latest.ts';
import { Pages } from './pages.ts';
import { contentHeight, positionOf, revealed, ROW, rowsAt } from './scrolling.ts';
import {
  comparisonWords,
  complexityWords,
  heatLevels,
  missingWords,
  splitRegisters,
  visitWords,
  withoutCode,
} from './words.ts';

const info: ExplorationInfo = {
  ...{ id: 1, parts: [{ program: 'p', section: 'xdp', verdict: 'rejected' }], part: 0, host: 'h', kernel: '6.1' },
  ...{ file: '/w/a.bpf.c', steps: 9, lines: 12, paths: 2, processed: 1310, limit: 1_000_000, reason: null, end: 8 },
  ...{ sources: [{ name: 'a.bpf.c', steps: 9 }], fromObject: true, recorded: true },
};

test('lets through what the extension host sends, and nothing else', () => {
  const opened = {
    ...{ type: 'opened', title: 't', target: { log: '/l', record: null, program: 'p' }, info, step: -1, noFix: '' },
    canVerify: true,
  };
  expect(toExplorerPanel(opened)).toEqual(opened);
  expect(toExplorerPanel({ type: 'answer', id: 3, value: [1] })).toEqual({ type: 'answer', id: 3, value: [1] });
  const bad = (change: object) => expect(toExplorerPanel({ ...opened, ...change })).toBeNull();
  bad({ info: { ...info, end: '8' } });
  bad({ info: { ...info, reason: { title: 'x' } } });
  bad({ info: { ...info, sources: [null] } });
  bad({ target: { log: 1 } });
  bad({ type: 'constructor' });
  fc.assert(fc.property(fc.anything(), (value) => toExplorerPanel(value) === null));
});

test('a held key loads the place where it ends, not every place on the way', async () => {
  const ran: number[] = [];
  const finish: (() => void)[] = [];
  const latest = new Latest<number>(async (n) => {
    ran.push(n);
    await new Promise<void>((resolve) => finish.push(resolve));
    if (n === 1) throw new Error('too late');
  });
  for (const n of [1, 2, 3, 4]) latest.ask(n);
  expect(ran).toEqual([1]);
  finish[0]!();
  await vi.waitFor(() => expect(ran).toEqual([1, 4]));
  let settled = false;
  const waiting = latest.settled().then(() => (settled = true));
  await Promise.resolve();
  expect(settled).toBe(false);
  finish[1]!();
  await waiting;
});

test('pages are asked for once, and again when they did not come', async () => {
  const asked: number[] = [];
  let fail = true;
  const pages = new Pages<number>((from, count) => {
    asked.push(from);
    return fail ? Promise.reject(new Error('no')) : Promise.resolve(Array.from({ length: count }, (_, i) => from + i));
  });
  pages.want(0, 10);
  await vi.waitFor(() => expect(asked).toEqual([0]));
  expect(pages.row(3)).toBeUndefined();
  fail = false;
  pages.want(190, 210);
  pages.want(190, 210);
  await vi.waitFor(() => expect([pages.row(3), pages.row(201)]).toEqual([3, 201]));
  expect(asked).toEqual([0, 0, 200]);
});

test('lists of any length scroll to every row, and a chosen row comes into view', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5_000_000 }),
      fc.integer({ min: 60, max: 2000 }),
      fc.nat(),
      (rows, height, n) => {
        const row = n % rows;
        expect(contentHeight(rows)).toBeLessThanOrEqual(15_000_000);
        const scroll = (to: number): number => Math.max(0, Math.min(to, contentHeight(rows) - height));
        const to = revealed(rows, height, rowsAt(rows, height, 0), row);
        const { top } = rowsAt(rows, height, scroll(to ?? 0));
        expect(row).toBeGreaterThanOrEqual(top);
        expect(row).toBeLessThan(top + height / ROW + 1);
        // The last row can be reached by the scroll bar alone.
        const end = rowsAt(rows, height, contentHeight(rows) - height);
        expect(end.top + Math.ceil(height / ROW)).toBeGreaterThanOrEqual(Math.min(rows, Math.ceil(height / ROW)));
        if (rows * ROW > height) expect(end.top + Math.ceil(height / ROW) + 1).toBeGreaterThanOrEqual(rows);
        expect(positionOf(rows, height, 0)).toBe(0);
      },
    ),
  );
});

test('every action has a key, and what is typed into a field stays there', () => {
  const did: string[] = [];
  const actions = new Proxy({} as Actions, {
    get: (_target, name) => (argument: unknown) => did.push(`${String(name)} ${String(argument)}`),
  });
  const at = (key: string, given: Partial<Pressed> = {}): boolean =>
    press({ key, alt: false, ctrl: false, shift: false, where: 'rows', ...given }, actions);
  for (const key of ['ArrowDown', 'ArrowUp', 'Home', 'End', 's', 'n', 'p', 'b', 'x', 'e', 'l', '/', '3', 'F3']) at(key);
  at('c', { ctrl: true });
  at('ArrowLeft', { alt: true });
  expect(did.map((one) => one.split(' ')[0])).toEqual(
    'move move first last set visit visit back rejected source link search view match copy back'.split(' '),
  );
  did.length = 0;
  expect(at('s', { where: 'text' })).toBe(false);
  expect(at('ArrowDown', { where: 'source' })).toBe(false);
  expect(at('c', { ctrl: true, where: 'source' })).toBe(false);
  expect(at('q')).toBe(false);
  expect(did).toEqual([]);
  expect(at('n', { where: 'source' })).toBe(true);
});

test('says in words what a path costs, where it is, and how two differ', () => {
  expect(complexityWords(info)).toBe('complexity 1,310 / 1,000,000 · 2 paths');
  expect(complexityWords({ ...info, processed: null, paths: 1 })).toBe('9 instructions in the log · 1 path');
  expect(missingWords(info)).toBe('The log has 9 of 1,310 instructions.');
  expect(missingWords({ ...info, steps: 0 })).toContain('figures only');
  expect(missingWords({ ...info, steps: 1310 })).toBe('');
  expect(visitWords({ line: 42, visit: { k: 1, n: 3 } })).toBe('line 42, visit 1 of 3');
  expect(visitWords({ line: 0, visit: null })).toBe('');
  const same = { pairs: 9, firstInsn: -1, firstState: -1, registers: [], cut: false };
  expect(comparisonWords(same, 'web-2')).toBe('The same path and the same values as web-2.');
  expect(comparisonWords({ ...same, firstInsn: 4, firstState: 2, registers: ['r1'], cut: true }, 'web-2')).toBe(
    'Compared with web-2: values differ from row 3 on: r1; instructions differ from row 5 on (only the beginning was compared).',
  );
  const heat = heatLevels([
    { line: 1, steps: 1, branches: 0, insns: 1 },
    { line: 2, steps: 1000, branches: 2, insns: 1 },
  ]);
  expect(heat).toEqual([
    { line: 1, level: 1, words: '1 insn' },
    { line: 2, level: 4, words: '1,000 insns · 2 branches' },
  ]);
});

test('instructions are split at their registers', () => {
  expect(withoutCode('(7b) *(u64 *)(r10 -8) = r1')).toBe('*(u64 *)(r10 -8) = r1');
  expect(splitRegisters('r1 += w2').map(({ register }) => register)).toEqual(['r1', '', 'r2']);
  fc.assert(
    fc.property(
      fc.string(),
      (text) =>
        splitRegisters(text)
          .map((part) => part.text)
          .join('') === text,
    ),
  );
});

test('a step is copied with its source line and its state', () => {
  const term = { type: '', raw: '', changed: false };
  const state: StateView = {
    ...{
      step: 1,
      insn: 87,
      text: '(63) *(u32 *)(r0 +0) = r7',
      references: [],
      reads: [],
      writes: [],
      line: 2,
      file: 0,
    },
    ...{ column: 1, endColumn: 1, logLine: 4, visit: null },
    frames: [
      {
        ...{ function: '', callback: false, stack: [] },
        registers: [{ ...term, name: 'r0', variable: 'e', text: 'mem_or_null(id 4)' }],
      },
    ],
  };
  expect(stepText(state, { name: 'a.bpf.c', text: 'x\n  e->pid = pid;\n' })).toBe(
    'a.bpf.c:2: e->pid = pid;\n87: (63) *(u32 *)(r0 +0) = r7\n  r0     e : mem_or_null(id 4)\n',
  );
});

test('the source editor takes the colours of the window, as Monaco writes them', () => {
  expect(currentTheme('x vscode-light')).toBe('vs');
  expect(currentTheme('vscode-high-contrast-light vscode-high-contrast')).toBe('hc-light');
  expect(currentTheme('vscode-high-contrast')).toBe('hc-black');
  expect(currentTheme('vscode-dark')).toBe('vs-dark');
  expect([hex('#1f1f1f'), hex('rgba(1, 2, 3, 0.5)'), hex('rgb(1,2,3)'), hex('red'), hex('')]).toEqual([
    '#1f1f1f',
    '#01020380',
    '#010203ff',
    '',
    '',
  ]);
  const style = { getPropertyValue: (name: string) => (name === '--vscode-editor-background' ? ' #101010' : '') };
  expect(themeData('vs-dark', style).colors).toEqual({ 'editor.background': '#101010' });
});
