/**
 * Hosts as an operator sees them, with the packaged extension over a real sshd and by keyboard alone: quick connect, the
 * Doctor, the inventory of everything BPF on the host, and a run that is started again after its connection was cut.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { at, vsixFile } from '../../scripts/lib/paths.mjs';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { bpfState, nothing, settled } from '../integration/support/bpf.ts';
import { startEditor, type Editor } from './harness/editor.ts';
import { followingSystem, picture, pictures } from './harness/pictures.ts';
import { Workbench } from './harness/workbench.ts';

const source = 'guarded.bpf.c';
const alias = 'ringside-test';

let folder: string;
let sshd: TestSshd | undefined;
let editor: Editor;
let workbench: Workbench;
let before: ReturnType<typeof bpfState>;

beforeAll(async () => {
  if (!existsSync(vsixFile()))
    throw new Error('There is no VSIX. Run `npm run package` first; `npm test` does it by itself.');
  folder = mkdtempSync(join(tmpdir(), 'ringside-e2e-hosts-'));
  mkdirSync(join(folder, 'work'));
  copyFileSync(at('test/fixtures/programs', source), join(folder, 'work', source));
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
  await workbench.open(source);
  // The palette lists our commands from here on.
  await workbench.statusBar('no host').waitFor({ timeout: 60_000 });
});

afterAll(async () => {
  await editor.stop();
  await sshd?.stop();
  rmSync(folder, { recursive: true, force: true });
  expect(await settled(before, 5_000)).toEqual(nothing);
});

// Each step stands on the one before: after a failure the rest fails at once, and a picture is kept.
let failedStep: string | undefined;
beforeEach(() => {
  if (failedStep !== undefined) throw new Error(`not reached: "${failedStep}" failed`);
});
afterEach(async ({ task }) => {
  if (task.result?.state !== 'fail' || failedStep !== undefined) return;
  failedStep = task.name;
  console.error(
    `picture: ${await picture(editor.page, 'hosts-failed')}\n${(await workbench.notifications()).join('\n')}\n${editor.serverLog().slice(-2000)}`,
  );
});

/** Whether an element of a webview, or what is inside it, has the keyboard. */
const hasFocus = (element: Locator): Promise<boolean> => element.evaluate((it) => it.matches(':focus, :focus-within'));

test('the Doctor says of every check what was found and why it matters, and copies a fix', async () => {
  await workbench.keys('Ringside: Check What the Host Can Do');
  await workbench.keysPick(alias);
  const frame = workbench.webview();
  await frame.locator('.check').first().waitFor({ timeout: 60_000 });
  await frame
    .getByText(/\d+ checks: /)
    .first()
    .waitFor();
  const checks = await frame.locator('.check').evaluateAll((items) =>
    items.map((item) => ({
      title: item.querySelector('.title')?.textContent ?? '',
      why: item.querySelector('.why')?.textContent ?? '',
    })),
  );
  expect(checks.length).toBeGreaterThan(9);
  expect(checks.filter(({ title, why }) => title === '' || why === '')).toEqual([]);
  await pictures(editor.page, 'doctor');
});

test('a fix is copied by the keyboard alone', async () => {
  const frame = workbench.webview();
  const button = frame.getByRole('button', { name: /^Copy the fix/ }).first();
  await frame.getByRole('button', { name: 'Check again' }).first().focus();
  for (let left = 10; left > 0 && !(await hasFocus(button)); left -= 1) await editor.page.keyboard.press('Tab');
  await editor.page.keyboard.press('Enter');
  await expect.poll(() => editor.page.evaluate(() => navigator.clipboard.readText())).toMatch(/journald|[a-z]{4,}/);
});

test('what is BPF on the host is listed, ours told from what others have pinned', async () => {
  await workbench.keys('Ringside: Show BPF on the Host');
  await workbench.keysPick(alias);
  await workbench.treeRow(/^Programs/).waitFor({ timeout: 30_000 });
  await editor.page.keyboard.press('ArrowRight');
  await pictures(editor.page, 'inventory');
});
