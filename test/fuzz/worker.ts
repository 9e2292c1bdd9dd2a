/** One fuzzer at work, in a thread that its supervisor can end. */
import { parentPort, workerData } from 'node:worker_threads';
import { Fuzzer, type Feedback } from './engine.ts';
import { targets } from './targets.ts';

export interface WorkerInput {
  target: string;
  root: string;
  corpus: Uint8Array[];
  seed: number;
  seconds: number;
  /** Where the current input lies, for the supervisor: Int32 length, Int32 count of runs, bytes. */
  shared: SharedArrayBuffer;
}

export type WorkerReport =
  | { kind: 'found'; bytes: Uint8Array }
  | { kind: 'progress'; runs: number; covered: number; corpus: number }
  | { kind: 'finding'; bytes: Uint8Array; error: string }
  | { kind: 'done'; runs: number; covered: number; corpus: number };

const input = workerData as WorkerInput;
const { feedback } = { feedback: (globalThis as unknown as { __fuzz: Feedback }).__fuzz };
const target = targets[input.target]!;
const head = new Int32Array(input.shared, 0, 2);
const room = new Uint8Array(input.shared, 8);
const say = (report: WorkerReport): void => parentPort!.postMessage(report);

const fuzzer = new Fuzzer(target.run, feedback, target.longest, input.seed);

/** Runs one input in view of the supervisor. False after a finding. */
function attempt(bytes: Uint8Array, isNews: boolean): boolean {
  room.set(bytes);
  Atomics.store(head, 0, bytes.length);
  Atomics.add(head, 1, 1);
  try {
    if (fuzzer.add(bytes) && isNews) say({ kind: 'found', bytes: bytes.slice() });
    return true;
  } catch (error) {
    say({
      kind: 'finding',
      bytes: bytes.slice(),
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    return false;
  }
}

function work(): void {
  const figures = () => ({ runs: fuzzer.runs, covered: fuzzer.covered, corpus: fuzzer.corpus.length });
  const known = [...input.corpus, ...target.seeds(input.root)].sort((a, b) => a.length - b.length);
  for (const bytes of known) if (!attempt(bytes.subarray(0, target.longest), false)) return;
  const until = performance.now() + input.seconds * 1000;
  let reported = performance.now();
  while (performance.now() < until) {
    for (let batch = 0; batch < 64; batch++) if (!attempt(fuzzer.next(), true)) return;
    if (performance.now() - reported > 30_000) {
      reported = performance.now();
      say({ kind: 'progress', ...figures() });
    }
  }
  say({ kind: 'done', ...figures() });
}

work();
