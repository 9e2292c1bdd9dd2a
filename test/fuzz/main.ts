/** Runs one fuzzer of the engine for a time: `main.mjs TARGET SECONDS SEED CORPUS-FOLDER NEW-FOLDER CRASH-FOLDER [--minimize]`. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Fuzzer, type Feedback } from './engine.ts';
import { targets } from './targets.ts';
import type { WorkerInput, WorkerReport } from './worker.ts';

/** An input that takes longer has hung the reader; a reader that takes more memory explodes. */
const PATIENCE_MS = 20_000;
const MOST_HEAP_MB = 512;
const MOST_RSS = 1500 << 20;
/** Most bytes of one fuzzer's corpus in the tree. */
const MOST_KEPT = 300_000;

const nameOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
const bytesIn = (folder: string): Uint8Array[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .sort()
        .map((name) => new Uint8Array(readFileSync(join(folder, name))))
    : [];

interface Arguments {
  target: string;
  seconds: number;
  seed: number;
  corpus: string;
  fresh: string;
  crashes: string;
}

/** Exit status 0 when nothing was found, 1 with a finding. */
async function fuzz({ target, seconds, seed, corpus, fresh, crashes }: Arguments): Promise<number> {
  mkdirSync(fresh, { recursive: true });
  const shared = new SharedArrayBuffer(8 + targets[target]!.longest);
  const input: WorkerInput = {
    target,
    root: process.env.RINGSIDE_ROOT!,
    corpus: [...bytesIn(corpus), ...bytesIn(fresh)],
    seed,
    seconds,
    shared,
  };
  const worker = new Worker(new URL('worker.mjs', import.meta.url), {
    workerData: input,
    resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MB },
  });
  const head = new Int32Array(shared, 0, 2);
  const current = (): Uint8Array => new Uint8Array(shared.slice(8, 8 + Atomics.load(head, 0)));
  const finding = (bytes: Uint8Array, what: string): number => {
    mkdirSync(crashes, { recursive: true });
    const file = join(crashes, `${target}-${nameOf(bytes)}`);
    writeFileSync(file, bytes);
    console.log(`FINDING in ${target}: ${what}\ninput: ${file}`);
    return 1;
  };
  return new Promise((resolve) => {
    let [runs, since] = [0, performance.now()];
    const end = (status: number): void => {
      clearInterval(watch);
      void worker.terminate();
      resolve(status);
    };
    const watch = setInterval(() => {
      if (Atomics.load(head, 1) !== runs) [runs, since] = [Atomics.load(head, 1), performance.now()];
      if (performance.now() - since > PATIENCE_MS) end(finding(current(), `no end after ${PATIENCE_MS / 1000} s`));
      else if (process.memoryUsage.rss() > MOST_RSS) end(finding(current(), 'more than 1.5 GB of memory'));
    }, 250);
    worker.on('message', (report: WorkerReport) => {
      if (report.kind === 'found') writeFileSync(join(fresh, nameOf(report.bytes)), report.bytes);
      else if (report.kind === 'finding') end(finding(report.bytes, report.error));
      else {
        console.log(`${target}: ${report.runs} runs, ${report.covered} blocks, ${report.corpus} inputs`);
        if (report.kind === 'done') end(0);
      }
    });
    worker.on('error', (error) => end(finding(current(), error.message)));
  });
}

/** Rewrites the kept corpus with the smallest inputs that do what both folders do, as many as may be kept. */
function minimize({ target, corpus, fresh }: Arguments): number {
  const feedback = (globalThis as unknown as { __fuzz: Feedback }).__fuzz;
  const { run, longest, seeds } = targets[target]!;
  const fuzzer = new Fuzzer(run, feedback, longest, 1);
  // What the seeds do needs no file: they are in the tree already.
  for (const bytes of seeds(process.env.RINGSIDE_ROOT!)) fuzzer.add(bytes);
  const own = fuzzer.corpus.length;
  const all = [...bytesIn(corpus), ...bytesIn(fresh)].sort((a, b) => a.length - b.length);
  for (const bytes of all) fuzzer.add(bytes);
  rmSync(corpus, { recursive: true, force: true });
  mkdirSync(corpus, { recursive: true });
  const kept: { bytes: Uint8Array }[] = [];
  let room = MOST_KEPT;
  for (const entry of fuzzer.corpus.slice(own)) {
    room -= entry.bytes.length;
    if (room < 0) break; // small ones come first, and do most
    kept.push(entry);
  }
  for (const { bytes } of kept) writeFileSync(join(corpus, nameOf(bytes)), bytes);
  const size = kept.reduce((sum, { bytes }) => sum + bytes.length, 0);
  console.log(
    `${target}: ${kept.length} of ${all.length} inputs kept, ${Math.ceil(size / 1024)} KB, ${fuzzer.covered} blocks`,
  );
  return 0;
}

const [target, seconds, seed, corpus, fresh, crashes, mode] = process.argv.slice(2);
const given: Arguments = {
  target: target!,
  seconds: Number(seconds),
  seed: Number(seed),
  corpus: corpus!,
  fresh: fresh!,
  crashes: crashes!,
};
process.exit(mode === '--minimize' ? minimize(given) : await fuzz(given));
