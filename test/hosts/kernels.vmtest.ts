/**
 * The main job on the kernels that people run: Debian's 5.10, 6.1, 6.12 and 7.3 on x86_64, and arm64, each in a virtual
 * machine of its own. What this machine's kernel refuses (kprobes, fentry) is tried here.
 *   RINGSIDE_KERNELS=5.10/amd64,6.12/arm64  only these
 */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cliRun, removeCache, startCli } from '../integration/support/cli.ts';
import { addsUp, type Line } from '../integration/support/lines.ts';
import type { ErrorData } from '../../core/src/errors.ts';
import type { DoctorReport, StreamLedger } from '../../core/src/model/index.ts';
import { copyText } from '../../panels/doctor/fix.ts';
import { checkOf, expectedChecks, refusedOn, saidChecks, truthOf } from './doctor/truth.ts';
import { fetchKernels } from './vm/fetch.ts';
import { vmPassword } from './vm/initrd.ts';
import { lsmWithBpf, startMachine, type Machine } from './vm/machine.ts';
import type { KernelWanted } from './vm/paths.ts';

const all: KernelWanted[] = [
  { name: '5.10', arch: 'amd64' },
  { name: '6.1', arch: 'amd64' },
  { name: '6.12', arch: 'amd64' },
  { name: '7.3', arch: 'amd64' },
  { name: '6.12', arch: 'arm64' },
];
const only = process.env['RINGSIDE_KERNELS']?.split(',');
const matrix = all.filter(({ name, arch }) => only?.includes(`${name}/${arch}`) ?? true);
const EXECSNOOP = 'bpf-snippets/execsnoop/execsnoop.bpf.c';

/** A kprobe and an fentry program: this machine's own kernel takes neither. */
const PROBES = `// SPDX-License-Identifier: GPL-2.0
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct removal_event {
	u32 pid;
	u32 kind;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} events SEC(".maps");

static __always_inline int emit(u32 kind)
{
	struct removal_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->kind = kind;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	bpf_printk("removed %d", kind);
	return 0;
}

SEC("kprobe/vfs_unlink")
int BPF_KPROBE(by_kprobe)
{
	return emit(1);
}

SEC("fentry/security_inode_rmdir") /* in a file of its own: vfs_rmdir is inlined on 5.10 */
int BPF_PROG(by_fentry)
{
	return emit(2);
}

char LICENSE[] SEC("license") = "GPL";
`;

/** A weak kernel function: called where the kernel has it (from 6.2 on), left out where it has not. */
const WEAK = `// SPDX-License-Identifier: GPL-2.0
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *p) __ksym __weak;

SEC("tp_btf/sched_process_exec")
int on_exec(void *ctx)
{
	struct task_struct *first;

	if (!bpf_ksym_exists(bpf_task_from_pid)) {
		bpf_printk("no such function");
		return 0;
	}
	first = bpf_task_from_pid(1);
	if (first) {
		bpf_printk("found %d", first->pid);
		bpf_task_release(first);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
`;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ringside-vmtest-'));
  writeFileSync(join(dir, 'unlink.bpf.c'), PROBES);
  writeFileSync(join(dir, 'weak.bpf.c'), WEAK);
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
  removeCache();
});

