// The one table of system packages: what Ringside needs from the distribution, why, and its names there.
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { capture, Failure, which } from './run.mjs';
import { findCargo, isRecentRust, oldestRust } from './rust.mjs';

/**
 * `start` is what `npm start` needs, `test` what `npm test` needs on top, `package` both agents.
 * @typedef {'start' | 'test' | 'package' | 'bench'} Profile
 */

/** What each profile consists of. @type {Record<Profile, Profile[]>} */
export const profileParts = {
  start: ['start'],
  package: ['start', 'package'],
  test: ['start', 'package', 'test'],
  bench: ['start', 'package', 'test', 'bench'],
};

/**
 * @typedef {object} Need
 * @property {string} what
 * @property {string} why
 * @property {Profile} for the smallest profile that needs it
 * @property {string[] | ((system: System) => string[])} packages names in apt
 * @property {(system: System) => boolean} [satisfied] when not given: all packages are installed
 */

/** @typedef {{ id: string, version: string, name: string, arch: string, installed: Set<string>, available: (pattern: string) => string[], candidate: (name: string) => string }} System */

const plain = (what, why, profile, ...packages) => ({ what, why, for: profile, packages });
const command = (name, why, profile, ...packages) => ({
  what: name,
  why,
  for: profile,
  packages,
  satisfied: () => which(name) !== undefined,
});

/** @type {Need[]} */
export const needs = [
  {
    what: 'clang ≥ 14',
    why: 'compiles BPF programs',
    for: 'start',
    packages: (system) => [bestClang(system)],
    satisfied: () => findClang() !== undefined,
  },
  {
    what: `Rust ≥ ${oldestRust().join('.')}`,
    why: 'builds the host agent',
    for: 'start',
    packages: chooseRust,
    satisfied: () => findCargo() !== undefined,
  },
  plain('static libelf and zlib', 'are linked into the host agent', 'start', 'libelf-dev', 'zlib1g-dev'),
  plain(
    'pkg-config, make, gcc, g++, python3',
    'build native modules and libbpf',
    'start',
    'pkg-config',
    'make',
    'gcc',
    'g++',
    'python3',
  ),
  command('protoc', 'reads the agent protocol', 'start', 'protobuf-compiler'),
  command('ssh', 'resolves hosts (`ssh -G`) and connects to them', 'start', 'openssh-client'),
  command('rg', 'is what VS Code searches with', 'start', 'ripgrep'),
  command(
    'sshd',
    'the tests start their own on loopback (the package starts the ssh service too: `systemctl disable --now ssh` ends that)',
    'test',
    'openssh-server',
  ),
  command('sudo', 'the tests check privileges through it', 'test', 'sudo'),
  command('doas', 'the tests check privileges through it', 'test', 'opendoas'),
  plain(
    'other login shells, busybox',
    'the tests log in to users with each of them',
    'test',
    'fish',
    'tcsh',
    'zsh',
    'busybox-static',
  ),
  command('ip', 'the tests make network interfaces', 'test', 'iproute2'),
  {
    what: 'bpftool',
    why: 'the tests check with it that nothing stays attached',
    for: 'test',
    packages: bpftoolPackages,
    satisfied: () => which('bpftool') !== undefined,
  },
  {
    what: 'clang and LLVM tools of release 19',
    why: 'the tests build with clang-19 and compare with llvm-strip, llvm-objcopy and llvm-objdump',
    for: 'test',
    packages: ['clang-19', 'llvm-19'],
    satisfied: () =>
      ['clang', 'llvm-strip', 'llvm-objcopy', 'llvm-objdump'].every((tool) => which(`${tool}-19`) !== undefined),
  },
  {
    what: 'clangd',
    why: 'the tests edit with it and without',
    for: 'test',
    packages: ['clangd-19'],
    satisfied: () => which('clangd') !== undefined || which('clangd-19') !== undefined,
  },
  {
    what: 'Chromium',
    why: 'drives the editor in the end-to-end tests',
    for: 'test',
    packages: chromiumPackages,
    satisfied: () => findChromium() !== undefined,
  },
  plain('a font', 'end-to-end pictures have text', 'test', 'fonts-dejavu-core'),
  command('qemu-system-x86_64', 'the hosts tier boots other kernels', 'test', 'qemu-system-x86'),
  command('qemu-system-aarch64', 'the hosts tier boots an arm64 kernel', 'test', 'qemu-system-arm'),
  plain('libbpf for C', 'the tests build a project that was generated', 'test', 'libbpf-dev'),
  plain('cpio, xz, openssl', 'the hosts tier packs root file systems', 'test', 'cpio', 'xz-utils', 'openssl'),
  {
    what: 'arm64 Rust and libraries',
    why: 'cross-build the agent for arm64',
    for: 'package',
    packages: crossPackages,
    satisfied: hasCross,
  },
  command('bpftrace', 'is the peer that benches compare with', 'bench', 'bpftrace'),
];

