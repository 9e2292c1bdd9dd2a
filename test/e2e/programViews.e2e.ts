/**
 * The editor's views around a program: what there is to attach to, an object as a document, figures while it runs; and a run
 * that is steered: paused at its source, recorded, and looked at again without a host.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { at, vsixFile } from '../../scripts/lib/paths.mjs';
import { seriousInPanel } from './harness/axe.ts';
import { startEditor, type Editor } from './harness/editor.ts';
import { knownCommand, type KnownCommand } from './harness/knownCommand.ts';
import { followingSystem, picture, pictures } from './harness/pictures.ts';
import { TracePanel, type Row } from './harness/tracePanel.ts';
import { Workbench } from './harness/workbench.ts';

const source = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

SEC("tp/sched/sched_switch")
int count(void *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	__u64 first = 1, *seen = bpf_map_lookup_elem(&counts, &cpu);
	if (seen)
		*seen += 1;
	else
		bpf_map_update_elem(&counts, &cpu, &first, BPF_ANY);
	return 0;
}
`;

/** Each row has what the program was told to mark it with, and how many there were before it, which a map counts. */
const steered = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct seen {
	__u32 pid;
	__u32 mark;
	__u64 number;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
	__type(value, struct seen);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

/* What rows are marked with. */
const volatile __u32 mark = 1;
/* Comes to it, from now on. */
__u32 added = 100;

SEC("tp/sched/sched_process_exec")
int steer(void *ctx)
{
	__u32 key = 0;
	__u64 first = 0, *count;

	bpf_map_update_elem(&counts, &key, &first, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&counts, &key);
	struct seen *seen = bpf_ringbuf_reserve(&events, sizeof(*seen), 0);
	if (!seen)
		return 0;
	seen->pid = bpf_get_current_pid_tgid() >> 32;
	seen->number = count ? __sync_fetch_and_add(count, 1) : 0;
	bpf_get_current_comm(seen->comm, sizeof(seen->comm));
	seen->mark = mark + added;
	bpf_ringbuf_submit(seen, 0);
	return 0;
}
`;

let folder: string;
let editor: Editor | undefined;
let workbench: Workbench;
let trace: TracePanel;
let command: KnownCommand;

beforeAll(async () => {
  if (!existsSync(vsixFile()))
    throw new Error('There is no VSIX. Run `npm run package` first; `npm test` does it by itself.');
  folder = mkdtempSync(join(tmpdir(), 'ringside-e2e-views-'));
  const work = join(folder, 'work');
  mkdirSync(work);
  writeFileSync(join(work, 'counter.bpf.c'), source);
  writeFileSync(join(work, 'steered.bpf.c'), steered);
  command = knownCommand(folder);
  copyFileSync(at('test/fixtures/objects/exec.bpf.o'), join(work, 'exec.bpf.o'));
  writeFileSync(join(work, 'junk.bpf.o'), Buffer.from('\x7fELF and then nothing of the kind'));
  const settings = { ...followingSystem, 'ringside.openPanelOnAttach': false, 'ringside.verifyOnSave': false };
  editor = await startEditor({ folder: work, vsix: vsixFile(), settings });
  workbench = new Workbench(editor.page);
  trace = new TracePanel(workbench);
});

afterAll(async () => {
  await editor?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('an object opens as a document, and junk says what is wrong with it', async () => {
  await workbench.open('exec.bpf.o');
  await expect.poll(() => workbench.source(), { timeout: 30_000 }).toContain('PROGRAMS (2)');
  await pictures(editor!.page, 'object');
  await workbench.open('junk.bpf.o');
  await expect.poll(() => workbench.source(), { timeout: 15_000 }).toContain('cannot be shown as a BPF object');
});

test('the view of attach points shows fields, and begins a program', async () => {
  await workbench.open('counter.bpf.c');
  await workbench.command('View: Show Ringside');
  await workbench.command('Ringside: Focus on Attach Points View');
  await workbench.treeRow('Kernel functions').waitFor({ timeout: 30_000 });
  // The tree shows what fits: only what holds the name, so that all of it is in view.
  await workbench.command('Ringside: Filter Attach Points…');
  await workbench.quickInput().fill('sched_process_exec');
  await editor!.page.keyboard.press('Enter');
  await workbench.treeRow(/^Tracepoints\s*[1-9]$/).click();
  await workbench.treeRow(/^sched\s*\d/).click();
  await workbench.treeRow('sched_process_exec').click();
  await workbench.treeRow('filename').waitFor({ timeout: 15_000 });
  await pictures(editor!.page, 'attach-points');
  await workbench.command('Ringside: Search Attach Points…');
  await workbench.quickInput().fill('vfs_unlink');
  await editor!.page
    .locator('.quick-input-widget:visible .monaco-list-row')
    .filter({ hasText: 'vfs_unlink' })
    .first()
    .waitFor();
  await picture(editor!.page, 'attach-point-search');
  await workbench.keysPick('vfs_unlink');
  await workbench.keysPick('fentry/vfs_unlink');
  await expect.poll(() => workbench.source(), { timeout: 15_000 }).toContain('SEC("fentry/vfs_unlink")');
  await expect.poll(() => workbench.source()).toContain('handle_vfs_unlink');
  await picture(editor!.page, 'attach-point-inserted');
});

test('while it runs, figures stand above the program and beside its map', async () => {
  await workbench.focusEditor('counter.bpf.c');
  await workbench.save();
  await editor!.page.keyboard.press('Control+Home');
  await workbench.attachByLens('local');
  await workbench.lens(/\/s · .* each · .* CPU/).waitFor({ timeout: 60_000 });
  const hint = editor!.page
    .locator('.monaco-editor .view-line')
    .filter({ hasText: /\d+\sof\s10,240/ })
    .first();
  await hint.waitFor({ timeout: 15_000 });
  await pictures(editor!.page, 'live-figures');
});

const looks = async (theme: string): Promise<void> => expect(await seriousInPanel(workbench), theme).toEqual([]);

test('its map is shown with what it counts', async () => {
  await workbench.keysChoose('Ringside: Show Maps', 'counter');
  const panel = workbench.webview();
  await panel.locator('[role="option"]').filter({ hasText: 'counts' }).click();
  const rate = panel.locator('.row:not([hidden])[aria-rowindex="2"] [aria-colindex="3"]');
  await expect.poll(async () => Number(await rate.innerText()), { timeout: 15_000 }).toBeGreaterThan(0);
  await pictures(editor!.page, 'maps', looks);
  await workbench.keys('View: Close Editor');
});

test('its cost is charted; detached, nothing of it stays', async () => {
  await workbench.keys('Ringside: Open Charts');
  await workbench.webview().locator('.card canvas').first().waitFor({ timeout: 15_000 });
  await pictures(editor!.page, 'charts', looks);
  await workbench.keys('View: Close Editor');
  await workbench.lens('Detach').click();
  await workbench.lens('Detach').waitFor({ state: 'detached', timeout: 30_000 });
});

/** Runs the known command until its newest row, after the one with this number, has this mark, and gives that row. */
async function markedRow(mark: string, after = -1): Promise<Row> {
  let newest: Row | undefined;
  await expect
    .poll(
      async () => {
        await command.run();
        newest = (await trace.rows()).findLast((row) => row['comm'] === command.comm);
        return Number(newest?.['number']) > after ? newest?.['mark'] : undefined;
      },
      { timeout: 20_000 },
    )
    .toBe(mark);
  return newest!;
}

/** Answers the input box with this title. */
async function type(title: string, text: string): Promise<void> {
  await editor!.page.locator('.quick-input-widget:visible .quick-input-title').filter({ hasText: title }).waitFor();
  await workbench.quickInput().fill(text);
  await editor!.page.keyboard.press('Enter');
}

test('a run is paused at its source and goes on, by keyboard', async () => {
  await workbench.open('steered.bpf.c');
  await workbench.keysChoose('Ringside: Attach', 'local');
  await workbench.lens('Detach').waitFor({ timeout: 30_000 });
  await workbench.keysChoose('Ringside: Open Trace', 'steered');
  await trace.ready();
  await trace.filter(`comm == "${command.comm}"`);
  const before = await markedRow('101');
  await workbench.keys('Ringside: Pause or Resume at the Source');
  await expect.poll(() => trace.status(), { timeout: 15_000 }).toBe('detached');
  await workbench.keys('Ringside: Pause or Resume at the Source');
  await expect.poll(() => trace.status(), { timeout: 15_000 }).toBe('live');
  await markedRow('101', Number(before['number']));
});

test('it gets other values while it runs, each in the next row, and an end in time', async () => {
  await workbench.keysChoose('Ringside: Restart with Changed Globals…', 'mark');
  await type('mark: __u32', '5');
  await workbench.keysPick('Restart with These Values');
  await markedRow('105');
  await workbench.keys('Ringside: Change a Variable While It Runs…');
  const row = editor!.page.locator('.quick-input-widget:visible .monaco-list-row').filter({ hasText: 'added' });
  await expect.poll(() => row.innerText()).toMatch(/added\s*100/);
  await picture(editor!.page, 'run-variable');
  await workbench.keysPick('added');
  await type('added: __u32', '200');
  await markedRow('205');
  await workbench.keys('Ringside: End in Time…');
  await type('How much longer', '1h');
  await workbench
    .webview()
    .locator('.ends')
    .filter({ hasText: /ends in \d+:\d\d/ })
    .waitFor();
});

/** How long the rows of a recording that keeps the last minutes stay in it. */
const LAST_S = 10;
let recordedSince = 0;
const tooOld: string[] = [];

test('a recording that keeps the last minutes is begun', async () => {
  await workbench.keys('Ringside: Record, Keeping the Last Minutes…');
  await type('Record steered and keep the last minutes', 'soon');
  await editor!.page.getByText('A time such as 90s, 5m or 2h; at most 24h.').waitFor();
  await type('Record steered and keep the last minutes', `${String(LAST_S)}s`);
  await workbench.webview().getByRole('button', { name: 'End the recording' }).waitFor();
  tooOld.push(String(await command.run()));
  recordedSince = Date.now();
});

test('a save puts the new version into it: its map counts on, its values stay', async () => {
  const before = await markedRow('205');
  await workbench.keys('Ringside: Toggle Redeploy on Save');
  await workbench.statusBar(/Redeploy on save is on/).waitFor();
  await workbench.focusEditor('steered.bpf.c');
  await workbench.goToLine(steered.slice(0, steered.indexOf('seen->mark =')).split('\n').length);
  await editor!.page.keyboard.press('End');
  await editor!.page.keyboard.type(' seen->mark += 1000;');
  await workbench.save();
  await workbench.statusBar(/Redeployed steered on local: \d maps? kept/).waitFor({ timeout: 20_000 });
  await workbench.keysChoose('Ringside: Open Trace', 'steered');
  // A map that had begun anew would count from 0.
  await markedRow('1205', Number(before['number']));
  await picture(editor!.page, 'run-control');
});

/** The rows in view that these processes made. */
const rowsOf = async (pids: string[]): Promise<Row[]> =>
  (await trace.rows()).filter((row) => pids.includes(row['pid'] ?? ''));

test('what is older has left the file when it ends; its rows are those of the new version, as they were live', async () => {
  await expect.poll(() => Date.now() - recordedSince, { timeout: 15_000 }).toBeGreaterThan(LAST_S * 1000);
  const pids = [String(await command.run()), String(await command.run())];
  await workbench.keys('Ringside: Record or End Recording');
  const done = workbench.notification(/Recorded \d+ records of steered/);
  await done.waitFor();
  const live = await rowsOf(pids);
  expect(live.map((row) => row['mark'])).toEqual(['1205', '1205']);
  expect(await rowsOf(tooOld)).toHaveLength(1);
  await done.getByRole('button', { name: 'Open' }).click();
  await expect.poll(() => trace.status(), { timeout: 15_000 }).toBe('recording');
  await trace.filter(`comm == "${command.comm}"`);
  await expect.poll(() => rowsOf(pids), { timeout: 10_000 }).toEqual(live);
  expect(await rowsOf(tooOld)).toEqual([]);
  await picture(editor!.page, 'recording-last');
  await workbench.keys('View: Close Editor');
  await expect.poll(() => trace.status(), { timeout: 15_000 }).toBe('live');
});

test('its rows are recorded, and shown again without the run', async () => {
  await workbench.keys('Ringside: Record or End Recording');
  await workbench.webview().getByRole('button', { name: 'End the recording' }).waitFor();
  const pids: string[] = [];
  for (let i = 0; i < 3; i += 1) pids.push(String(await command.run()));
  await expect.poll(async () => (await rowsOf(pids)).length, { timeout: 10_000 }).toBe(3);
  const live = await rowsOf(pids);
  await workbench.keys('Ringside: Record or End Recording');
  const done = workbench.notification(/Recorded \d+ records of steered/);
  await done.waitFor();
  await workbench.keys('Ringside: Detach');
  await expect.poll(() => trace.status(), { timeout: 15_000 }).toBe('ended');
  await done.getByRole('button', { name: 'Open' }).click();
  await expect.poll(() => trace.status(), { timeout: 15_000 }).toBe('recording');
  await trace.filter(`comm == "${command.comm}"`);
  await expect.poll(() => rowsOf(pids), { timeout: 10_000 }).toEqual(live);
  await picture(editor!.page, 'recording');
});

test('a project of its own is made from the program, in the folder that is chosen', async () => {
  const { page } = editor!;
  await workbench.open('counter.bpf.c');
  await workbench.keysChoose('Ringside: Create Project from This Program…', 'libbpf');
  // VS Code's own dialog, as it is without a desktop; it begins in the folder of the program.
  const chosen = page.locator('.quick-input-widget:visible').filter({ hasText: 'Folder that gets the project' });
  await chosen.getByRole('button', { name: 'Create Here' }).click();
  await workbench.dialog().filter({ hasText: 'counter.bpf.c' }).waitFor({ timeout: 30_000 });
  await picture(page, 'project-plan');
  await workbench.button('Create').click();
  await workbench.notification(/Created the project counter/).waitFor({ timeout: 15_000 });
  await picture(page, 'project-created');
  expect(readFileSync(join(folder, 'work', 'counter', 'README.md'), 'utf8')).toContain('counter');
  expect(existsSync(join(folder, 'work', 'counter', 'Makefile'))).toBe(true);
});
