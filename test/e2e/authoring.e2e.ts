/**
 * A program written from nothing with the packaged extension: a section is typed, its completion writes the program, a
 * field is completed, and it runs. Once with clangd, once without, in one editor.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { vsixFile } from '../../scripts/lib/paths.mjs';
import { bpfState, nothing, settled } from '../integration/support/bpf.ts';
import { startEditor, type Editor } from './harness/editor.ts';
import { picture } from './harness/pictures.ts';
import { TracePanel } from './harness/tracePanel.ts';
import { Workbench } from './harness/workbench.ts';

let folder: string;
let editor: Editor;
let workbench: Workbench;
let panel: TracePanel;
let before: ReturnType<typeof bpfState>;

beforeAll(async () => {
  if (!existsSync(vsixFile()))
    throw new Error('There is no VSIX. Run `npm run package` first; `npm test` does it by itself.');
  folder = mkdtempSync(join(tmpdir(), 'ringside-e2e-authoring-'));
  mkdirSync(join(folder, 'work'));
  // The second is not called *.bpf.c: its first section makes it a program.
  for (const name of ['first.bpf.c', 'second.c']) writeFileSync(join(folder, 'work', name), '');
  before = bpfState();
  editor = await startEditor({ folder: join(folder, 'work'), vsix: vsixFile() });
  workbench = new Workbench(editor.page);
  panel = new TracePanel(workbench);
});

afterAll(async () => {
  await editor.stop();
  rmSync(folder, { recursive: true, force: true });
  expect(await settled(before, 5_000)).toEqual(nothing);
  expect(clangds()).toEqual([]);
});

// Each step stands on the one before: after a failure the rest fails at once, and a picture is kept.
let failedStep: string | undefined;
beforeEach(() => {
  if (failedStep !== undefined) throw new Error(`not reached: "${failedStep}" failed`);
});
afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail' || failedStep !== undefined) return;
  failedStep = task.name;
  const { page } = editor;
  console.error(
    `picture: ${await picture(page, 'authoring-failed')}\n${await workbench.source()}\n${(await workbench.notifications()).join('\n')}\n${editor.serverLog().slice(-2000)}`,
  );
});

/** clangd processes below this one: those of its editor. */
function clangds(): number[] {
  const parents = new Map<number, number>();
  const found: number[] = [];
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      parents.set(Number(name), Number(parent));
      if (/\(clangd/.test(stat) && state !== 'Z') found.push(Number(name));
    } catch {
      // It has ended meanwhile.
    }
  }
  const isOurs = (pid: number): boolean => pid === process.pid || (pid > 1 && isOurs(parents.get(pid) ?? 0));
  return found.filter(isOurs);
}

const suggestion = (text: string | RegExp): Locator =>
  editor.page.locator('.suggest-widget.visible .monaco-list-row').filter({ hasText: text });

/** Takes the suggestion that has the focus, once it is the wanted one. */
async function accept(text: RegExp, name: string): Promise<void> {
  await suggestion(text).and(editor.page.locator('.focused')).first().waitFor({ timeout: 30_000 });
  await picture(editor.page, name);
  await editor.page.keyboard.press('Enter');
  await editor.page.locator('.suggest-widget.visible').waitFor({ state: 'detached' });
}

/** From an empty file to a program that runs. */
async function write(file: string, name: string): Promise<void> {
  const { keyboard } = editor.page;
  await workbench.open(file);
  await workbench.focusEditor(file);
  await keyboard.type('SEC("tp/sched/sched_process_', { delay: 30 });
  // The first ones were typed before the server was there: it asks by itself when it is.
  await suggestion(/sched_process_fork/)
    .first()
    .waitFor({ timeout: 30_000 });
  await keyboard.type('exec', { delay: 30 });
  await accept(/sched_process_exec/, `authoring-${name}-section`);
  await expect.poll(() => workbench.source()).toContain('handle_sched_process_exec');
  expect(await workbench.source()).toMatch(
    /#include "vmlinux\.h"[^]*LICENSE[^]*SEC\("tp\/sched\/sched_process_exec"\)\s*int handle_sched_process_exec\(struct trace_event_raw_sched_process_exec \*ctx\)/,
  );
  // From the function's name into its body.
  await keyboard.press('Tab');
  await keyboard.type('return ctx->', { delay: 30 });
  await suggestion(/old_pid/)
    .first()
    .waitFor({ timeout: 30_000 });
  await keyboard.type('old', { delay: 30 });
  await accept(/old_pid/, `authoring-${name}-field`);
  await keyboard.type(' == 1;');
  await expect.poll(() => workbench.source()).toContain('return ctx->old_pid == 1;');
  await workbench.lens(/^\s*Attach$/).waitFor({ timeout: 30_000 });
  await workbench.save();
}

async function attach(name: string): Promise<void> {
  await workbench.attachByLens('local');
  await panel.ready(60_000);
  await expect.poll(() => panel.status(), { timeout: 30_000 }).toBe('live');
  await picture(editor.page, `authoring-${name}-attached`);
  await workbench.command('Ringside: Detach Everything');
  await expect.poll(() => panel.status(), { timeout: 30_000 }).toBe('ended');
}

test('with clangd: a section and a field are completed, and the program runs', async () => {
  expect(clangds()).toEqual([]);
  await write('first.bpf.c', 'clangd');
  await expect.poll(() => clangds().length, { timeout: 30_000 }).toBe(1);
  await attach('clangd');
});

test('without clangd: the same, in a C file that only its section makes a program', async () => {
  mkdirSync(join(folder, 'work', '.vscode'));
  writeFileSync(join(folder, 'work', '.vscode', 'settings.json'), '{ "ringside.clangd.enabled": false }');
  await expect.poll(clangds, { timeout: 30_000 }).toEqual([]);
  await write('second.c', 'alone');
  expect(clangds()).toEqual([]);
  await attach('alone');
});
