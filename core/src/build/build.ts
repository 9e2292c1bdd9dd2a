/** One BPF source → one object with BTF and DWARF, through clang. */
import { readFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { BpfObject, untypedExterns } from '../bpf/index.ts';
import { RingsideError, throwIfAborted } from '../errors.ts';
import { silentLog, type Log } from '../log.ts';
import type { BuildResult, Diagnostic } from '../model/index.ts';
import { programArguments } from './arguments.ts';
import { prune, sha256Hex, temporaryName, writeAtomically } from './cache.ts';
import { findCompiler, type CompilerCommand } from './compiler.ts';
import { headersOfRule } from './dependencies.ts';
import { parseDiagnostics } from './diagnostics.ts';
import { excerptFolder, readAhead } from './excerpt.ts';
import { runTool, type ToolResult } from './exec.ts';
import { ownVmlinux, reportFlags, targetMachine } from './flags.ts';
import {
  beginsWithVmlinux,
  findPrecompiled,
  includesVmlinux,
  isPrecompiledFailure,
  makePrecompiled,
  refusePrecompiled,
  type PrecompiledOptions,
} from './precompiled.ts';
import { findHeader, projectFlags, type ProjectFlags } from './project/index.ts';
import { withoutLineTable } from './strip.ts';

export interface BuildOptions {
  /** The .bpf.c source. */
  file: string;
  /** Its unsaved text; diagnostics and line information still name `file`. */
  text?: string | undefined;
  /** Path of the target's vmlinux.h (see vmlinuxHeader); null when there is none. One beside the program wins. */
  vmlinuxHeader: string | null;
  /** Where the object goes; by default a content-addressed file in the cache. */
  outputPath?: string | undefined;
  cacheDir: string;
  /** The folder that holds `resources/libbpf`: dist/ of the checkout or of the installed extension. */
  resourceDir: string;
  /** More clang flags, after ours. */
  flags?: readonly string[] | undefined;
  /** Where relative paths in `flags` start; default the source's folder. */
  cwd?: string | undefined;
  /** Only check: no object is written. */
  syntaxOnly?: boolean | undefined;
  /** Milliseconds after which each run of the compiler is killed; by itself 30 s for a check and 120 s for a build. */
  timeoutMs?: number | undefined;
  /** `uname -m` of the target host; default this machine's. */
  arch?: string | undefined;
  /** clang's -mcpu: which instructions the target kernel knows; default v3. */
  cpu?: string | undefined;
  compilerPath?: string | undefined;
  log?: Log | undefined;
  signal?: AbortSignal | undefined;
}

const KEEP_OBJECTS = 64;
/** A compiler that hangs is not waited for: a program takes well below a second. zig's first run makes its own cache. */
const CHECK_LIMIT_MS = 30_000;
const BUILD_LIMIT_MS = 120_000;
const objectName = 'object.o';
const ruleName = 'object.d';

/** Where the cache keeps an object of that content. */
export function objectCachePath(cacheDir: string, sha256: string): string {
  return join(cacheDir, 'objects', `${sha256}.bpf.o`);
}

/**
 * Compiles a program. What is wrong with the source comes as diagnostics with `ok` false; the object keeps its DWARF
 * (stripDwarf removes it before upload). Errors: `no-compiler`, `compiler-without-bpf`, `file-not-found`,
 * `not-writable`, `cancelled`.
 */
export async function buildObject(options: BuildOptions): Promise<BuildResult> {
  const started = performance.now();
  const job = await prepare(options);
  try {
    const { result, diagnostics } = await compile(job);
    const ok = result.code === 0;
    const stored = ok && !options.syntaxOnly ? await store(job, options) : { object: '', sha256: '' };
    if (job.precompiled && job.excerpt === null) void makePrecompiled(job.precompiled);
    return {
      ok,
      ...stored,
      ...(stored.object !== '' && { headers: await readHeaders(job) }),
      diagnostics,
      compiler: { path: job.compiler.path, version: job.compiler.version, flags: job.arguments },
      ms: Math.round(performance.now() - started),
    };
  } finally {
    await Promise.all(
      [job.output, job.shadow].filter((p) => p !== '').map((p) => rm(p, { recursive: true, force: true })),
    );
  }
}

/** Headers of the project, which its user may change: not the kernel's, nor those that come with us. */
async function readHeaders({ output, file, cwd, options }: Job): Promise<string[]> {
  const rule = await readFile(join(output, ruleName), 'utf8').catch(() => '');
  return headersOfRule(rule, file, cwd, [options.cacheDir, join(options.resourceDir, 'resources')]);
}

/** True when the program includes vmlinux.h and has none of its own: then the target's header is needed to build it. */
export function needsVmlinux(file: string, text: string, flags: readonly string[] = [], arch?: string): boolean {
  if (!includesVmlinux(text)) return false;
  const path = resolve(file);
  const project = projectFlags(path, targetMachine(arch ?? process.arch));
  return ownVmlinux(path, [...flags, ...folderFlags(project)]) === null;
}

const folderFlags = (project: ProjectFlags): string[] => project.includes.map((folder) => `-I${folder}`);

/**
 * Does what the first build with these options would wait for: finds the compiler, reads the target's vmlinux.h and makes
 * the precompiled header. For an editor that has just opened a program. Never rejects.
 */
export async function warmUp(options: BuildOptions): Promise<void> {
  const job = await prepare({ ...options, syntaxOnly: true }).catch(() => null);
  if (!job) return;
  if (job.shadow) await rm(job.shadow, { recursive: true, force: true });
  if (options.vmlinuxHeader !== null) await readAhead(options.vmlinuxHeader);
  if (job.precompiled) await makePrecompiled(job.precompiled);
}

interface Job {
  file: string;
  cwd: string;
  text: string;
  compiler: CompilerCommand;
  /** Everything but the precompiled header and the file's own temporary places: what is shown to people. */
  arguments: string[];
  /** Arguments that only this run has. */
  place: string[];
  /** Null when this program cannot use one. */
  precompiled: PrecompiledOptions | null;
  /** Folder with what the program mentions of vmlinux.h; null when it is built with the whole. */
  excerpt: string | null;
  /** Temporary folder for the object, because a clang that is killed leaves files beside it; "" for a syntax check. */
  output: string;
  /** Temporary folder with the unsaved text; "" without. */
  shadow: string;
  options: BuildOptions;
  log: Log;
}

async function prepare(options: BuildOptions): Promise<Job> {
  const log = options.log ?? silentLog;
  const file = resolve(options.file);
  const text = options.text ?? (await readSource(file));
  const { compilerPath, cacheDir, signal } = options;
  const compiler = await findCompiler({ compilerPath, cacheDir, log, signal });
  throwIfAborted(signal);

  const { builtinHeaders } = compiler;
  const { cwd, includes, language, header, flags, from } = programArguments({ ...options, file, builtinHeaders });
  if (from.length > 0) log.debug(`flags of the project from ${from.join(', ')}`);
  const action = options.syntaxOnly ? ['-fsyntax-only'] : ['-c'];
  const shown = [...includes, ...language, ...reportFlags, ...action];

  const shadow = options.text === undefined ? '' : temporaryName(join(cacheDir, 'tmp', 'text'));
  const place = shadow === '' ? [] : await shadowFile(file, options.text!, shadow);
  const output = options.syntaxOnly ? '' : await outputFolder(options);
  if (output !== '') place.push('-o', join(output, objectName), '-MMD', '-MF', join(output, ruleName));
  const canPrecompile =
    header !== null && !flags.some((f) => /^-(include|imacros)/.test(f)) && (await beginsWithVmlinux(text, header));
  const precompiled = canPrecompile ? { header, compiler, flags: language, cacheDir, log } : null;
  const excerpt = header === options.vmlinuxHeader ? await findExcerpt(options, file, text, shown) : null;
  return { file, cwd, text, compiler, arguments: shown, place, precompiled, excerpt, output, shadow, options, log };
}

/** Programs of this process that need more of vmlinux.h than they mention. */
const needWhole = new Set<string>();

async function findExcerpt(
  { vmlinuxHeader, cacheDir, syntaxOnly }: BuildOptions,
  file: string,
  text: string,
  flags: readonly string[],
): Promise<string | null> {
  // A check alone is quick with the precompiled header, and its findings name places in the whole.
  if (vmlinuxHeader === null || syntaxOnly === true || needWhole.has(file)) return null;
  if (flags.some((flag) => /^-(?:include|imacros)/.test(flag))) return null;
  const folders = flags.filter((_, i) => /^-(?:I|isystem|idirafter|iquote)$/.test(flags[i - 1] ?? ''));
  const joined = flags.filter((flag) => /^-I./.test(flag)).map((flag) => flag.slice(2));
  const named = flags.filter((flag) => flag.startsWith('-D'));
  const options = { header: vmlinuxHeader, file, text, folders: [...folders, ...joined], flags: named, cacheDir };
  return excerptFolder(options).catch(() => null);
}

async function readSource(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new RingsideError('file-not-found', `The source ${file} cannot be read.`, {
      remedy: 'Check the path and its permissions.',
      cause: error,
    });
  }
}

