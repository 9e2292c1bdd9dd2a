/**
 * What probes of the kernel take, on kernels that have them: exactly what `inspect` announces is enough, with one capability less
 * they are refused, and an agent that runs one has nothing else. What this machine's kernel can is tried by
 * host-agent/crates/agent/tests/agent/privileges.rs.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentClient } from '../../core/src/agent/client.ts';
import { RingsideError } from '../../core/src/errors.ts';
import { silentLog } from '../../core/src/log.ts';
import type { ExecChannel } from '../../core/src/ssh/transport.ts';
import { cliRun, removeCache, root } from '../integration/support/cli.ts';
import type { DoctorReport } from '../../core/src/model/index.ts';
import { checkOf } from './doctor/truth.ts';
import { buildCensus } from './kill/matrix.ts';
import { fetchKernels } from './vm/fetch.ts';
import { lsmWithBpf, startMachine, type Machine } from './vm/machine.ts';

const MINUTES = 60_000;

/** Programs by their sections, and whether one place is a perf event. */
const KINDS: Record<string, { section: string; perfEvent: boolean; since?: '7.3' }> = {
  kprobe: { section: 'kprobe/vfs_unlink', perfEvent: true },
  kretprobe: { section: 'kretprobe/vfs_unlink', perfEvent: true },
  fentry: { section: 'fentry/security_inode_rmdir', perfEvent: false },
  fexit: { section: 'fexit/security_inode_rmdir', perfEvent: false },
  lsm: { section: 'lsm/task_getpgid', perfEvent: false },
  kprobe_multi: { section: 'kprobe.multi/vfs_unlin*', perfEvent: false, since: '7.3' },
};

const source = (name: string, section: string): string => `// SPDX-License-Identifier: GPL-2.0
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

SEC("${section}")
int rp_${name}(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
`;

interface Probe {
  name: string;
  object: Uint8Array;
  /** What `inspect` says of it. */
  capabilities: string[];
  perfEvent: boolean;
  since: string | undefined;
}

const bits: Record<string, bigint> = { CAP_PERFMON: 38n, CAP_BPF: 39n };
const mask = (names: string[]): string =>
  names
    .reduce((all, name) => all | (1n << bits[name]!), 0n)
    .toString(16)
    .padStart(16, '0');

let folder: string;
let census: string;
const probes: Probe[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-privileges-'));
  census = await buildCensus();
  for (const [name, { section, perfEvent, since }] of Object.entries(KINDS)) {
    const file = join(folder, `${name}.bpf.c`);
    writeFileSync(file, source(name, section));
    const built = await cliRun(['build', file, '--json']);
    const { object } = built.json[0] as { object: string };
    const inspected = await cliRun(['inspect', object, '--json']);
    const { capabilities } = inspected.json[0] as { capabilities: string[] };
    probes.push({ name, object: readFileSync(object), capabilities, perfEvent, since });
  }
  await fetchKernels((['5.10', '7.3'] as const).map((name) => ({ name, arch: 'amd64' })));
}, 10 * MINUTES);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  removeCache();
});

it('announces what tracing takes for each', () => {
  for (const { name, capabilities } of probes)
    expect([...capabilities].sort(), name).toEqual(['CAP_BPF', 'CAP_PERFMON']);
});

/** An agent of a machine, with no more rights than these. */
async function agentOf(machine: Machine, rights?: string[]): Promise<AgentClient> {
  const given = rights?.map((name) => `,+${name.slice('CAP_'.length).toLowerCase()}`).join('');
  const bounded = given === undefined ? '' : `setpriv --bounding-set=-all${given} `;
  const child = machine.start(`exec ${bounded}/run/rights/ringside-agent`);
  const exit: ExecChannel['exit'] = new Promise((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  );
  const { stdin, stdout, stderr } = child;
  return AgentClient.start({ stdin, stdout, stderr, exit, close: () => child.kill() }, { log: silentLog });
}

const options = (probe: Probe): { programs: string[] } => ({ programs: [`rp_${probe.name}`] });

/** Loads and attaches; gives the object's number and what the agent has kept. */
async function attach(agent: AgentClient, probe: Probe): Promise<{ objectId: number; capabilities: string[] }> {
  const objectBlob = await agent.sendBlob(probe.object);
  const { objectId } = await agent.request(
    { case: 'loadObject', value: { objectBlob, options: options(probe) } },
    'load',
  );
  const { capabilities } = await agent.request(
    { case: 'attach', value: { objectId, dropCapabilities: true } },
    'attach',
  );
  return { objectId, capabilities };
}

/** A new version in the place of the old one: the code of its refusal, if it was refused. */
async function redeploy(agent: AgentClient, probe: Probe, objectId: number): Promise<string> {
  const objectBlob = await agent.sendBlob(probe.object);
  return outcome(agent.swapObject({ objectId, objectBlob, options: options(probe) }, new Map(), {}, () => undefined));
}

const outcome = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => RingsideError.from(error).code,
  );

