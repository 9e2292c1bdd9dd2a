/** A recording shows what the run showed: the same rows, prints and maps, without the host. */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import type { MapLook, RowsPage, RunEvent, RunSummary, SummarySpec } from '../../core/src/model/index.ts';
import { ChunkType } from '../../core/src/recording/format.ts';
import { RecordingReader } from '../../core/src/recording/reader.ts';
import { cliRun, removeCache, root } from './support/cli.ts';
import { engineForTests, plainSpec } from './support/engine.ts';
import { addsUp, type Line } from './support/lines.ts';

const { folder, engine } = engineForTests('recording');
const source = readFileSync(join(root, 'test/fixtures/programs/recorded.bpf.c'), 'utf8');
const file = join(folder, 'recorded.bpf.c');
const recording = join(folder, 'run.ringside');
const ours = { only_pid: String(process.pid) };
afterAll(removeCache);

/** One getppid. */
const ppid = (): number => process.ppid;

const summary = async (id: string): Promise<RunSummary> => (await engine().runs()).find((r) => r.id === id)!;
const delivered = async (id: string): Promise<number> =>
  (await summary(id)).ledger.streams.reduce((sum, s) => sum + s.delivered, 0);

/** getppid, so often that all of them and their samples have arrived. */
async function call(id: string, times: number): Promise<void> {
  const before = await delivered(id);
  for (let i = 0; i < times; i++) ppid();
  await vi.waitUntil(async () => (await delivered(id)) >= before + 2 * times, { timeout: 20_000, interval: 20 });
}

/** Every row of every stream and map as the panel gets them, and their hash. */
async function exported(run: RunSummary): Promise<{ rows: number; streams: string[]; hash: string }> {
  const hash = createHash('sha256');
  let rows = 0;
  for (const { stream } of run.schemas) {
    let page: RowsPage;
    for (let first = 0; ; first += page.rows.length) {
      page = await engine().rows({ runId: run.id, stream, where: '', first, count: 1000 });
      hash.update(JSON.stringify([stream, page.columns.map((c) => c.id), page.rows]));
      rows += page.rows.length;
      if (page.rows.length === 0 || first + page.rows.length >= page.matching) break;
    }
  }
  return { rows, streams: run.schemas.map((s) => s.stream), hash: hash.digest('hex') };
}

const look: MapLook = {
  ...{ where: '', sort: { column: 'key', descending: false }, split: true, rateOf: '', paused: false },
};

/** Keys and values of maps as the Maps panel shows them, and how many it writes. */
async function mapsShown(runId: string, names: string[], at?: number): Promise<Record<string, string[][]>> {
  const view = await engine().openMapsView({ kind: 'run', runId });
  if (at !== undefined) await engine().askMapsView(view, { ask: 'list', at });
  const shown: Record<string, string[][]> = {};
  const { maps } = await engine().askMapsView(view, { ask: 'list' });
  for (const name of names) {
    const target = maps.find((map) => map.name === name)!;
    const page = await vi.waitUntil(
      async () => {
        const found = await engine().askMapsView(view, { ask: 'rows', target, look, first: 0, count: 100 });
        expect(found.trouble).toBeNull();
        return found.look > 0 && !found.sorting && found;
      },
      { timeout: 10_000, interval: 50 },
    );
    const kept = page.columns.flatMap(({ role }, i) => (role === 'rate' || role === 'trend' ? [] : [i]));
    shown[name] = page.rows.map(({ cells }) => kept.map((i) => cells[i]!));
  }
  await engine().closeMapsView(view);
  return shown;
}

const charts: SummarySpec[] = [
  { kind: 'groups', by: ['pid', 'comm'], measures: [{ of: 'count', field: '' }], order: 0, top: 10 },
  { kind: 'series', measure: { of: 'max', field: 'number' }, by: 'comm', top: 5, seconds: 0 },
  { kind: 'histogram', field: 'number', scale: 'log2' },
  { kind: 'heatmap', field: 'number', seconds: 0 },
];

/** What the charts of a run are drawn from. */
async function charted(runId: string): Promise<unknown[]> {
  const pages = [];
  for (const spec of charts) {
    const ask = { ask: 'summary', stream: 'calls', where: '', spec, since: 0 } as const;
    const page = await vi.waitUntil(
      async () => {
        const found = await engine().askRows(runId, ask);
        expect(found.error).toBeNull();
        return !found.partial && found;
      },
      { timeout: 10_000, interval: 20 },
    );
    pages.push({ counted: page.counted, missed: page.missed, data: page.data });
  }
  return pages;
}

