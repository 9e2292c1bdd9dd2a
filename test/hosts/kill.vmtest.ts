/**
 * What of the agent dies or stops, on kernels with kprobes, fentry and, before 6.6, filters of clsact instead of links:
 * everything is as it was before when the lease is over.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cliRun, removeCache, startCli } from '../integration/support/cli.ts';
import type { Line } from '../integration/support/lines.ts';
import { fetchKernels } from './vm/fetch.ts';
import { startMachine, type Machine } from './vm/machine.ts';

/** An emulated machine is slow: of a shorter lease its own work would be most. */
const LEASE_MS = 8_000;

const PROGRAMS = `// SPDX-License-Identifier: GPL-2.0
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

SEC("kprobe/vfs_unlink")
int BPF_KPROBE(by_kprobe)
{
	return 0;
}

SEC("fentry/security_inode_rmdir")
int BPF_PROG(by_fentry)
{
	return 0;
}

SEC("tc")
int by_tc(struct __sk_buff *skb)
{
	return -1;
}

char LICENSE[] SEC("license") = "GPL";
`;

/** What each kind leaves in the kernel, as a command that succeeds once it is gone. */
const GONE = {
  kprobe: '! grep -q vfs_unlink /sys/kernel/debug/kprobes/list',
  fentry: '! grep -q security_inode_rmdir /sys/kernel/tracing/enabled_functions',
  // By a filter these two modules are in use; a tcx link needs neither.
  tc: '[ "$(cat /sys/module/cls_bpf/refcnt /sys/module/sch_ingress/refcnt 2>/dev/null | tr -d "\\n0")" = "" ]',
} as const;
type Kind = keyof typeof GONE;
const kinds = Object.keys(GONE) as Kind[];

const FAULTS = {
  'kill -9 worker': 'kill -9 $(pgrep -x ringside-agent)',
  'kill -9 supervisor': 'kill -9 $(pgrep -x ringside-superv)',
  'kill -9 both': 'kill -9 $(pgrep -x "ringside-superv|ringside-agent")',
  'SIGSTOP worker': 'kill -STOP $(pgrep -x ringside-agent)',
  'SIGSTOP supervisor': 'kill -STOP $(pgrep -x ringside-superv)',
} as const;

let dir: string;
let file: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ringside-kill-'));
  file = join(dir, 'kinds.bpf.c');
  writeFileSync(file, PROGRAMS);
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
  removeCache();
});

describe.each(['5.10', '6.12'] as const)('Linux %s', (name) => {
  let machine: Machine;
  let at: string[];
  const rows: string[] = [];

  beforeAll(async () => {
    const [kernel] = await fetchKernels([{ name, arch: 'amd64' }]);
    machine = await startMachine(kernel!);
    at = ['--host', 'vm-root', '--ssh-config', machine.configFile, '--known-hosts', machine.knownHostsFile];
    await machine.ssh('mount -t debugfs none /sys/kernel/debug; ip link add rsk0 type veth peer name rsk1');
    // Installed and warm, so that the runs below begin fast.
    expect((await cliRun(['doctor', 'vm-root', ...at.slice(2), '--json'])).code).toBe(0);
  }, 600_000);
  afterAll(() => machine.stop());

  const state = (): Promise<string> =>
    machine.ssh(
      'ls /sys/fs/bpf; cat /sys/kernel/tracing/kprobe_events /sys/kernel/tracing/uprobe_events /sys/kernel/tracing/enabled_functions /sys/kernel/debug/kprobes/list; ls /run/ringside 2>/dev/null; cat /sys/module/cls_bpf/refcnt /sys/module/sch_ingress/refcnt 2>/dev/null | tr -d "\\n0"; pgrep -x "ringside-agent|ringside-superv" || true',
    );

  it.each(Object.entries(FAULTS))(
    '%s',
    async (title, fault) => {
      const before = await state();
      const cli = startCli(['attach', file, ...at, '--json', '--target', 'by_tc:iface=rsk0'], {
        env: { RINGSIDE_LEASE_MS: String(LEASE_MS) },
      });
      for (const program of ['by_kprobe', 'by_fentry', 'by_tc'])
        await cli.waitFor((l: Line) => l.type === 'attached' && l.program === program, 90_000);
      for (const kind of kinds.filter((one) => one !== 'tc' || name === '5.10'))
        await expect(machine.ssh(GONE[kind]), `${kind} is there`).rejects.toThrow();
      // Measured on the machine itself: a login takes longer than most of what is measured.
      const look = kinds.map((kind) => `{ [ -n "$${kind}" ] || { ${GONE[kind]} && ${kind}=$(now); }; }`).join('; ');
      const done = kinds.map((kind) => `[ -n "$${kind}" ]`).join(' && ');
      const script = `now() { read -r up rest </proc/uptime; echo "$up"; }; ${kinds.map((kind) => `${kind}=`).join(' ')}
      ${fault}; begin=$(now); i=0
      while [ $i -lt 400 ]; do ${look}; ${done} && break; sleep 0.05; i=$((i + 1)); done
      echo "$begin ${kinds.map((kind) => `$${kind}`).join(' ')}"`;
      const [begin, ...ends] = (await machine.ssh(script)).trim().split(' ').map(Number);
      const seconds = Object.fromEntries(kinds.map((kind, i) => [kind, (ends[i] ?? Infinity) - begin!]));
      rows.push(`${title.padEnd(20)} ${kinds.map((kind) => `${kind} ${seconds[kind]!.toFixed(2)} s`).join('  ')}`);
      expect(Object.entries(seconds).filter(([, s]) => !(s <= LEASE_MS / 1000))).toEqual([]);
      expect((await cli.done).code).not.toBe(0);
      await expect.poll(state, { timeout: 20_000, interval: 500 }).toBe(before);
    },
    180_000,
  );

  it('no row is above the lease', () => {
    console.log(`\nLinux ${name}, lease ${LEASE_MS / 1000} s\n${rows.join('\n')}\n`);
    expect(rows).toHaveLength(Object.keys(FAULTS).length);
  });
});
