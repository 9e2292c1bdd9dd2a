/**
 * The main journey with the packaged extension, a real sshd on loopback and a real kernel: open the sample, edit, attach
 * to the host, accept its key, see the right rows, filter, detach, attach again by F5, reload the window.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { vsixFile } from '../../scripts/lib/paths.mjs';
import { makeSample } from '../../scripts/lib/sample.mjs';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { seriousInPanel } from './harness/axe.ts';
import { docPictureWanted, takeDocPicture } from './harness/docPicture.ts';
import { startEditor, type Editor } from './harness/editor.ts';
import { knownCommand, type KnownCommand } from './harness/knownCommand.ts';
import { picture } from './harness/pictures.ts';
import { ledgerFigures, TracePanel, type Row } from './harness/tracePanel.ts';
import { themes, Workbench, type Theme } from './harness/workbench.ts';

const source = 'execsnoop.bpf.c';

let folder: string;
let sshd: TestSshd | undefined;
let editor: Editor | undefined;
let workbench: Workbench;
let panel: TracePanel;
let command: KnownCommand;

beforeAll(async () => {
  if (!existsSync(vsixFile()))
    throw new Error('There is no VSIX. Run `npm run package` first; `npm test` does it by itself.');
  folder = mkdtempSync(join(tmpdir(), 'ringside-e2e-journey-'));
  const sample = makeSample(join(folder, 'sample'));
  command = knownCommand(folder);
  sshd = await startSshd({ known: false });
  editor = await startEditor({
    folder: sample,
    vsix: vsixFile(),
    settings: { 'ringside.ssh.configFile': sshd.configFile, 'workbench.colorTheme': 'Default Dark Modern' },
  });
  workbench = new Workbench(editor.page);
  panel = new TracePanel(workbench);
});

afterAll(async () => {
  await editor?.stop();
  await sshd?.stop();
  rmSync(folder, { recursive: true, force: true });
});

// Each step of the journey stands on the one before: after a failure the rest fails at once, and a picture is kept.
let failedStep: string | undefined;
beforeEach(() => {
  if (failedStep !== undefined) throw new Error(`not reached: "${failedStep}" failed`);
});
afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail' || failedStep !== undefined) return;
  failedStep = task.name;
  if (editor === undefined) return;
  console.error(
    `picture: ${await picture(editor.page, 'failed')}\n${(await workbench.notifications()).join('\n')}\n${editor.serverLog().slice(-2000)}`,
  );
});

/** Where the sample's program stands, counted from 1. */
const programLine = (): number => {
  const lines = readFileSync(join(folder, 'sample', 'execsnoop', source), 'utf8').split('\n');
  return lines.findIndex((line) => line.startsWith('SEC("tp')) + 1;
};

/** Runs the known command until a row about it shows, and gives that row with the pid that it must have. */
async function rowOfKnownCommand(): Promise<{ row: Row; pids: number[] }> {
  const pids: number[] = [];
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    pids.push(await command.run());
    await editor?.page.waitForTimeout(300);
    const row = (await panel.rows()).find((candidate) => candidate['comm'] === command.comm);
    if (row !== undefined) return { row, pids };
  }
  const seen = JSON.stringify((await panel.rows()).slice(-5), undefined, 1);
  throw new Error(
    `No row about ${command.comm} within 20 s. Panel: ${await panel.status()}. Last rows: ${seen}\n${(await workbench.notifications()).join('\n')}`,
  );
}

test('the sample opens with lenses over its programs', async () => {
  await workbench.open(source);
  await workbench.lens('choose host').waitFor({ timeout: 30_000 });
  await workbench.goToLine(programLine());
  await workbench.lens(/^\s*Attach$/).waitFor({ timeout: 30_000 });
  await workbench.lens('Verify').waitFor();
});

test('Attach saves the edit, asks for the host, shows its unknown key, and rows arrive with the right values', async () => {
  await workbench.typeAtEnd('\n// edited by the end-to-end test');
  await workbench.goToLine(programLine());
  await workbench.lens(/^\s*Attach$/).click();
  await workbench.pick('ringside-test');
  // The fingerprint shown must be the one that sshd has: a dialog that shows another would teach people to click yes.
  const dialog = editor!.page.locator('.monaco-dialog-box');
  await dialog.waitFor();
  expect(await dialog.innerText()).toContain(sshd!.fingerprint());
  await picture(editor!.page, 'host-key');
  expect(readFileSync(sshd!.knownHostsFile, 'utf8')).toBe('');
  await workbench.button('Remember').click();
  await panel.ready(60_000);
  await expect.poll(() => panel.status(), { timeout: 30_000 }).toBe('live');
  expect(readFileSync(sshd!.knownHostsFile, 'utf8')).toContain(`[127.0.0.1]:${String(sshd!.port)}`);
  expect(readFileSync(join(folder, 'sample', 'execsnoop', source), 'utf8')).toContain('edited by the end-to-end test');
  const { row, pids } = await rowOfKnownCommand();
  expect(pids.map(String)).toContain(row['pid']);
  expect(row['ppid']).toBe(String(process.pid));
  expect(row['filename']).toBe(command.filename);
});

