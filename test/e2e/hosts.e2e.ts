/**
 * Hosts as an operator sees them, with the packaged extension over a real sshd and by keyboard alone: quick connect, the
 * Doctor, the inventory of everything BPF on the host, and a run that is started again after its connection was cut.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { at, vsixFile } from '../../scripts/lib/paths.mjs';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { bpfState, newSince, nothing, settled } from '../integration/support/bpf.ts';
import { cliRun, removeCache } from '../integration/support/cli.ts';
import { seriousInPanel } from './harness/axe.ts';
import { startEditor, type Editor } from './harness/editor.ts';
import { followingSystem, picture, pictures } from './harness/pictures.ts';
import { Workbench } from './harness/workbench.ts';

const source = 'execs.bpf.c';
const alias = 'ringside-test';
const program = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} execs SEC(".maps");

SEC("tp/sched/sched_process_exec")
int count_exec(void *ctx)
{
  __u32 key = 0;
  __u64 *count = bpf_map_lookup_elem(&execs, &key);
  if (count)
    __sync_fetch_and_add(count, 1);
  return 0;
}
`;

const bpffs = '/sys/fs/bpf';
const pins = join(bpffs, `ringside-e2e-${process.pid}`);
let mounted = false;

/** Programs and maps that somebody else has pinned. */
async function pinOthers(): Promise<void> {
  if (!readFileSync('/proc/mounts', 'utf8').includes(` ${bpffs} bpf `)) {
    execFileSync('mount', ['-t', 'bpf', 'bpf', bpffs]);
    mounted = true;
  }
  const object = join(folder, 'others.o');
  const built = await cliRun(['build', at('test/fixtures/programs/inventory.bpf.c'), '-o', object, '--json']);
  expect(built.stdout).toContain('"ok":true');
  mkdirSync(pins);
  execFileSync('bpftool', ['prog', 'loadall', object, pins, 'pinmaps', pins]);
}

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
  writeFileSync(join(folder, 'work', source), program);
  await pinOthers();
  before = bpfState();
  sshd = await startSshd();
  const keys = [`IdentityFile ${sshd.identityFile}`, `UserKnownHostsFile ${sshd.knownHostsFile}`];
  appendFileSync(sshd.configFile, ['', 'Host 127.0.0.1', ...keys, ''].join('\n'));
  editor = await startEditor({
    folder: join(folder, 'work'),
    vsix: vsixFile(),
    settings: {
      'ringside.ssh.configFile': sshd.configFile,
      'ringside.verifyOnSave': false,
      'ringside.hostGroups': { 'test machines': ['local', 'ringside-*'] },
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
  const left = await settled(before, 5_000);
  rmSync(pins, { recursive: true, force: true });
  if (mounted) execFileSync('umount', [bpffs]);
  rmSync(folder, { recursive: true, force: true });
  removeCache();
  expect(left).toEqual(nothing);
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

/** For the picture: descriptions are as long as what they say. */
async function widenSideBar(page: Page, width: number): Promise<void> {
  const box = await page.locator('.part.sidebar').boundingBox();
  const edge = (box?.x ?? 0) + (box?.width ?? 0);
  await page.mouse.move(edge, 400);
  await page.mouse.down();
  await page.mouse.move(width, 400, { steps: 4 });
  await page.mouse.up();
}

/** Whether an element of a webview, or what is inside it, has the keyboard. */
const hasFocus = (element: Locator): Promise<boolean> => element.evaluate((it) => it.matches(':focus, :focus-within'));

test('the Doctor says of every check what was found and why it matters, and copies a fix', async () => {
  await workbench.keysChoose('Ringside: Check What the Host Can Do', alias);
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
  await pictures(editor.page, 'doctor', async (theme) => expect(await seriousInPanel(workbench), theme).toEqual([]));
});

test('a fix is copied by the keyboard alone', async () => {
  const frame = workbench.webview();
  const button = frame.getByRole('button', { name: /^Copy the fix/ }).first();
  await frame.getByRole('button', { name: 'Check again' }).first().focus();
  for (let left = 10; left > 0 && !(await hasFocus(button)); left -= 1) await editor.page.keyboard.press('Tab');
  await editor.page.keyboard.press('Enter');
  await expect.poll(() => editor.page.evaluate(() => navigator.clipboard.readText())).toMatch(/journald|[a-z]{4,}/);
});

test('a host that is typed into the picker is connected, and remembered in the tree', async () => {
  const typed = `root@127.0.0.1:${sshd!.port}`;
  await workbench.keys('Ringside: Connect to Host…');
  await workbench.quickInput().fill(typed);
  await workbench.keysPick('connect to it, as to ssh');
  await workbench.keys('Ringside: Focus on Hosts View');
  await workbench.treeRow(new RegExp(`${typed}.*x86_64.*load`)).waitFor({ timeout: 60_000 });
});

test('a group is checked as one, each host with its own result', async () => {
  await workbench.keysChoose('Ringside: Check What the Group Can Do', 'test machines');
  const frame = workbench.webview();
  for (const host of ['local', alias]) {
    await frame.locator('.host', { hasText: host }).locator('.check').first().waitFor({ timeout: 60_000 });
  }
  await frame
    .getByText(/^2 hosts: /)
    .first()
    .waitFor({ timeout: 60_000 });
  await picture(editor.page, 'doctor-group');
});

test('a program is verified on all hosts of a group, a column each', async () => {
  await workbench.open(source);
  await workbench.keysChoose('Ringside: Verify on Group…', 'test machines');
  const frame = workbench.webview();
  await frame.getByText('2 hosts: 2 accept it').first().waitFor({ timeout: 60_000 });
  const cells = frame.getByRole('button', { name: /^✓ [\d,]+ insns/ });
  expect(await cells.count()).toBe(2);
  await cells.first().focus();
  await editor.page.keyboard.press('Enter');
  await frame.getByRole('region', { name: 'count_exec on local' }).getByText('verified in').waitFor();
  await pictures(editor.page, 'verdicts', async (theme) => expect(await seriousInPanel(workbench), theme).toEqual([]));
  await workbench.keys('View: Close Editor');
});

test('what is BPF on the host is listed: ours, and what others have pinned', async () => {
  await workbench.open(source);
  await workbench.keysChoose('Ringside: Attach', alias);
  await workbench.statusBar('1 run').waitFor({ timeout: 60_000 });
  await workbench.keysChoose('Ringside: Show BPF on the Host', alias);
  await workbench.treeRow(/^Programs/).waitFor({ timeout: 30_000 });
  await workbench.keys('Ringside: Focus on Hosts View');
  await workbench.keysTree(/^Programs/);
  await editor.page.keyboard.press('ArrowRight');
  await workbench.treeRow(/count_exec.*Ringside: execs · tracepoint/).waitFor();
  await workbench.treeRow(/pinned, no process/).waitFor();
  await widenSideBar(editor.page, 720);
  await pictures(editor.page, 'inventory');
});

test('its translated and machine code is shown beside the source, by lines of the source', async () => {
  await workbench.open(source);
  await workbench.keys('Ringside: Translated and Machine Code');
  await editor.page
    .locator('.tab.active', { hasText: /count_exec \(\d+\) on ringside-test/ })
    .waitFor({ timeout: 30_000 });
  const code = editor.page.locator('.editor-group-container.active .monaco-editor .view-lines').first();
  const shown = async (): Promise<string> => (await code.innerText()).replaceAll('\u00a0', ' ');
  // An instruction as the kernel rewrote it, and bytes of the machine below it.
  await expect
    .poll(shown)
    .toMatch(
      /translated by the verifier: \d+ bytes[^]*machine code for[^]* \d+: \([0-9a-f]{2}\) [^]*ffffffff[0-9a-f]{8}: [0-9a-f]{2} /,
    );
  await picture(editor.page, 'translated-code');
  await workbench.keys('View: Close Editor');
});

/** A map that somebody else has pinned: it outlives our connection. */
const othersMap = 'per_cpu';

test('the maps of the host are shown, those of others too', async () => {
  await workbench.keysChoose('Ringside: Show Maps', 'A host…');
  await workbench.keysPick(alias);
  await workbench.webview().getByRole('option').filter({ hasText: othersMap }).first().click({ timeout: 30_000 });
  await workbench
    .webview()
    .locator('.map-words', { hasText: /^2 .*· read / })
    .waitFor({ timeout: 15_000 });
});

test('while the host is away its maps say so and stay as they were read; they come back with it', async () => {
  const maps = workbench.webview();
  await workbench.clearNotifications();
  await sshd!.goAway();
  await maps.locator('.map-banner[role=alert]', { hasText: /ringside-test: .*Shown is what was read at/ }).waitFor();
  await maps.locator('.map-words.old', { hasText: 'old: as of' }).waitFor();
  expect(await maps.locator('.map-rows.old .row:not([hidden])').count()).toBe(2);
  expect(await maps.getByRole('option').filter({ hasText: 'execs' }).count()).toBe(1);
  await picture(editor.page, 'maps-away');
  await sshd!.comeBack();
  await maps.locator('.map-words:not(.old)', { hasText: '· read ' }).waitFor();
  await expect.poll(() => maps.locator('.map-banner[role=alert]').count()).toBe(0);
  // Its run has ended with its connection, and its map with it.
  await expect.poll(() => maps.getByRole('option').filter({ hasText: 'execs' }).count()).toBe(0);
  expect(await maps.locator('.map-rows .row:not([hidden])').count()).toBe(2);
  await workbench.keys('View: Close Editor');
});

test('a run whose connection was cut is started again with one key', async () => {
  await workbench.notification(/execs ended when the connection was lost/).waitFor({ timeout: 60_000 });
  await workbench.treeRow(/execs.*connection lost/).waitFor();
  await pictures(editor.page, 'start-again');
  expect(await settled(before, 5_000)).toEqual(nothing);
  await workbench.keys('Notifications: Accept Notification Primary Action');
  await workbench.statusBar('1 run').waitFor({ timeout: 60_000 });
  await workbench.treeRow(/execs.*running/).waitFor();
});

test('a kept run whose connection is cut is gone on with by itself', async () => {
  await workbench.keys('Ringside: Keep Running…');
  // Should this test fail, it is over soon.
  await workbench.quickInput().fill('90s');
  await workbench.keysPick('90 s');
  await workbench.statusBar(/kept until/).waitFor();
  const { programs } = newSince(before);
  await workbench.clearNotifications();
  sshd!.dropConnections();
  await workbench.statusBar(/ringside-test.* lost/).waitFor({ timeout: 60_000 });
  await workbench.statusBar('1 run').waitFor({ timeout: 60_000 });
  expect(newSince(before).programs).toEqual(programs);
  await workbench.treeRow(/execs.*running · kept until/).waitFor();
  expect((await workbench.notifications()).filter((text) => text.includes('ended'))).toEqual([]);
  await workbench.keysChoose('Ringside: Detach', 'Detach Now');
});
