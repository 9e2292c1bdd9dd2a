/** What a run's agent may do while it runs: what `inspect` announced, and nothing else. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { cliRun, removeCache, startCli } from './support/cli.ts';

afterAll(removeCache);

const bits: Record<string, number> = {
  ...{ CAP_NET_ADMIN: 12, CAP_NET_RAW: 13, CAP_SYS_PTRACE: 19, CAP_SYS_ADMIN: 21 },
  ...{ CAP_SYSLOG: 34, CAP_PERFMON: 38, CAP_BPF: 39 },
};
const mask = (names: string[]): string =>
  names
    .reduce((all, name) => all | (1n << BigInt(bits[name]!)), 0n)
    .toString(16)
    .padStart(16, '0');

const field = (status: string, name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';

/** The statuses of the agent's worker's threads: of the process below ours that holds BPF descriptors. */
function workerThreads(root: number): string[] {
  const parents = new Map<number, number>();
  for (const pid of readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)) {
    try {
      parents.set(pid, Number(field(readFileSync(`/proc/${pid}/status`, 'utf8'), 'PPid')));
    } catch {
      continue; // ended meanwhile
    }
  }
  const below = (pid: number | undefined): boolean => pid !== undefined && (pid === root || below(parents.get(pid)));
  const agents = [...parents.keys()].filter(
    (pid) => below(pid) && readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('ringside-agent'),
  );
  expect(agents.length).toBeGreaterThan(0);
  return agents.flatMap((pid) =>
    readdirSync(`/proc/${pid}/task`).map((tid) => readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8')),
  );
}

describe("a run's agent", () => {
  it.each([
    ['bpf-snippets/execsnoop/execsnoop.bpf.c', []],
    ['bpf-snippets/opensnoop/opensnoop.bpf.c', []],
    ['bpf-snippets/xdpcount/xdpcount.bpf.c', ['--target', 'iface=lo', '--target', 'xdp-mode=generic']],
  ])('has what inspect announced for %s, in every thread', async (file, more: string[]) => {
    const inspected = await cliRun(['inspect', file, '--json']);
    const { capabilities } = inspected.json[0] as { capabilities: string[] };
    expect(capabilities).toContain('CAP_BPF');
    const cli = startCli(['attach', file, '--host', 'local', '--json', ...more]);
    try {
      await cli.waitFor((line: { type: string }) => line.type === 'attached');
      for (const status of workerThreads(cli.child.pid!)) {
        for (const name of ['CapPrm', 'CapEff', 'CapBnd']) expect(field(status, name)).toBe(mask(capabilities));
        expect(field(status, 'NoNewPrivs')).toBe('1');
        expect(field(status, 'Seccomp')).toBe('2');
      }
    } finally {
      cli.child.kill('SIGINT');
    }
    expect((await cli.done).code).toBe(130);
  });
});

describe('read-only', () => {
  it('looks, and loads, attaches and writes nothing', async () => {
    const readOnly = (...args: string[]) => cliRun([...args, '--json', '--read-only']);
    const programs = await readOnly('programs', 'local');
    expect([programs.code, programs.stderr]).toEqual([0, '']);
    expect((await readOnly('maps', 'local')).code).toBe(0);
    const doctor = await readOnly('doctor', 'local');
    expect(doctor.json[0].checks).toContainEqual(expect.objectContaining({ id: 'read-only', status: 'unknown' }));
    for (const command of ['attach', 'verify']) {
      const refused = await readOnly(command, 'bpf-snippets/execsnoop/execsnoop.bpf.c', '--host', 'local');
      expect(refused.code, command).toBe(4);
      expect(refused.json.at(-1).error).toMatchObject({
        code: 'read-only',
        remedy: expect.stringContaining('--read-only'),
      });
    }
  });
});
