/**
 * What a verifier says, where it is said, with the packaged extension: a program is broken, saved, squiggled, explained,
 * repaired and accepted; its tests run in the Test Explorer; a saved log of Linux 7.3 shows the kernel's own report.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { readKernel } from '../../core/src/verifier/testKernels.ts';
import { at, vsixFile } from '../../scripts/lib/paths.mjs';
import { bpfState, newSince, nothing, settled } from '../integration/support/bpf.ts';
import { startEditor, type Editor } from './harness/editor.ts';
import { followingSystem, picture, pictures } from './harness/pictures.ts';
import { Workbench } from './harness/workbench.ts';

const source = 'packets.bpf.c';
const testFile = 'packets.bpf.test.json';
const program = `#include "rejected.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} packets SEC(".maps");

SEC("xdp")
int count(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	u32 key = 0;
	u64 *seen;

	if ((void *)(eth + 1) > end)
		return XDP_ABORTED;
	key = eth->h_proto;
	seen = bpf_map_lookup_elem(&packets, &key);
	if (!seen)
		return XDP_DROP;
	*seen += 1;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
`;

/** Runs for as long as it is let. */
const endless = `#include "rejected.h"

static long again(u32 i, void *unused)
{
	return 0;
}

SEC("xdp")
int stay(struct xdp_md *ctx)
{
	bpf_loop(1 << 16, again, NULL, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
`;
const endlessTests = `{ "tests": [{ "name": "stays", "program": "stay", "packet": "eth/ip", "repeat": 10000000 }] }`;

const tests = `{
  "tests": [
    {
      "name": "an IPv4 packet passes",
      "program": "count",
      "packet": "eth/ip/udp",
      "maps": { "packets": [{ "key": 8, "value": 41 }] },
      "expect": { "return": "XDP_PASS", "maps": { "packets": [{ "key": 8, "value": 42 }] } }
    },
    {
      "name": "an ARP packet is dropped",
      "program": "count",
      "packet": "eth/arp(op=request)",
      "expect": {
        "return": "XDP_DROP"
      }
    }
  ]
}
`;

/** A program that is never opened: its lookup is not checked. */
const closed = 'closed.bpf.c';
const unchecked = program.replace(/\tif \(!seen\)\n.*\n/, '');

/** Where a line of the program stands, counted from 1. */
const lineOf = (text: string): number => program.slice(0, program.indexOf(text)).split('\n').length;

/** Logs of Linux 7.3 as `ringside verify --full-log` writes them. */
function savedLog(...names: string[]): string {
  const { verdicts } = readKernel('7.3');
  const logs = names.map((name) => verdicts.find((one) => one.name === name)!);
  return logs.map(({ name, section, log }) => `==== linux-7.3 ${name} (${section}): rejected\n${log}`).join('');
}

let folder: string;
let editor: Editor;
let workbench: Workbench;
let before: ReturnType<typeof bpfState>;

beforeAll(async () => {
  if (!existsSync(vsixFile()))
    throw new Error('There is no VSIX. Run `npm run package` first; `npm test` does it by itself.');
  folder = mkdtempSync(join(tmpdir(), 'ringside-e2e-verdict-'));
  mkdirSync(join(folder, 'work'));
  copyFileSync(at('test/fixtures/rejected/rejected.h'), join(folder, 'work', 'rejected.h'));
  const files = {
    [source]: program,
    [testFile]: tests,
    [closed]: unchecked,
    'endless.bpf.c': endless,
    'endless.bpf.test.json': endlessTests,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'work', name), text);
  writeFileSync(join(folder, 'work', 'linux-7.3.log'), savedLog('record-not-submitted', 'packet-unchecked'));
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
    `picture: ${await picture(editor.page, 'verdict-failed')}\n${(await workbench.notifications()).join('\n')}\n${editor.serverLog().slice(-2000)}`,
  );
});

