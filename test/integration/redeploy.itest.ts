/** A live run gets new versions of its program: nothing is lost between them, and a version that fails changes nothing. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from './support/cli.ts';
import { engineForTests, plainSpec } from './support/engine.ts';
import { addsUp } from './support/lines.ts';

const { folder, engine } = engineForTests('redeploy');
const file = join(folder, 'redeployed.bpf.c');
const source = readFileSync(join(root, 'bpf-snippets/execsnoop/execsnoop.bpf.c'), 'utf8');

it('goes through 20 redeploys without losing an exec', { timeout: 300_000 }, async () => {
  writeFileSync(file, source);
  const run = await engine().attach({ file, hosts: ['local'], ...plainSpec });
  let made = 0;
  const generator = setInterval(() => spawnSync('/bin/true', [`ringside-redeploy-${made++}-`]), 10);
  for (let round = 0; round < 20; round++) {
    writeFileSync(file, `${source}\n/* version ${round} */\n`);
    const { swaps, id } = await engine().redeploy(run.id, {});
    expect(id).toBe(run.id);
    expect(swaps?.[0]?.maps.find((m) => m.map === 'events')).toMatchObject({ fate: 'kept' });
  }
  writeFileSync(file, 'this is no C');
  await expect(engine().redeploy(run.id, {})).rejects.toMatchObject({ code: 'build-failed' });
  await new Promise((resolve) => setTimeout(resolve, 200));
  clearInterval(generator);
  const { ledger, state } = await engine().detach(run.id);
  expect(state).toBe('ended');
  expect(ledger.streams.every(addsUp)).toBe(true);
  const [stream] = ledger.streams;
  expect(stream).toMatchObject({ lostKernel: 0, lostAgent: 0, lostTransport: 0, filtered: 0 });
  const seen = new Set<string>();
  for (let first = 0; first < stream!.delivered; first += 1000) {
    const page = await engine().rows({ runId: run.id, stream: 'events', where: '', first, count: 1000 });
    for (const row of page.rows)
      for (const [name] of JSON.stringify(row).matchAll(/ringside-redeploy-\d+-/g)) seen.add(name);
  }
  expect(made).toBeGreaterThan(50);
  const missing = Array.from({ length: made }, (_, n) => `ringside-redeploy-${n}-`).filter((name) => !seen.has(name));
  expect(missing).toEqual([]);
});
