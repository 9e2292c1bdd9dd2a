/**
 * The part of a vmlinux.h that a program mentions. clang describes every type that can be reached from one that is used,
 * also over pointers that the program never follows: from task_struct that is most of the kernel, and two thirds of a
 * compile. What is not in the excerpt stays declared, so that a program that needs it is refused, never built otherwise:
 * it is built with the whole header then.
 */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exists, prune, sha256Hex, touch, writeAtomically } from './cache.ts';
import { mentions, type Mentions } from './mentions.ts';
import { headerFrame } from './vmlinux.ts';

const FOLDER = 'excerpts';
const KEEP = 32;
/** Headers whose declarations are known at the same time; one has 17,000. */
const KEEP_INDEXES = 3;

export interface ExcerptOptions {
  /** A vmlinux.h that Ringside has written. */
  header: string;
  file: string;
  text: string;
  /** Folders in which clang looks for headers. */
  folders: readonly string[];
  /** Flags that may name types. */
  flags: readonly string[];
  cacheDir: string;
}

/** The folder with the excerpt, as vmlinux.h; null when the program or the header is not one to make an excerpt for. */
export async function excerptFolder(options: ExcerptOptions): Promise<string | null> {
  const { header, cacheDir } = options;
  const named = await mentions(options);
  const index = named && (await indexOf(header));
  if (!index) return null;
  const text = index.excerpt(named);
  const path = join(cacheDir, FOLDER, sha256Hex(text), 'vmlinux.h');
  if (await exists(path)) await touch(dirname(path));
  else {
    await writeAtomically(path, text);
    await prune(join(cacheDir, FOLDER), KEEP);
  }
  return dirname(path);
}

/** Reads a header before a program is built with it, unless others would be forgotten for it. Never rejects. */
export async function readAhead(header: string): Promise<void> {
  if (indexes.size < KEEP_INDEXES) await indexOf(header).catch(() => null);
}

const indexes = new Map<string, Promise<HeaderIndex | null>>();

async function indexOf(header: string): Promise<HeaderIndex | null> {
  const found = await stat(header).catch(() => null);
  if (found === null) return null;
  const key = `${found.size} ${found.mtimeMs} ${header}`;
  let index = indexes.get(key);
  if (index === undefined) {
    if (indexes.size === KEEP_INDEXES) indexes.delete(indexes.keys().next().value!);
    index = readFile(header, 'utf8').then(
      (text) => HeaderIndex.parse(text),
      () => null,
    );
    indexes.set(key, index);
  }
  return index;
}

/** The declarations of a header that writeVmlinuxHeader wrote, by the names that they define. */
export class HeaderIndex {
  /** Declarations by tag ("struct task_struct"), typedef, enumerator. */
  private readonly defining = new Map<string, number[]>();
  private readonly kfuncs = new Map<string, string>();

