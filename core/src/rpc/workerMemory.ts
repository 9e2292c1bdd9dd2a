/** The memory of the engine's thread for soaks and benchmarks: measured only when asked for by the environment. */
import { writeFileSync } from 'node:fs';

const REPORT_MS = 2_000;

/** Writes it to FILE.engine while RINGSIDE_BENCH=FILE is set: bytes of the thread's heap and of its buffers. */
export function reportMemory(): void {
  const file = process.env['RINGSIDE_BENCH'];
  if (file === undefined) return;
  const report = (): void => {
    const { heapUsed, external } = process.memoryUsage();
    writeFileSync(`${file}.engine`, JSON.stringify({ memory: { heapUsed, external } }));
  };
  setInterval(report, REPORT_MS).unref();
}
