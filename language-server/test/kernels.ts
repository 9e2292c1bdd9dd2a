/** The hosts that the cases are answered from, as the extension would name them: a small kernel, and an older one. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Elf } from '@ringside/core/bpf';
import { buildObject } from '@ringside/core/build';

/** The kernel of kernel.c. `folder` holds dist/resources, and takes what is made. */
export async function smallKernel(folder: string) {
  const btf = await typesOf('kernel.c', folder);
  const field = (name: string, type: string, offset: number, size: number) => ({ name, type, offset, size });
  const tracepoints = [
    { name: 'sched:sched_process_exec', fields: [] },
    {
      name: 'sched:sched_wakeup',
      fields: [
        field('common_pid', 'int', 4, 4),
        field('comm', 'char[16]', 8, 16),
        field('pid', 'pid_t', 24, 4),
        field('prio', 'int', 28, 4),
      ],
    },
    ...['sched:sched_switch', 'syscalls:sys_enter_openat', 'syscalls:sys_exit_openat'].map((name) => ({
      name,
      fields: [],
    })),
  ];
  const kprobes = ['vfs_read', 'vfs_write', 'vfs_unlink', 'do_unlinkat', 'tcp_close'];
  const targets = join(folder, 'targets.json');
  writeFileSync(targets, JSON.stringify({ tracepoints, kprobes }));
  return { vmlinuxHeader: null, arch: 'x86_64', host: 'web1', kernel: '6.12.0', btf, targets, cached: false };
}

/** A host of the same kernel some years before (older.c). */
export async function olderKernel(folder: string) {
  const names = ['sched:sched_switch', 'syscalls:sys_enter_openat'];
  const targets = join(folder, 'older.json');
  const list = { tracepoints: names.map((name) => ({ name, fields: [] })), kprobes: ['vfs_read', 'do_unlinkat'] };
  writeFileSync(targets, JSON.stringify(list));
  return { host: 'old1', kernel: '5.4.0', btf: await typesOf('older.c', folder), targets, cached: false };
}

/** Path of the BTF that the compiler makes of a source beside this file. */
async function typesOf(source: string, folder: string): Promise<string> {
  const made = await buildObject({
    ...{ file: join(import.meta.dirname, source), vmlinuxHeader: null, compilerPath: '' },
    ...{ resourceDir: join(folder, 'dist'), cacheDir: join(folder, 'cache') },
  });
  const errors = made.diagnostics.filter((each) => each.severity === 'error');
  if (errors.length > 0) throw new Error(`${source}: ${errors.map(({ message }) => message).join('; ')}`);
  const path = join(folder, `${source}.btf`);
  writeFileSync(path, Elf.parse(readFileSync(made.object)).section('.BTF')!.data);
  return path;
}