describe.each(matrix)('Linux $name on $arch', (wanted) => {
  let machine: Machine;
  let at: (user: string) => string[];

  beforeAll(async () => {
    const [kernel] = await fetchKernels([wanted]);
    machine = await startMachine(kernel!);
    at = (user) => [
      '--host',
      `vm-${user}`,
      '--ssh-config',
      machine.configFile,
      '--known-hosts',
      machine.knownHostsFile,
    ];
  }, 600_000);
  afterAll(() => machine.stop());

  /** Attaches, runs a command on the host until `count` events came, and gives the lines. */
  async function attach(file: string, user: string, command: string, more: string[], input?: string): Promise<Line[]> {
    const cli = startCli(['attach', file, ...at(user), '--json', ...more], input === undefined ? {} : { input });
    await cli.waitFor((l: Line) => l.type === 'attached', 90_000);
    while (cli.child.exitCode === null) await machine.ssh(command);
    const result = await cli.done;
    expect(result.stderr).toBe('');
    expect(result.code).toBe(0);
    return result.json;
  }

  const leftovers = (): Promise<string> =>
    machine.ssh(
      'ls /sys/fs/bpf; cat /sys/kernel/tracing/kprobe_events /sys/kernel/tracing/uprobe_events; ls /sys/kernel/tracing/instances; pgrep -x "ringside-agent|ringside-superv" || true',
    );

  it('gives typed exec events to root and an account that adds up', async () => {
    const lines = await attach(EXECSNOOP, 'root', '/bin/echo hello >/dev/null', [
      '--count',
      '3',
      '--where',
      'filename ~ "echo"',
    ]);
    const events = lines.filter((l) => l.type === 'event');
    expect(events).toHaveLength(3);
    for (const e of events)
      expect(e.fields).toMatchObject({ comm: 'echo', filename: '/bin/echo', pid: expect.any(Number) });
    expect((lines.at(-1).ledger.streams as StreamLedger[]).every(addsUp)).toBe(true);
  });

  it('goes through sudo with a password', async () => {
    const lines = await attach(EXECSNOOP, 'dev', '/bin/true', ['--count', '1', '--password-stdin'], `${vmPassword}\n`);
    expect(lines.filter((l) => l.type === 'event')).toHaveLength(1);
  });

  it('attaches kprobe and fentry, and tells their prints apart', async () => {
    const removals = 'touch /tmp/x; rm /tmp/x; mkdir /tmp/d; rmdir /tmp/d';
    const ours = ['--count', '4', '--where', 'comm == "rm" || comm == "rmdir"']; // the host removes files of its own
    const lines = await attach(join(dir, 'unlink.bpf.c'), 'ops', removals, ours);
    const kinds = new Set(lines.filter((l) => l.type === 'event').map((l) => l.fields.kind as number));
    expect([...kinds].sort()).toEqual([1, 2]);
    const prints = lines.filter((l) => l.type === 'print');
    expect(new Set(prints.map((p) => `${p.program}: ${p.text}`))).toEqual(
      new Set(['by_kprobe: removed 1', 'by_fentry: removed 2']),
    );
  });

  it('calls a weak kernel function exactly where the kernel has it', async () => {
    const known = await machine.ssh('grep -c " bpf_task_from_pid$" /proc/kallsyms || true');
    const cli = startCli(['attach', join(dir, 'weak.bpf.c'), ...at('root'), '--json']);
    await cli.waitFor((l: Line) => l.type === 'attached', 90_000);
    await machine.ssh('/bin/true; /bin/true');
    const print = await cli.waitFor((l: Line) => l.type === 'print');
    expect(print.text).toBe(known.trim() === '0' ? 'no such function' : 'found 1');
    cli.child.kill('SIGINT');
    expect((await cli.done).stderr).toBe('');
  });

  it('verifies', async () => {
    const verified = await cliRun(['verify', EXECSNOOP, ...at('root'), '--json']);
    expect(verified.json[0]).toMatchObject({ ok: true, kernel: `${machine.kernel.release}-cloud-${wanted.arch}` });
  });

  const files = (): string[] => ['--known-hosts', machine.knownHostsFile, '--json'];
  async function doctor(host = 'vm-root', config = machine.configFile): Promise<DoctorReport> {
    const result = await cliRun(['doctor', host, '--ssh-config', config, ...files()]);
    expect(result.stderr).toBe('');
    return result.json[0] as DoctorReport;
  }

  /** An ssh_config with a host that is reached by way of the machine. */
  function behind(): string {
    const file = join(dir, 'behind');
    const text = readFileSync(machine.configFile, 'utf8');
    const block = text
      .split('\n\n')[0]!
      .replace('Host vm-root', 'Host behind')
      .replace(/Port .*/, 'Port 22');
    writeFileSync(file, `${block}\n  ProxyJump vm-root\n  HostKeyAlias behind\n\n${text}`);
    const known = readFileSync(machine.knownHostsFile, 'utf8');
    if (!known.includes('behind')) appendFileSync(machine.knownHostsFile, known.replace(/^\S+/, 'behind'));
    return file;
  }

  it('is examined, and put in order by the remedies that the doctor names', async () => {
    const { ssh } = machine;
    // What a minimal or a careless host has not.
    const away = ['/sys/kernel/tracing', '/sys/fs/bpf', '/sys/fs/cgroup', '/sys/kernel/security'];
    await ssh(`umount ${away.join(' ')}; sysctl -q kernel.kptr_restrict=2 kernel.unprivileged_bpf_disabled=0`);
    // Debian's kernels are built so that the compiler stays on, but for some.
    const interpreted =
      (await ssh('sysctl -q net.core.bpf_jit_enable=0 2>/dev/null; sysctl -n net.core.bpf_jit_enable')) === '0\n';
    const caused: Record<string, string> = {
      ...{ tracefs: 'fail', bpffs: 'warn', cgroup2: 'warn', lockdown: 'unknown' },
      ...{ 'kernel-symbols': 'warn', unprivileged: 'warn', jit: interpreted ? 'warn' : 'ok' },
    };
    const before = await doctor();
    expect(Object.fromEntries(Object.keys(caused).map((id) => [id, checkOf(before, id).status]))).toEqual(caused);
    for (const id of Object.keys(caused)) {
      const { status, remedy } = checkOf(before, id);
      if (status !== 'ok') await ssh(copyText(remedy));
    }
    const config = join(machine.kernel.dir, 'boot', `config-${machine.kernel.release}-cloud-${wanted.arch}`);
    expect(existsSync(config)).toBe(wanted.name !== '7.3'); // whose package has none
    if (existsSync(config)) {
      const path = /put the file at (.+)\.$/.exec(checkOf(before, 'kconfig').remedy)![1]!;
      await ssh('mkdir -p /boot');
      await machine.put(config, path);
    }

    const truth = await truthOf(machine);
    // Through the machine to itself, which is a jump host as good as any.
    const jump = wanted.name === '7.3';
    const after = jump ? await doctor('behind', behind()) : await doctor();
    const { host } = after;
    expect(host).toMatchObject({
      name: jump ? 'behind' : 'vm-root',
      kernel: truth['kernel'],
      arch: truth['arch'],
      distro: truth['distro'],
    });
    expect(host).toMatchObject({ btf: true, uid: 0, cpus: Number(truth['cpus']), readOnly: false });
    const refused = refusedOn(`${wanted.name} ${wanted.arch}`, truth);
    expect(saidChecks(after)).toEqual(expectedChecks(truth, refused, wanted.name === '7.3'));
    const kinds = Object.entries(after.features.attach);
    const not = kinds.filter(([, { ok }]) => !ok);
    expect(not.map(([kind]) => kind).sort()).toEqual(refused);
    for (const [kind, { reason }] of not) expect(reason, kind).toMatch(/^(the kernel|bpf is not among)/);
    expect(after.features.mapTypes).toMatchObject({
      ringbuf: true,
      struct_ops: true,
      arena: /6.12|7.3/.test(wanted.name),
    });
    if (wanted.name === '5.10') expect(copyText(checkOf(after, 'lsm').remedy)).toBe(lsmWithBpf);
    expect(after.features.other['prog_stream']?.ok).toBe(wanted.name === '7.3'); // since 6.17
  });

  if (wanted.name === '6.1')
    it('does without types of its own where --btf gives them, as the doctor says', async () => {
      const btf = join(dir, 'vmlinux.btf');
      writeFileSync(btf, Buffer.from(await machine.ssh('base64 /sys/kernel/btf/vmlinux'), 'base64'));
      await machine.ssh('mount -t tmpfs none /sys/kernel/btf');
      try {
        const { status, remedy } = checkOf(await doctor(), 'btf');
        expect([status, remedy]).toEqual([
          'fail',
          expect.stringContaining('`ringside build FILE --btf BTF -o OBJECT`'),
        ]);
        const without = await cliRun(['verify', EXECSNOOP, ...at('root'), '--json']);
        expect(without.code).not.toBe(0);
        const object = join(dir, 'execsnoop.bpf.o');
        expect((await cliRun(['build', EXECSNOOP, '--btf', btf, '-o', object])).code).toBe(0);
        const given = await cliRun(['verify', object, ...at('root'), '--btf', btf, '--json']);
        expect(given.json[0]).toMatchObject({ ok: true });
      } finally {
        await machine.ssh('umount /sys/kernel/btf');
      }
    });

  if (wanted.name === '7.3')
    it('lets a user become root by the line that the refusal names', async () => {
      await machine.ssh("sed -i 's/^sudo:.*/sudo:x:27:/' /etc/group");
      const asDev = ['doctor', 'vm-dev', '--ssh-config', machine.configFile, ...files(), '--password-stdin'];
      const refused = await cliRun(asDev, { input: `${vmPassword}\n` });
      const { error } = refused.json[0] as { error: ErrorData };
      expect([refused.code, error.code]).toEqual([4, 'sudo-denied']);
      const [, file, line] = /`visudo -f (\S+)`: (.*? \/bin\/sh)/.exec(error.remedy)!;
      await machine.ssh(`echo '${line}' > ${file}; chmod 440 ${file}`);
      const granted = await cliRun(asDev, { input: `${vmPassword}\n` });
      expect(checkOf(granted.json[0] as DoctorReport, 'privilege').status).toBe('ok');
    });

  it('leaves nothing on the host', async () => {
    const removed = await cliRun([
      'agent',
      'remove',
      'vm-root',
      '--ssh-config',
      machine.configFile,
      '--known-hosts',
      machine.knownHostsFile,
      '--json',
    ]);
    expect(removed.code).toBe(0);
    expect((await leftovers()).trim()).toBe('');
    expect((await machine.ssh('ls -A /var/lib/ringside 2>/dev/null || true')).trim()).toBe('');
  });
});