/**
 * Lets clang see the unsaved text under the file's own name, so that relative includes, diagnostics and line
 * information stay right. BTF takes source lines from the disk unless they are embedded in the debug information.
 */
async function shadowFile(file: string, text: string, folder: string): Promise<string[]> {
  const contents = join(folder, 'text.c');
  const overlay = join(folder, 'overlay.yaml');
  await writeAtomically(contents, text);
  // What a killed process left behind.
  await prune(dirname(folder), 16);
  const roots = [{ name: file, type: 'file', 'external-contents': contents }];
  await writeAtomically(overlay, JSON.stringify({ version: 0, 'use-external-names': false, roots }));
  return ['-ivfsoverlay', overlay, '-gdwarf-5', '-gembed-source'];
}

/** A new folder on the file system of the object's own place, so that it can be renamed to there. */
async function outputFolder(options: BuildOptions): Promise<string> {
  const target = options.outputPath ? resolve(options.outputPath) : objectCachePath(options.cacheDir, 'building');
  const folder = temporaryName(target);
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw notWritable(target, error);
  }
  return folder;
}

function notWritable(target: string, cause: unknown): RingsideError {
  return new RingsideError('not-writable', `The object cannot be written to ${target}.`, {
    remedy: 'Choose another place, or check the permissions and free space of that folder.',
    detail: cause instanceof Error ? cause.message : String(cause),
    cause,
  });
}

