/**
 * A process of its own that reads a verifier log as the explorer does, and says what that took: `node openLog.mjs FILE`.
 * The most memory that a process has ever had can only be told of one that did nothing else.
 */
import { statSync } from 'node:fs';
import { partsOfLog, readPart } from '../../core/src/verifier/explore/logFile.ts';

export interface OpenedLog {
  bytes: number;
  lines: number;
  steps: number;
  /** CPU time of all threads, milliseconds. */
  busyMs: number;
  /** Most memory beyond what the process had before, bytes. */
  peakBytes: number;
}

const file = process.argv[2]!;
const before = process.memoryUsage.rss();
const began = process.cpuUsage();
const [part] = await partsOfLog(file);
const log = await readPart(file, part!);
const { user, system } = process.cpuUsage(began);
const opened: OpenedLog = {
  bytes: statSync(file).size,
  ...{ lines: log.lineCount, steps: log.stepCount },
  busyMs: (user + system) / 1000,
  peakBytes: process.resourceUsage().maxRSS * 1024 - before,
};
process.stdout.write(JSON.stringify(opened));
