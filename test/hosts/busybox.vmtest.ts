/**
 * A host that is busybox and dropbear alone, as routers and appliances are: no sftp, no sudo, no bash, no GNU program. One line
 * a case, over ssh2 and over OpenSSH; the table that is printed at the end has the code and the remedy of each.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentRemove, deployAgent, type AgentProcess } from '../../core/src/deploy/index.ts';
import type { RingsideError } from '../../core/src/errors.ts';
import { silentLog } from '../../core/src/log.ts';
import type { DoctorReport, StreamLedger } from '../../core/src/model/index.ts';
import { defaultSshOptions, openTransport, type SshOptions, type Transport } from '../../core/src/ssh/index.ts';
import { cliRun, removeCache, root, startCli } from '../integration/support/cli.ts';
import { addsUp, type Line } from '../integration/support/lines.ts';
import { answering, failure, magic, type RecordingPrompter } from '../integration/ssh-fixtures.ts';
import { copyText } from '../../panels/doctor/fix.ts';
import { checkOf, expectedChecks, refusedOn, saidChecks, truthOf } from './doctor/truth.ts';
import { fetchKernels } from './vm/fetch.ts';
import { vmPassword } from './vm/initrd.ts';
import { startMachine, type Machine } from './vm/machine.ts';

type Way = 'ssh2' | 'openssh';
const EXECSNOOP = 'bpf-snippets/execsnoop/execsnoop.bpf.c';
const FOLDERS = ['/var/lib/ringside', '/opt/ringside', '/run/ringside'];

let folder: string;
let machine: Machine;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-busybox-'));
  const [kernel] = await fetchKernels([{ name: '5.10', arch: 'amd64' }]);
  machine = await startMachine(kernel!, { space: 'busybox' });
}, 600_000);
afterAll(async () => {
  await machine.stop();
  rmSync(folder, { recursive: true, force: true });
  removeCache();
  const widest = Math.max(...outcomes.map(([name]) => name.length));
  const rows = outcomes.map(([name, way, code, remedy]) =>
    `${name.padEnd(widest)}  ${way.padEnd(7)}  ${code.padEnd(17)}  ${remedy}`.trimEnd(),
  );
  console.log(`${rows.length} cases\n${rows.join('\n')}`);
});

const outcomes: [name: string, way: Way, code: string, remedy: string][] = [];
const note = (name: string, way: Way, error?: Pick<RingsideError, 'code' | 'remedy'>): void =>
  void outcomes.push([name, way, error?.code ?? 'ok', error?.remedy ?? '']);

let files = 0;
/** An ssh_config with more lines before the machine's own. */
function configWith(lines: string[]): string {
  const file = join(folder, `config_${files++}`);
  writeFileSync(file, [...lines, `Match all`, `Include ${machine.configFile}`, ''].join('\n'));
  return file;
}

const sshOptions = (way: Way, more: Partial<SshOptions> = {}): SshOptions => ({
  ...{ ...defaultSshOptions, transport: way, configFile: machine.configFile, knownHostsFile: machine.knownHostsFile },
  ...more,
});

interface Case {
  user?: string;
  options?: Partial<SshOptions>;
  answers?: Parameters<typeof answering>[0];
}

/** Logs in and asks who we are; gives that, or the failure. */
async function login(
  name: string,
  way: Way,
  { user = 'root', options, answers = {} }: Case,
): Promise<{ who: string; error?: RingsideError; prompter: RecordingPrompter }> {
  const prompter = answering(answers);
  const attempt = openTransport(`vm-${user}`, sshOptions(way, options), prompter, silentLog);
  const transport = await attempt.catch(() => undefined);
  if (transport === undefined) {
    const error = await failure(attempt);
    note(name, way, error);
    return { who: '', error, prompter };
  }
  const who = (await transport.run('id -un')).stdout.trim();
  transport.dispose();
  note(name, way);
  return { who: `${who} over ${transport.kind}`, prompter };
}

