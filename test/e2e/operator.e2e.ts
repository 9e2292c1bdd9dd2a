/**
 * What an operator does, with the packaged extension over a real sshd: a program that the host's guards ask about is refused
 * and confirmed, its limits are changed while it runs, it is kept, found again after a reload, gone on with, and ended.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { at, vsixFile } from '../../scripts/lib/paths.mjs';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { bpfState, newSince, nothing, settled } from '../integration/support/bpf.ts';
import { startEditor, type Editor } from './harness/editor.ts';
import { knownCommand, type KnownCommand } from './harness/knownCommand.ts';
import { followingSystem, picture, pictures } from './harness/pictures.ts';
import { TracePanel } from './harness/tracePanel.ts';
import { Workbench } from './harness/workbench.ts';

const source = 'guarded.bpf.c';
const alias = 'ringside-test';

let folder: string;
let sshd: TestSshd | undefined;
let editor: Editor;
let workbench: Workbench;
let panel: TracePanel;
let command: KnownCommand;
let before: ReturnType<typeof bpfState>;

beforeAll(async () => {
  if (!existsSync(vsixFile()))
    throw new Error('There is no VSIX. Run `npm run package` first; `npm test` does it by itself.');
  folder = mkdtempSync(join(tmpdir(), 'ringside-e2e-operator-'));
  mkdirSync(join(folder, 'work'));
  copyFileSync(at('test/fixtures/programs', source), join(folder, 'work', source));
  command = knownCommand(folder);
  before = bpfState();
  sshd = await startSshd();
  editor = await startEditor({
    folder: join(folder, 'work'),
    vsix: vsixFile(),
    settings: {
      'ringside.ssh.configFile': sshd.configFile,
      'ringside.verifyOnSave': false,
      ...followingSystem,
    },
  });
  workbench = new Workbench(editor.page);
  panel = new TracePanel(workbench);
});

afterAll(async () => {
  await editor.stop();
  await sshd?.stop();
  endKept();
  rmSync(folder, { recursive: true, force: true });
  expect(await settled(before, 5_000)).toEqual(nothing);
});

/** What a failed test has left kept. */
function endKept(): void {
  const root = '/run/ringside/kept';
  for (const run of existsSync(root) ? readdirSync(root) : []) {
    const record = readFileSync(join(root, run, 'record'), 'utf8');
    if (record.includes('\nname guarded\n')) process.kill(Number(/^pid (\d+)$/m.exec(record)![1]), 'SIGTERM');
  }
}

// Each step stands on the one before: after a failure the rest fails at once, and a picture is kept.
let failedStep: string | undefined;
beforeEach(() => {
  if (failedStep !== undefined) throw new Error(`not reached: "${failedStep}" failed`);
});
afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail' || failedStep !== undefined) return;
  failedStep = task.name;
  console.error(
    `picture: ${await picture(editor.page, 'operator-failed')}\n${(await workbench.notifications()).join('\n')}\n${editor.serverLog().slice(-2000)}`,
  );
});

/** Chooses Attach in the lens over a program: of both in view the upper or the lower one. */
async function attach(program: 'guarded_exec' | 'guarded_xdp'): Promise<void> {
  await workbench.goToLine(28);
  const lenses = workbench.page.locator('.codelens-decoration a:visible').filter({ hasText: /^\s*Attach$/ });
  await expect.poll(() => lenses.count(), { timeout: 30_000 }).toBe(2);
  // Lenses move while the editor takes its new width.
  await workbench.page.waitForTimeout(700);
  const found = await lenses.elementHandles();
  const tops = await Promise.all(found.map(async (lens) => (await lens.boundingBox())?.y ?? 0));
  const upper = tops[0]! < tops[1]! ? 0 : 1;
  await found[program === 'guarded_exec' ? upper : 1 - upper]!.click();
}

/** Runs the known command until its row shows. */
async function rowsArrive(): Promise<void> {
  await expect
    .poll(
      async () => {
        await command.run();
        return (await panel.rows()).some((row) => row['comm'] === command.comm);
      },
      { timeout: 20_000 },
    )
    .toBe(true);
}

/** What shows progress goes a moment after its end; an error stays for longer than this waits. */
async function nothingIsSaid(): Promise<void> {
  await expect.poll(() => workbench.notifications(), { timeout: 5_000 }).toEqual([]);
}

test('what the host asks about is shown with its reason, and refused when the answer is no', async () => {
  await workbench.open(source);
  await attach('guarded_exec');
  await workbench.pick(alias);
  await workbench.dialog().waitFor({ timeout: 60_000 });
  expect(await workbench.dialog().innerText()).toMatch(/guarded_exec calls bpf_send_signal/);
  await pictures(editor.page, 'guard');
  await editor.page.keyboard.press('Escape');
  await workbench.statusBar('nothing is attached').waitFor();
  await picture(editor.page, 'guard-refused');
  await nothingIsSaid();
  expect(await settled(before, 5_000)).toEqual(nothing);
});

