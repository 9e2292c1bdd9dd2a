/** BPF helpers: since when they are there, which program types may call them, and what libbpf's header says of them. */
import { helperRows, judgedTypes, typeSets } from './helperFacts.ts';

export interface HelperFact {
  /** With its prefix: "bpf_get_stackid". */
  name: string;
  /** enum bpf_func_id */
  id: number;
  /** The first kernel that had it: "4.6". */
  since: string;
  /** Only for programs whose licence is compatible with the GPL. */
  gplOnly: boolean;
  /** bpftool's names of the program types that may call it in the older and in the newer kernel that the tables come from. */
  older: ReadonlySet<string>;
  newer: ReadonlySet<string>;
}

/** The kernels that the tables of program types come from. */
const OLDER: Version = [6, 12];
const NEWER: Version = [7, 3];

type Version = readonly [number, number];

const judged = new Set(judgedTypes);
const sets = typeSets.map((set) => new Set(set.split(' ').filter((type) => type !== '')));
const facts = new Map<string, HelperFact>(
  helperRows.map(([short, id, since, gplOnly, older, newer]) => {
    const name = `bpf_${short}`;
    return [name, { name, id, since, gplOnly, older: sets[older]!, newer: sets[newer]! }];
  }),
);

export function helperFact(name: string): HelperFact | undefined {
  return facts.get(name);
}
export function helperFacts(): Iterable<HelperFact> {
  return facts.values();
}

/** Major and minor of `uname -r`; null for what is not a version. */
export function kernelVersion(release: string): Version | null {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  return major === undefined ? null : [Number(major), Number(minor)];
}

function isAtLeast(version: Version, other: Version): boolean {
  return version[0] !== other[0] ? version[0] > other[0] : version[1] >= other[1];
}

/**
 * Whether programs of a type may call a helper on a kernel ("6.1.0-13-amd64"; null = any). Undefined where the tables do
 * not say: types that depend on their target, and kernels between or after those of the tables.
 */
export function helperAllowed(fact: HelperFact, type: string, kernel: string | null): boolean | undefined {
  if (!judged.has(type)) return undefined;
  if (fact.older.has(type)) return true;
  const version = kernel === null ? null : kernelVersion(kernel);
  const isOld = version !== null && !isAtLeast(version, [OLDER[0], OLDER[1] + 1]);
  if (isOld) return false;
  if (!fact.newer.has(type)) return version === null || isAtLeast(NEWER, version) ? false : undefined;
  return version !== null && isAtLeast(version, NEWER) ? true : undefined;
}

export interface HelperParameter {
  name: string;
  /** The whole declaration: "const void *key"; "..." for the rest. */
  text: string;
}
export interface HelperPrototype {
  name: string;
  returns: string;
  parameters: HelperParameter[];
  /** The header's own text, with its paragraphs. */
  description: string;
  /** What it says of the result. */
  result: string;
}

/** Prototypes of libbpf's bpf_helper_defs.h. What does not look like one is left out. */
export function parseHelperHeader(text: string): Map<string, HelperPrototype> {
  const found = new Map<string, HelperPrototype>();
  const entry =
    /\/\*\n((?: \*[^\n]*\n)+?) \*\/\nstatic ([^(\n]*?)\(\* (?:const )?(bpf_\w+)\)\((.*)\) = \(void \*\) \d+;/g;
  for (const [, comment, returns, name, list] of text.matchAll(entry)) {
    const [description, result] = describe(comment!, name!);
    const parameters = list === 'void' ? [] : list!.split(',').map((part) => parameter(part.trim()));
    const type = returns!.replace(/\b__bpf_fastcall\b/, '').trim();
    found.set(name!, { name: name!, returns: type, parameters, description, result });
  }
  return found;
}

function parameter(text: string): HelperParameter {
  return { text, name: /(\w+)(?:\[\w*\])?$/.exec(text)?.[1] ?? text };
}

function describe(comment: string, name: string): [string, string] {
  const lines = comment.split('\n').map((line) => line.replace(/^ \*\s?/, '').replace(/^\t/, ''));
  if (lines[0]?.trim() === name) lines.shift();
  const at = lines.findIndex((line) => line.trim() === 'Returns');
  const plain = (part: string[]) =>
    part
      .join('\n')
      .replace(/\\ /g, '')
      .replace(/\n{3,}/g, '\n\n')
      .trim();
  return at < 0 ? [plain(lines), ''] : [plain(lines.slice(0, at)), plain(lines.slice(at + 1))];
}