const onDisk = (): string => readFileSync(join(folder, 'work', source), 'utf8');

test('a program that is right is accepted, and its lens says so', async () => {
  await workbench.open(source);
  await workbench.lens(/^\s*Verify$/).waitFor({ timeout: 30_000 });
  await workbench.keysChoose('Ringside: Verify on Host', 'local');
  await workbench.lens(/✓ local · \d+ insns/).waitFor({ timeout: 60_000 });
  expect(await workbench.errorLines()).toEqual([]);
  await picture(editor.page, 'verdict-1-accepted');
});

test('broken and saved, the error stands on the line that fails, without asking', async () => {
  await workbench.goToLine(lineOf('if (!seen)'));
  await editor.page.keyboard.press('Shift+ArrowDown');
  await editor.page.keyboard.press('Shift+ArrowDown');
  await editor.page.keyboard.press('Delete');
  await expect.poll(() => workbench.source()).not.toContain('if (!seen)');
  await workbench.save();
  await workbench.lens(/✗ local: Pointer may be NULL/).waitFor({ timeout: 60_000 });
  await expect.poll(() => workbench.errorLines()).toEqual([lineOf('if (!seen)')]);
  await picture(editor.page, 'verdict-2-squiggle');
});

test('the hover says why in a sentence, and leads along the chain to where the value was made', async () => {
  await workbench.goToLine(lineOf('if (!seen)'));
  await editor.page.keyboard.press('Home');
  await workbench.keys('Show or Focus Hover');
  const hover = editor.page.locator('.monaco-hover:visible');
  await expect
    .poll(() => hover.innerText())
    .toMatch(/`seen` may be NULL[\s\S]*bpf_map_lookup_elem\(\)[\s\S]*\(count, verifier of local\)/);
  await picture(editor.page, 'verdict-3-hover');
  await hover.getByText(/packets\.bpf\.c\(21, \d+\)/).click();
  await workbench.statusBar(`Ln ${lineOf('seen = bpf_map')}, Col`).waitFor();
  await picture(editor.page, 'verdict-4-chain');
});

