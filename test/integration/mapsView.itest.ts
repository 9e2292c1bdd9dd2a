/** What the Maps panel asks: every kind of map read, sorted, filtered, written and read back by bpftool. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type {
  MapChange,
  MapLook,
  MapRowsPage,
  MapsListing,
  MapSummarySpec,
  MapSummary,
  RunSummary,
} from '../../core/src/model/index.ts';
import { root } from './support/cli.ts';
import { engineForTests, plainSpec } from './support/engine.ts';

const FILE = join(root, 'test', 'fixtures', 'programs', 'live_maps.bpf.c');
const MILLION = 1_000_000;
const bpftoolPath = ['/usr/sbin/bpftool', '/usr/bin/bpftool', '/usr/local/sbin/bpftool'].find((p) => existsSync(p))!;
const bpftool = (...args: string[]): unknown =>
  JSON.parse(execFileSync(bpftoolPath, ['-j', ...args], { encoding: 'utf8' }));

const { engine } = engineForTests('maps-view');
let run: RunSummary;
let view: number;
let maps: MapSummary[];

const plain: MapLook = {
  where: '',
  sort: { column: 'key', descending: false },
  split: false,
  rateOf: '',
  paused: false,
};
const target = (name: string) => {
  const map = maps.find((one) => one.name === name)!;
  expect(map, `map ${name}`).toBeDefined();
  return { host: map.host, id: map.id };
};
const page = (name: string, look: Partial<MapLook> = {}, first = 0, count = 50): Promise<MapRowsPage> =>
  engine().askMapsView(view, { ask: 'rows', target: target(name), look: { ...plain, ...look }, first, count });
const change = (name: string, what: MapChange) =>
  engine().askMapsView(view, { ask: 'change', target: target(name), change: what });

/** Asks until the answer is as wanted. */
async function until<T>(ask: () => Promise<T>, good: (answer: T) => boolean): Promise<T> {
  const end = performance.now() + 60_000;
  for (;;) {
    const answer = await ask();
    if (good(answer)) return answer;
    if (performance.now() > end) throw new Error(`It never was as wanted: ${JSON.stringify(answer).slice(0, 2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const read = (name: string, look: Partial<MapLook> = {}) =>
  until(
    () => page(name, look),
    (p) => (p.look > 0 && !p.sorting && p.where === (look.where ?? '')) || p.trouble !== null,
  );
const cell = (p: MapRowsPage, row: number, column: string): string =>
  p.rows[row]!.cells[p.columns.findIndex(({ id }) => id === column)]!;

beforeAll(async () => {
  run = await engine().attach({
    ...plainSpec,
    file: FILE,
    hosts: ['local'],
    set: { wanted_tgid: String(process.pid), fill_to: String(MILLION) },
    limits: { cpuPercent: 0 },
  });
  view = await engine().openMapsView({ kind: 'run', runId: run.id });
  const list = (): Promise<MapsListing> => engine().askMapsView(view, { ask: 'list' });
  maps = (await until(list, ({ maps }) => maps.some((one) => one.name === 'flows' && (one.entries ?? 0) > 1))).maps;
}, 60_000);

it('lists every map of the run, typed, with what it holds', () => {
  expect(maps.find(({ name }) => name === 'million')).toMatchObject({ type: 'hash', owned: true, access: 'entries' });
  expect(maps.find(({ name }) => name === 'queue')).toMatchObject({ access: 'next' });
  expect(maps.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['flows', 'by_cpu', 'latency', 'routes', 'stack', 'bloom', 'events', 'of_task', 'outer']),
  );
});

it('a million entries: sorted by rate, one cell edited, read back by bpftool, and taken back', async () => {
  const full = await until(
    () => page('million', { sort: { column: 'rate', descending: true } }),
    (p) => p.held === MILLION && !p.sorting && Number(cell(p, 0, 'rate')) > 0,
  );
  expect(full).toMatchObject({ entries: MILLION, matching: MILLION, perCpu: 0, trouble: null });
  const rates = full.rows.map((_, row) => Number(cell(full, row, 'rate')));
  expect(rates).toEqual([...rates].sort((a, b) => b - a));
  // Only the hot keys move.
  expect(full.rows.every((_, row) => Number(cell(full, row, 'key')) < 100 || rates[row] === 0)).toBe(true);

  const where = 'key >= 999990 && key < 999995';
  const few = await read('million', { where });
  expect(few.rows.map(({ cells }) => cells[0])).toEqual(['999990', '999991', '999992', '999993', '999994']);
  const done = await change('million', { do: 'edit', seq: few.rows[2]!.seq, column: 'value', text: '0x2a' });
  expect(done).toMatchObject({ text: 'value of 999992 is 42 now; it was 0.', undo: 1 });
  const { id } = target('million');
  const key = ['0x38', '0x42', '0x0f', '0', '0', '0', '0', '0'];
  const lookup = () => bpftool('map', 'lookup', 'id', String(id), 'key', ...key);
  expect(lookup()).toMatchObject({ formatted: { key: 999992, value: 42 } });
  const after = await until(
    () => page('million', { where: `${where} && value == 42` }),
    (p) => p.matching === 1,
  );
  expect(cell(after, 0, 'value')).toBe('42');
  expect(await change('million', { do: 'undo' })).toMatchObject({
    text: 'Taken back: value of 999992 is 0 again.',
    undo: 0,
  });
  expect(lookup()).toMatchObject({ formatted: { value: 0 } });
}, 60_000);

it('structs are columns; hostile text is harmless; a member is edited alone', async () => {
  const flows = await read('flows');
  expect(flows.columns.map(({ id }) => id)).toEqual([
    ...['key.pid', 'key.port', 'key.proto'],
    ...['value.count', 'value.balance', 'value.last_cpu', 'value.comm', 'rate', 'trend'],
  ]);
  // eslint-disable-next-line no-control-regex -- that none is there is the question
  expect(JSON.stringify(flows.rows)).not.toMatch(/[\u0000-\u001f\u202e]/);
  const odd = await read('flows', { where: 'value.comm ~ "<b>"' });
  expect(odd.matching).toBeGreaterThan(0);
  const { seq } = odd.rows[0]!;
  await change('flows', { do: 'edit', seq, column: 'value.comm', text: '123' });
  const edited = await engine().askMapsView(view, { ask: 'entry', target: target('flows'), seq });
  expect(edited?.fields.find(({ path }) => path === 'value.comm')?.text).toBe('123');
  await expect(
    change('flows', { do: 'edit', seq, column: 'value.last_cpu', text: '4294967296' }),
  ).rejects.toMatchObject({
    code: 'bad-value',
    remedy: 'Give an integer from 0 to 4294967295, decimal or 0x….',
  });
  await expect(page('flows', { where: 'value.count >' })).resolves.toMatchObject({
    filterError: { code: 'bad-expression' },
    matching: 0,
  });
});

it('per-CPU values are summed or split, and only what is of one CPU is edited', async () => {
  const sum = await read('by_cpu');
  expect(sum).toMatchObject({ perCpu: expect.any(Number) as number, matching: 4 });
  const split = await read('by_cpu', { split: true });
  const cpus = Array.from({ length: split.perCpu }, (_, cpu) => Number(cell(split, 0, `cpu[${cpu}].count`)));
  expect(cpus.reduce((a, b) => a + b, 0)).toBeGreaterThan(0);
  const seq = split.rows[3]!.seq;
  await change('by_cpu', { do: 'edit', seq, column: 'cpu[1].count', text: '7' });
  expect(cell(await read('by_cpu'), 3, 'value.count')).toBe('7');
  await expect(change('by_cpu', { do: 'edit', seq, column: 'value.count', text: '9' })).rejects.toMatchObject({
    code: 'bad-value',
  });
  await change('by_cpu', { do: 'edit', seq, column: 'value.count', text: '0' });
  expect(cell(await read('by_cpu'), 3, 'value.count')).toBe('0');
});

it('histograms are recognised in values, entries and keys', async () => {
  for (const [name, shape] of [
    ['latency', { in: 'value', scale: 'log2', sure: true }],
    ['sizes_linear', { in: 'entries', scale: 'linear' }],
    ['call_slots', { in: 'key', scale: 'log2', sure: true }],
  ] as const) {
    const p = await until(
      () => page(name),
      (answer) => answer.held > 0,
    );
    expect(p.histogram, name).toMatchObject(shape);
    const answer = await until(
      () => engine().askMapsView(view, { ask: 'histograms', target: target(name), scale: '', first: 0, count: 10 }),
      ({ histograms }) => histograms.some(({ slots }) => slots.some(({ share }) => share === 1)),
    );
    expect(answer.of, name).toBeGreaterThan(0);
  }
});

it('entries are added, refused, deleted and brought back', async () => {
  await read('routes');
  const added = await change('routes', { do: 'add', key: '{"length":24,"address":"10.0.0.0"}', value: '7' });
  expect(added.undo).toBe(1);
  const row = (await read('routes')).rows[0]!;
  await expect(
    change('routes', { do: 'add', key: '{"length":24,"address":"10.0.0.0"}', value: '8' }),
  ).rejects.toMatchObject({ code: 'key-exists' });
  await expect(change('routes', { do: 'add', key: '{"length":24}', value: '8' })).rejects.toMatchObject({
    code: 'bad-value',
  });
  await change('routes', { do: 'delete', seqs: [row.seq] });
  expect((await read('routes')).matching).toBe(0);
  await change('routes', { do: 'undo' });
  expect(cell(await read('routes'), 0, 'value')).toBe('7');
});

it('what has no entries says what can be read of it', async () => {
  expect(await read('bloom')).toMatchObject({
    trouble: { kind: 'refused', error: { code: 'map-access' } },
    canAdd: true,
  });
  const ring = await read('events');
  expect(ring.columns.map(({ id }) => id)).toContain('value.producer');
  await read('stack');
  await change('stack', { do: 'add', key: '', value: '77' });
  expect(cell(await read('stack'), 0, 'value')).toBe('77');
  expect((await change('stack', { do: 'pop' })).text).toBe('Took 77 out of stack.');
  const owners = await until(
    () => page('of_task'),
    (p) => p.held > 0,
  );
  expect(cell(owners, 0, 'key.pid')).toBe(String(process.pid));
});

it('charts show the largest entries over time, those that change most, and how slots fill', async () => {
  const ask = (map: string, spec: MapSummarySpec, where = '') =>
    engine().askRows(run.id, { ask: 'mapSummary', host: '', map, where, spec, since: 0 });
  const mine = `key.pid == ${process.pid}`;
  const lines = await until(
    () => ask('flows', { kind: 'series', field: 'value.count', of: 'rate', top: 3, seconds: 300 }, mine),
    ({ data }) =>
      data?.kind === 'series' && data.lines.some(({ values }) => values.filter((v) => (v ?? 0) > 0).length > 1),
  );
  expect(lines).toMatchObject({ stream: 'flows', error: null, missed: 0 });
  const top = await until(
    () => ask('by_cpu', { kind: 'groups', field: 'value.count', of: 'rate', top: 3 }),
    ({ data }) => data?.kind === 'groups' && (data.rows[0]?.measures[0] ?? 0) > 0,
  );
  expect(top.data).toMatchObject({ groups: 4, rows: expect.objectContaining({ length: 3 }) });
  await until(
    () => ask('latency', { kind: 'heatmap', seconds: 300 }),
    ({ data }) => data?.kind === 'heatmap' && data.cells.some((hits, i) => i % 3 === 2 && hits > 0),
  );
  expect((await ask('nope', { kind: 'heatmap', seconds: 300 })).error).toMatchObject({ code: 'unknown-map' });
  expect((await ask('bloom', { kind: 'heatmap', seconds: 300 })).error).toMatchObject({ code: 'map-access' });
  const wrong = await until(
    () => ask('flows', { kind: 'groups', field: 'value.nope', of: 'rate', top: 5 }),
    ({ error }) => error !== null,
  );
  expect(wrong.error).toMatchObject({ code: 'unknown-field', remedy: expect.stringContaining('value.count') });
});

it('an inner map is opened from within its outer one', async () => {
  const outer = await read('outer');
  expect(outer.ofMaps).toBe(true);
  const inner = Number(cell(outer, 0, 'value'));
  expect(maps.find(({ name }) => name === 'inner_one')!.id).toBe(inner);
});

it('a host shows the same maps under their whole names, and says when one is gone', async () => {
  const host = await engine().openMapsView({ kind: 'host', host: 'local' });
  const list = await engine().askMapsView(host, { ask: 'list' });
  expect(list.maps.find(({ name }) => name === 'sizes_linear')).toMatchObject({ owned: true, owner: 'live_maps' });
  await engine().askMapsView(host, { ask: 'rows', target: target('flows'), look: plain, first: 0, count: 1 });
  await engine().detach(run.id);
  const gone = await until(
    async () => {
      await engine().askMapsView(host, { ask: 'list' });
      return engine().askMapsView(host, { ask: 'rows', target: target('flows'), look: plain, first: 0, count: 5 });
    },
    ({ trouble }) => trouble !== null,
  );
  expect(gone).toMatchObject({ trouble: { kind: 'gone', error: { code: 'unknown-map' } } });
  // What it held is still there to be read.
  expect(gone.rows.length).toBeGreaterThan(0);
  const over = await engine().askMapsView(view, { ask: 'list' });
  expect(over.note).toContain('The run is over');
  await engine().closeMapsView(host);
  await engine().closeMapsView(view);
});
