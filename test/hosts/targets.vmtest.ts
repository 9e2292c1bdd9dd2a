/** `ringside targets` where there are kprobes, ftrace's list and modules that are not loaded, which this machine lacks. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TargetListing } from '../../core/src/model/index.ts';
import { cliRun, removeCache } from '../integration/support/cli.ts';
import { fetchKernels } from './vm/fetch.ts';
import { startMachine, type Machine } from './vm/machine.ts';

let machine: Machine;
beforeAll(async () => {
  const [kernel] = await fetchKernels([{ name: '6.12', arch: 'amd64' }]);
  machine = await startMachine(kernel!);
}, 600_000);
afterAll(async () => {
  await machine.stop();
  removeCache();
});

const run = (...args: string[]) =>
  cliRun([
    'targets',
    'vm-root',
    ...args,
    '--json',
    '--ssh-config',
    machine.configFile,
    '--known-hosts',
    machine.knownHostsFile,
  ]);

async function listed(...args: string[]): Promise<TargetListing> {
  const result = await run(...args);
  expect(result.stderr).toBe('');
  expect(result.code).toBe(0);
  return result.json[0] as TargetListing;
}

/** Message and remedy of the refusal. */
async function refused(...args: string[]): Promise<string> {
  const result = await run(...args);
  expect(result.code).toBe(4);
  const { code, message, remedy } = (result.json[0] as { error: { code: string; message: string; remedy: string } })
    .error;
  expect(code).toBe('target-not-found');
  return `${message}\n${remedy}`;
}

describe('targets of Linux 6.12', () => {
  it('tells apart what can be probed and what cannot, as ftrace and the blacklist do', async () => {
    const traceable = new Set(
      (await machine.ssh('cat /sys/kernel/tracing/available_filter_functions')).split('\n').map((l) => l.split(' ')[0]),
    );
    expect(traceable.size).toBeGreaterThan(20_000);
    for (const kind of ['kprobe', 'fentry']) {
      const list = await listed(kind, '--limit', '200000');
      const usable = list.targets.filter((target) => target.unusable === null);
      expect(usable.length).toBeGreaterThan(20_000);
      expect(usable.filter((target) => !traceable.has(target.name)).map((target) => target.name)).toEqual([]);
      const barred = list.targets.filter((target) => target.unusable === 'notrace');
      expect(barred.filter((target) => traceable.has(target.name)).map((target) => target.name)).toEqual([]);
    }
    const entry = await listed('kprobe', 'entry_SYSCALL_64');
    expect(entry.targets[0]?.unusable).toBe('blacklisted');
  });

  it('gives functions of modules the arguments of their own types', async () => {
    const list = await listed('kprobe', 'virtnet_*');
    expect(list.targets.some((target) => target.module === 'virtio_net' && (target.arguments?.length ?? 0) > 0)).toBe(
      true,
    );
  });

  it('answers wrong, renamed and changed functions', async () => {
    expect(await refused('kprobe', 'vfs_raed')).toContain('Nearest names: vfs_read');
    expect(await refused('kprobe', '_do_fork')).toContain('Here it is kernel_clone (with the same arguments).');
    expect(await refused('kprobe', 'scheduler_tick')).toContain('sched_tick');
    expect(await refused('kprobe', 'finish_task_switch')).toContain('finish_task_switch.isra.0');
    expect(await refused('kprobe', 'sys_execve')).toContain('__x64_sys_execve');
    expect(await refused('tracepoint', 'syscalls:sys_enter_stat')).toContain('syscalls:sys_enter_newstat');
  });

  it('names notrace where the kernel only says that a chosen function is invalid or busy', async () => {
    const { targets } = await listed('fentry', 'blk_*', '--limit', '2000');
    const barred = targets.find((target) => target.unusable === 'notrace')!.name;
    const folder = mkdtempSync(join(tmpdir(), 'ringside-notrace-'));
    try {
      for (const kind of ['kprobe', 'fentry', 'fexit']) {
        const file = join(folder, `${kind}.bpf.c`);
        writeFileSync(
          file,
          `#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nSEC("${kind}/${barred}") int p(void *c) { return 0; }\nchar LICENSE[] SEC("license") = "GPL";\n`,
        );
        const on = ['--ssh-config', machine.configFile, '--known-hosts', machine.knownHostsFile];
        const result = await cliRun(['attach', file, '--host', 'vm-root', '--program', 'p', '--json', ...on]);
        expect(result.code).toBe(4);
        expect(JSON.stringify(result.json)).toContain(
          `kernel function ${barred} cannot be attached to, because the kernel keeps the function tracer away from it`,
        );
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('names the module that has to be loaded for a function, by the symbols of its packed file', async () => {
    expect(await machine.ssh('find /lib/modules -name "overlay.ko*"')).toMatch(/overlay\.ko\.xz\n$/);
    expect(await refused('kprobe', 'ovl_create_object')).toContain(
      'Module overlay has it and is not loaded: modprobe overlay.',
    );
    expect(await refused('kprobe', 'ovl_no_such_function')).not.toContain('modprobe');
    await machine.ssh('modprobe overlay');
    expect((await listed('kprobe', 'ovl_create_object')).targets[0]).toMatchObject({ module: 'overlay' });
  });
});