/** What /proc says of every thread of both processes of an agent, each line once. */
async function rightsOf(machine: Machine, { hello }: AgentClient): Promise<string[]> {
  const pids = `/proc/${hello.pid}/task/*/status /proc/${hello.supervisorPid}/task/*/status`;
  const text = await machine.ssh(`grep -hE '^(Cap|NoNewPrivs|Seccomp:)' ${pids} | sort -u`);
  return text
    .trim()
    .split('\n')
    .map((line) => line.replace(/\s+/, ' '));
}

describe.concurrent.each(['5.10', '7.3'] as const)('Linux %s', (kernelName) => {
  let machine: Machine;
  let stop = (): Promise<void> => Promise.resolve();

  beforeAll(async () => {
    const [kernel] = await fetchKernels([{ name: kernelName, arch: 'amd64' }]);
    const append = kernelName === '5.10' ? [lsmWithBpf] : [];
    machine = await startMachine(kernel!, { append });
    stop = () => machine.stop();
    await machine.ssh('mkdir -m 700 /run/rights');
    await machine.put(join(root, 'dist', 'agents', 'x86_64', 'ringside-agent'), '/run/rights/ringside-agent');
    await machine.put(census, '/run/rights/census');
  }, 10 * MINUTES);
  afterAll(() => stop());

  it('has security hooks that run, where it was booted as the doctor says', async () => {
    const at = ['--ssh-config', machine.configFile, '--known-hosts', machine.knownHostsFile];
    const report = (await cliRun(['doctor', 'vm-root', ...at, '--json'])).json[0] as DoctorReport;
    expect(checkOf(report, 'lsm')).toMatchObject({ status: 'ok', detail: expect.stringContaining('bpf') });
    expect(report.features.attach['lsm']?.ok).toBe(true);
  });

  it(
    "takes what was announced and no less, keeps nothing else, and has a new version attached anew where events are root's",
    async () => {
      const here = probes.filter(({ since }) => since === undefined || since === kernelName);
      const found: Record<string, unknown> = {};
      const wanted: Record<string, unknown> = {};
      for (const probe of here) {
        const { name, capabilities: announced, perfEvent } = probe;
        // As mainline has it: CAP_PERFMON opens perf events.
        await machine.ssh('echo 2 >/proc/sys/kernel/perf_event_paranoid');
        const agent = await agentOf(machine, announced);
        const { objectId, capabilities } = await attach(agent, probe);
        const rights = await rightsOf(machine, agent);
        const again = await redeploy(agent, probe, objectId);
        await agent.close();
        const less: string[] = [];
        for (const one of announced) {
          const weaker = await agentOf(
            machine,
            announced.filter((other) => other !== one),
          );
          less.push(`${one}: ${(await outcome(attach(weaker, probe))) === 'done' ? 'not needed' : 'needed'}`);
          await weaker.close();
        }
        // As Debian has it: they are for CAP_SYS_ADMIN alone, which a run's agent gives up.
        await machine.ssh('echo 3 >/proc/sys/kernel/perf_event_paranoid');
        const narrowed = await agentOf(machine);
        const there = await attach(narrowed, probe);
        const anew = await redeploy(narrowed, probe, there.objectId);
        const stays = (await machine.ssh('/run/rights/census list')).includes(`:rp_${name.slice(0, 12)}`);
        await narrowed.close();
        found[name] = { kept: [...capabilities].sort(), rights, again, less, anew, stays };
        const none = '0'.repeat(16);
        const all = mask(announced);
        wanted[name] = {
          kept: [...announced].sort(),
          rights: [
            `CapAmb: ${none}`,
            `CapBnd: ${all}`,
            `CapEff: ${all}`,
            `CapInh: ${none}`,
            `CapPrm: ${all}`,
            'NoNewPrivs: 1',
            'Seccomp: 2',
          ],
          again: 'done',
          less: announced.map((one) => `${one}: needed`),
          anew: perfEvent ? 'capability-dropped' : 'done',
          stays: true,
        };
      }
      console.log(
        Object.entries(found)
          .map(([name, what]) => `${kernelName} ${name}: ${JSON.stringify(what)}`)
          .join('\n'),
      );
      expect(found).toEqual(wanted);
    },
    15 * MINUTES,
  );
});
