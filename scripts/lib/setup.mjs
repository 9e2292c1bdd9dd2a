// Set-up of a machine: npm packages, system packages, Rust. Says what is missing, asks once, installs.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { installNpmPackages, npmIsCurrent } from './npmPackages.mjs';
import { hasRustupTarget, isSupported, missingNeeds, missingPackages, readSystem } from './packages.mjs';
import { capture, Failure, run, which } from './run.mjs';
import { findCargo } from './rust.mjs';
import { bold, dim, step } from './steps.mjs';

const oldestNode = [20, 19];
export const isRoot = () => process.getuid?.() === 0;
const hasTerminal = () => process.stdin.isTTY === true && process.stdout.isTTY === true;

/**
 * Brings the machine to where `profile` works. The second time it only looks.
 * @param {{ profile: import('./packages.mjs').Profile, yes?: boolean }} options
 * @returns {Promise<void>}
 * @throws {Failure} naming what to install by hand
 */
export async function setup({ profile, yes = false }) {
  checkNode(process.versions.node);
  if (process.platform !== 'linux')
    throw new Failure(
      'Set-up knows Debian and Ubuntu only.',
      'Install the packages named in CONTRIBUTING.md by hand, then `npm ci --ignore-scripts && npm run build`.',
    );
  if (!npmIsCurrent()) await step('npm packages', installNpmPackages);
  const system = readSystem();
  const missing = missingNeeds(system, profile);
  if (missing.length === 0) return;
  if (which('apt-get') === undefined)
    throw new Failure(
      `${system.name} has no apt-get. Missing: ${missing.map((need) => need.what).join(', ')}.`,
      'Install them with your package manager and run this again.',
    );
  if (!isSupported(system))
    console.log(
      dim(
        `${system.name} is not among the tested distributions (Debian 12/13, Ubuntu 22.04/24.04); trying all the same.`,
      ),
    );
  await installNeeds(system, missing, needsNoQuestion(yes));
  const left = missingNeeds(readSystem(), profile);
  if (left.length > 0)
    throw new Failure(
      `Still missing after the installation: ${left.map((need) => `${need.what} (${need.why})`).join('; ')}.`,
      'Install these by hand (Rust: with rustup, 1.85 or newer) and run this again.',
    );
}

/** @param {string} version such as 20.20.2 */
export function checkNode(version) {
  const [major, minor] = version.split('.').map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  throw new Failure(`Node ${version} is too old.`, `Install Node ${oldestNode.join('.')} or newer.`);
}

/** Whether a question is needed: not with --yes, not in CI, not for root without a terminal. @param {boolean} yes */
const needsNoQuestion = (yes) => yes || process.env.CI !== undefined || (isRoot() && !hasTerminal());

/** As root the command itself, otherwise through sudo. */
const privileged = (command, args) =>
  isRoot() ? [command, args] : ['sudo', [...(hasTerminal() ? [] : ['-n']), command, ...args]];

async function installNeeds(system, missing, mayWithoutAsking) {
  console.log(`${bold('Missing on this machine:')}`);
  for (const need of missing) console.log(`  ${need.what} ${dim(`— ${need.why}`)}`);
  if (!mayWithoutAsking && !(await consent('Install these with apt-get' + (isRoot() ? '' : ' (sudo)') + '?'))) {
    throw new Failure('Nothing was installed.', 'Run this again and answer yes, or install the packages by hand.');
  }
  if (!isRoot())
    await run('sudo', hasTerminal() ? ['-v'] : ['-n', 'true'], {
      inherit: true,
      remedy: 'Run this as root, or as a user who may use sudo.',
    });
  const foreign = missing.some((need) => need.for === 'package') && system.arch === 'amd64';
  if (foreign && !capture('dpkg', ['--print-foreign-architectures']).out.split('\n').includes('arm64')) {
    await apt('Add arm64 to dpkg', 'dpkg', ['--add-architecture', 'arm64'], 'dpkg-arm64');
  }
  await updateLists();
  const names = [...new Set(missing.flatMap((need) => missingPackages(system, need)))];
  console.log(dim(`  packages: ${names.join(' ')}`));
  const install = [
    '-o',
    'DPkg::Lock::Timeout=300',
    '-o',
    'Acquire::Retries=3',
    'install',
    '-y',
    '--no-install-recommends',
  ];
  if (names.length > 0) {
    const remedy =
      "Read the output above; `sudo apt-get update` and a second try often help. On Ubuntu, arm64 packages come from its ports mirror, which apt's sources must name for arm64.";
    await apt(`System packages (${names.length})`, 'apt-get', [...install, ...names], 'apt-install', remedy);
  }
  await addRustupTarget(missing);
}

