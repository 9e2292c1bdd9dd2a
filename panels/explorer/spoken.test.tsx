// @vitest-environment happy-dom
/** What a screen reader says of the explorer's rows and values: all that is drawn, and words for signs and places. */
import type { StateView, StepRow, Term, TreeRow, Visit } from '@ringside/core/model';
import { render, type JSX } from 'preact';
import { afterEach, expect, test, vi } from 'vitest';
import { MiddleColumn } from './middleColumn.tsx';
import { Pages } from './pages.ts';
import { ExplorerState } from './state.ts';
import { StateColumn } from './stateColumn.tsx';

afterEach(() => render(null, document.body));

/** The accessible names of what `selector` finds: no label hides what is drawn, and no sign is read out. */
function names(selector: string): string[] {
  return [...document.querySelectorAll(selector)].map((element) => {
    expect(element.getAttribute('aria-label'), element.outerHTML).toBeNull();
    const read = element.cloneNode(true) as Element;
    for (const silent of read.querySelectorAll('[aria-hidden=true]')) silent.remove();
    for (const part of read.querySelectorAll('span')) part.append(' ');
    return read.textContent.replaceAll(/\s+/g, ' ').trim();
  });
}

const info = {
  ...{ id: 1, parts: [], part: 0, host: 'h', kernel: '6.1', file: '', steps: 2, lines: 2, paths: 1, processed: 2 },
  ...{ limit: null, sources: [], fromObject: false, recorded: true, end: 1 },
  reason: { title: 'Pointer may be NULL', line: 19 } as never,
};

/** The state of an explorer at the second of two steps, without a host. */
function explorer(): ExplorerState {
  const state = new ExplorerState({ postMessage: vi.fn(), getState: () => undefined, setState: vi.fn() });
  state.info.value = info;
  state.cursor.value = { step: 1, leaf: 1, length: 2, index: 1 };
  state.chosen.value = 'r6';
  return state;
}

const pages = <Row,>(...rows: Row[]): Pages<Row> => new Pages(() => Promise.resolve(rows));
const draw = (what: JSX.Element): void => render(what, document.body);

test('an instruction is read with its line, the other ways and that it was rejected', async () => {
  const state = explorer();
  const row = { file: 0, depth: 0, branches: 0, line: 17 };
  state.rows.value = pages<StepRow>(
    { ...row, step: 0, insn: 5, text: '(bf) r6 = r0', branches: 2 },
    { ...row, step: 1, insn: 8, text: '(63) *(u32 *)(r6 +0) = r0', line: 19 },
  );
  draw(<MiddleColumn state={state} />);
  await vi.waitFor(() =>
    expect(names('[role=option]')).toEqual([
      'instruction 5 r6 = r0 +2 other ways to go on line 17',
      'instruction 8 *(u32 *)(r6 +0) = r0 rejected line 19',
    ]),
  );
});

test('visits, branches and compared instructions say what their numbers are', async () => {
  const state = explorer();
  state.view.value = 'visits';
  state.visitsOf.value = { file: 0, line: 19, n: 1 };
  state.visits.value = pages<Visit>({ step: 1, insn: 8, path: 0 });
  draw(<MiddleColumn state={state} />);
  await vi.waitFor(() => expect(names('[role=option]')).toEqual(['visit 1 line 19, instruction 8 path 1']));

  state.view.value = 'tree';
  state.branches.value = 1;
  const branch = { first: 0, last: 1, steps: 14, parent: -1, depth: 0, fromInsn: -1, toInsn: 0, file: 0, line: 17 };
  state.tree.value = pages<TreeRow>({ ...branch, end: 'exit' });
  await vi.waitFor(() => expect(names('[role=option]')).toEqual(['reaches the end begins at 0 14 insns line 17']));

  const result = { pairs: 1, firstInsn: 0, firstState: -1, registers: [], cut: false };
  state.compared.value = { title: 'web-2', info, result };
  const left = { step: 0, insn: 5, text: '(bf) r6 = r0', file: 0, line: 17, depth: 0, branches: 0 };
  state.pairs.value = pages({ pair: [0, -1], left, right: null });
  state.view.value = 'compare';
  await vi.waitFor(() => expect(names('[role=option]')).toEqual(['5 r6 = r0 beside nothing']));
});

test('a value is read with its type, its use, and what the other verdict has there', () => {
  const state = explorer();
  const term = (name: string, text: string, more: Partial<Term> = {}): Term => ({
    ...{ name, variable: '', type: '', text, raw: text, changed: false },
    ...more,
  });
  const now = (registers: Term[]): StateView => ({
    ...{ step: 1, references: [], insn: 8, text: '', reads: ['r6'], writes: [], line: 19, file: 0 },
    ...{ column: 1, endColumn: 1, logLine: 4, visit: null },
    frames: [{ function: '', callback: false, registers, stack: [] }],
  });
  const e = { variable: 'e', type: 'struct event *' };
  state.now.value = now([term('r0', 'scalar', { changed: true }), term('r6', 'mem_or_null', e)]);
  const result = { pairs: 1, firstInsn: -1, firstState: 0, registers: ['r6'], cut: false };
  state.compared.value = { title: 'web-2', info, result };
  state.otherNow.value = now([term('r0', 'scalar'), term('r6', 'mem', e)]);
  draw(<StateColumn state={state} />);
  expect(names('button.term')).toEqual([
    'r0 scalar just set',
    'r6 e : mem_or_null struct event * differs, there mem read by this instruction',
  ]);
});
