/** Finds a clang that can compile for BPF, and says how to get one where there is none. */
import { readFile, stat } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { RingsideError } from '../errors.ts';
import { silentLog, type Log } from '../log.ts';
import { sha256Hex, writeAtomically } from './cache.ts';
import { runTool } from './exec.ts';

/** A compiler as it is started: `path` with `args` before all others (zig's clang is `zig clang …`). */
export interface CompilerCommand {
  path: string;
  args: string[];
  /** "19.1.7" */
  version: string;
  major: number;
  /** Include folder with clang's own headers, for compilers that do not find it by themselves (zig); else "". */
  builtinHeaders: string;
}

export interface FindCompilerOptions {
  /** The user's setting: a clang, a zig, or a python that has the ziglang module. No other is tried then. */
  compilerPath?: string | undefined;
  /** Where results are remembered between processes. */
  cacheDir?: string | undefined;
  log?: Log | undefined;
  signal?: AbortSignal | undefined;
  /** For tests: instead of PATH. */
  searchPath?: string | undefined;
}

/** Oldest clang whose BPF back end writes what libbpf 1.7 wants. */
export const OLDEST = 14;
export const NEWEST = 22;

interface Candidate {
  path: string;
  args: string[];
}
type Probe =
  { state: 'good'; command: CompilerCommand } | { state: 'without-bpf' | 'too-old' | 'broken'; detail: string };

const known = new Map<string, Promise<Probe>>();

/**
 * The compiler to build with: the given one, else `clang`, else the newest versioned clang, else zig's clang.
 * Errors: `no-compiler`, `compiler-without-bpf`.
 */
export async function findCompiler(options: FindCompilerOptions): Promise<CompilerCommand> {
  const log = options.log ?? silentLog;
  const rejected: string[] = [];
  let withoutBpf = '';
  const candidates = options.compilerPath
    ? givenCandidates(options.compilerPath, searchFolders(options.searchPath))
    : usualCandidates(searchFolders(options.searchPath));
  for (const candidate of candidates) {
    const probe = await probeOnce(candidate, options);
    if (!probe) continue;
    if (probe.state === 'good') {
      log.debug(`compiler: ${[candidate.path, ...candidate.args].join(' ')} ${probe.command.version}`);
      return probe.command;
    }
    if (probe.state === 'without-bpf') withoutBpf ||= candidate.path;
    rejected.push(`${[candidate.path, ...candidate.args].join(' ')}: ${probe.detail}`);
  }
  throw await notFound(options, withoutBpf, rejected);
}

async function notFound(options: FindCompilerOptions, withoutBpf: string, rejected: string[]): Promise<RingsideError> {
  const install = await installCommand();
  const detail = rejected.join('\n');
  if (withoutBpf) {
    return new RingsideError(
      'compiler-without-bpf',
      `${withoutBpf} has no BPF back end, so it cannot build BPF programs.`,
      {
        remedy: `Install a clang that has one: ${install}`,
        detail,
      },
    );
  }
  const message = options.compilerPath
    ? `The compiler ${options.compilerPath} cannot be used${rejected.length > 0 ? '' : ': there is no such program'}.`
    : `There is no clang ${OLDEST} or newer on this machine.`;
  const remedy = options.compilerPath
    ? 'Correct the path in the setting ringside.clang.path (or leave it empty), or install clang: '
    : 'Install it: ';
  return new RingsideError('no-compiler', message, { remedy: remedy + install, detail });
}

// ---- where to look -----------------------------------------------------------------------------------------------------