/** The cells and the detail of a run's first call that have names of its host. */
async function named(runId: string): Promise<Record<string, string>> {
  const stream = (await summary(runId)).schemas.find((s) => s.stream.startsWith('calls'))!.stream;
  const { columns, rows } = await engine().rows({ runId, stream, where: '', first: 0, count: 1 });
  const shown = ['uid', 'gid', 'ip', 'kern_stack_id'].map((id) => [id, columns.findIndex((c) => c.id === id)] as const);
  const cells = shown.map(([id, at]) => [id, rows[0]!.cells[at]!] as const);
  const detail = (await engine().row(runId, stream, rows[0]!.seq))!;
  const uid = detail.fields.find(({ path }) => path === 'uid')!.text;
  return Object.fromEntries([...cells, ['detail of uid', uid]]);
}

const hostsNames = {
  ...{ uid: '0 (root)', gid: '0 (root)', 'detail of uid': '0 (root)' },
  ip: expect.stringMatching(/^[a-z_]\w*\+0x/) as string,
  kern_stack_id: expect.stringMatching(/^[a-z_]\w*\+0x\w+ < [a-z_]/) as string,
};

async function open(path: string): Promise<RunSummary> {
  const { id } = await engine().openRecording({ file: path, where: '', speed: null, count: null });
  await vi.waitUntil(async () => (await summary(id)).state === 'ended', { timeout: 20_000, interval: 20 });
  return summary(id);
}

it('gives the same rows, prints and maps, through a redeploy that lays the records out anew', async () => {
  writeFileSync(file, source);
  const record = { file: recording, mapsSeconds: 1 };
  const run = await engine().attach({ ...plainSpec, file, hosts: ['local'], set: ours, record });
  await call(run.id, 100);
  writeFileSync(file, source.replace('  __u32 number;\n', '  __u32 number;\n  __u64 extra;\n'));
  await engine().redeploy(run.id, {});
  await call(run.id, 50);
  const maps = await mapsShown(run.id, ['per_pid', 'per_cpu']);
  const live = await engine().detach(run.id);
  expect(live.recording).toMatchObject({ file: recording, droppedRecords: 0, missingNames: 0, error: null });
  expect(live.recording!.records).toBe(300);
  expect(live.recording!.bytes).toBe(statSync(recording).size);

  const replayed = await open(recording);
  const [before, after] = [await exported(live), await exported(replayed)];
  expect(after).toEqual(before);
  expect(after.rows).toBeGreaterThan(300);
  expect(after.streams).toEqual(
    expect.arrayContaining(['calls', 'calls (version 1)', 'samples', 'printk', 'map:per_pid', 'map:per_cpu']),
  );
  expect(await named(replayed.id)).toEqual(await named(live.id));
  expect(await named(replayed.id)).toMatchObject(hostsNames);
  expect(replayed.replay).toMatchObject({ file: recording, damage: '', unnamed: '' });
  expect(replayed.ledger).toEqual(live.ledger);
  expect(replayed.ledger.streams.every(addsUp)).toBe(true);
  expect(replayed.programs).toEqual(live.programs);
  expect(replayed.agent).toEqual(live.agent);
  expect(await mapsShown(replayed.id, ['per_pid', 'per_cpu'])).toEqual(maps);
  const view = await engine().openMapsView({ kind: 'run', runId: replayed.id });
  const { kept } = await engine().askMapsView(view, { ask: 'list' });
  await engine().closeMapsView(view);
  expect(kept!.at).toBe(kept!.times.at(-1));
  const first = await mapsShown(replayed.id, ['per_pid'], kept!.times[0]);
  expect(Number(first['per_pid']![0]?.[1] ?? 0)).toBeLessThan(150);
  expect(await mapsShown(replayed.id, ['per_pid', 'per_cpu'], kept!.at)).toEqual(maps);
  expect(maps['per_pid']).toEqual([[String(process.pid), '150']]);
  expect(await charted(replayed.id)).toEqual(await charted(live.id));
  expect(replayed).toMatchObject({ endReason: 'interrupt', startedAt: live.startedAt });
  await expect(engine().redeploy(replayed.id, {})).rejects.toMatchObject({ code: 'recording-without-host' });
});

it('opens a file that was cut, up to the cut, and calls what is missing unknown', async () => {
  const cut = join(folder, 'cut.ringside');
  copyFileSync(recording, cut);
  const reader = await RecordingReader.open(cut);
  for await (const chunk of reader.places()) if (chunk.type === ChunkType.end) truncateSync(cut, chunk.at + 8);
  await reader.close();
  const replayed = await open(cut);
  expect(replayed.replay!.damage).toContain('not closed in order');
  expect(replayed.ledger.streams.map((s) => s.produced)).toEqual(replayed.ledger.streams.map(() => null));
  expect(replayed.ledger.streams.find((s) => s.name === 'calls (version 1)')).toMatchObject({ delivered: 100 });
});

