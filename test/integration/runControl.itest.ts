/** A run is paused at its source, limited in time, and restarted with other knobs; its maps and rows stay. */
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import type { RunSummary } from '../../core/src/model/index.ts';
import { bpfState } from './support/bpf.ts';
import { root } from './support/cli.ts';
import { engineForTests, plainSpec } from './support/engine.ts';
import { addsUp } from './support/lines.ts';

const { engine } = engineForTests('run-control');
const file = join(root, 'test/fixtures/programs/recorded.bpf.c');
const ppid = (): number => process.ppid;

const summary = async (id: string): Promise<RunSummary> => (await engine().runs()).find((r) => r.id === id)!;
const calls = async (id: string): Promise<number> =>
  (await summary(id)).ledger.streams.find((s) => s.name === 'calls')!.delivered;
const until = (id: string, count: number): Promise<boolean> =>
  vi.waitUntil(async () => (await calls(id)) >= count, { timeout: 20_000, interval: 20 });

/** How often this process called, as the map of the program counts it. */
async function counted(id: string): Promise<string> {
  const { rows } = await engine().rows({ runId: id, stream: 'map:per_pid', where: '', first: 0, count: 10 });
  return rows.find((r) => r.cells[0] === String(process.pid))?.cells[1] ?? '';
}

it('detaches and keeps maps and rows, attaches again, and ends in its time', { timeout: 60_000 }, async () => {
  const set = { only_pid: String(process.pid) };
  const run = await engine().attach({ ...plainSpec, file, hosts: ['local'], set });
  for (let i = 0; i < 10; i++) ppid();
  await until(run.id, 10);

  const attached = bpfState();
  const held = await engine().suspend(run.id, true);
  expect(held).toMatchObject({ state: 'running', attachments: [], suspendedAt: expect.any(Number) as number });
  expect(await engine().suspend(run.id, true)).toMatchObject({ suspendedAt: held.suspendedAt });
  expect(bpfState()).not.toEqual(attached);
  for (let i = 0; i < 10; i++) ppid();
  expect(await counted(run.id)).toBe('10');

  const resumed = await engine().suspend(run.id, false);
  expect(resumed.suspendedAt).toBeUndefined();
  expect(resumed.attachments).toHaveLength(1);
  for (let i = 0; i < 5; i++) ppid();
  await until(run.id, 15);
  await vi.waitUntil(async () => (await counted(run.id)) === '15', { timeout: 10_000, interval: 50 });

  const globals = await engine().globals(run.id);
  expect(globals.find((g) => g.name === 'only_pid')).toMatchObject({
    ...{ constVolatile: true, type: '__u32', set: set.only_pid },
    comment: 'Only calls of this process; 0 = of every process.',
  });
  await expect(engine().checkGlobal(run.id, 'only_pid', '-1')).rejects.toMatchObject({ code: 'bad-value' });
  await expect(engine().setVariable(run.id, 'only_pid', '1')).rejects.toMatchObject({ code: 'map-access' });
  const now = async (name: string) => (await engine().globals(run.id)).find((g) => g.name === name)!.now;
  expect(await now('only_pid')).toEqual([]);
  expect(await now('print_every')).toEqual([{ host: 'local', value: 16 }]);
  expect(await now('made')).toEqual([{ host: 'local', value: 15 }]);
  await engine().setVariable(run.id, 'made', '1000');
  expect(await now('made')).toEqual([{ host: 'local', value: 1000 }]);
  ppid();
  await until(run.id, 16);
  const where = 'number == 1000';
  await vi.waitUntil(
    async () => (await engine().rows({ runId: run.id, stream: 'calls', where, first: 0, count: 1 })).matching === 1,
    { timeout: 10_000, interval: 50 },
  );

  const changed = await engine().redeploy(run.id, { set: { only_pid: '1' } });
  expect(changed.swaps![0]!.maps.find((m) => m.map === 'per_pid')).toMatchObject({ fate: 'kept' });
  for (let i = 0; i < 5; i++) ppid();
  expect(await counted(run.id)).toBe('16');

  await expect(engine().limitTime(run.id, 3600)).resolves.toMatchObject({ endsAt: expect.any(Number) as number });
  expect((await engine().limitTime(run.id, null)).endsAt).toBeUndefined();
  await engine().suspend(run.id, true);
  await engine().limitTime(run.id, 0.1);
  await vi.waitUntil(async () => (await summary(run.id)).state === 'ended', { timeout: 20_000, interval: 20 });
  const ended = await summary(run.id);
  expect(ended).toMatchObject({ endReason: 'duration', error: null });
  expect(ended.ledger.streams.every(addsUp)).toBe(true);
  await expect(engine().suspend(run.id, true)).rejects.toMatchObject({ code: 'usage' });
});
