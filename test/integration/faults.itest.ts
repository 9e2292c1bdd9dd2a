/** Whatever dies first: nothing of ours stays attached, and the person is told. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { agents, supervisors } from './support/agents.ts';
import { bpfState, newSince, nothing, settled } from './support/bpf.ts';
import { cliRun, removeCache, root, startCli } from './support/cli.ts';
import type { Line } from './support/lines.ts';

const FLOOD = join(root, 'test', 'fixtures', 'programs', 'flood.bpf.c');
const LEASE_MS = 3_000;
let sshd: TestSshd;
let before: ReturnType<typeof bpfState>;

const overSsh = (): string[] => [
  '--host', `root@127.0.0.1:${sshd.port}`, '--ssh-config', sshd.configFile, '--known-hosts', sshd.knownHostsFile,
  '--identity', sshd.identityFile,
]; // prettier-ignore

async function flooding(where: string[]) {
  const cli = startCli(
    ['attach', FLOOD, ...where, '--json', '--output', 'none', '--limit', 'cpu=off', '--limit', 'rate=off'],
    {
      env: { RINGSIDE_LEASE_MS: String(LEASE_MS) },
    },
  );
  const end = performance.now() + 30_000;
  while (newSince(before).links.length === 0) {
    if (performance.now() > end || cli.child.exitCode !== null) throw new Error((await cli.done).stdout);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(agents()).toHaveLength(1);
  return cli;
}

beforeAll(async () => {
  sshd = await startSshd();
  // Warm: with a lease of seconds, a client that is busy making vmlinux.h for the first time would lose it.
  await cliRun(['build', FLOOD]);
});
afterAll(async () => {
  await sshd.stop();
  removeCache();
});
beforeEach(() => {
  before = bpfState();
});
afterEach(async () => {
  expect(await settled(before, LEASE_MS + 5_000)).toEqual(nothing);
  await expect.poll(() => [...agents(), ...supervisors()], { timeout: LEASE_MS + 5_000 }).toEqual([]);
});

describe('during a flood', () => {
  it('kill -9 of the agent: the client says so, exit 6', async () => {
    const cli = await flooding(['--host', 'local']);
    for (const pid of agents()) process.kill(pid, 'SIGKILL');
    const result = await cli.done;
    expect(result.code).toBe(6);
    expect(result.json.find((l: Line) => l.type === 'end')).toMatchObject({ reason: 'agent' });
    expect(result.json.at(-1).error).toMatchObject({
      code: 'agent-exited',
      message: expect.stringContaining('SIGKILL'),
    });
  });

  it('kill -9 of the agent over ssh', async () => {
    const cli = await flooding(overSsh());
    for (const pid of agents()) process.kill(pid, 'SIGKILL');
    const result = await cli.done;
    expect([3, 6]).toContain(result.code);
    expect(result.json.at(-1).error.message).not.toBe('');
  });

  it("kill -9 of sshd's child: host-lost, exit 3, and an account that does not claim to know", async () => {
    const cli = await flooding(overSsh());
    sshd.dropConnections();
    const result = await cli.done;
    expect(result.code).toBe(3);
    const end = result.json.find((l: Line) => l.type === 'end');
    expect(end).toMatchObject({ reason: 'host-lost' });
    expect(end.ledger.streams[0]).toMatchObject({ produced: null, lostKernel: null });
    expect(result.json.at(-1).error.code).toBe('host-lost');
  });

  it('kill -9 of the client', async () => {
    const cli = await flooding(overSsh());
    cli.child.kill('SIGKILL');
    await cli.done;
    expect(await settled(before, LEASE_MS + 2_000)).toEqual(nothing);
  });

  it('a client that is stopped: the lease detaches', async () => {
    const cli = await flooding(overSsh());
    cli.child.kill('SIGSTOP');
    expect(await settled(before, LEASE_MS + 4_000)).toEqual(nothing);
    cli.child.kill('SIGCONT');
    expect((await cli.done).code).not.toBe(0);
  });
});

describe('bad input', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'ringside-faults-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const write = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, text);
    return path;
  };
  const attach = (file: string, ...more: string[]) => cliRun(['attach', file, '--host', 'local', '--json', ...more]);

  it.each([
    ['a file that is no object', 'x.o', 'not an object at all', 5, 'not-elf'],
    [
      'a source with errors',
      'broken.bpf.c',
      '#include "vmlinux.h"\nint f(void) { return missing; }\n',
      5,
      'build-failed',
    ],
  ])('%s', async (_title, name, text, code, error) => {
    const result = await attach(write(name, text));
    expect(result.code).toBe(code);
    expect(result.json.at(-1).error).toMatchObject({ code: error });
    expect(result.json.at(-1).error.remedy).not.toBe('');
  });

  it('an ELF file that is no BPF', async () => {
    const result = await attach('/bin/true');
    expect(result.code).toBe(5);
    expect(result.json.at(-1).error.code).toBe('not-bpf');
  });

  it('a file that does not exist', async () => {
    const result = await attach(join(dir, 'nowhere.bpf.c'));
    expect(result.code).toBe(2);
    expect(result.json.at(-1).error.code).toBe('file-not-found');
  });

  it('a program that the verifier rejects: exit 1, with the log', async () => {
    const file = write(
      'rejected.bpf.c',
      `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 8); __type(key, u32); __type(value, u64); } seen SEC(".maps");
SEC("tp/syscalls/sys_enter_getppid") int on_getppid(void *ctx)
{
	u32 key = 1;
	u64 *value = bpf_map_lookup_elem(&seen, &key);
	*value += 1;
	return 0;
}
char LICENSE[] SEC("license") = "GPL";
`,
    );
    const result = await attach(file);
    expect(result.code).toBe(1);
    expect(result.json.at(-1).error).toMatchObject({
      code: 'verifier-rejected',
      detail: expect.stringContaining('map_value_or_null'),
    });
    const verified = await cliRun(['verify', file, '--host', 'local', '--json']);
    expect(verified.code).toBe(1);
    expect(verified.json[0]).toMatchObject({
      ok: false,
      programs: [{ name: 'on_getppid', verdict: 'rejected', reason: { category: 'null-pointer', line: 8 } }],
    });
  });

  it('a tracepoint that this kernel does not have: exit 4 and the nearest one', async () => {
    const file = write(
      'nowhere.bpf.c',
      '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\nSEC("tp/syscalls/sys_enter_getpidd") int f(void *c) { return 0; }\nchar LICENSE[] SEC("license") = "GPL";\n',
    );
    const result = await attach(file);
    expect(result.code).toBe(4);
    expect(result.json.at(-1).error).toMatchObject({ code: 'target-not-found' });
    expect(JSON.stringify(result.json.at(-1).error)).toContain('sys_enter_getpid');
  });

  it('an unknown program, an unknown variable, a bad value', async () => {
    const file = 'bpf-snippets/execsnoop/execsnoop.bpf.c';
    for (const [args, code] of [
      [['--program', 'nope'], 'unknown-program'],
      [['--set', 'nope=1'], 'unknown-variable'],
    ] as const) {
      const result = await attach(file, ...args);
      expect(result.code).toBe(2);
      expect(result.json.at(-1).error.code).toBe(code);
    }
  });

  it('a host that is not there', async () => {
    const result = await cliRun(['doctor', 'nobody@127.0.0.1:1', '--json']);
    expect(result.code).toBe(3);
    expect(result.json.at(-1).error.code).toBe('host-unreachable');
  });
});

it('cancels at every step and leaves nothing', async () => {
  for (const ms of [30, 80, 150, 300, 500, 800]) {
    const cli = startCli(['attach', FLOOD, ...overSsh(), '--json', '--output', 'none']);
    await new Promise((resolve) => setTimeout(resolve, ms));
    cli.child.kill('SIGINT');
    const result = await cli.done;
    // Before its handlers are in place, Ctrl+C ends the process by the signal itself.
    expect([130, null]).toContain(result.code);
    expect(await settled(before, 5_000)).toEqual(nothing);
  }
});