/** Headers of the project that its build files say too cleverly: so many are looked for, one after the other. */
const MOST_MISSING = 8;

/** Compiles; for a header that clang does not find, the folder of the project that has it is added. */
async function compile(job: Job): Promise<{ result: ToolResult; diagnostics: Diagnostic[] }> {
  const machine = targetMachine(job.options.arch ?? process.arch);
  for (let tries = 0; ; tries++) {
    const done = await compileOnce(job);
    const missing = done.result.code === 0 ? null : missingHeader(done.diagnostics);
    const { cacheDir } = job.options;
    const folder = missing === null || tries === MOST_MISSING ? null : findHeader(missing, job.file, machine, cacheDir);
    if (folder === null || job.arguments.includes(folder)) return done;
    job.log.info(`${missing!} is in ${folder}`);
    job.arguments.splice(2, 0, '-I', folder); // behind the program's own folder
  }
}

function missingHeader(diagnostics: readonly Diagnostic[]): string | null {
  for (const { message } of diagnostics) {
    const name = /^'([^']+)' file not found/.exec(message)?.[1];
    if (name !== undefined) return name;
  }
  return null;
}

/** Programs of this process that a precompiled header spoils (see losesExterns); syntax checks still use one. */
const spoiled = new Set<string>();

async function compileOnce(job: Job): Promise<{ result: ToolResult; diagnostics: Diagnostic[] }> {
  const { excerpt } = job;
  if (excerpt !== null) {
    const built = report(job, await runClang(job, [], excerpt));
    const isTold = built.diagnostics.some((d) => d.file.startsWith(excerpt));
    if (built.result.code === 0 && !isTold) return built;
    // The whole header has the last word: what is wrong is said in its terms.
    job.excerpt = null;
    const whole = await compileOnce(job);
    if (whole.result.code === 0) needWhole.add(job.file);
    return whole;
  }
  const fit = job.options.syntaxOnly === true || !spoiled.has(job.file);
  const pch = job.precompiled && fit ? await findPrecompiled(job.precompiled) : null;
  if (pch) {
    const result = await runClang(job, ['-include-pch', pch]);
    if (result.code === 0 && (await losesExterns(job))) {
      spoiled.add(job.file);
      return report(job, await runClang(job, []));
    }
    if (result.code === 0 || !isPrecompiledFailure(result.stderr, result.code)) return report(job, result);
    job.log.info(`clang refused the precompiled header; building without: ${result.stderr.slice(0, 300)}`);
    await refusePrecompiled(pch);
  }
  return report(job, await runClang(job, []));
}

