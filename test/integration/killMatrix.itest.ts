/**
 * Whatever dies or stops, on whichever side: everything is as it was before when the lease is over at the latest. One run has
 * a program for each way in which something can stay with the kernel; each fault gets a row of the printed table. What this
 * machine's kernel cannot attach is tried in virtual machines (test/hosts/kill.vmtest.ts).
 */
import { execFile, execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faults } from '../hosts/kill/faults.ts';
import { everywhere } from '../hosts/kill/kinds.ts';
import { buildCensus, buildLeftovers, KillMatrix } from '../hosts/kill/matrix.ts';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { agents, supervisors } from './support/agents.ts';
import { removeCache } from './support/cli.ts';

const LEASE_MS = 3_000;
const NETNS = 'rskill';
const HOST_ADDRESS = '10.203.77.1';

let sshd: TestSshd;
let folder: string;
let matrix: KillMatrix;

const link = (...args: string[]): unknown => execFileSync('ip', args, { stdio: 'pipe' });

const at = (address: string): string[] => [
  '--host', `root@${address}:${sshd.port}`, '--ssh-config', sshd.configFile, '--known-hosts', sshd.knownHostsFile,
  '--identity', sshd.identityFile,
]; // prettier-ignore

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-kill-'));
  link('netns', 'add', NETNS);
  link('link', 'add', 'rskill0', 'type', 'veth', 'peer', 'name', 'rskill1', 'netns', NETNS);
  link('address', 'add', `${HOST_ADDRESS}/24`, 'dev', 'rskill0');
  link('-n', NETNS, 'address', 'add', '10.203.77.2/24', 'dev', 'rskill1');
  link('link', 'set', 'rskill0', 'up');
  link('-n', NETNS, 'link', 'set', 'rskill1', 'up');
  sshd = await startSshd({ config: [`ListenAddress ${HOST_ADDRESS}`] });
  const known = readFileSync(sshd.knownHostsFile, 'utf8');
  appendFileSync(sshd.knownHostsFile, known.replaceAll('[127.0.0.1]', `[${HOST_ADDRESS}]`));
  cpSync(await buildCensus(), join(folder, 'census'));
  matrix = new KillMatrix(
    {
      name: 'this machine',
      kinds: everywhere,
      leaseMs: LEASE_MS,
      folder,
      sh: async (command) => (await promisify(execFile)('/bin/sh', ['-c', command])).stdout,
      victims: () =>
        Promise.resolve({
          workers: agents(),
          supervisors: supervisors(),
          cut: `ip -n ${NETNS} link set rskill1 down`,
          mend: `ip -n ${NETNS} link set rskill1 up`,
        }),
      client: (halfOpen) =>
        halfOpen ? { args: at(HOST_ADDRESS), options: { netns: NETNS } } : { args: at('127.0.0.1') },
    },
    // Warm: with a lease of seconds, a client that is busy making vmlinux.h for the first time would lose it.
    await buildLeftovers(),
  );
  await matrix.setUp();
}, 120_000);

afterAll(async () => {
  await matrix.tearDown();
  await sshd.stop();
  link('link', 'delete', 'rskill0');
  link('netns', 'delete', NETNS);
  rmSync(folder, { recursive: true, force: true });
  removeCache();
});

describe('nothing is left', () => {
  it.each(faults)('$name', (fault) => matrix.strike(fault), 60_000);

  it('no row is above the lease', () => {
    const { faults: rows, text } = matrix.printed();
    console.log(`\n${text}\n`);
    expect(rows).toEqual(faults.map(({ name }) => name));
  });
});
