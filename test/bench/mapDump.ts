/** Entries per second of a typed dump of a million-entry hash map over ssh, against `bpftool -j map dump` on the spot. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../../core/src/rpc/client.ts';
import { benchEngine, benchHost, peer, programs, run } from './environment.ts';
import type { Measured } from './figure.ts';
import type { Bench } from './main.ts';

const ENTRIES = 1_000_000;
const ROUNDS = 5;
const BPFFS = '/sys/fs/bpf';

export const mapDumpBench: Bench = {
  summary: 'a million typed entries of a hash map, over ssh, against bpftool -j',
  async run(say) {
    const bpftool = peer('bpftool', ['/usr/sbin/bpftool', '/usr/bin/bpftool', '/usr/local/sbin/bpftool']);
    const host = await benchHost();
    const engine = await benchEngine(host.sshd);
    const pins = join(BPFFS, `ringside-bench-${process.pid}`);
    try {
      const pin = await fill(engine, bpftool, pins);
      await engine.connect(host.name);
      const ours: number[] = [];
      const theirs: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        ours.push(await dump(engine, host.name, pin));
        theirs.push(await bpftoolDump(bpftool, pin));
        say(`${Math.round(ours.at(-1)!)} entries/s, bpftool ${Math.round(theirs.at(-1)!)}`);
      }
      return [figure(ours, theirs)];
    } finally {
      rmSync(pins, { recursive: true, force: true });
      await engine.dispose();
      await host.stop();
    }
  },
};

function figure(ours: number[], theirs: number[]): Measured {
  return {
    figure: 'entries_per_second',
    unit: '1/s',
    better: 'higher',
    samples: ours,
    peer: { name: 'bpftool -j map dump, on the host itself, to /dev/null', samples: theirs },
    goalRatio: 5,
    note: `${ENTRIES} entries of u32 and a 16-byte struct as JSON lines through agent, sshd, ssh2 and the engine's worker`,
  };
}

/** Loads and fills the map; gives its pin. */
async function fill(engine: Engine, bpftool: string, pins: string): Promise<string> {
  const filler = join(process.env['RINGSIDE_ROOT'] ?? process.cwd(), '.cache', 'bench', 'fillMap');
  await run('gcc', ['-O2', '-o', filler, join(programs, 'fillMap.c')]);
  const built = await engine.build({ file: join(programs, 'million.bpf.c') });
  if (!built.object) throw new Error(`million.bpf.c does not build: ${JSON.stringify(built.diagnostics)}`);
  mkdirSync(pins);
  await run(bpftool, ['prog', 'load', built.object, join(pins, 'never'), 'type', 'socket', 'pinmaps', pins]);
  const pin = join(pins, 'million');
  await run(filler, [pin, String(ENTRIES)]);
  return pin;
}

async function dump(engine: Engine, host: string, pin: string): Promise<number> {
  const start = performance.now();
  const reader = await engine.openMapLines(host, pin, 'json');
  let entries = 0;
  let lines = 0;
  for (let page = await engine.readMapLines(reader); page !== null; page = await engine.readMapLines(reader)) {
    entries += page.entries;
    lines += newlines(page.lines);
  }
  const seconds = (performance.now() - start) / 1000;
  if (entries !== ENTRIES || lines !== ENTRIES) throw new Error(`${entries} entries in ${lines} lines of ${ENTRIES}`);
  return entries / seconds;
}

function newlines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}

async function bpftoolDump(bpftool: string, pin: string): Promise<number> {
  const start = performance.now();
  await run('/bin/sh', ['-c', `exec "${bpftool}" -j map dump pinned "${pin}" > /dev/null`]);
  return ENTRIES / ((performance.now() - start) / 1000);
}