test('a filter shows only what fits, and says what is wrong with one that does not parse', async () => {
  await panel.filter(`comm == "${command.comm}"`);
  await command.run();
  await expect
    .poll(async () => new Set((await panel.rows()).map((row) => row['comm'])), { timeout: 10_000 })
    .toEqual(new Set([command.comm]));
  await panel.filter('nosuchfield == 1');
  await expect.poll(() => panel.filterFault(), { timeout: 10_000 }).toMatch(/nosuchfield[\s\S]*comm/);
  await panel.filter('');
  await expect.poll(() => panel.filterFault()).toBe('');
});

test.each(Object.keys(themes) as Theme[])('the panel in the theme %s', async (theme) => {
  await workbench.theme(theme);
  for (let i = 0; i < 4; i += 1) await command.run();
  await expect.poll(async () => (await panel.rows()).length, { timeout: 10_000 }).toBeGreaterThan(3);
  await picture(editor!.page, `trace-${theme}`);
  expect(await seriousInPanel(workbench)).toEqual([]);
  if (theme === 'dark' && docPictureWanted()) await takeDocPicture(workbench, panel);
});

test('Stop detaches, and the ledger adds up', async () => {
  await panel.press('Stop: detach everything');
  await expect.poll(() => panel.status(), { timeout: 15_000 }).toBe('ended');
  const line = await panel.ledger();
  const { produced, delivered, lost } = ledgerFigures(line);
  expect(delivered, line).toBeGreaterThan(4);
  if (!Number.isNaN(produced) && !Number.isNaN(lost)) expect(produced, line).toBe(delivered + lost);
});

test('F5 attaches again without asking', async () => {
  await workbench.open(source);
  await editor!.page.keyboard.press('F5');
  await expect.poll(() => panel.status(), { timeout: 30_000 }).toBe('live');
  const { row, pids } = await rowOfKnownCommand();
  expect(pids.map(String)).toContain(row['pid']);
});

test('by the keyboard alone it is attached, filtered, a row is looked into, and the rows are exported', async () => {
  const { keyboard } = editor!.page;
  const frame = workbench.webview();
  const focused = frame.locator(':focus');
  // Of the two runs that are known by now the one that is running stands first.
  await workbench.keysChoose('Ringside: Open Trace', 'ringside-test');
  await expect.poll(() => focused.getAttribute('role')).toBe('grid');
  await keyboard.press('/');
  await expect.poll(() => frame.locator('.filter-field:focus').count()).toBe(1);
  await keyboard.type(`comm == "${command.comm}"`);
  await keyboard.press('Enter');
  await expect
    .poll(async () => new Set((await panel.rows()).map((row) => row['comm'])), { timeout: 10_000 })
    .toEqual(new Set([command.comm]));
  await keyboard.press('Escape');
  await expect.poll(() => focused.getAttribute('role')).toBe('grid');
  await keyboard.press('Home');
  await keyboard.press('Enter');
  await expect.poll(() => frame.locator('.fields').innerText()).toContain(command.comm);
  await picture(editor!.page, 'keyboard-detail');
  // Back over what stands before the rows, to the menu.
  const more = frame.getByRole('button', { name: 'More actions' });
  const isOn = (): Promise<boolean> =>
    more.evaluate((button) => (button.getRootNode() as Document).activeElement === button);
  for (let left = 40; left > 0 && !(await isOn()); left -= 1) await keyboard.press('Shift+Tab');
  await keyboard.press('Enter');
  await frame.getByRole('menu').waitFor();
  const item = frame.locator('[role="menuitem"]:focus').filter({ hasText: 'Export Rows as CSV' });
  for (let left = 40; left > 0 && (await item.count()) === 0; left -= 1) await keyboard.press('ArrowDown');
  await keyboard.press('Enter');
  const file = join(folder, 'rows.csv');
  await workbench.keysFile(file);
  await workbench.notification(/Exported [1-9]\d* rows/).waitFor();
  const [head, ...lines] = readFileSync(file, 'utf8').trimEnd().split(/\r?\n/);
  const comm = head!.split(',').indexOf('comm');
  expect(new Set(lines.map((line) => line.split(',')[comm]))).toEqual(new Set([command.comm]));
  await workbench.clearNotifications();
});

test('after a reload of the window the panel comes back and lives on', async () => {
  await workbench.reloadWindow();
  await panel.ready(60_000);
  await expect.poll(() => panel.status(), { timeout: 60_000 }).toBe('live');
  const { row, pids } = await rowOfKnownCommand();
  expect(pids.map(String)).toContain(row['pid']);
  await picture(editor!.page, 'after-reload');
});