test('what may cut the connection is asked about once more while it is attached, and taken back without the answer', async () => {
  await attach('guarded_xdp');
  await workbench.pick('lo');
  await workbench.dialog().waitFor({ timeout: 30_000 });
  expect(await workbench.dialog().innerText()).toMatch(/may cut your connection/);
  await picture(editor.page, 'guard-cutting');
  await workbench.button('Attach Anyway').click();
  await workbench.dialog().filter({ hasText: 'Does your connection still work?' }).waitFor({ timeout: 30_000 });
  await pictures(editor.page, 'guard-commit');
  await workbench.button('Detach Now').click();
  await workbench.statusBar('nothing is attached').waitFor();
  expect(await settled(before, 5_000)).toEqual(nothing);
  await nothingIsSaid();
});

test('confirmed, it is attached', async () => {
  await attach('guarded_exec');
  await workbench.dialog().waitFor({ timeout: 30_000 });
  await workbench.button('Attach Anyway').click();
  await panel.ready(30_000);
  await expect.poll(() => panel.status(), { timeout: 30_000 }).toBe('live');
  await rowsArrive();
});

test('its limits are changed while it runs', async () => {
  await workbench.command('Ringside: Change Limits…');
  await workbench.page.locator('.quick-input-widget:visible .monaco-list-row').first().waitFor();
  await pictures(editor.page, 'limits');
  await workbench.pick('Processor time');
  await workbench.quickInput().fill('much');
  await workbench.page.getByText('A whole number, 0 for no limit.').waitFor();
  await picture(editor.page, 'limits-wrong');
  await workbench.quickInput().fill('55');
  await editor.page.keyboard.press('Enter');
  await workbench.statusBar(/55 % of a processor/).waitFor();
});

test('it is kept for a time that is typed as on the command line', async () => {
  await workbench.command('Ringside: Keep Running…');
  await workbench.quickInput().waitFor();
  await pictures(editor.page, 'keep');
  await workbench.quickInput().fill('soon');
  await workbench.page
    .locator('.quick-input-widget:visible .monaco-list-row')
    .filter({ hasText: 'is no time' })
    .waitFor();
  await workbench.quickInput().fill('2h');
  await workbench.pick('2 h');
  await workbench.statusBar(/kept until/).waitFor();
  await editor.page.locator('.activitybar a[aria-label^="Ringside"]').click();
  await workbench.treeRow(/guarded.*kept until/).waitFor();
  await pictures(editor.page, 'kept');
});

test('after a reload its panel goes on with it: the same programs, and what came meanwhile', async () => {
  const { programs } = newSince(before);
  await workbench.reloadWindow();
  await command.run();
  await panel.ready(60_000);
  await expect.poll(() => panel.status(), { timeout: 60_000 }).toBe('live');
  await rowsArrive();
  expect(newSince(before).programs).toEqual(programs);
});

test('Stop asks whether it shall end, and leaves it; without its panel a new window says that it is there', async () => {
  await panel.press(/^Stop/);
  await workbench.quickInput().waitFor();
  await picture(editor.page, 'kept-stop');
  await workbench.pick('Leave It Running');
  await expect.poll(() => panel.status(), { timeout: 15_000 }).toBe('left');
  await picture(editor.page, 'kept-left');
  await workbench.command('View: Close All Editors');
  await workbench.reloadWindow();
  await workbench.notification(/guarded goes on on ringside-test until/).waitFor({ timeout: 60_000 });
  await workbench
    .notification(/guarded goes on on/)
    .getByRole('button', { name: 'Show' })
    .click();
  await workbench.treeRow(/guarded.*kept until/).waitFor();
  await pictures(editor.page, 'kept-found');
});

test('it is adopted from the tree, and its rows come', async () => {
  await workbench.rowAction(workbench.treeRow(/guarded.*kept until/), 'Adopt Kept Run');
  await panel.ready(60_000);
  await expect.poll(() => panel.status(), { timeout: 60_000 }).toBe('live');
  await rowsArrive();
  await picture(editor.page, 'kept-adopted');
  await panel.press(/^Stop/);
  await workbench.pick('Leave It Running');
  await expect.poll(() => panel.status(), { timeout: 15_000 }).toBe('left');
});

test('it is ended when that is confirmed, and nothing of it is attached', async () => {
  await workbench.rowAction(workbench.treeRow(/guarded.*kept until/), 'End Kept Run…');
  await workbench.quickInput().waitFor();
  await pictures(editor.page, 'kept-end');
  await workbench.pick('End It Now');
  await workbench.statusBar(/Ended guarded/).waitFor({ timeout: 15_000 });
  expect(await settled(before, 5_000)).toEqual(nothing);
});