/**
 * clang leaves out the BTF of an extern function that a precompiled header declares and that the program never calls by
 * name: what bpf_for() runs at the end of its scope, callbacks. libbpf refuses the object then.
 */
async function losesExterns(job: Job): Promise<boolean> {
  if (job.output === '') return false;
  const built = await readFile(join(job.output, objectName));
  let lost: string[] = [];
  try {
    lost = untypedExterns(BpfObject.parse(built));
  } catch {
    // What is wrong with such an object is said where it is used.
  }
  if (lost.length > 0) job.log.debug(`built without the precompiled header, for the types of ${lost.join(', ')}`);
  return lost.length > 0;
}

function runClang(job: Job, extra: string[], headerFolder?: string): Promise<ToolResult> {
  const { compiler, place, file, cwd, options } = job;
  const known = options.vmlinuxHeader === null ? null : dirname(options.vmlinuxHeader);
  const told = job.arguments.map((argument) => (argument === known ? (headerFolder ?? known) : argument));
  const args = [...compiler.args, ...told, ...extra, ...place, '-x', 'c', file];
  job.log.debug(`run: ${[compiler.path, ...args].join(' ')}`);
  const timeoutMs = options.timeoutMs ?? (options.syntaxOnly ? CHECK_LIMIT_MS : BUILD_LIMIT_MS);
  return runTool(compiler.path, args, { cwd, signal: options.signal, timeoutMs });
}

function report(job: Job, result: ToolResult): { result: ToolResult; diagnostics: Diagnostic[] } {
  const readText = (file: string): string | null => {
    if (file === job.file) return job.text;
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return null;
    }
  };
  const diagnostics = parseDiagnostics(result.stderr, {
    mainFile: job.file,
    cwd: job.cwd,
    readSource: readText,
  });
  if (result.code !== 0 && !diagnostics.some((d) => d.severity === 'error')) diagnostics.push(crash(job, result));
  explainMissingVmlinux(job, diagnostics);
  return { result, diagnostics };
}

/** clang failed without saying an error that we could read: the end of its output is the best there is. */
function crash(job: Job, result: ToolResult): Diagnostic {
  const how = result.timedOut
    ? 'did not come to an end in time and was killed'
    : result.signal
      ? `was ended by ${result.signal}`
      : `ended with code ${result.code}`;
  const tail = result.stderr.trim().slice(-1000);
  return {
    ...{ file: job.file, line: 1, column: 1, endLine: 1, endColumn: 1 },
    severity: 'error',
    message: `${job.compiler.path} ${how}${tail ? `: ${tail}` : ''}`,
    code: 'compiler-crash',
    source: 'ringside',
  };
}

function explainMissingVmlinux(job: Job, diagnostics: Diagnostic[]): void {
  if (job.options.vmlinuxHeader !== null) return;
  const missing = diagnostics.find((d) => d.message.includes("'vmlinux.h' file not found"));
  if (!missing) return;
  missing.code = 'no-vmlinux';
  missing.message +=
    '. There is no target kernel to make it from: choose a host with BTF, or put a vmlinux.h beside the program.';
}

async function store(job: Job, options: BuildOptions): Promise<{ object: string; sha256: string }> {
  const built = join(job.output, objectName);
  const whole = await readFile(built);
  const bytes = job.shadow === '' ? whole : withoutLineTable(whole);
  if (bytes !== whole) await writeFile(built, bytes);
  const sha256 = sha256Hex(bytes);
  const object = options.outputPath ? resolve(options.outputPath) : objectCachePath(options.cacheDir, sha256);
  try {
    await rename(built, object);
  } catch (error) {
    throw notWritable(object, error);
  }
  if (!options.outputPath) await prune(dirname(object), KEEP_OBJECTS);
  return { object, sha256 };
}