interface Deployed {
  agent: AgentProcess;
  transport: Transport;
}

async function deploy(way: Way, options: Partial<SshOptions> = {}, user = 'root'): Promise<Deployed> {
  const ssh = sshOptions(way, options);
  const prompter = answering({});
  const transport = await openTransport(`vm-${user}`, ssh, prompter, silentLog);
  try {
    return { transport, agent: await deployAgent(transport, { ssh, prompter, log: silentLog, resourceDir }) };
  } catch (error) {
    transport.dispose();
    throw error;
  }
}
const resourceDir = join(root, 'dist');

/** The agent's own first bytes come through unchanged; then it ends in order. */
async function ends({ agent, transport }: Deployed): Promise<void> {
  const { stdout, stdin, exit } = agent.channel;
  let read = Buffer.alloc(0);
  stdout.on('data', (chunk: Buffer) => (read = Buffer.concat([read, chunk])));
  await expect.poll(() => read.subarray(0, magic.length).equals(magic)).toBe(true);
  stdin.end();
  expect(await exit).toEqual({ code: 0, signal: null });
  await agent.cleanup();
  transport.dispose();
}

/** The refusal of a deploy, written down. */
async function refused(
  name: string,
  way: Way,
  options: Partial<SshOptions> = {},
  user = 'root',
): Promise<RingsideError> {
  const error = await failure(deploy(way, options, user));
  note(name, way, error);
  return error;
}

async function remove(way: Way): Promise<string[]> {
  const ssh = sshOptions(way);
  const prompter = answering({});
  const transport = await openTransport('vm-root', ssh, prompter, silentLog);
  try {
    return (await agentRemove(transport, { ssh, prompter, log: silentLog, resourceDir })).removed;
  } finally {
    transport.dispose();
  }
}

const at = (way: Way): string[] =>
  ['--ssh-config', machine.configFile, '--known-hosts', machine.knownHostsFile, '--transport', way, '--json']; // prettier-ignore

/** Processes and files of ours, and what is attached: nothing of it may stay. */
const left = (): Promise<string> =>
  machine.ssh(`for p in /proc/[0-9]*; do read -r c < $p/comm && case $c in ringside*) echo "$c";; esac; done 2>/dev/null
    find ${FOLDERS.join(' ')} -type f -o -name '.*' 2>/dev/null; ls /sys/fs/bpf; cat /sys/kernel/tracing/kprobe_events`);

