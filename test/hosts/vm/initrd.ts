/**
 * The initramfs of a test host: three cpio archives one after the other (the kernel unpacks them in order): the user
 * space, the kernel's modules, and what makes it a host: init, users, keys, sudoers.
 */
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { busyboxRoot, writeBusybox, writeHome } from './busybox.ts';
import { fetchUserSpace, type Space } from './fetch.ts';
import { alone, fingerprint, run, settle, sh, vmDir, type Arch, type Kernel } from './paths.ts';

/** The same password for all users of the hosts; they are reachable from this machine only. */
export const vmPassword = 'secret';

interface User {
  name: string;
  uid: number;
  shell: string;
}
const users: User[] = [
  { name: 'root', uid: 0, shell: '/bin/bash' },
  { name: 'dev', uid: 1000, shell: '/bin/bash' }, // sudo with the password
  { name: 'ops', uid: 1001, shell: '/bin/dash' }, // sudo without one
];

/** Path of the initramfs for a kernel: made once, until what it is made of changes. */
export const initrd = (kernel: Kernel, space: Space): Promise<string> => alone(() => makeInitrd(kernel, space));

async function makeInitrd(kernel: Kernel, space: Space): Promise<string> {
  const packed = [await rootArchive(kernel.arch, space), await moduleArchive(kernel)];
  await makeKeys();
  const sources = ['initrd.ts', 'init.sh', 'busybox.ts', 'initBusybox.sh'].map((name) =>
    join(import.meta.dirname, name),
  );
  const texts = [...sources, join(vmDir, 'id.pub'), join(vmDir, 'hostkey.pub')].map((file) => readFile(file, 'utf8'));
  const kind = `initrd-${space === 'debian' ? '' : `${space}-`}${kernel.release}-${kernel.arch}`;
  const out = join(vmDir, `${kind}-${fingerprint([...packed, ...(await Promise.all(texts))])}`);
  if (existsSync(out)) return out;
  const parts = [...packed, await overlayArchive(space)];
  await sh(`cat ${parts.map(quote).join(' ')} > ${quote(`${out}.part`)}`);
  await settle(`${out}.part`, out, kind);
  return out;
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

async function pack(dir: string, archive: string): Promise<string> {
  await sh(
    `cd ${quote(dir)} && find . -print0 | cpio -0 -o -H newc --quiet > ${quote(`${archive}.part`)} && mv ${quote(`${archive}.part`)} ${quote(archive)}`,
  );
  return archive;
}

async function rootArchive(arch: Arch, space: Space): Promise<string> {
  const user = await fetchUserSpace(arch, space);
  const trim = space === 'busybox' ? busyboxRoot : debianRoot;
  const kind = `root-${basename(user)}`;
  const archive = join(vmDir, `${kind}-${fingerprint([trim])}.cpio`);
  if (existsSync(archive)) return archive;
  const dir = `${user}.root`;
  await rm(dir, { recursive: true, force: true });
  await sh(`cp -a "$USER_SPACE" "$DIR"; cd "$DIR"\n${trim}`, { USER_SPACE: user, DIR: dir });
  await settle(await pack(dir, `${archive}.new`), archive, kind);
  await rm(dir, { recursive: true, force: true });
  return archive;
}

/** What the hosts do without. */
const debianRoot = `
  rm -rf usr/share/{doc,man,locale,info,perl,perl5,lintian,common-licenses,bash-completion,bug,debconf,zoneinfo} \
    usr/lib/*-linux-gnu/{perl*,gconv} usr/bin/perl* boot var/cache usr/lib/systemd lib/systemd
  ln -sf dash bin/sh`;

/** The network needs these; virtio_pci and friends are built in on some kernels and modules on others. */
const networkModules = ['virtio_pci', 'failover', 'net_failover', 'virtio_net'];

/** What the kernel itself asks modprobe for when tests make interfaces and filters; what only tests load; a disk and its files. */
const lateModules = [
  'veth', 'dummy', 'netkit', 'sch_ingress', 'cls_bpf', 'act_bpf', 'nf_defrag_ipv4', 'nf_defrag_ipv6', 'af_packet', 'unix',
  'overlay', 'virtio_blk', 'ext4',
]; // prettier-ignore

async function moduleArchive(kernel: Kernel): Promise<string> {
  const lists = fingerprint([...networkModules, '', ...lateModules]);
  const archive = join(vmDir, `modules-${kernel.release}-${kernel.arch}-${lists}.cpio`);
  if (existsSync(archive)) return archive;
  const dir = archive.replace(/\.cpio$/, '');
  await rm(dir, { recursive: true, force: true });
  const uname = `${kernel.release}-cloud-${kernel.arch}`;
  const modules = new ModuleFolder(await modulesOf(kernel), join(dir, 'lib/modules', uname));
  for (const name of networkModules) await modules.add(name, 'unpacked');
  const early = modules.order.map((file) => join('/lib/modules', uname, file));
  for (const name of lateModules) await modules.add(name, 'as shipped');
  await writeFile(join(dir, 'modules.order'), early.join('\n'));
  // kmod is depmod where it is called so; this machine need not have it.
  await sh('exec -a depmod "$KMOD" -b "$DIR" "$UNAME"', {
    KMOD: join(await fetchUserSpace(process.arch === 'arm64' ? 'arm64' : 'amd64'), 'bin/kmod'),
    DIR: dir,
    UNAME: uname,
  });
  await pack(dir, archive);
  await rm(dir, { recursive: true, force: true });
  return archive;
}

/** Every module of a kernel by name. */
async function modulesOf(kernel: Kernel): Promise<Map<string, string>> {
  const all = (await run('find', [kernel.dir, '-name', '*.ko', '-o', '-name', '*.ko.xz'])).trim().split('\n');
  const name = (path: string): string =>
    path
      .split('/')
      .at(-1)!
      .replace(/\.ko(\.xz)?$/, '')
      .replaceAll('-', '_');
  return new Map(all.map((path) => [name(path), path]));
}

/**
 * A folder with chosen modules and what they depend on: unpacked where busybox has to load them, else as the distribution
 * ships them.
 */
class ModuleFolder {
  /** File names, each after what it depends on. */
  readonly order: string[] = [];

  constructor(
    private readonly known: Map<string, string>,
    private readonly dir: string,
  ) {}

  async add(name: string, how: 'unpacked' | 'as shipped'): Promise<void> {
    const path = this.known.get(name);
    if (path === undefined || this.order.includes(`${name}.ko`)) return; // built in, or there already
    await mkdir(this.dir, { recursive: true });
    const plain = join(this.dir, `${name}.ko`);
    if (path.endsWith('.xz')) await sh(`xz -dc ${quote(path)} > ${quote(plain)}`);
    else await cp(path, plain);
    for (const needed of await dependencies(plain)) await this.add(needed, how);
    if (how === 'as shipped' && path.endsWith('.xz')) {
      await rm(plain);
      await cp(path, `${plain}.xz`);
    }
    this.order.push(`${name}.ko`);
  }
}

/** Names of the modules that a module says it depends on (its .modinfo section). */
async function dependencies(module: string): Promise<string[]> {
  const bytes = await readFile(module);
  const text = bytes.toString('latin1');
  const depends = /(?:^|\0)depends=([^\0]*)\0/.exec(text)?.[1] ?? '';
  return depends === '' ? [] : depends.split(',').map((name) => name.replaceAll('-', '_'));
}

async function makeKeys(): Promise<void> {
  for (const key of ['id', 'hostkey'].map((name) => join(vmDir, name)))
    if (!existsSync(key)) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
}

async function overlayArchive(space: Space): Promise<string> {
  const dir = join(vmDir, 'overlay');
  await rm(dir, { recursive: true, force: true });
  for (const sub of ['etc', 'proc', 'sys', 'dev', 'run', 'tmp', 'root'])
    await mkdir(join(dir, sub), { recursive: true });
  await cp(join(import.meta.dirname, space === 'busybox' ? 'initBusybox.sh' : 'init.sh'), join(dir, 'init'));
  await chmod(join(dir, 'init'), 0o755);
  await chmod(join(dir, 'root'), 0o700);
  const hash = (await run('openssl', ['passwd', '-6', '-salt', 'ringside', vmPassword])).trim();
  const key = await readFile(join(vmDir, 'id.pub'), 'utf8');
  if (space === 'busybox') await writeBusybox(dir, hash, key);
  else {
    await writeUsers(dir, hash, key);
    await writeSsh(dir);
  }
  const archive = await pack(dir, join(vmDir, 'overlay.cpio'));
  await rm(dir, { recursive: true, force: true });
  return archive;
}

async function writeUsers(dir: string, hash: string, key: string): Promise<void> {
  for (const sub of ['pam.d', 'sudoers.d']) await mkdir(join(dir, 'etc', sub), { recursive: true });
  const home = (u: User): string => (u.name === 'root' ? '/root' : `/home/${u.name}`);
  const etc = (name: string, text: string): Promise<void> => writeFile(join(dir, 'etc', name), text);
  await etc(
    'passwd',
    `${users.map((u) => `${u.name}:x:${u.uid}:${u.uid}::${home(u)}:${u.shell}`).join('\n')}\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n`,
  );
  await etc(
    'shadow',
    `${users.map((u) => `${u.name}:${hash}:19000:0:99999:7:::`).join('\n')}\nsshd:*:19000:0:99999:7:::\n`,
  );
  await chmod(join(dir, 'etc', 'shadow'), 0o640);
  await etc(
    'group',
    `${users.map((u) => `${u.name}:x:${u.uid}:`).join('\n')}\ntty:x:5:\nsudo:x:27:dev\nnogroup:x:65534:\n`,
  );
  await etc('shells', '/bin/sh\n/bin/bash\n/bin/dash\n');
  await etc(
    'sudoers',
    'Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\nops ALL=(ALL:ALL) NOPASSWD: ALL\n@includedir /etc/sudoers.d\n',
  );
  await chmod(join(dir, 'etc', 'sudoers'), 0o440);
  await etc('nsswitch.conf', 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n');
  await etc('os-release', 'PRETTY_NAME="Ringside test host"\nID=debian\n');
  for (const step of ['auth', 'account', 'password', 'session', 'session-noninteractive']) {
    await etc(`pam.d/common-${step}`, `${step.replace('-noninteractive', '')} required pam_unix.so\n`);
  }
  for (const u of users) await writeHome(join(dir, home(u)), u.uid, key);
}

async function writeSsh(dir: string): Promise<void> {
  await mkdir(join(dir, 'etc', 'ssh'), { recursive: true });
  for (const file of ['hostkey', 'hostkey.pub']) {
    await cp(join(vmDir, file), join(dir, 'etc', 'ssh', file.replace('hostkey', 'ssh_host_ed25519_key')));
  }
  await chmod(join(dir, 'etc', 'ssh', 'ssh_host_ed25519_key'), 0o600);
  await writeFile(
    join(dir, 'etc', 'ssh', 'sshd_config'),
    'HostKey /etc/ssh/ssh_host_ed25519_key\nPermitRootLogin yes\nPasswordAuthentication yes\nUsePAM yes\nUseDNS no\nPrintMotd no\n',
  );
}
