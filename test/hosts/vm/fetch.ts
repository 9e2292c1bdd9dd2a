/**
 * Fetches Debian kernels and the user space of the test hosts with an apt configuration of its own: nothing is installed
 * on this machine. The mirrors are those of this machine's apt, or RINGSIDE_DEBIAN_MIRROR and
 * RINGSIDE_DEBIAN_SECURITY_MIRROR on other distributions.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { alone, fingerprint, run, sh, vmDir, type Arch, type Kernel, type KernelWanted } from './paths.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const apt = join(vmDir, 'apt');

/** Suites that carry the matrix: each keeps a few releases of its own kernels only. */
const kernelSuites = (mirror: string, security: string): string[] => [
  `${mirror} bullseye`, `${security} bullseye-security`, `${mirror} bookworm`, `${security} bookworm-security`,
  `${mirror} trixie`, `${security} trixie-security`, `${mirror} trixie-backports`,
]; // prettier-ignore

const userSuites = (mirror: string, security: string): string[] => [
  `${mirror} bookworm`,
  `${security} bookworm-security`,
];

/** What a host is made of: Debian's usual programs, or busybox and dropbear alone. */
export type Space = 'debian' | 'busybox';

/** Packages whose closure is the hosts' user space. Essential ones are named: apt's closure leaves them out. */
const packages: Record<Space, string[]> = { busybox: ['busybox-static', 'dropbear-bin'], debian: [
  'openssh-server', 'sudo', 'bash', 'dash', 'busybox-static', 'libpam-modules', 'coreutils', 'sed', 'grep', 'gzip', 'tar',
  'findutils', 'mawk', 'hostname', 'login', 'passwd', 'ncurses-base', 'procps', 'mount', 'util-linux', 'iproute2', 'kmod',
] }; // prettier-ignore

async function mirrors(): Promise<{ mirror: string; security: string }> {
  const own = process.env['RINGSIDE_DEBIAN_MIRROR'];
  const ownSecurity = process.env['RINGSIDE_DEBIAN_SECURITY_MIRROR'];
  if (own && ownSecurity) return { mirror: own, security: ownSecurity };
  if (!existsSync(KEYRING)) {
    throw new Error(
      `${KEYRING} is missing: install debian-archive-keyring, and set RINGSIDE_DEBIAN_MIRROR and RINGSIDE_DEBIAN_SECURITY_MIRROR`,
    );
  }
  const targets = await run('apt-get', ['indextargets', '--format', '$(SITE) $(RELEASE) $(ORIGIN)']);
  const lines = targets.split('\n').filter((l) => l.endsWith(' Debian'));
  const site = (wanted: (release: string) => boolean): string | undefined =>
    lines
      .find((l) => wanted(l.split(' ')[1]!))
      ?.split(' ')[0]
      ?.replace(/\/$/, '');
  const security = site((r) => r.includes('security'));
  const mirror = site((r) => !r.includes('security'));
  if (!mirror || !security) {
    throw new Error(
      "this machine's apt names no Debian mirror: set RINGSIDE_DEBIAN_MIRROR and RINGSIDE_DEBIAN_SECURITY_MIRROR",
    );
  }
  return { mirror, security };
}

/** An apt configuration that knows nothing of this machine; returns the environment that selects it. */
async function aptConfig(name: string, arch: Arch, suites: string[]): Promise<Record<string, string>> {
  const dir = join(apt, name);
  for (const sub of ['lists/partial', 'state', 'cache/archives/partial'])
    await mkdir(join(dir, sub), { recursive: true });
  await writeFile(join(dir, 'status'), ''); // nothing is installed: apt computes the whole closure
  await writeFile(join(dir, 'sources.list'), suites.map((s) => `deb [signed-by=${KEYRING}] ${s} main\n`).join(''));
  await writeFile(
    join(dir, 'apt.conf'),
    `Dir::Etc::sourcelist "${dir}/sources.list"; Dir::Etc::sourceparts "/dev/null";
Dir::State "${dir}/state"; Dir::State::lists "${dir}/lists"; Dir::State::status "${dir}/status"; Dir::Cache "${dir}/cache";
APT::Architecture "${arch}"; APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "root"; Acquire::Languages "none"; APT::Install-Recommends "false"; Acquire::Retries "3";
`,
  );
  return { APT_CONFIG: join(dir, 'apt.conf') };
}

