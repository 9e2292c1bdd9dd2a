/** What a program is and what it still needs: its section, and where that says too little, the rest of the object. */
import type { Btf } from './btf.ts';
import type { BpfFunction, BpfObject } from './object.ts';
import { guessSection } from './sectionGuess.ts';
import { parseSection, type ParsedSection } from './sections.ts';
import { resolveType } from './typeGraph.ts';

export interface ProgramSection extends ParsedSection {
  /** The section that libbpf is to see; the program's own where libbpf knows it. */
  section: string;
  /** Target keys that the section gives in a way that libbpf does not read. */
  keys: Record<string, string>;
  /** In a sentence, what was not said but inferred; "" when the section says all. */
  inferred: string;
}

/** Target key by which a person says what a program is: `--target NAME:section=xdp`. */
export const SECTION_KEY = 'section';

/** Functions that a source names only to be replaced before it is loaded (bpf_program__set_attach_target). */
const PLACEHOLDER = /^(dummy\w*|foo|bar|baz|placeholder\w*|unused\w*|xxx+|todo|changeme|func|function|unknown)$/i;

/** `chosen` is what a person says that the section is, "" for nothing. */
export function programSection(object: BpfObject, program: BpfFunction, chosen = ''): ProgramSection {
  const own = program.section.name;
  if (chosen !== '') return { ...describe(chosen), section: chosen };
  const known = parseSection(own);
  if (known.form) return describe(own);
  const guess = guessSection(own, program.name, contextStruct(object, program));
  if (!guess) {
    const inferred = `libbpf does not know the section "${own}", and neither its name nor the program's argument says what it is.`;
    return { ...known, section: own, keys: {}, inferred, needsTarget: [SECTION_KEY] };
  }
  const described = describe(guess.section);
  const needsTarget = described.needsTarget.filter((key) => !(key in guess.keys));
  const target = described.target ?? inWords(guess.keys);
  return { ...described, target, needsTarget, keys: guess.keys, inferred: join(guess.why, described.inferred) };
}

function describe(section: string): ProgramSection {
  const parsed = parseSection(section);
  const plain = { ...parsed, section, keys: {}, inferred: '' };
  const binary = binaryOf(parsed);
  if (binary !== null) return { ...plain, ...binary };
  const placeholder = placeholderOf(parsed);
  if (placeholder === null) return plain;
  return {
    ...plain,
    target: null,
    needsTarget: [parsed.form!.target === 'func' ? 'func' : 'event', ...parsed.form!.needs],
    inferred: `"${placeholder}" stands in for a target that is chosen before the program is loaded.`,
  };
}

function placeholderOf({ form, target }: ParsedSection): string | null {
  if (target === null || (form?.target !== 'func' && form?.target !== 'event')) return null;
  return PLACEHOLDER.test(target) && form.attach !== 'freplace' ? target : null;
}

/** Binaries that only the author's own user space can mean: none, its own executable, one of its working folder. */
function binaryOf({ form, target }: ParsedSection): Partial<ProgramSection> | null {
  if (target === null || form?.target !== 'uprobe') return null;
  const at = target.indexOf(':');
  const [path, symbol] = at < 0 ? ['', target] : [target.slice(0, at), target.slice(at + 1)];
  // One word is the function: nobody gives a library without saying which of its functions.
  if (at < 0 && (target.includes('/') || /\.so\b/.test(target))) return null;
  const relative = path.includes('/') && !path.startsWith('/');
  if (at >= 0 && path !== '/proc/self/exe' && !relative) return null;
  const why = path === '' ? 'names a function without its binary' : `means the author's own program by "${path}"`;
  const keys: Record<string, string> = symbol === '' ? {} : { symbol };
  return {
    target: null,
    keys,
    needsTarget: symbol === '' ? ['binary', 'symbol'] : ['binary'],
    inferred: `The section ${why}.`,
  };
}

function inWords(keys: Record<string, string>): string | null {
  return keys['iface'] ?? null;
}

const join = (...sentences: string[]): string => sentences.filter((s) => s !== '').join(' ');

/** The struct that the program's first argument points to; null without BTF, for `void *`, and for plain numbers. */
export function contextStruct(object: BpfObject, program: BpfFunction): string | null {
  const { btf, btfExt } = object;
  if (!btf) return null;
  const info = btfExt?.functions.get(program.section.name)?.find((f) => f.offset === program.offset);
  return info ? firstArgument(btf, info.type) : null;
}

function firstArgument(btf: Btf, id: number): string | null {
  const func = btf.type(id);
  if (func.kind !== 'func') return null;
  const proto = btf.type(func.type);
  if (proto.kind !== 'func_proto' || proto.params.length === 0) return null;
  const pointer = resolveType(btf, proto.params[0]!.type);
  if (pointer.kind !== 'ptr') return null;
  const pointee = resolveType(btf, pointer.type);
  return (pointee.kind === 'struct' || pointee.kind === 'fwd') && pointee.name !== '' ? pointee.name : null;
}