  private constructor(
    private readonly declarations: readonly string[],
    kfuncs: readonly string[],
  ) {
    declarations.forEach((text, i) => definedBy(text).forEach((name) => this.define(name, i)));
    for (const line of kfuncs) {
      const name = /(\w+)\(/.exec(line)?.[1];
      if (name !== undefined) this.kfuncs.set(name, line);
    }
  }

  /** null for a header that somebody else has written. */
  static parse(text: string): HeaderIndex | null {
    const { prologue, recordEpilogue, kfuncPrologue, kfuncEpilogue, epilogue } = headerFrame;
    const end = text.indexOf(recordEpilogue, prologue.length);
    if (!text.startsWith(prologue) || end < 0 || !text.endsWith(epilogue)) return null;
    const declarations = text.slice(prologue.length, end).split(/(?<=;)\n\n/);
    const from = text.indexOf(kfuncPrologue, end);
    const kfuncs = from < 0 ? [] : text.slice(from + kfuncPrologue.length, text.lastIndexOf(kfuncEpilogue)).split('\n');
    return new HeaderIndex(declarations, kfuncs);
  }

  private define(name: string, at: number): void {
    const known = this.defining.get(name);
    if (known === undefined) this.defining.set(name, [at]);
    else known.push(at);
  }

  /** What a program that mentions these names needs, in the header's order. */
  excerpt(named: Mentions): string {
    const kept = new Set<number>();
    const queue: number[] = [];
    const declared = new Set<string>();
    const want = (name: string): void => {
      for (const at of this.defining.get(name) ?? []) {
        if (kept.has(at)) continue;
        kept.add(at);
        queue.push(at);
      }
    };
    const wantRecord = (name: string): void => {
      want(`struct ${name}`);
      want(`union ${name}`);
      want(`enum ${name}`);
    };
    const kfuncs: string[] = [];
    for (const name of named.program) {
      want(name);
      wantRecord(name);
      const kfunc = this.kfuncs.get(name);
      if (kfunc === undefined) continue;
      kfuncs.push(kfunc);
      // libbpf compares the prototype with the kernel's: its records have to be whole.
      for (const [word] of kfunc.matchAll(/\w+/g)) {
        want(word);
        wantRecord(word);
      }
    }
    for (const name of named.helpers) {
      want(name);
      want(`enum ${name}`);
    }
    for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
      this.follow(this.declarations[at]!, named.program, declared, want);
    }
    const forwards = [...declared].map((name) => `${name};\n`).join('');
    const whole = [...kept].sort((a, b) => a - b).map((at) => `${this.declarations[at]!}\n\n`);
    const { prologue, recordEpilogue, kfuncPrologue, kfuncEpilogue, epilogue } = headerFrame;
    const functions = kfuncs.length === 0 ? '' : `${kfuncPrologue}${kfuncs.join('\n')}\n${kfuncEpilogue}`;
    return `${prologue}${forwards}\n${whole.join('')}${recordEpilogue}${functions}${epilogue}`;
  }

  /** Wants what must be complete for a declaration; of what it points to, what the program may look into. */
  private follow(text: string, named: ReadonlySet<string>, declared: Set<string>, want: (name: string) => void): void {
    if (text.startsWith('enum ')) return;
    for (const line of text.split('\n')) {
      // `void (*function)(struct timer_list *)`: nobody calls it from a program, so parameters are only declared.
      const call = line.indexOf('(*');
      const value = call < 0 ? line : line.slice(0, call);
      for (const [, keyword, name, stars, member] of value.matchAll(MEMBER)) {
        const tag = `${keyword!} ${name!}`;
        if (keyword !== 'enum') declared.add(tag);
        if (keyword === 'enum' || !stars!.includes('*') || (member !== undefined && named.has(member))) want(tag);
      }
      for (const [, keyword, name] of call < 0 ? [] : line.slice(call).matchAll(TAG)) {
        const tag = `${keyword!} ${name!}`;
        if (keyword === 'enum') want(tag);
        else declared.add(tag);
      }
      for (const [word] of line.matchAll(/[A-Za-z_]\w*/g)) {
        if (this.isTypedef(word)) want(word);
      }
    }
  }

  private isTypedef(name: string): boolean {
    return this.defining.get(name)?.some((at) => this.declarations[at]!.startsWith('typedef ')) === true;
  }
}

const TAG = /\b(struct|union|enum) (\w+)/g;
/** A tag with the stars and the name behind it. */
const MEMBER = /\b(struct|union|enum) (\w+)((?:\s|\*|const\b|volatile\b|__restrict\b)*)(?:(?<=[\s*])(\w+))?/g;

/** The name before its bounds, parameters or attributes. */
const PLAIN_TYPEDEF = /(\w+)(?:\[\d*\])*(?:\(.*\))?(?: __attribute__\(\(.*\)\))?;$/;

/** Names that a declaration of the header defines; a forward declaration defines none. */
function definedBy(text: string): string[] {
  const names = [...text.matchAll(/^\t+(\w+) = /gm)].map(([, name]) => name!);
  if (text.startsWith('typedef ')) {
    const last = text.slice(text.lastIndexOf('\n}') + 1);
    const name = /\(\*+(?:const |volatile )*(\w+)/.exec(last) ?? PLAIN_TYPEDEF.exec(last);
    if (name !== null) names.push(name[1]!);
  } else {
    const tag = /^(?:struct|union|enum) \w+(?= \{)/.exec(text)?.[0];
    if (tag !== undefined) names.push(tag);
  }
  return names;
}
