/** From what the user named (a source or an object) to what an agent loads, with what can be known of it offline. */
import { readFile } from 'node:fs/promises';
import {
  buildObject,
  cpuOfKernel,
  defaultCpu,
  findCompiler,
  localVmlinuxHeader,
  needsVmlinux,
  sentObject,
} from '../build/index.ts';
import { inspectObject, type InspectOptions } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { BuildResult, Diagnostic, InspectReport } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';

export interface BuildSettings {
  resourceDir: string;
  cacheDir: string;
  /** Setting of the user; "" = discover. */
  compilerPath: string;
  log: Log;
}

export interface PreparedObject {
  file: string;
  /** The whole object, with DWARF when we built it. */
  full: Uint8Array;
  /** What is uploaded: without DWARF, and with rings that every kernel creates (sentObject). */
  stripped: Uint8Array;
  report: InspectReport;
  /** Compiler warnings. */
  diagnostics: Diagnostic[];
  /** clang's -mcpu when we built it; "" for an object that was there. */
  cpu: string;
}

/** The machine that a program is built for. */
export interface BuildTarget {
  /** `uname -m` */
  arch: string;
  /** `uname -r`; "" = not known. */
  kernel: string;
  /** clang's -mcpu in place of what the kernel would get. */
  cpu?: string;
}

/** An object that was built on the assumption that the host's kernel is still the one of the last time. */
export interface PreparedAhead {
  arch: string;
  kernel: string;
  btfSha256: string;
  object: PreparedObject;
}

export const isSource = (file: string): boolean => file.endsWith('.c');

/** Compiles or reads, strips and inspects. `header` is asked for only when the program includes vmlinux.h. */
export async function prepare(
  file: string,
  target: BuildTarget,
  header: () => Promise<string>,
  settings: BuildSettings,
  call: CallOptions,
  inspect: InspectOptions = {},
): Promise<PreparedObject> {
  let full: Uint8Array;
  let diagnostics: Diagnostic[] = [];
  let cpu = '';
  if (isSource(file)) {
    const built = await compile({ file, target, header }, settings, call);
    if (!built.ok) throw buildFailed(file, built);
    ({ diagnostics, cpu } = built);
    full = await readFile(built.object);
  } else {
    full = await readObject(file);
  }
  const stripped = sentObject(full);
  return { file, full, stripped, report: inspectObject(full, inspect), diagnostics, cpu };
}

interface CompileRequest {
  file: string;
  target: BuildTarget;
  /** Path of the target's vmlinux.h; a host without BTF can still have programs that need none. */
  header: () => Promise<string>;
  text?: string;
  output?: string;
  flags?: string[];
  syntaxOnly?: boolean;
}

/** Runs the compiler; what is wrong with the source comes back as diagnostics. */
export async function compile(
  request: CompileRequest,
  settings: BuildSettings,
  call: CallOptions,
): Promise<BuildResult & { vmlinuxHeader: string | null; cpu: string }> {
  const { output, header, target, ...rest } = request;
  const { compilerPath, ...where } = settings;
  const text = request.text ?? (await readFile(request.file, 'utf8'));
  const cpu = await cpuFor(target, settings, call);
  const build = (vmlinuxHeader: string | null): Promise<BuildResult> =>
    buildObject({
      ...rest,
      ...where,
      arch: target.arch,
      cpu,
      vmlinuxHeader,
      cwd: process.cwd(),
      ...(output !== undefined && { outputPath: output }),
      ...(compilerPath !== '' && { compilerPath }),
      ...(call.signal && { signal: call.signal }),
    });
  let vmlinuxHeader = needsVmlinux(request.file, text, request.flags, target.arch) ? await header() : null;
  call.progress?.({ step: `Building ${request.file.split('/').at(-1)!}` });
  let built = await build(vmlinuxHeader);
  if (vmlinuxHeader === null && built.diagnostics.some((d) => d.code === 'no-vmlinux')) {
    vmlinuxHeader = await header(); // a header of the program includes it
    built = await build(vmlinuxHeader);
  }
  const first = built.diagnostics.find((d) => d.severity === 'error');
  if (vmlinuxHeader === null || first === undefined || !lacksType(first)) return { ...built, vmlinuxHeader, cpu };
  const other = await newerHeader(vmlinuxHeader, settings.cacheDir);
  const again = other === null ? null : await build(other);
  if (!again?.ok) return { ...built, vmlinuxHeader, cpu };
  const message = `The host's kernel lacks what this needs (${first.message}); it is built with the types of this machine's kernel, and CO-RE adapts it.`;
  const told: Diagnostic = { ...first, severity: 'warning', message, code: 'other-vmlinux', source: 'ringside' };
  return { ...again, diagnostics: [told, ...again.diagnostics], vmlinuxHeader: other, cpu };
}

/** A type, field or constant that the program knows from another kernel than the host's. */
function lacksType({ message }: Diagnostic): boolean {
  return /^(no member named|incomplete definition of type|variable has incomplete type|use of undeclared identifier|unknown type name|invalid application of 'sizeof' to an incomplete type|offsetof of incomplete type)/.test(
    message,
  );
}

/** This machine's own types, for programs that are newer than the host's kernel; null when there are none, or the same. */
async function newerHeader(header: string, cacheDir: string): Promise<string | null> {
  const local = await localVmlinuxHeader(cacheDir).catch(() => null);
  return local === header ? null : local;
}

async function cpuFor(target: BuildTarget, settings: BuildSettings, call: CallOptions): Promise<string> {
  if (target.cpu !== undefined) return target.cpu;
  if (target.kernel === '') return defaultCpu;
  const { compilerPath, cacheDir, log } = settings;
  const { major } = await findCompiler({ compilerPath, cacheDir, log, signal: call.signal });
  return cpuOfKernel(target.kernel, target.arch, major);
}

/** A failed build as an error; the diagnostics ride along for the editor. */
export class BuildFailure extends RingsideError {
  constructor(
    file: string,
    readonly diagnostics: Diagnostic[],
  ) {
    const errors = diagnostics.filter((d) => d.severity === 'error');
    const first = errors[0];
    const where = first ? ` ${first.file}:${first.line}:${first.column}: ${first.message}` : '';
    super(
      'build-failed',
      `${file} does not compile (${errors.length} ${errors.length === 1 ? 'error' : 'errors'}).${where}`,
      {
        remedy: 'Correct the source; the diagnostics name the lines.',
        detail: diagnostics
          .map((d) => `${d.file}:${d.line}:${d.column}: ${d.severity}: ${d.message}${d.code ? ` [${d.code}]` : ''}`)
          .join('\n'),
      },
    );
  }
}

const buildFailed = (file: string, built: BuildResult): RingsideError => new BuildFailure(file, built.diagnostics);

async function readObject(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new RingsideError('file-not-found', `${file} cannot be read.`, {
      remedy: 'Give a BPF source (NAME.bpf.c) or an object that clang -target bpf made.',
      cause: error,
    });
  }
}
