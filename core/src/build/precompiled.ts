/**
 * Precompiled vmlinux.h: halves a compile and makes a syntax check ten times faster. It is only ever a short cut: when
 * it is missing, stale or refused, the build goes the long way.
 */
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Log } from '../log.ts';
import { exists, prune, sha256Hex, temporaryName, touch } from './cache.ts';
import type { CompilerCommand } from './compiler.ts';
import { runTool } from './exec.ts';

/** Headers smaller than this are read faster than a precompiled file is loaded. */
const SMALLEST_HEADER = 256 * 1024;
const KEEP = 6;
const FOLDER = 'pch';

export interface PrecompiledOptions {
  /** The header that `#include "vmlinux.h"` finds. */
  header: string;
  compiler: CompilerCommand;
  /** languageFlags() of the program: the header is read with the same. */
  flags: readonly string[];
  cacheDir: string;
  log: Log;
}

const running = new Map<string, Promise<string | null>>();
/** Files that clang refused in this process; they are not made again for the same key. */
const refused = new Set<string>();

/** Path that the precompiled header has when it exists. null when the header cannot be precompiled. */
async function precompiledPath(options: PrecompiledOptions): Promise<string | null> {
  const header = await stat(options.header).catch(() => null);
  if (!header || header.size < SMALLEST_HEADER) return null;
  const compiler = await stat(options.compiler.path).catch(() => null);
  if (!compiler) return null;
  // clang itself compares the header's time and size with those it saw, so both are part of the key.
  const key = JSON.stringify([
    [options.header, header.size, header.mtimeMs],
    [options.compiler.path, options.compiler.args, options.compiler.version, compiler.size, compiler.mtimeMs],
    options.flags,
  ]);
  return join(options.cacheDir, FOLDER, `${sha256Hex(key)}.pch`);
}

/** The precompiled header, if there is one now. */
export async function findPrecompiled(options: PrecompiledOptions): Promise<string | null> {
  const path = await precompiledPath(options);
  if (!path || refused.has(path) || !(await exists(path))) return null;
  await touch(path);
  return path;
}

/**
 * Makes the precompiled header unless it is there; one at a time for the same file. Resolves to its path, or null when
 * it could not be made: never rejects. A process that ends meanwhile leaves no child and no half file behind.
 */
export async function makePrecompiled(options: PrecompiledOptions): Promise<string | null> {
  const path = await precompiledPath(options).catch(() => null);
  if (!path || refused.has(path)) return null;
  if (await exists(path)) return path;
  let making = running.get(path);
  if (!making) {
    making = compileHeader(path, options).finally(() => running.delete(path));
    running.set(path, making);
  }
  return making;
}

async function compileHeader(path: string, options: PrecompiledOptions): Promise<string | null> {
  const { compiler, header, flags, log } = options;
  const temporary = temporaryName(path);
  const started = performance.now();
  try {
    if (!(await isGuarded(header))) throw new Error('it has no include guard, or includes other files');
    await mkdir(temporary, { recursive: true });
    const made = join(temporary, 'vmlinux.pch');
    const args = [...compiler.args, ...flags, '-w', '-x', 'c-header', header, '-o', made];
    const result = await runTool(compiler.path, args, { background: true, timeoutMs: 60_000 });
    if (result.code !== 0) throw new Error(result.stderr.slice(0, 500) || `exit code ${result.code}`);
    await rename(made, path);
    log.debug(`precompiled ${header} in ${Math.round(performance.now() - started)} ms`);
    await prune(dirname(path), KEEP);
    return path;
  } catch (error) {
    refused.add(path);
    log.debug(`no precompiled header for ${header}: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Notes that clang did not accept the file, and removes it. */
export async function refusePrecompiled(path: string): Promise<void> {
  refused.add(path);
  await rm(path, { force: true }).catch(() => undefined);
}

/** True when clang's failure is about the precompiled header and says nothing about the program. */
export function isPrecompiledFailure(stderr: string, code: number | null): boolean {
  if (code === null || code > 128) return true; // clang crashed or was killed by a limit
  return /\b(?:PCH|AST) file\b|precompiled header|precompiled file|\.pch['"]/i.test(stderr);
}

/**
 * Precompiling needs a header that is skipped when it is included again, and that includes nothing else (whose changes
 * would go unseen).
 */
async function isGuarded(header: string): Promise<boolean> {
  const text = await readFile(header, 'utf8');
  const code = withoutComments(text.slice(0, 64 * 1024)).trimStart();
  return /^#\s*ifndef\s+(\w+)\s*\n\s*#\s*define\s+\1\b/.test(code) && !/^\s*#\s*include\b/m.test(text);
}

/**
 * A precompiled header stands before everything else in the program, so it can only stand for `#include "vmlinux.h"`
 * where that is the program's first line of code: a macro defined before could change what the header says. Macros
 * that the header does not mention cannot.
 */
export async function beginsWithVmlinux(source: string, header: string): Promise<boolean> {
  const names = macrosBeforeVmlinux(source);
  return names !== null && (names.length === 0 || !(await mentionsAny(header, names)));
}

/** Names of the macros that stand before the include; null when other code does, or there is no such include. */
export function macrosBeforeVmlinux(source: string): string[] | null {
  let code = withoutComments(source.slice(0, 64 * 1024)).trimStart();
  const names: string[] = [];
  for (;;) {
    const define = /^#[ \t]*define[ \t]+([A-Za-z_]\w*)(?:\\\r?\n|[^\n])*(?:\n|$)/.exec(code);
    if (define === null) break;
    names.push(define[1]!);
    code = code.slice(define[0].length).trimStart();
  }
  return /^#\s*include\s*["<]vmlinux\.h[">]/.test(code) ? names : null;
}

/** What is known of headers by name, size and time: whether they mention a name. */
const mentioned = new Map<string, Map<string, boolean>>();
const KEEP_MENTIONED = 16;

async function mentionsAny(header: string, names: readonly string[]): Promise<boolean> {
  try {
    const { size, mtimeMs } = await stat(header);
    const key = `${size} ${mtimeMs} ${header}`;
    const known = mentioned.get(key) ?? new Map<string, boolean>();
    if (!mentioned.has(key) && mentioned.size === KEEP_MENTIONED) mentioned.clear();
    mentioned.set(key, known);
    const asked = names.filter((name) => !known.has(name));
    if (asked.length > 0) {
      const text = await readFile(header, 'latin1');
      for (const name of asked) known.set(name, new RegExp(`\\b${name}\\b`).test(text));
    }
    return names.some((name) => known.get(name) === true);
  } catch {
    return true; // what cannot be read is not precompiled either
  }
}

export function includesVmlinux(source: string): boolean {
  return /^\s*#\s*include\s*["<]vmlinux\.h[">]/m.test(withoutComments(source));
}

/** Comments become spaces; strings stay. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?(?:\*\/|$)|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"/g, (m) => (m.startsWith('"') ? m : ' '));
}