describe.each(['ssh2', 'openssh'] as const)('busybox and dropbear over %s', (way) => {
  it('lets a key in, and a password; tells a wrong one', async () => {
    expect((await login('a key', way, {})).who).toBe(`root over ${way}`);
    const noKey = configWith(['Host *', 'IdentityFile none', 'PubkeyAuthentication no']);
    const joe = { user: 'joe', options: { configFile: noKey } };
    const right = await login('a password', way, { ...joe, answers: { secrets: [vmPassword] } });
    expect(right.who).toBe(`joe over ${way}`);
    expect(right.prompter.secrets).toMatchObject([{ kind: 'password', echo: false, attempt: 1 }]);
    const wrong = await login('a wrong password', way, {
      ...joe,
      answers: { secrets: ['wrong1', 'wrong2', 'wrong3'] },
    });
    expect(wrong.error?.code).toBe('auth-failed');
    expect(wrong.error?.message).toContain('password');
    expect(JSON.stringify(wrong.error?.toData())).not.toContain('wrong1');
  });

  it('shows its unknown key, and a changed one', async () => {
    const known = join(folder, `known_${way}`);
    const options = { knownHostsFile: known, configFile: configWith(['Host *', `UserKnownHostsFile ${known}`]) };
    const line = readFileSync(machine.knownHostsFile, 'utf8');
    writeFileSync(known, '');
    const unknown = await login('an unknown host', way, { options });
    expect(unknown.error?.code).toBe('host-key-unknown');
    const print = execFileSync('ssh-keygen', ['-lf', machine.knownHostsFile], { encoding: 'utf8' }).split(' ')[1];
    expect(unknown.prompter.hostKeys).toMatchObject([{ fingerprint: print }]);
    const remembered = await login('remembered', way, { options, answers: { hostKey: 'remember' } });
    expect(remembered.who).toBe(`root over ${way}`);
    expect(readFileSync(known, 'utf8')).toBe(line);
    const other = readFileSync(`${machine.identityFile}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
    writeFileSync(known, `${line.split(' ')[0]} ${other}\n`);
    const changed = await login('a changed key', way, { options, answers: { hostKey: 'remember' } });
    expect(changed.error).toMatchObject({ code: 'host-key-mismatch', links: [`${known}:1`] });
    expect(changed.error?.message).toContain(print);
    expect(changed.prompter.hostKeys).toEqual([]);
  });

  it('is deployed to by its shell alone: once, then from what is there, and without sha256sum', async () => {
    await remove(way);
    expect(await machine.ssh('ls /usr/lib/*/sftp-server /usr/libexec/sftp-server 2>/dev/null || echo none')).toBe(
      'none\n',
    );
    const first = await deploy(way);
    expect(first.agent).toMatchObject({ installed: true, privilege: 'root', arch: 'x86_64' });
    expect(first.agent.path).toBe(`${FOLDERS[0]}/${first.agent.sha256}/ringside-agent`);
    await ends(first);
    note('the first deploy', way);
    const second = await deploy(way);
    expect(second.agent).toMatchObject({ installed: false, path: first.agent.path });
    await ends(second);
    note('the second deploy', way);
    // All names there are links to one file, which is called otherwise: without these two nothing computes a hash.
    await machine.ssh('rm /bin/busybox /bin/sha256sum');
    try {
      const poor = await deploy(way);
      expect(poor.agent.installed).toBe(false);
      await ends(poor);
      note('without sha256sum', way);
    } finally {
      await machine.ssh('for name in busybox sha256sum; do ln -s busybox.real /bin/$name; done');
    }
  });

  it('gives its events, and an account that adds up', async () => {
    const args = ['attach', EXECSNOOP, '--host', 'vm-root', ...at(way), '--count', '2', '--where', 'comm == "uname"'];
    const cli = startCli(args);
    await cli.waitFor((l: Line) => l.type === 'attached', 60_000);
    while (cli.child.exitCode === null) await machine.ssh('/bin/uname >/dev/null');
    const result = await cli.done;
    expect([result.code, result.stderr]).toEqual([0, '']);
    expect(result.json.filter((l: Line) => l.type === 'event')).toHaveLength(2);
    expect((result.json.at(-1).ledger.streams as StreamLedger[]).every(addsUp)).toBe(true);
    note('events', way);
  });

  it('is examined, and put in order by the remedies that the doctor names', async () => {
    const doctor = async (): Promise<DoctorReport> => {
      const result = await cliRun(['doctor', 'vm-root', ...at(way)]);
      expect(result.stderr).toBe('');
      return result.json[0] as DoctorReport;
    };
    // Nothing of it is there at first, as init has not mounted it or started it.
    const missing = { lockdown: 'unknown', lsm: 'unknown', cgroup2: 'warn', 'audit-log': 'warn' };
    if (way === 'ssh2') {
      const before = await doctor();
      const status = Object.keys(missing).map((id) => [id, checkOf(before, id).status]);
      expect(Object.fromEntries(status)).toEqual(missing);
      const remedies = new Set(Object.keys(missing).map((id) => copyText(checkOf(before, id).remedy)));
      for (const remedy of remedies) await machine.ssh(remedy);
    }
    const report = await doctor();
    const truth = await truthOf(machine);
    expect(report.host).toMatchObject({ kernel: truth['kernel'], arch: truth['arch'], btf: true, uid: 0 });
    // Nothing loads the module of clsact when it is asked for: the kernel finds no /sbin/modprobe.
    const refusedKinds = [...refusedOn('5.10 amd64', truth), 'clsact'].sort();
    expect(saidChecks(report)).toEqual(expectedChecks(truth, refusedKinds, false));
    note('doctor', way);
  });

  it('keeps nothing of an ephemeral agent', async () => {
    const before = await left();
    const deployed = await deploy(way, { ephemeral: true });
    expect(deployed.agent.installed).toBe(true);
    await ends(deployed);
    await expect.poll(left, { timeout: 20_000 }).toBe(before);
    note('an ephemeral agent', way);
  });

  it('keeps nothing attached when the connection is cut, and says that it was', async () => {
    const cli = startCli(['attach', EXECSNOOP, '--host', 'vm-root', ...at(way)]);
    await cli.waitFor((l: Line) => l.type === 'attached', 60_000);
    // The dropbear that carries the agent.
    await machine.ssh(`for p in /proc/[0-9]*; do
      read -r c < $p/comm || continue
      [ "$c" = ringside-agent ] || [ "$c" = ringside-superv ] || continue
      p=\${p#/proc/}
      while [ "$p" -gt 1 ] && [ "$(cat /proc/$p/comm)" != dropbear ]; do set -- $(sed 's/.*) //' /proc/$p/stat); p=$2; done
      [ "$p" -le 1 ] || { kill -9 "$p"; exit 0; }
    done 2>/dev/null; exit 1`);
    const result = await cli.done;
    const { error } = result.json.at(-1) as { error: RingsideError };
    note('the connection is cut', way, error);
    expect([result.code, error.code]).toEqual([3, 'host-lost']);
    await expect.poll(async () => (await left()).replace(/^\/.*\n/gm, ''), { timeout: 30_000 }).toBe('');
  });

  it('tells a full and a noexec folder, and how the latter is mended', async () => {
    const over = (options: string): Promise<string> =>
      machine.ssh(
        `for r in ${FOLDERS.join(' ')}; do mkdir -p $r; mount -t tmpfs -o mode=700,${options} none $r || exit 1; done`,
      );
    const away = (): Promise<string> => machine.ssh(`umount ${FOLDERS.join(' ')}`);
    await over('size=1m');
    try {
      const full = await refused('full folders', way);
      expect(full.code).toBe('no-space');
      expect(full.message).toMatch(/\/var\/lib\/ringside has \d+ KiB free, \d+ are needed/);
    } finally {
      await away();
    }
    await over('noexec');
    try {
      const noexec = await refused('noexec folders', way);
      expect(noexec.code).toBe('noexec');
      for (const place of FOLDERS) expect(noexec.message).toContain(place);
      const command = /`(mount [^`]+)`/.exec(noexec.remedy)?.[1] ?? '';
      await machine.ssh(command);
      await ends(await deploy(way));
      note('noexec, mended as told', way);
    } finally {
      await away();
    }
  });

  it('tells a user who cannot become root what would help', async () => {
    const error = await refused('no root, no sudo', way, {}, 'joe');
    expect(error.code).toBe('sudo-denied');
    expect(error.message).toContain('sudo is not installed');
    expect(error.remedy).toContain('Log in as root');
    expect(error.remedy).toContain('--sudo never');
    const result = await cliRun(['doctor', 'vm-joe', ...at(way), '--sudo', 'never']);
    const privilege = (result.json[0] as DoctorReport).checks.find(({ id }) => id === 'privilege')!;
    note('doctor without root', way, { code: privilege.status as RingsideError['code'], remedy: privilege.remedy });
    expect(privilege.status).toBe('fail');
    expect(privilege.remedy).toMatch(/setcap cap_bpf,\S+=ep \/home\/joe\/\S+\/ringside-agent/);
  });
});
