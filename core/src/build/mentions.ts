/** Which names a program mentions, in its text and in the headers that it includes. */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { withoutComments } from './precompiled.ts';

export interface Mentions {
  /** Of the program, its own headers and libbpf's. */
  program: ReadonlySet<string>;
  /** Of the prototypes of all helpers: their types have to be there, but few programs look into them. */
  helpers: ReadonlySet<string>;
}

interface Sources {
  file: string;
  text: string;
  /** The kernel's own header: its names are no mention. */
  header: string;
  /** Folders in which clang looks for headers. */
  folders: readonly string[];
  flags: readonly string[];
}

const MOST_FILES = 64;
const MOST_BYTES = 1 << 20;
/** clang's own, which name no type of the kernel and lie where only clang knows. */
const BUILT_IN = /^std(?:arg|bool|def|int)\.h$/;
/** Compares types with all that they point to. */
const COMPARES_ALL = /\bbpf_core_type_matches\b/;
/** Asks the kernel about a type: clang takes one that is only declared, too. */
const ASKS_TYPES = /\bbpf_core_type_|\b__builtin_(?:preserve_type_info|btf_type_id)\b/;
/** Makes names that are not in the text. */
const PASTES = /##/;

/** null when a name may be missing that nobody would miss: a header that is not found here, types named by macros. */
export async function mentions({ file, text, header, folders, flags }: Sources): Promise<Mentions | null> {
  const program = new Set(flags.flatMap((flag) => flag.match(/[A-Za-z_]\w*/g) ?? []));
  const helpers = new Set<string>();
  const seen = new Set([header]);
  const queue: { path: string; known: Text }[] = [{ path: file, known: read(text) }];
  let pastes = false;
  let asksTypes = false;
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { path, known } = next;
    const isLibrary = /[/\\]resources[/\\]libbpf[/\\]bpf[/\\]/.test(path);
    if (!isLibrary) {
      if (known.comparesAll) return null;
      pastes ||= known.pastes;
      asksTypes ||= known.asksTypes;
    }
    const names = isLibrary && basename(path) === 'bpf_helper_defs.h' ? helpers : program;
    for (const name of known.names) names.add(name);
    if (known.hasUnknownInclude) return null;
    for (const { name, quoted } of known.includes) {
      const places = [...(quoted ? [dirname(path)] : []), ...folders].map((folder) => resolve(folder, name));
      const found = await firstText(places, header);
      if (found === null) {
        if (BUILT_IN.test(name)) continue;
        return null;
      }
      if (seen.has(found.path)) continue;
      if (seen.size === MOST_FILES) return null;
      seen.add(found.path);
      queue.push(found);
    }
  }
  return pastes && asksTypes ? null : { program, helpers };
}

interface Text {
  names: ReadonlySet<string>;
  includes: readonly { name: string; quoted: boolean }[];
  /** An include whose name a macro says. */
  hasUnknownInclude: boolean;
  comparesAll: boolean;
  asksTypes: boolean;
  pastes: boolean;
}

function read(source: string): Text {
  const text = withoutComments(source.replace(/\\\r?\n/g, ' '));
  const includes: { name: string; quoted: boolean }[] = [];
  let hasUnknownInclude = false;
  for (const [, quoted, angled] of text.matchAll(
    /^[ \t]*#[ \t]*include(?:_next)?\b[ \t]*(?:"([^"\n]*)"|<([^>\n]*)>)?/gm,
  )) {
    const name = quoted ?? angled;
    if (name === undefined) hasUnknownInclude = true;
    else includes.push({ name, quoted: quoted !== undefined });
  }
  const names = new Set(text.match(/[A-Za-z_]\w*/g) ?? []);
  const [comparesAll, asksTypes, pastes] = [COMPARES_ALL, ASKS_TYPES, PASTES].map((what) => what.test(text)) as [
    boolean,
    boolean,
    boolean,
  ];
  return { names, includes, hasUnknownInclude, comparesAll, asksTypes, pastes };
}

const EMPTY = read('');

/** Headers by path, as they were when they were read. */
const texts = new Map<string, { stamp: string; text: Text }>();

async function firstText(places: readonly string[], header: string): Promise<{ path: string; known: Text } | null> {
  for (const path of places) {
    if (path === header) return { path, known: EMPTY };
    const found = await stat(path).catch(() => null);
    if (!found?.isFile()) continue;
    if (found.size > MOST_BYTES) return null;
    const stamp = `${found.size} ${found.mtimeMs}`;
    const before = texts.get(path);
    if (before?.stamp === stamp) return { path, known: before.text };
    const source = await readFile(path, 'utf8').catch(() => null);
    if (source === null) return null;
    if (texts.size === MOST_FILES) texts.clear();
    const text = read(source);
    texts.set(path, { stamp, text });
    return { path, known: text };
  }
  return null;
}