/** rustup's own toolchain needs rustup's own arm64 library. */
async function addRustupTarget(missing) {
  const target = 'aarch64-unknown-linux-gnu';
  const cargo = findCargo();
  const distribution = cargo !== undefined && cargo.folder.startsWith('/usr/');
  if (
    !missing.some((need) => need.for === 'package') ||
    distribution ||
    which('rustup') === undefined ||
    hasRustupTarget(target)
  )
    return;
  if (readSystem().installed.has('libstd-rust-web-dev:arm64') || readSystem().installed.has('libstd-rust-dev:arm64'))
    return;
  await step(`Rust for ${target}`, () =>
    run('rustup', ['target', 'add', target], {
      log: 'rustup-target',
      remedy: `Run \`rustup target add ${target}\` by hand.`,
    }),
  );
}

async function updateLists() {
  const age = existsSync('/var/lib/apt/lists')
    ? readdirSync('/var/lib/apt/lists').filter((name) => name.includes('Packages')).length
    : 0;
  const title = age === 0 ? 'Package lists (there are none yet)' : 'Package lists';
  for (let attempt = 1; ; attempt += 1) {
    try {
      await apt(
        title,
        'apt-get',
        ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3', 'update'],
        'apt-update',
        'Check the network and the sources in /etc/apt.',
      );
      return;
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

/** One privileged step. */
async function apt(title, command, args, log, remedy = '') {
  const [program, all] = privileged('env', ['DEBIAN_FRONTEND=noninteractive', command, ...args]);
  await step(title, () => run(program, all, { log, remedy }));
}

/** @param {string} question */
export async function consent(question) {
  if (!hasTerminal()) throw new Failure(`${question} There is no terminal to answer on.`, 'Run it with --yes.');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = (await terminal.question(`${question} [Y/n] `)).trim().toLowerCase();
  terminal.close();
  return answer === '' || answer === 'y' || answer === 'yes';
}

/**
 * Mounts tracefs and bpffs where they are missing: BPF tracing needs both.
 * @param {{ yes?: boolean }} options
 * @returns {Promise<string[]>} what was mounted now
 */
export async function mountKernelFileSystems({ yes = false } = {}) {
  const wanted = [
    { type: 'tracefs', folder: '/sys/kernel/tracing' },
    { type: 'bpf', folder: '/sys/fs/bpf' },
  ];
  const mounted = readMounts();
  const missing = wanted.filter(
    ({ type, folder }) => !mounted.some((mount) => mount.type === type && mount.folder === folder),
  );
  if (missing.length === 0) return [];
  const names = missing.map(({ type, folder }) => `${type} on ${folder}`).join(' and ');
  if (
    !isRoot() &&
    !needsNoQuestion(yes) &&
    !(await consent(
      `${names} ${missing.length > 1 ? 'are' : 'is'} not mounted, and BPF tracing needs ${missing.length > 1 ? 'them' : 'it'}. Mount with sudo?`,
    ))
  ) {
    throw new Failure(
      `${names} not mounted.`,
      `Mount by hand: ${missing.map(({ type, folder }) => `sudo mount -t ${type} ${type} ${folder}`).join('; ')}`,
    );
  }
  for (const { type, folder } of missing) {
    const [program, all] = privileged('mount', ['-t', type, type, folder]);
    await step(`Mount ${type} on ${folder}`, () =>
      run(program, all, {
        log: `mount-${type}`,
        remedy: 'In a container, start it with the rights to mount, or mount on the host.',
      }),
    );
  }
  return missing.map(({ folder }) => folder);
}

/** @returns {{ type: string, folder: string }[]} from /proc/self/mountinfo */
export function readMounts() {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [left, right] = line.split(' - ');
      return { type: right?.split(' ')[0] ?? '', folder: left?.split(' ')[4] ?? '' };
    });
}