it('begins and ends while the run goes on; a full disk ends it and nothing else', async () => {
  writeFileSync(file, source);
  const events: RunEvent[] = [];
  const stop = engine().on('runEvents', (_id, more) => void events.push(...more));
  const run = await engine().attach({ ...plainSpec, file, hosts: ['local'], set: ours });
  await call(run.id, 10);
  const part = join(folder, 'part.ringside');
  await engine().record(run.id, { file: part, mapsSeconds: null });
  await expect(engine().record(run.id, { file: `${part}2`, mapsSeconds: null })).rejects.toMatchObject({
    code: 'usage',
  });
  await call(run.id, 20);
  const { recording: ended, state } = await engine().endRecording(run.id);
  expect({ state, records: ended!.records }).toEqual({ state: 'running', records: 40 });
  await expect(engine().record(run.id, { file: part, mapsSeconds: null })).rejects.toMatchObject({
    code: 'file-exists',
  });

  // What was told long before the last minutes begin is in the file all the same.
  expect(await named(run.id)).toMatchObject(hostsNames);
  const last = join(folder, 'last.ringside');
  await engine().record(run.id, { file: last, mapsSeconds: null, lastSeconds: 0.6 });
  for (let i = 0; i < 12; i++) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    await call(run.id, 20);
  }
  const { recording: kept } = await engine().endRecording(run.id);
  expect(kept).toMatchObject({ last: { seconds: 0.6 }, bytes: statSync(last).size, droppedRecords: 0 });
  const minutes = await open(last);
  expect(minutes.replay).toMatchObject({ damage: '', unnamed: '' });
  expect(await named(minutes.id)).toMatchObject(hostsNames);
  const shown = minutes.ledger.streams.find((s) => s.name === 'calls')!;
  expect(shown.delivered).toBeLessThan(240);
  expect(shown.delivered + shown.notRecorded!).toBe(10 + 20 + 240);
  expect(minutes.ledger.streams.reduce((sum, s) => sum + s.delivered, 0)).toBe(kept!.records);

  const small = join(folder, 'small');
  mkdirSync(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
  try {
    const full = join(small, 'full.ringside');
    await engine().record(run.id, { file: full, mapsSeconds: null });
    for (let i = 0; i < 50 && (await summary(run.id)).recording!.endedAt === null; i++) await call(run.id, 2000);
    const { recording: failed, state: still } = await summary(run.id);
    expect(still).toBe('running');
    expect(failed!.error).toMatchObject({ code: 'recording-failed' });
    expect(failed!.error!.message).toContain('the disk is full');
    await call(run.id, 10);
    const replayed = await open(full);
    expect(replayed.ledger.streams[0]!.delivered).toBeGreaterThan(0);
  } finally {
    execFileSync('umount', ['-l', small]);
  }
  await engine().detach(run.id);
  stop();

  const replayed = await open(part);
  const calls = replayed.ledger.streams.find((s) => s.name === 'calls')!;
  expect(calls).toMatchObject({ delivered: 20, notRecorded: 10, lostAgent: 0, lostTransport: 0 });
  expect(await named(replayed.id)).toMatchObject(hostsNames);
});

it('prints by `ringside replay` what `ringside attach` printed', async () => {
  writeFileSync(file, source);
  const path = join(folder, 'cli.ringside');
  const calls = setInterval(ppid, 1);
  const args = ['attach', file, '--host', 'local', '--set', `only_pid=${process.pid}`, '--json'];
  const live = await cliRun([...args, '--duration', '2', '--maps', '0.5', '--record', path]);
  clearInterval(calls);
  expect(live).toMatchObject({ code: 0, stderr: '' });
  const replayed = await cliRun(['replay', path, '--json']);
  expect(replayed).toMatchObject({ code: 0, stderr: '' });
  const kinds = ['attached', 'event', 'print', 'map', 'end'];
  for (const kind of kinds) {
    const [was, is] = [live, replayed].map((r): Line[] => r.json.filter((l: Line) => l.type === kind));
    expect(was!.length).toBeGreaterThan(0);
    // Streams stand side by side: the order within each is what counts.
    const byStream = (lines: Line[]): Line[] =>
      [...(lines as { stream?: string }[])].sort((a, b) => (a.stream ?? '').localeCompare(b.stream ?? ''));
    expect(byStream(is!)).toEqual(byStream(was!));
  }
  const some = await cliRun(['replay', path, '--json', '--speed', '10', '--where', 'number < 5 && number >= 2']);
  const numbers = some.json.filter((l: Line) => l.type === 'event').map((l: Line) => Number(l.fields.number));
  expect(numbers.every((n: number) => n >= 2 && n < 5)).toBe(true);
  expect(numbers.length).toBe(
    live.json.filter((l: Line) => l.type === 'event' && l.fields.number >= 2 && l.fields.number < 5).length,
  );
  const csv = await cliRun(['export', path, '--to', 'csv']);
  const rows = live.json.filter((l: Line) => l.type === 'event' || l.type === 'print').length;
  expect(csv.stdout.trimEnd().split('\n')).toHaveLength(rows + 1);
  const har = await cliRun(['export', path, '--to', 'har', '--json']);
  expect(har).toMatchObject({ code: 2 });
  expect(har.json.at(-1).error).toMatchObject({ code: 'export-unavailable' });
});
