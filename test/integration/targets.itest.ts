/** `ringside targets`: what it lists is what this machine has, by the tools and files that everyone knows. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { TargetEntry, TargetListing } from '../../core/src/model/index.ts';
import { cliRun, removeCache } from './support/cli.ts';

afterAll(removeCache);

async function listed(...args: string[]): Promise<TargetListing> {
  const result = await cliRun(['targets', 'local', ...args, '--json']);
  expect(result.stderr).toBe('');
  expect(result.code).toBe(0);
  return result.json[0] as TargetListing;
}

const names = (list: TargetListing): string[] => list.targets.map((target) => target.name);
const one = (list: TargetListing, name: string): TargetEntry => {
  const found = list.targets.find((target) => target.name === name);
  if (!found) throw new Error(`${name} is not listed`);
  return found;
};

describe('ringside targets', () => {
  it("lists tracefs's tracepoints, each with the fields of its format file", async () => {
    const list = await listed('tracepoint');
    const events = readFileSync('/sys/kernel/tracing/available_events', 'utf8').trim().split('\n').sort();
    expect(names(list)).toEqual(events);
    expect(list.total).toBe(events.length);
    for (const target of list.targets) {
      const format = readFileSync(`/sys/kernel/tracing/events/${target.name.replace(':', '/')}/format`, 'utf8');
      const fields = [...format.matchAll(/field:(.*);\s*offset:(\d+);\s*size:(\d+);/g)].slice(4);
      expect(target.arguments?.map((field) => [field.offset, field.size])).toEqual(
        fields.map(([, , offset, size]) => [Number(offset), Number(size)]),
      );
    }
    expect(one(list, 'sched:sched_switch').arguments).toContainEqual({
      name: 'prev_comm',
      type: 'char[16]',
      offset: 8,
      size: 16,
    });
  });

  it('prints fields with their types for people', async () => {
    const result = await cliRun(['targets', 'local', 'tracepoint', 'sched*', '--quiet']);
    expect(result.code).toBe(0);
    expect(result.stdout).toContain(
      'sched:sched_switch\n     8   16  char prev_comm[16]\n    24    4  pid_t prev_pid\n',
    );
  });

  it("gives functions, hooks and raw tracepoints the arguments of the kernel's types", async () => {
    const read = one(await listed('fentry', 'vfs_read'), 'vfs_read');
    expect(read).toMatchObject({ returns: 'ssize_t', unusable: null, module: '' });
    expect(read.arguments?.map((a) => `${a.type} ${a.name}`)).toEqual([
      'struct file * file',
      'char * buf',
      'size_t count',
      'loff_t * pos',
    ]);
    expect(one(await listed('lsm', 'file_open'), 'file_open')).toMatchObject({
      arguments: [{ name: 'file', type: 'struct file *', offset: null, size: 8 }],
      returns: 'int',
    });
    const raw = one(await listed('raw_tp', 'sched_switch'), 'sched_switch');
    expect(raw.arguments?.map((argument) => argument.name)).toEqual(
      expect.arrayContaining(['preempt', 'prev', 'next']),
    );
  });

  it('lists only kernel functions that /proc/kallsyms has, and counts what is beyond the limit', async () => {
    const symbols = new Set(
      readFileSync('/proc/kallsyms', 'utf8')
        .split('\n')
        .map((line) => line.split(/\s/)[2]),
    );
    const list = await listed('kprobe', '--limit', '200000');
    expect(list.total).toBeGreaterThan(10_000);
    expect(names(list).filter((name) => !symbols.has(name))).toEqual([]);
    const few = await listed('kprobe', '--limit', '3');
    expect(few).toMatchObject({ total: list.total, targets: [{}, {}, {}] });
    expect(few.targets).toHaveLength(3);
  });

  it('answers a wrong name with the nearest that exist', async () => {
    const wrong: [string, string, string][] = [
      ['kprobe', 'vfs_raed', 'vfs_read'],
      ['fentry', 'tcp_v4_conect', 'tcp_v4_connect'],
      ['tracepoint', 'sched:sched_swich', 'sched:sched_switch'],
      ['raw_tp', 'sched_swich', 'sched_switch'],
      ['lsm', 'file_opne', 'file_open'],
      ['kprobe', '_do_fork', 'Here it is kernel_clone (with the same arguments).'],
    ];
    for (const [kind, name, nearest] of wrong) {
      const result = await cliRun(['targets', 'local', kind, name, '--json']);
      expect(result.code).toBe(4);
      expect(result.json[0].error).toMatchObject({
        code: 'target-not-found',
        remedy: expect.stringContaining(nearest) as string,
      });
    }
  });

  it('lists the functions of a library where nm has them', async () => {
    const list = await listed('uprobe', 'pthread_*', '--binary', 'libc.so.6');
    const { module } = list.targets[0]!;
    const shown = execFileSync('nm', ['-D', '--defined-only', module], { encoding: 'utf8' })
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, kind, name]) => /^[TWi]$/.test(kind ?? '') && name!.startsWith('pthread_'))
      .map(([, , name]) => name!.replace(/@@.*/, ''));
    expect(new Set(names(list))).toEqual(new Set(shown));
    expect(list.targets.every((target) => target.arguments === null && /^0x/.test(target.details['offset']!))).toBe(
      true,
    );
    const ofProcess = await listed('uprobe', 'malloc', '--pid', String(process.pid));
    expect(ofProcess.targets.some((target) => target.module.includes('libc.so'))).toBe(true);
  });

  it('lists this process, its interfaces and control groups', async () => {
    const own = (await listed('process')).targets.find((target) => target.details['pid'] === String(process.pid));
    expect(own).toMatchObject({ details: { uid: String(process.getuid!()) }, unusable: null });
    expect(one(await listed('iface', 'lo'), 'lo').details).toMatchObject({ type: 'loopback', ifindex: '1' });
    expect(names(await listed('cgroup'))[0]).toBe('/');
    expect((await listed('container')).total).toBeGreaterThanOrEqual(0);
  });

  it('says what is wrong with the command', async () => {
    const wrong: [string[], RegExp][] = [
      [['targets', 'local'], /KIND is missing/],
      [['targets', 'local', 'kprobes'], /no kind of target/],
      [['targets', 'local', 'uprobe'], /--binary PATH/],
      [['targets', 'local', 'kprobe', '--pid', '1'], /takes neither/],
    ];
    for (const [args, message] of wrong) {
      const result = await cliRun([...args, '--json']);
      expect(result.code).toBe(2);
      expect(result.json[0].error).toMatchObject({ code: 'usage', message: expect.stringMatching(message) as string });
    }
    const missing = await cliRun(['targets', 'local', 'usdt', '--binary', '/no/such/file', '--json']);
    expect(missing.code).toBe(4);
    expect(missing.json[0].error).toMatchObject({ code: 'target-not-found' });
  });
});
