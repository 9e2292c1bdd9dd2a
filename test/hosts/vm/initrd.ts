/**
 * The initramfs of a test host: three cpio archives one after the other (the kernel unpacks them in order): the user
 * space, the kernel's network modules, and what makes it a host: init, users, keys, sudoers.
 */
import { existsSync } from 'node:fs';
import { chmod, chown, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchUserSpace } from './fetch.ts';
import { run, sh, vmDir, type Arch, type Kernel } from './paths.ts';

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

/** Path of the initramfs for a kernel; made once. */
export async function initrd(kernel: Kernel): Promise<string> {
  const out = join(vmDir, `initrd-${kernel.release}-${kernel.arch}`);
  const parts = [await rootArchive(kernel.arch), await moduleArchive(kernel), await overlayArchive()];
  await sh(`cat ${parts.map(quote).join(' ')} > ${quote(out)}`);
  return out;
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

async function pack(dir: string, archive: string): Promise<string> {
  await sh(
    `cd ${quote(dir)} && find . -print0 | cpio -0 -o -H newc --quiet > ${quote(`${archive}.part`)} && mv ${quote(`${archive}.part`)} ${quote(archive)}`,
  );
  return archive;
}

async function rootArchive(arch: Arch): Promise<string> {
  const archive = join(vmDir, `root-${arch}.cpio`);
  if (existsSync(archive)) return archive;
  const user = await fetchUserSpace(arch);
  const dir = join(vmDir, `root-${arch}`);
  await rm(dir, { recursive: true, force: true });
  await sh(
    `cp -a "$USER_SPACE" "$DIR"; cd "$DIR"
     rm -rf usr/share/{doc,man,locale,info,perl,perl5,lintian,common-licenses,bash-completion,bug,debconf,zoneinfo} \\
       usr/lib/*-linux-gnu/{perl*,gconv} usr/bin/perl* boot var/cache usr/lib/systemd lib/systemd
     ln -sf dash bin/sh`,
    { USER_SPACE: user, DIR: dir },
  );
  await pack(dir, archive);
  await rm(dir, { recursive: true, force: true });
  return archive;
}

/** The network needs these; virtio_pci and friends are built in on some kernels and modules on others. */
const wantedModules = ['virtio_pci', 'failover', 'net_failover', 'virtio_net'];

async function moduleArchive(kernel: Kernel): Promise<string> {
  const archive = join(vmDir, `modules-${kernel.release}-${kernel.arch}.cpio`);
  if (existsSync(archive)) return archive;
  const all = (await run('find', [kernel.dir, '-name', '*.ko', '-o', '-name', '*.ko.xz'])).trim().split('\n');
  const byName = new Map(
    all.map((path) => [
      path
        .split('/')
        .at(-1)!
        .replace(/\.ko(\.xz)?$/, ''),
      path,
    ]),
  );
  const dir = join(vmDir, `modules-${kernel.release}-${kernel.arch}`);
  await rm(dir, { recursive: true, force: true });
  await mkdir(join(dir, 'mod'), { recursive: true });
  const order: string[] = [];
  const add = async (name: string): Promise<void> => {
    const path = byName.get(name);
    if (path === undefined || order.includes(`${name}.ko`)) return; // built in, or there already
    const plain = join(dir, 'mod', `${name}.ko`);
    if (path.endsWith('.xz')) await sh(`xz -dc ${quote(path)} > ${quote(plain)}`);
    else await cp(path, plain);
    for (const needed of await dependencies(plain)) await add(needed);
    order.push(`${name}.ko`);
  };
  for (const name of wantedModules) await add(name);
  await writeFile(join(dir, 'modules.order'), order.join('\n'));
  await pack(dir, archive);
  await rm(dir, { recursive: true, force: true });
  return archive;
}

/** Names of the modules that a module says it depends on (its .modinfo section). */
async function dependencies(module: string): Promise<string[]> {
  const bytes = await readFile(module);
  const text = bytes.toString('latin1');
  const depends = /(?:^|\0)depends=([^\0]*)\0/.exec(text)?.[1] ?? '';
  return depends === '' ? [] : depends.split(',').map((name) => name.replaceAll('-', '_'));
}

async function overlayArchive(): Promise<string> {
  const dir = join(vmDir, 'overlay');
  await rm(dir, { recursive: true, force: true });
  for (const sub of ['etc/ssh', 'etc/pam.d', 'etc/sudoers.d', 'proc', 'sys', 'dev', 'run', 'tmp', 'root'])
    await mkdir(join(dir, sub), { recursive: true });
  await cp(join(import.meta.dirname, 'init.sh'), join(dir, 'init'));
  await chmod(join(dir, 'init'), 0o755);
  await chmod(join(dir, 'root'), 0o700);
  for (const key of ['id', 'hostkey']) {
    if (!existsSync(join(vmDir, key)))
      await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(vmDir, key)]);
  }
  await writeUsers(dir);
  await writeSsh(dir);
  const archive = await pack(dir, join(vmDir, 'overlay.cpio'));
  await rm(dir, { recursive: true, force: true });
  return archive;
}

async function writeUsers(dir: string): Promise<void> {
  const hash = (await run('openssl', ['passwd', '-6', '-salt', 'ringside', vmPassword])).trim();
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
    'Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\nops ALL=(ALL:ALL) NOPASSWD: ALL\n',
  );
  await chmod(join(dir, 'etc', 'sudoers'), 0o440);
  await etc('nsswitch.conf', 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n');
  await etc('os-release', 'PRETTY_NAME="Ringside test host"\nID=debian\n');
  for (const step of ['auth', 'account', 'password', 'session', 'session-noninteractive']) {
    await etc(`pam.d/common-${step}`, `${step.replace('-noninteractive', '')} required pam_unix.so\n`);
  }
  const key = await readFile(join(vmDir, 'id.pub'), 'utf8');
  for (const u of users) {
    const ssh = join(dir, home(u), '.ssh');
    await mkdir(ssh, { recursive: true });
    await writeFile(join(ssh, 'authorized_keys'), key);
    await chmod(ssh, 0o700);
    for (const path of [join(dir, home(u)), ssh, join(ssh, 'authorized_keys')]) await chown(path, u.uid, u.uid);
  }
}

async function writeSsh(dir: string): Promise<void> {
  for (const file of ['hostkey', 'hostkey.pub']) {
    await cp(join(vmDir, file), join(dir, 'etc', 'ssh', file.replace('hostkey', 'ssh_host_ed25519_key')));
  }
  await chmod(join(dir, 'etc', 'ssh', 'ssh_host_ed25519_key'), 0o600);
  await writeFile(
    join(dir, 'etc', 'ssh', 'sshd_config'),
    'HostKey /etc/ssh/ssh_host_ed25519_key\nPermitRootLogin yes\nPasswordAuthentication yes\nUsePAM yes\nUseDNS no\nPrintMotd no\n',
  );
}