/** The oldest clang whose BPF back end writes what libbpf reads. */
const oldestClang = 14;

/** @returns {string | undefined} a clang that is new enough: the unversioned one, or the newest versioned one */
export function findClang() {
  const names = ['clang', ...Array.from({ length: 20 }, (_, i) => `clang-${33 - i}`)];
  return names
    .map((name) => which(name))
    .find((path) => path !== undefined && clangMajor(capture(path, ['--version']).out) >= oldestClang);
}

/** The major version in `clang --version`; 0 when there is none. @param {string} text */
export function clangMajor(text) {
  return Number(/clang version (\d+)\./.exec(text)?.[1] ?? 0);
}

/** The release whose tools the tests name. */
const testedClang = 19;

/** The `clang-NN` that the tests were written with, where apt offers it, else the newest. @param {System} system */
function bestClang(system) {
  const versions = system
    .available('^clang-[0-9]+$')
    .map((name) => Number(name.slice(6)))
    .filter((n) => n >= oldestClang);
  if (versions.length === 0)
    throw new Failure(
      `apt offers no clang ≥ ${oldestClang} on ${system.name}.`,
      "Run `sudo apt-get update`; if it still offers none, install clang from llvm.org's apt repository.",
    );
  return `clang-${versions.includes(testedClang) ? testedClang : Math.max(...versions)}`;
}

/**
 * The distribution's Rust packages that are new enough: Debian 12 has a current one as rustc-web, Ubuntu several as
 * rustc-1.NN, newer distributions plainly rustc.
 * @param {System} system
 * @param {[number, number]} [oldest]
 * @returns {string[]}
 */
export function chooseRust(system, oldest = oldestRust()) {
  const numbered = system
    .available('^cargo-1[.][0-9]+$')
    .map((name) => name.slice('cargo'.length))
    .sort((a, b) => Number(b.slice(3)) - Number(a.slice(3)));
  for (const suffix of ['', '-web', ...numbered]) {
    const version = /^(\d+)\.(\d+)/.exec(system.candidate(`cargo${suffix}`));
    if (version !== null && isRecentRust([Number(version[1]), Number(version[2])], oldest))
      return [`rustc${suffix}`, `cargo${suffix}`];
  }
  throw new Failure(
    `apt offers no Rust ≥ ${oldest.join('.')} on ${system.name}.`,
    'Install Rust with rustup, then run this again.',
  );
}

/** Rust's arm64 standard library from the distribution where it has one; elsewhere rustup adds it (setup.mjs). @param {System} system */
function crossPackages(system) {
  const libraries = ['gcc-aarch64-linux-gnu', 'libelf-dev:arm64', 'zlib1g-dev:arm64'];
  if (system.id !== 'debian') return libraries;
  const [rustc, cargo] = chooseRust(system);
  const library = rustc === 'rustc' ? 'libstd-rust-dev:arm64' : `libstd-rust${rustc.slice('rustc'.length)}-dev:arm64`;
  return [...libraries, rustc, cargo, library];
}