test('its fix is taken by the keyboard, and the next save is accepted', async () => {
  await workbench.goToLine(lineOf('if (!seen)'));
  await editor.page.keyboard.press('Home');
  await workbench.quickFix(/Add `if \(!seen\)/, () => picture(editor.page, 'verdict-5-fix'));
  await expect.poll(() => workbench.source()).toMatch(/if \(!seen\)/);
  await workbench.save();
  await expect.poll(onDisk).toMatch(/if \(!seen\)\s+return [^;]+;/);
  await workbench.lens(/✓ local · \d+ insns/).waitFor({ timeout: 60_000 });
  await expect.poll(() => workbench.errorLines()).toEqual([]);
  await pictures(editor.page, 'verdict-6-repaired');
});

test('its tests run in the Test Explorer: what differs is told on its line, expected and actual', async () => {
  await workbench.open(testFile);
  await workbench.testGlyph('run').first().waitFor({ timeout: 30_000 });
  await workbench.keys('Test: Run Tests in Current File');
  await workbench.testGlyph('failed').waitFor({ timeout: 60_000 });
  await workbench.testGlyph('passed').waitFor();
  const message = editor.page.locator('.test-error-content-widget');
  await expect.poll(() => message.innerText()).toBe('2 (XDP_PASS) != 1 (XDP_DROP)');
  const middle = ({ y = NaN, height = NaN } = {}): number => y + height / 2;
  const line = editor.page.locator('.editor-group-container.active .view-line', { hasText: 'XDP_DROP' });
  expect(middle((await message.boundingBox())!)).toBeCloseTo(middle((await line.boundingBox())!), -1);
  await pictures(editor.page, 'verdict-7-tests');
});

test('with coverage, the lines that the verifier has walked are marked in the source', async () => {
  await workbench.keys('Test: Run Tests with Coverage in Current File');
  await workbench.open(source);
  await editor.page.locator('.coverage-deco-gutter.coverage-deco-hit').first().waitFor({ timeout: 60_000 });
  await expect.poll(() => workbench.coveredLines()).toContain(lineOf('seen = bpf_map'));
  await picture(editor.page, 'verdict-8-coverage');
});

test('a test that runs on is cancelled: it stops, and nothing stays loaded', async () => {
  await workbench.open('endless.bpf.test.json');
  await workbench.testGlyph('run').first().waitFor({ timeout: 30_000 });
  await workbench.keysChoose('Test: Run Tests in Current File', 'local');
  await expect.poll(() => newSince(before).programs.length, { timeout: 60_000 }).toBe(1);
  await workbench.testGlyph('loading').waitFor();
  // VS Code's own keys for "Cancel Test Run".
  await editor.page.keyboard.press('Control+;');
  await editor.page.keyboard.press('Control+x');
  // By itself it would go on for many minutes.
  expect(await settled(before, 30_000)).toEqual(nothing);
  await workbench.testGlyph('skipped').waitFor();
  await picture(editor.page, 'verdict-9-cancelled');
});

test("a saved log of Linux 7.3 is explored without a host, and the kernel's own report is there whole", async () => {
  await workbench.keys('View: Close All Editors');
  await workbench.keys('View: Hide Panel');
  await workbench.keys('Ringside: Open Verifier Log…');
  await workbench.pick('linux-7.3.log');
  const frame = workbench.webview();
  await frame.locator('.rows .row.active').waitFor({ timeout: 30_000 });
  await expect
    .poll(() => frame.locator('.verdict').innerText())
    .toMatch(/Not released on this path[\s\S]*The kernel suggests: Release or/);
  await frame.locator('.kernel-report summary').focus();
  await editor.page.keyboard.press('Enter');
  const { log } = readKernel('7.3').verdicts.find(({ name }) => name === 'record-not-submitted')!;
  const report = await frame.locator('.kernel-report pre').innerText();
  expect(report).toMatch(/^Verification failed: Resource Lifetime Safety: [^]*\nCausal path:\n[^]*\nSuggestion:\n/);
  expect(log).toContain(`\n${report}\n`);
  await pictures(editor.page, 'verdict-10-log');
});

test('a task asks the verifier about a file that is not open, and what it prints stands in the Problems view', async () => {
  await workbench.keysChoose('Tasks: Run Task', 'ringside');
  await workbench.keysPick(`verify ${closed}`);
  // The terminal of the task comes to the front when it starts: only then the view can be asked for.
  await editor.page
    .locator('#status\\.problems')
    .filter({ hasText: /^\s*1\s/ })
    .waitFor({ timeout: 30_000 });
  await workbench.command('Problems: Focus on Problems View');
  const problem = editor.page.locator('.markers-panel .monaco-list-row').filter({ hasText: 'Pointer may be NULL' });
  await expect.poll(() => problem.first().innerText()).toMatch(/`seen` may be NULL[^]*null-pointer/);
  const line = unchecked.slice(0, unchecked.indexOf('*seen += 1;')).split('\n').length;
  expect(await problem.first().innerText()).toContain(`[Ln ${line}, Col `);
  await picture(editor.page, 'verdict-11-task');
  await workbench.keys('View: Hide Panel');
});

test('the walkthrough leads on by the keyboard, with pictures in the colours of the theme', async () => {
  await workbench.keys('Ringside: First Steps');
  const steps = editor.page.locator('.gettingStartedDetailsContent .getting-started-step');
  await expect.poll(() => steps.count()).toBe(7);
  const doctor = steps.filter({ hasText: 'See what the host can do' });
  await doctor.focus();
  await editor.page.keyboard.press('Enter');
  await doctor.getByRole('button', { name: 'Check the Host' }).waitFor();
  await pictures(editor.page, 'verdict-12-walkthrough');
});