/** Where tools of LLVM are looked for, in this order. */
export function searchFolders(searchPath: string | undefined): string[] {
  if (searchPath !== undefined) return searchPath.split(delimiter).filter(isAbsolute);
  const fromPath = (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  // Homebrew keeps its LLVM off the PATH, because Apple's clang (which has no BPF back end) is on it.
  const extra =
    process.platform === 'darwin' ? ['/opt/homebrew/opt/llvm/bin', '/usr/local/opt/llvm/bin'] : llvmFolders();
  return [...new Set([...fromPath, ...extra])];
}

/** Debian's and Ubuntu's LLVM packages, newest first, whose plain names are not always linked to /usr/bin. */
function llvmFolders(): string[] {
  const majors = Array.from({ length: NEWEST - OLDEST + 1 }, (_, i) => NEWEST - i);
  return majors.map((major) => `/usr/lib/llvm-${major}/bin`);
}

const suffix = process.platform === 'win32' ? '.exe' : '';

export function inFolders(folders: string[], name: string): string[] {
  return folders.map((folder) => join(folder, name + suffix));
}

function* usualCandidates(folders: string[]): Generator<Candidate> {
  for (const path of inFolders(folders, 'clang')) yield { path, args: [] };
  for (let major = NEWEST; major >= OLDEST; major--) {
    for (const path of inFolders(folders, `clang-${major}`)) yield { path, args: [] };
  }
  for (const path of inFolders(folders, 'zig')) yield { path, args: ['clang'] };
  for (const name of ['python3', 'python']) {
    for (const path of inFolders(folders, name)) yield { path, args: ['-m', 'ziglang', 'clang'] };
  }
}

/** A path may name a clang, a zig or a python: the file name says which. */
function givenCandidates(given: string, folders: string[]): Candidate[] {
  const isPath = given.includes('/') || given.includes('\\');
  const base = given.split(/[/\\]/).at(-1)!.toLowerCase();
  const args = /^zig/.test(base) ? ['clang'] : /^python/.test(base) ? ['-m', 'ziglang', 'clang'] : [];
  const paths = isPath ? [resolve(given)] : inFolders(folders, given);
  return paths.map((path) => ({ path, args }));
}

// ---- what it can do ----------------------------------------------------------------------------------------------------

async function probeOnce(candidate: Candidate, options: FindCompilerOptions): Promise<Probe | null> {
  const file = await stat(candidate.path).catch(() => null);
  if (!file?.isFile()) return null;
  // A compiler that was replaced (an upgrade) has another time or size and is asked again.
  const key = [candidate.path, ...candidate.args, file.mtimeMs, file.size, file.ino].join('|');
  let probe = known.get(key);
  if (!probe) {
    probe = remembered(candidate, key, options);
    known.set(key, probe);
    probe.catch(() => known.delete(key));
  }
  return probe;
}

/** Asking a clang twice costs some 60 ms: a process that only builds one file takes the answer from the cache. */
async function remembered(candidate: Candidate, key: string, options: FindCompilerOptions): Promise<Probe> {
  if (!options.cacheDir) return probe(candidate, options.signal);
  const file = join(options.cacheDir, 'compilers', `${sha256Hex(key)}.json`);
  const stored = await readFile(file, 'utf8').then(parseStored, () => null);
  if (stored) return { state: 'good', command: { ...stored, ...candidate } };
  const fresh = await probe(candidate, options.signal);
  if (fresh.state === 'good') await writeAtomically(file, JSON.stringify(fresh.command)).catch(() => undefined);
  return fresh;
}

function parseStored(text: string): Omit<CompilerCommand, 'path' | 'args'> | null {
  try {
    const value = JSON.parse(text) as Partial<CompilerCommand>;
    if (typeof value.version !== 'string' || typeof value.major !== 'number') return null;
    return { version: value.version, major: value.major, builtinHeaders: value.builtinHeaders ?? '' };
  } catch {
    return null;
  }
}

async function probe(candidate: Candidate, signal: AbortSignal | undefined): Promise<Probe> {
  const ask = (arg: string) => runTool(candidate.path, [...candidate.args, arg], { signal, timeoutMs: 20_000 });
  let banner;
  try {
    banner = await ask('--version');
  } catch (error) {
    if (signal?.aborted) throw error;
    return { state: 'broken', detail: error instanceof Error ? error.message : String(error) };
  }
  const version = /clang version (\d+)\.(\d+)(?:\.(\d+))?/.exec(banner.stdout);
  if (banner.code !== 0 || !version) {
    return { state: 'broken', detail: firstLine(banner.stderr) || firstLine(banner.stdout) || 'it is not a clang' };
  }
  const targets = await ask('--print-targets');
  if (!/^\s*bpf(el)?\s/m.test(targets.stdout)) return { state: 'without-bpf', detail: 'no BPF target' };
  const major = Number(version[1]);
  // Apple counts its own versions, but has no BPF target and ended above.
  if (major < OLDEST) return { state: 'too-old', detail: `clang ${major} is older than ${OLDEST}` };
  const command = { ...candidate, version: version[0].slice('clang version '.length), major };
  return { state: 'good', command: { ...command, builtinHeaders: await zigHeaders(candidate, signal) } };
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}

/** zig's clang reports a resource folder that does not exist; the headers are in zig's lib/include. */
async function zigHeaders(candidate: Candidate, signal: AbortSignal | undefined): Promise<string> {
  if (candidate.args.length === 0) return '';
  const env = await runTool(candidate.path, [...candidate.args.slice(0, -1), 'env'], { signal, timeoutMs: 20_000 });
  // JSON in old versions, zon since 0.15: the quoted value after lib_dir is the same in both.
  const libDir = /"?\.?lib_dir"?\s*[:=]\s*"((?:[^"\\]|\\.)*)"/.exec(env.stdout)?.[1];
  const folders = libDir ? [libDir.replaceAll('\\\\', '\\')] : [join(dirname(candidate.path), 'lib')];
  for (const folder of folders) {
    const include = join(folder, 'include');
    if (await stat(join(include, 'stdbool.h')).catch(() => null)) return include;
  }
  return '';
}

// ---- how to get one ----------------------------------------------------------------------------------------------------

/** The command that installs clang here. */
export async function installCommand(): Promise<string> {
  if (process.platform === 'darwin') return 'brew install llvm';
  if (process.platform === 'win32') return 'py -m pip install ziglang';
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return installCommandFor(text);
}

/** From the text of /etc/os-release: the distribution itself first, then what it is like. */
export function installCommandFor(osRelease: string): string {
  const value = (key: string) =>
    new RegExp(`^${key}=(.*)$`, 'm').exec(osRelease)?.[1]?.replace(/^["']|["']$/g, '') ?? '';
  for (const id of [value('ID'), ...value('ID_LIKE').split(/\s+/)]) {
    const command = installCommands[id];
    if (command) return command;
  }
  return 'python3 -m pip install ziglang';
}

const installCommands: Record<string, string> = {
  debian: 'sudo apt-get install -y clang',
  ubuntu: 'sudo apt-get install -y clang',
  fedora: 'sudo dnf install -y clang',
  rhel: 'sudo dnf install -y clang',
  centos: 'sudo dnf install -y clang',
  amzn: 'sudo dnf install -y clang',
  arch: 'sudo pacman -S --needed clang',
  alpine: 'sudo apk add clang',
  opensuse: 'sudo zypper install -y clang',
  'opensuse-tumbleweed': 'sudo zypper install -y clang',
  'opensuse-leap': 'sudo zypper install -y clang',
  suse: 'sudo zypper install -y clang',
  sles: 'sudo zypper install -y clang',
  gentoo: 'sudo emerge llvm-core/clang',
  void: 'sudo xbps-install -S clang',
  nixos: 'nix-shell -p llvmPackages.clang-unwrapped',
};
