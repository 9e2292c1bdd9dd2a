/** What only the newest kernel of the matrix can show: BPF streams; and processors that come and go during a run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StreamLedger } from '../../core/src/model/index.ts';
import { removeCache, startCli, type RunningCli } from '../integration/support/cli.ts';
import { addsUp, type Line } from '../integration/support/lines.ts';
import { fetchKernels } from './vm/fetch.ts';
import { startMachine, type Machine } from './vm/machine.ts';

const HEAD = `// SPDX-License-Identifier: GPL-2.0
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";
`;

/** Two programs, so that whose line it is has to be told. */
const TALKER = `${HEAD}
SEC("fentry/security_inode_mkdir")
int BPF_PROG(on_mkdir)
{
	bpf_stream_printk(BPF_STDOUT, "made by %d\\n", (int)(bpf_get_current_pid_tgid() >> 32));
	return 0;
}

SEC("fentry/security_inode_rmdir")
int BPF_PROG(on_rmdir)
{
	bpf_stream_printk(BPF_STDERR, "removed, ");
	bpf_stream_printk(BPF_STDERR, "%s\\n", "in two parts");
	return 0;
}
`;

/** Records of the CPU that they are made on, through that CPU's own buffer. */
const PER_CPU = `${HEAD}
struct seen {
	u32 sampled;
	u32 cpu;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} records SEC(".maps");

static __always_inline int emit(void *ctx, u32 sampled)
{
	struct seen seen = { sampled, bpf_get_smp_processor_id() };

	bpf_perf_event_output(ctx, &records, BPF_F_CURRENT_CPU, &seen, sizeof(seen));
	return 0;
}

SEC("perf_event")
int on_sample(void *ctx)
{
	return emit(ctx, 1);
}

SEC("fentry/security_inode_rmdir")
int BPF_PROG(on_rmdir)
{
	return emit(ctx, 0);
}
`;

let dir: string;
let machine: Machine;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ringside-vmtest-'));
  writeFileSync(join(dir, 'talker.bpf.c'), TALKER);
  writeFileSync(join(dir, 'per_cpu.bpf.c'), PER_CPU);
  const [kernel] = await fetchKernels([{ name: '7.3', arch: 'amd64' }]);
  // The second processor is there and sleeps until it is told to come.
  machine = await startMachine(kernel!, { processors: 2, append: ['maxcpus=1'] });
}, 600_000);
afterAll(async () => {
  await machine.stop();
  rmSync(dir, { recursive: true, force: true });
  removeCache();
});

async function attach(file: string, ...more: string[]): Promise<RunningCli> {
  const { configFile, knownHostsFile } = machine;
  const host = ['--host', 'vm-root', '--ssh-config', configFile, '--known-hosts', knownHostsFile];
  const cli = startCli(['attach', join(dir, file), ...host, '--json', ...more]);
  await cli.waitFor((l: Line) => l.type === 'attached', 120_000);
  return cli;
}

/** Ends the run as Ctrl+C does; gives its lines. */
async function ended(cli: RunningCli): Promise<Line[]> {
  cli.child.kill('SIGINT');
  const result = await cli.done;
  expect(result.stderr).toBe('');
  return result.json;
}

describe('Linux 7.3 with two processors', () => {
  it('carries what programs write to their streams, line by line and by program', async () => {
    const cli = await attach('talker.bpf.c');
    await machine.ssh('mkdir /tmp/d && rmdir /tmp/d');
    await cli.waitFor((l: Line) => l.type === 'print' && l.source === 'stderr');
    await cli.waitFor((l: Line) => l.type === 'print' && l.source === 'stdout');
    const prints = (await ended(cli)).filter((l) => l.type === 'print');
    const said = prints.map((p) => `${p.program} ${p.source}: ${p.text}`);
    expect(said).toContain('on_rmdir stderr: removed, in two parts');
    expect(said.some((line) => /^on_mkdir stdout: made by \d+$/.test(line))).toBe(true);
    expect(prints.every((p) => (p.source === 'stdout') === (p.program === 'on_mkdir'))).toBe(true);
  }, 180_000);

  it('follows processors that come, go and come back: their buffers and their samples', async () => {
    const turn = (to: 0 | 1): Promise<string> => machine.ssh(`echo ${to} > /sys/devices/system/cpu/cpu1/online; date +%s%N`);
    const onCpu = (cpu: number): Promise<string> => machine.ssh(`mkdir /tmp/c${cpu} && taskset -c ${cpu} rmdir /tmp/c${cpu}`);
    const online = (): Promise<string> => machine.ssh('cat /sys/devices/system/cpu/online');
    const cli = await attach('per_cpu.bpf.c', '--target', 'on_sample:freq=7');
    /** A record of the kind that was made on that processor after that time. */
    const seen = async (sampled: 0 | 1, cpu: number, after: string): Promise<void> => {
      const is = (l: Line): boolean =>
        l.type === 'event' && l.fields.sampled === sampled && l.fields.cpu === cpu && BigInt(l.time as string) > BigInt(after);
      await cli.waitFor(is, 30_000);
    };
    const both = async (cpu: number, after: string): Promise<void> => {
      await seen(1, cpu, after);
      await onCpu(cpu);
      await seen(0, cpu, after);
    };
    expect((await online()).trim()).toBe('0');
    await both(0, '0');
    const came = await turn(1);
    await both(1, came);
    const went = await turn(0);
    await both(0, went);
    expect((await online()).trim()).toBe('0');
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // so long that it was noticed
    const back = await turn(1);
    await both(1, back);
    await both(0, back);
    const lines = await ended(cli);
    const end = lines.at(-1);
    expect(end.type).toBe('end');
    expect((end.ledger.streams as StreamLedger[]).every(addsUp)).toBe(true);
  }, 300_000);
}); // prettier-ignore
