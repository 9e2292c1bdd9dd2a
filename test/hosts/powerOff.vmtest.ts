/**
 * The plug of a host is pulled in the middle of a deploy, and after one: what was half uploaded is never executed, and the next
 * deploy works and clears it away. The machines share a disk, one after the other, as one that is started again does.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorData } from '../../core/src/errors.ts';
import { cliRun, removeCache, startCli, type CliResult } from '../integration/support/cli.ts';
import { fetchKernels } from './vm/fetch.ts';
import { makeDisk, startMachine, type Machine } from './vm/machine.ts';

const FOLDER = '/var/lib/ringside';
/** Until ssh's own questions have been left without an answer often enough. */
const SILENCE_SECONDS = 62;
/** After so long ext4 has written down that a file is there, but not yet what is in it. */
const COMMITTED_MS = 8_000;

let folder: string;
let disk: string;
const machines: Machine[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-power-'));
  disk = join(folder, 'disk');
  await makeDisk(disk);
}, 600_000);
afterAll(async () => {
  // One that was stopped has to go on to be ended in order; nobody asks for that.
  for (const machine of machines) machine.strike('SIGKILL');
  for (const machine of machines) await machine.stop();
  rmSync(folder, { recursive: true, force: true });
  removeCache();
});

async function powerOn(): Promise<Machine> {
  const [kernel] = await fetchKernels([{ name: '5.10', arch: 'amd64' }]);
  const machine = await startMachine(kernel!, { disk });
  machines.push(machine);
  return machine;
}

const doctorArgs = ({ configFile, knownHostsFile }: Machine): string[] => [
  'doctor',
  'vm-root',
  '--json',
  '--ssh-config',
  configFile,
  '--known-hosts',
  knownHostsFile,
];

const errorOf = (result: CliResult): ErrorData => (result.json.at(-1) as { error: ErrorData }).error;

/** What is there of us: the path and size of each file. */
const files = (machine: Machine): Promise<string> =>
  machine.ssh(`find ${FOLDER} -type f -printf '%P %s\\n' 2>/dev/null | sort`);

describe('a host that loses its power', () => {
  let client: Promise<{ result: CliResult; at: number }>;
  let silentSince: number;

  it('keeps what was half uploaded when it is off', async () => {
    const machine = await powerOn();
    client = startCli(doctorArgs(machine)).done.then((result) => ({ result, at: performance.now() }));
    // The upload is held in its middle, and what has come is on the disk.
    await machine.ssh(`i=0; while [ $i -lt 1500 ]; do i=$((i + 1))
      for f in ${FOLDER}/.new.*/ringside-agent; do
        [ -e "$f" ] && [ "$(stat -c %s "$f")" -gt 300000 ] && pkill -STOP -x 'dd|head' && sync && exit 0
      done; sleep 0.02
    done; exit 1`);
    machine.strike('SIGSTOP');
    silentSince = performance.now();
    const next = await powerOn();
    expect(await files(next)).toMatch(/^\.new\.\d+\/ringside-agent \d+\n$/);
    expect((await next.ssh('pgrep -c ringside || true')).trim()).toBe('0');
  }, 180_000);

  it('is deployed to anew, and rid of what was left, whoever has the number of the dead process by now', async () => {
    const machine = machines.at(-1)!;
    const size = Number(/ (\d+)/.exec(await files(machine))![1]);
    await machine.ssh(`mv ${FOLDER}/.new.* ${FOLDER}/.new.$(pgrep -o -x sshd)`);
    const result = await cliRun(doctorArgs(machine));
    expect([result.code, result.stderr]).toEqual([0, '']);
    const [, path, bytes] = /^([0-9a-f]{64}\/ringside-agent) (\d+)\n$/.exec(await files(machine)) ?? [];
    expect(path).toBeDefined();
    expect(Number(bytes)).toBeGreaterThan(size);
  }, 180_000);

  it('has the agent whole on its disk before it counts as installed', async () => {
    const machine = machines.at(-1)!;
    await new Promise((resolve) => setTimeout(resolve, COMMITTED_MS));
    const installed = await files(machine);
    machine.strike('SIGKILL');
    const next = await powerOn();
    expect(await files(next)).toBe(installed);
    const result = await cliRun(doctorArgs(next));
    expect([result.code, result.stderr]).toEqual([0, '']);
  }, 180_000);

  it('is told as lost, by a client that hears nothing any more, within about a minute', async () => {
    const { result, at } = await client;
    const seconds = (at - silentSince) / 1000;
    const error = errorOf(result);
    console.log(`after ${seconds.toFixed(0)} s: ${error.code}: ${error.message} ${error.remedy}`);
    expect(error.code).toBe('host-lost');
    expect(result.code).toBe(3);
    expect(error.remedy).toMatch(/never executed/);
    expect(seconds).toBeLessThan(SILENCE_SECONDS);
  }, 120_000);
});