/** The kernels of the matrix, newest release each; fetched once. */
export const fetchKernels = (wanted: KernelWanted[]): Promise<Kernel[]> => alone(() => fetchMissingKernels(wanted));

async function fetchMissingKernels(wanted: KernelWanted[]): Promise<Kernel[]> {
  const known = await Promise.all(wanted.map(knownKernel));
  if (known.every((k) => k !== undefined)) return known;
  const { mirror, security } = await mirrors();
  const env = await aptConfig('kernels', 'amd64', kernelSuites(mirror, security));
  await run('apt-get', ['-qq', 'update'], { env: { ...process.env, ...env } });
  const kernels: Kernel[] = [];
  for (const [i, kernel] of wanted.entries()) kernels.push(known[i] ?? (await fetchKernel(kernel, env)));
  return kernels;
}

async function knownKernel(wanted: KernelWanted): Promise<Kernel | undefined> {
  const dir = join(vmDir, 'kernels');
  const names = existsSync(dir) ? await readdir(dir) : [];
  const name = names.filter((n) => n.startsWith(`${wanted.name}.`) && n.endsWith(`-${wanted.arch}`)).at(-1);
  if (name === undefined) return undefined;
  return { ...wanted, release: name.slice(0, -`-${wanted.arch}`.length), dir: join(dir, name) };
}

async function fetchKernel({ name, arch }: KernelWanted, env: Record<string, string>): Promise<Kernel> {
  const pattern = `^linux-image-${name.replace('.', '\\.')}\\.[^ ]*-cloud-${arch}$`;
  const listed = await run('apt-cache', ['pkgnames', `linux-image-${name}.`], { env: { ...process.env, ...env } });
  const releases = listed
    .split('\n')
    .filter((p) => new RegExp(pattern).test(p))
    .map((p) => p.slice('linux-image-'.length, -`-cloud-${arch}`.length))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const release = releases.at(-1);
  if (!release) throw new Error(`the mirrors carry no linux-image-${name}.*-cloud-${arch}`);
  // Newer packages are split: linux-binary has the image, linux-modules the modules.
  const image = `linux-image-${release}-cloud-${arch}:${arch}`;
  const shown = await run('apt-cache', ['show', image], { env: { ...process.env, ...env } });
  const packages = shown.includes('linux-modules-')
    ? [`linux-binary-${release}-cloud-${arch}:${arch}`, `linux-modules-${release}-cloud-${arch}:${arch}`]
    : [image];
  const dir = join(vmDir, 'kernels', `${release}-${arch}`);
  await download(packages, `${dir}.part`, env);
  await rm(dir, { recursive: true, force: true });
  await run('mv', [`${dir}.part`, dir]);
  return { name, arch, release, dir };
}

async function download(packages: string[], into: string, env: Record<string, string>): Promise<void> {
  await rm(into, { recursive: true, force: true });
  const debs = `${into}.debs`;
  await rm(debs, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  await mkdir(debs, { recursive: true });
  await run('apt-get', ['-qq', 'download', ...packages], { cwd: debs, env: { ...process.env, ...env } });
  for (const deb of await readdir(debs)) await run('dpkg', ['-x', join(debs, deb), into]);
  await rm(debs, { recursive: true, force: true });
}

/** The unpacked user space of an architecture; no maintainer script runs. Only by one process at a time. */
export async function fetchUserSpace(arch: Arch, space: Space = 'debian'): Promise<string> {
  const wanted = packages[space];
  const kind = space === 'debian' ? 'user' : space;
  const dir = join(vmDir, `${kind}-${arch}-${fingerprint(wanted)}`);
  if (existsSync(dir)) return dir;
  const { mirror, security } = await mirrors();
  const env = await aptConfig(`user-${arch}`, arch, userSuites(mirror, security));
  const part = `${dir}.part`;
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { recursive: true });
  await sh(
    `apt-get -qq update
     apt-get -qq -y --no-install-recommends --download-only install ${wanted.join(' ')} >/dev/null
     for deb in "$CACHE"/archives/*.deb; do dpkg -x "$deb" "$INTO"; done
     rm -rf "$CACHE"/archives/*.deb`,
    { ...env, CACHE: join(apt, `user-${arch}`, 'cache'), INTO: part },
  );
  await run('mv', [part, dir]);
  return dir;
}
