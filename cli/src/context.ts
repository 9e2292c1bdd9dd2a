/** What a command works with: the engine, the terminal, and the signal that Ctrl+C fires. */
import { createEngine, defaultCacheDir, RingsideError, type CallOptions, type Engine } from '@ringside/core';
import type { Parsed } from './args.ts';
import { firstLineOfStdin, ProgressLine, terminalPrompter } from './terminal.ts';

export interface Context extends Parsed {
  engine: Engine;
  /** For every engine call: cancelled by Ctrl+C, progress on stderr. */
  call: CallOptions & { signal: AbortSignal };
  progress: ProgressLine;
  /** dist/: agents, headers, gallery. */
  resourceDir: string;
  /** Writes one JSON value as a line of stdout. */
  json: (value: unknown) => void;
  text: (text: string) => void;
}

/** RINGSIDE_CACHE is for tests, which want a cache of their own, and for the editor's tasks, which share the editor's. */
const cacheDir = (): string => process.env['RINGSIDE_CACHE'] ?? defaultCacheDir();

/** Tests shorten the lease (RINGSIDE_LEASE_MS), so that they need not wait half a minute for it to run out. */
function testLease(): { leaseMs?: number; heartbeatMs?: number } {
  const leaseMs = Number(process.env['RINGSIDE_LEASE_MS']);
  return leaseMs >= 500 ? { leaseMs, heartbeatMs: Math.floor(leaseMs / 6) } : {};
}

const levels = ['error', 'warn', 'info', 'debug'] as const;

export async function openContext(parsed: Parsed, resourceDir: string, signal: AbortSignal): Promise<Context> {
  const { common } = parsed;
  const progress = new ProgressLine(!common.quiet && !common.json);
  const ssh = { ...common.ssh };
  if (common.passwordStdin) {
    const password = await firstLineOfStdin();
    if (password === '')
      throw new RingsideError('usage', '--password-stdin was given, but stdin holds no line.', {
        remedy: 'Pipe the password in: `printf %s\\\\n "$PW" | ringside …`.',
      });
    ssh.sudoPassword = password;
  }
  const engine = createEngine({
    resourceDir,
    cacheDir: cacheDir(),
    compilerPath: process.env['RINGSIDE_CLANG'] ?? '', // the editor's setting, in its tasks
    ssh,
    prompter: terminalPrompter(progress),
    ...testLease(),
  });
  engine.on('log', (level, message) => {
    if (levels.indexOf(level) > levels.indexOf(common.logLevel)) return;
    progress.clear();
    process.stderr.write(`${level}: ${message}\n`);
  });
  return {
    ...parsed,
    engine,
    resourceDir,
    progress,
    call: { signal, progress: progress.report },
    json: (value) => void process.stdout.write(`${JSON.stringify(value)}\n`),
    text: (text) => void process.stdout.write(`${text}\n`),
  };
}
