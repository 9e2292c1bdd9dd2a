/** What benches share: the checkout's paths, a compiled generator, a real sshd, an engine in its worker. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { AttachSpec } from '../../core/src/model/index.ts';
import { defaultSshOptions, startEngine, type Engine, type SshOptions } from '../../core/src/rpc/client.ts';
import { noPrompter } from '../../core/src/prompt.ts';
import { startSshd, type SshdOptions, type TestSshd } from '../hosts/sshd.ts';

export const run = promisify(execFile);

export const root = process.env['RINGSIDE_ROOT'] ?? process.cwd();
export const dist = join(root, 'dist');
export const programs = join(root, 'test', 'bench', 'programs');
const work = join(root, '.cache', 'bench');

/** Compiles the generator once; returns its path. */
export async function generator(): Promise<string> {
  mkdirSync(work, { recursive: true });
  const out = join(work, 'generator');
  await run('gcc', ['-O2', '-o', out, join(programs, 'generator.c')]);
  return out;
}

export interface Generated {
  calls: number;
  seconds: number;
  cpuSeconds: number;
}

export async function generate(path: string, rate: number, seconds: number, cpu?: number): Promise<Generated> {
  const { stdout } = await run(path, [String(rate), String(seconds), ...(cpu === undefined ? [] : [String(cpu)])]);
  return JSON.parse(stdout) as Generated;
}

/** Runs one generator at a rate a second (0 = as fast as it can), or two as fast as both can for -1, and adds their calls up. */
export async function offer(path: string, rate: number, seconds: number): Promise<{ calls: number; seconds: number }> {
  if (rate >= 0) return generate(path, rate, seconds, 0);
  const both = await Promise.all([generate(path, 0, seconds, 0), generate(path, 0, seconds, 1)]);
  return { calls: both[0].calls + both[1].calls, seconds: Math.max(both[0].seconds, both[1].seconds) };
}

export const offeredName = (rate: number): string => (rate > 0 ? String(rate) : rate === 0 ? 'one core' : 'both cores');

export interface BenchHost {
  sshd: TestSshd;
  /** user@127.0.0.1:port as the CLI takes it. */
  name: string;
  stop(): Promise<void>;
}

export async function benchHost(options: SshdOptions = {}): Promise<BenchHost> {
  const sshd = await startSshd(options);
  return { sshd, name: `root@127.0.0.1:${sshd.port}`, stop: () => sshd.stop() };
}

/** Options of the CLI for that host. */
export function sshArguments(sshd: TestSshd): string[] {
  return ['--ssh-config', sshd.configFile, '--known-hosts', sshd.knownHostsFile, '--identity', sshd.identityFile];
}

/** A bench program attached to a host, with nothing special about it but that it may flood. */
export const runOf = (program: string, host: string): AttachSpec => ({
  ...{ file: join(programs, program), hosts: [host], programs: [], targets: [], set: {}, where: '' },
  ...{ durationSeconds: null, count: null, mapsSeconds: null },
  limits: { cpuPercent: 0, recordsPerSecond: 0, timeSeconds: 0 },
});

export interface BenchEngineOptions {
  /** Where the agents come from, when not from the product. */
  resourceDir?: string;
  ssh?: Partial<SshOptions>;
  /** An entry of the worker that measures it, in place of the product's. */
  workerPath?: string;
}

/** The engine as the extension runs it: in a worker thread. */
export function benchEngine(sshd?: TestSshd, options: BenchEngineOptions = {}): Promise<Engine> {
  return startEngine({
    workerPath: options.workerPath ?? join(dist, 'engine-worker.js'),
    resourceDir: options.resourceDir ?? dist,
    cacheDir: join(work, 'cache'),
    compilerPath: '',
    prompter: noPrompter,
    ssh: {
      ...defaultSshOptions,
      acceptNewHostKey: true,
      ...(sshd && {
        configFile: sshd.configFile,
        knownHostsFile: sshd.knownHostsFile,
        identityFile: sshd.identityFile,
      }),
      ...options.ssh,
    },
  });
}

/** CPU time in seconds that a process has used, from /proc/PID/stat. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export async function rssBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? NaN) * 1024;
}

/** A peer that may be missing: its path, or an error that says what to install. */
export function peer(name: string, paths: string[]): string {
  const found = paths.find((p) => existsSync(p));
  if (!found) throw new Error(`${name} is missing: npm run setup installs it`);
  return found;
}

/** Runs bpftrace with a script while `during` runs; gives its stdout line count and its RSS at the end. */
export async function bpftraceLines(
  script: string,
  during: () => Promise<unknown>,
): Promise<{ lines: number; rss: number }> {
  const child = spawn(peer('bpftrace', ['/usr/bin/bpftrace']), [script], { stdio: ['ignore', 'pipe', 'pipe'] });
  let lines = 0;
  let ready: () => void = () => undefined;
  const attached = new Promise<void>((resolve) => (ready = resolve));
  child.stdout.on('data', (chunk: Buffer) => {
    if (chunk.includes('Attaching')) ready();
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors = (errors + String(chunk)).slice(-4000)));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const early = exited.then(() => Promise.reject(new Error(`bpftrace ended early: ${errors}`)));
  early.catch(() => undefined);
  await Promise.race([attached, early]);
  await new Promise((resolve) => setTimeout(resolve, 1500)); // "Attaching" is printed before it has attached
  await during();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const rss = await rssBytes(child.pid!);
  child.kill('SIGINT');
  await exited;
  return { lines: Math.max(0, lines - 1), rss };
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
