/**
 * A rejected program in the verifier explorer, with the packaged extension: from its lens to the instruction that failed,
 * back along the chain by the keyboard, the repair, and the same place again after a reload.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { at, vsixFile } from '../../scripts/lib/paths.mjs';
import { bpfState, nothing, settled } from '../integration/support/bpf.ts';
import { seriousInPanel } from './harness/axe.ts';
import { startEditor, type Editor } from './harness/editor.ts';
import { followingSystem, picture, pictures } from './harness/pictures.ts';
import { Workbench } from './harness/workbench.ts';

const source = 'ring-null.bpf.c';

let folder: string;
let editor: Editor;
let workbench: Workbench;
let before: ReturnType<typeof bpfState>;

beforeAll(async () => {
  if (!existsSync(vsixFile()))
    throw new Error('There is no VSIX. Run `npm run package` first; `npm test` does it by itself.');
  folder = mkdtempSync(join(tmpdir(), 'ringside-e2e-explorer-'));
  mkdirSync(join(folder, 'work'));
  for (const name of [source, 'rejected.h'])
    copyFileSync(at('test/fixtures/rejected', name), join(folder, 'work', name));
  before = bpfState();
  editor = await startEditor({ folder: join(folder, 'work'), vsix: vsixFile(), settings: followingSystem });
  workbench = new Workbench(editor.page);
});

afterAll(async () => {
  await editor.stop();
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
    `picture: ${await picture(editor.page, 'explorer-failed')}\n${(await workbench.notifications()).join('\n')}\n${editor.serverLog().slice(-2000)}`,
  );
});

const panel = (selector: string): Locator => workbench.webview().locator(selector);
/** "6: r0 = …": the instruction that is chosen, as it is drawn. */
const chosen = async (): Promise<string> => {
  const [number = '', code = ''] = await panel('.rows .row.active :is(.number, .code)').allInnerTexts();
  return `${/\d+/.exec(number)?.[0] ?? ''}: ${code}`;
};
/** In the theme that shows now, axe finds nothing serious. */
const looks = async (theme: string): Promise<void> => expect(await seriousInPanel(workbench), theme).toEqual([]);
const stateTitle = (): Promise<string> => panel('.column.state h2').innerText();

test('a rejected program is explored from its lens, at the instruction that failed', async () => {
  await workbench.open(source);
  await workbench.goToLine(14);
  await workbench.lens(/^\s*Verify$/).waitFor({ timeout: 30_000 });
  await workbench.command('Ringside: Verify on Host');
  await workbench.pick('local');
  await workbench.lens(/Explore/).click({ timeout: 60_000 });
  await panel('.rows .row.active.failed').waitFor({ timeout: 30_000 });
  await expect.poll(chosen).toMatch(/^\d+: \*\(u32 \*\)\(r\d \+0\) = r0/);
  await expect.poll(() => panel('.terms').innerText()).toMatch(/e\s*:\s*ringbuf mem_or_null\(/);
  await expect.poll(() => panel('.verdict').innerText()).toMatch(/Pointer may be NULL[\s\S]*line 17/);
  // Monaco shows the source that was verified, with its colours, and without asking for a worker.
  await expect
    .poll(async () => (await panel('.editor .view-lines').innerText()).replaceAll('\u00a0', ' '))
    .toContain('e->pid = bpf_get_current_pid_tgid() >> 32;');
  await panel('.editor .step-line').waitFor();
  expect(editor.consoleErrors.filter((text) => /worker|Content Security/i.test(text))).toEqual([]);
  await workbench.clearNotifications();
  await pictures(editor.page, 'explorer', looks);
});

test('the keyboard steps back to where the value was made', async () => {
  await panel('.rows').focus();
  const rejected = Number(/\d+/.exec(await stateTitle())![0]);
  await editor.page.keyboard.press('ArrowUp');
  await expect.poll(stateTitle).toBe(`state before insn ${rejected - 1}`);
  await editor.page.keyboard.press('End');
  await expect.poll(stateTitle).toBe(`state before insn ${rejected}`);
  // e is in a register that was copied from r0, which the reserve call has set.
  await editor.page.keyboard.press('s');
  await expect.poll(chosen).toMatch(/r\d = r0/);
  await editor.page.keyboard.press('s');
  await expect.poll(chosen).toMatch(/call bpf_ringbuf_reserve/);
  await expect.poll(() => panel('.column.source .link').innerText()).toBe('line 17');
  await editor.page.keyboard.press('b');
  await expect.poll(chosen).toMatch(/r\d = r0/);
  await editor.page.keyboard.press('/');
  await editor.page.keyboard.type('call bpf_get_current');
  await editor.page.keyboard.press('Enter');
  await expect.poll(chosen).toMatch(/call bpf_get_current_pid_tgid/);
  await editor.page.keyboard.press('Escape');
  await editor.page.keyboard.press('4');
  await panel('.row.log-message').first().waitFor();
  await expect.poll(() => panel('.rows').innerText()).toMatch(/invalid mem access/);
  await pictures(editor.page, 'explorer-log', looks);
  await panel('.rows').focus();
  await editor.page.keyboard.press('1');
  await expect.poll(chosen).toMatch(/call bpf_get_current_pid_tgid/);
});

test('after a reload it is where it was', async () => {
  const title = await stateTitle();
  await workbench.reloadWindow();
  await expect.poll(stateTitle, { timeout: 60_000 }).toBe(title);
  await expect.poll(chosen).toMatch(/call bpf_get_current_pid_tgid/);
});

test('the repair goes into the source, and the next verdict takes the place of this one', async () => {
  await panel('.fix').first().click();
  await expect.poll(() => workbench.source()).toMatch(/if \(!e\)/);
  // Saving verifies again, on the host that was chosen.
  await workbench.save();
  await expect.poll(() => readFileSync(join(folder, 'work', source), 'utf8')).toMatch(/if \(!e\)/);
  await expect.poll(() => panel('.verdict').innerText(), { timeout: 60_000 }).toMatch(/accepted/);
  // Of what it accepts the kernel keeps no path, unless it is asked for every path.
  await panel('.bar .link').click();
  await panel('.rows .row.active').waitFor({ timeout: 60_000 });
  await panel('#view-tree').click();
  await expect.poll(() => panel('.rows .row.branch').count()).toBeGreaterThan(1);
  await pictures(editor.page, 'explorer-accepted', looks);
});