/** Whether both agents can be built here: natively on arm64 only its own. @param {System} system */
function hasCross(system) {
  if (system.arch !== 'amd64') return true;
  const has = (...names) => names.every((name) => system.installed.has(name));
  const standardLibrary =
    has('libstd-rust-web-dev:arm64') || has('libstd-rust-dev:arm64') || hasRustupTarget('aarch64-unknown-linux-gnu');
  return has('gcc-aarch64-linux-gnu', 'libelf-dev:arm64', 'zlib1g-dev:arm64') && standardLibrary;
}

/** @param {string} target */
export function hasRustupTarget(target) {
  return (
    which('rustup') !== undefined &&
    capture('rustup', ['target', 'list', '--installed']).out.split('\n').includes(target)
  );
}

/** Ubuntu ships bpftool with the tools of each kernel. @param {System} system */
function bpftoolPackages(system) {
  return system.candidate('bpftool') !== '' && system.candidate('bpftool') !== '(none)'
    ? ['bpftool']
    : ['linux-tools-common', `linux-tools-${release()}`];
}

/** @returns {string | undefined} a Chromium or Chrome that Playwright can drive; Ubuntu's snap launcher is none */
export function findChromium() {
  const own = process.env.CHROMIUM;
  if (own !== undefined) return existsSync(own) ? own : undefined;
  return ['chromium', 'google-chrome-stable', 'google-chrome', 'chromium-browser']
    .map((name) => which(name))
    .find((path) => path !== undefined && !isSnapLauncher(path));
}

/** Ubuntu's chromium-browser package is a script that starts a snap, whose sandbox hides /tmp from Playwright. */
function isSnapLauncher(path) {
  return readFileSync(path).subarray(0, 4096).includes('snap') && readFileSync(path).length < 65_536;
}

/** @param {System} system */
function chromiumPackages(system) {
  if (system.id === 'debian') return ['chromium'];
  throw new Failure(
    `${system.name} has Chromium only as a snap, which the end-to-end tests cannot drive.`,
    'Install Google Chrome (google-chrome-stable) from its own apt repository, or set CHROMIUM to a Chromium of your own, and run this again.',
  );
}

const supported = { debian: ['12', '13'], ubuntu: ['22.04', '24.04'] };

/**
 * What the machine is and has. Reads /etc/os-release and dpkg's list once.
 * @returns {System}
 */
export function readSystem() {
  const distribution = parseOsRelease(existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '');
  const installed = new Set();
  for (const line of capture('dpkg-query', ['-W', '-f', '${Package} ${Architecture} ${db:Status-Status}\n']).out.split(
    '\n',
  )) {
    const [name, arch, status] = line.split(' ');
    if (status === 'installed') installed.add(name).add(`${name}:${arch}`);
  }
  const available = (pattern) =>
    capture('apt-cache', ['search', '--names-only', pattern])
      .out.split('\n')
      .map((line) => line.split(' ')[0] ?? '')
      .filter((name) => new RegExp(pattern).test(name));
  const candidate = (name) => /Candidate: (?:\d+:)?(\S+)/.exec(capture('apt-cache', ['policy', name]).out)?.[1] ?? '';
  return {
    ...distribution,
    arch: capture('dpkg', ['--print-architecture']).out.trim(),
    installed,
    available,
    candidate,
  };
}

/** @param {string} text of /etc/os-release */
export function parseOsRelease(text) {
  const value = (key) => new RegExp(`^${key}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return { id: value('ID'), version: value('VERSION_ID'), name: value('PRETTY_NAME') || 'this system' };
}

/** @param {System} system */
export function isSupported(system) {
  return supported[system.id]?.includes(system.version) ?? false;
}

/**
 * Which needs of a profile are not met, without asking apt yet.
 * @param {System} system
 * @param {Profile} profile
 */
export function missingNeeds(system, profile) {
  const wanted = needs.filter((need) => profileParts[profile].includes(need.for));
  return wanted.filter((need) => {
    if (need.satisfied !== undefined) return !need.satisfied(system);
    return missingPackages(system, need).length > 0;
  });
}

/** The packages of a need that are not installed. @param {System} system @param {Need} need */
export function missingPackages(system, need) {
  const names = typeof need.packages === 'function' ? need.packages(system) : need.packages;
  return names.filter((name) => !system.installed.has(name));
}
