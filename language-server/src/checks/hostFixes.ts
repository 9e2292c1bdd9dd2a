/**
 * Repairs for programs of several hosts. What one kernel lacks is declared in the source under a name with a suffix, which
 * CO-RE takes for the kernel's own: then the program compiles with the header of any of the hosts.
 */
import type { Analysis } from '../analysis.ts';
import { closing, readSpecifier } from '../c/declarators.ts';
import { lex } from '../c/lexer.ts';
import type { CSection } from '../c/model.ts';
import { callAt, coreReadMacros } from '../c/place.ts';
import type { Member } from '../c/types.ts';
import { chainAround, includeFor } from '../features/actions/coreRead.ts';
import { declarationStart, eolOf, functionAround, indentAt, statementAt, stepOf } from '../features/actions/place.ts';
import type { LeanKernel } from '../kernel/others.ts';
import type { Fix } from './codes.ts';

type Edit = Fix['edits'][number];
const ASSIGNS: ReadonlySet<string> = new Set(['=', '+=', '-=', '*=', '/=', '|=', '&=', '++', '--', '(', '.', '[']);

/** Reads the field of token `index` only where it is; null where the place is not one that can be rewritten. */
export function guardedRead(
  analysis: Analysis,
  index: number,
  member: Member,
  hosts: readonly { kernel: LeanKernel }[],
): Fix | null {
  if (!/^struct /.test(member.owner) || member.bitSize > 0 || !isScalar(analysis, member, hosts)) return null;
  const around = functionAround(analysis, analysis.source.tokens[index]!.start);
  if (around === null) return null;
  const at = declarationStart(analysis.source, around);
  const flavour = `${member.owner}${suffixFor(analysis, member.owner, `with_${member.name}`, at)}`;
  const edit = inCoreRead(analysis, index, flavour, member) ?? behindArrow(analysis, index, flavour, member);
  if (edit === null) return null;
  const lines = [`${flavour} {`, `\t${member.declaration};`, '} __attribute__((preserve_access_index));', ''];
  return {
    title: `Read ${member.name} only where bpf_core_field_exists says that it is there`,
    edits: [...includeFor(analysis), ...declared(analysis, flavour, lines, at), edit],
  };
}

/** A number or a pointer, of a type that the others can compile too. */
function isScalar(
  { world }: Analysis,
  { type, declaration }: Member,
  hosts: readonly { kernel: LeanKernel }[],
): boolean {
  if (type.from !== 'kernel') return false;
  const { kind } = world.kernel!.btf.resolve(type.id);
  if (kind === 'ptr') return /^(const )?(struct |union )?\w+ \**\w+$/.test(declaration);
  if (kind !== 'int' && kind !== 'enum') return false;
  const { tokens } = lex(declaration);
  const base = readSpecifier(tokens, 0, tokens.length)?.base ?? '';
  const isBuiltIn = /^((unsigned|signed|long|short|int|char|_Bool|bool) ?)+$/.test(base);
  return isBuiltIn || hosts.every(({ kernel }) => kernel.type(base) !== null);
}

/** BPF_CORE_READ(base, a, FIELD, b): what is before the field is read by a call of its own. */
function inCoreRead({ source }: Analysis, index: number, flavour: string, { name }: Member): Edit | null {
  const { tokens, text } = source;
  const call = callAt(tokens, index - 1);
  if (!call || coreReadMacros.get(call.name.text) !== 1 || call.name.text.includes('BITFIELD')) return null;
  const close = closing(tokens, call.open, tokens.length);
  if (tokens[index - 1]!.text !== ',' || ![',', ')'].includes(tokens[index + 1]?.text ?? '')) return null;
  const before = text.slice(tokens[call.open + 1]!.start, tokens[index - 2]!.end);
  const base = call.argument === 1 ? castOf(before) : `${call.name.text}(${before})`;
  const rest = text.slice(tokens[index]!.end, tokens[close]!.start);
  const read = `${call.name.text}((${flavour} *)${base}, ${name}${rest})`;
  return conditional(flavour, name, read, call.name.start, tokens[close]!.end);
}

/** base->FIELD->more */
function behindArrow({ source }: Analysis, index: number, flavour: string, { name }: Member): Edit | null {
  const { tokens, text } = source;
  const chain = tokens[index - 1]?.text === '->' ? chainAround(tokens, index) : null;
  if (chain === null || ASSIGNS.has(tokens[chain.to]?.text ?? '')) return null;
  const before = tokens[chain.from - 1]?.text;
  if (before === '&' || before === '++' || before === '--' || callAt(tokens, chain.from - 1)?.name.text === 'sizeof')
    return null;
  const end = tokens[chain.to - 1]!.end;
  const base = text.slice(tokens[chain.from]!.start, tokens[index - 2]!.end);
  const read = `((${flavour} *)${base})${text.slice(tokens[index - 1]!.start, end)}`;
  return conditional(flavour, name, read, tokens[chain.from]!.start, end);
}

const castOf = (text: string): string => (/^[\w>.-]+$/.test(text) ? text : `(${text})`);

function conditional(flavour: string, name: string, read: string, start: number, end: number): Edit {
  return { start, end, text: `(bpf_core_field_exists(${flavour}, ${name}) ? ${read} : 0)` };
}

/** What makes `type` a name of ours above `at`: with a number where an earlier repair has declared it further below. */
function suffixFor({ source }: Analysis, type: string, word: string, at: number): string {
  for (let number = 1; ; number++) {
    const suffix = `___${word}${number === 1 ? '' : number}`;
    if (source.text.indexOf(`${type}${suffix} {`) <= at) return suffix;
  }
}

/** A declaration above a function, unless an earlier repair has put it there. */
function declared({ models, source }: Analysis, name: string, lines: string[], at: number): Edit[] {
  if (models.some((model) => model.structs.has(name)) || source.text.includes(`${name} {`)) return [];
  const eol = eolOf(source.text);
  return [{ start: at, end: at, text: lines.map((line) => `${line}${eol}`).join('') }];
}

/** A call that is a statement of its own, made only where the kernel has the helper. */
export function guardedCall(analysis: Analysis, index: number, number: string): Fix | null {
  const { source, world } = analysis;
  const { tokens, text } = source;
  const start = tokens[index]!.start;
  const around = functionAround(analysis, start);
  const statement = around && statementAt(analysis, around, start);
  const value = world.kernel?.constants.get(number)?.value;
  const isWhole = statement?.from === index && closing(tokens, index + 1, tokens.length) === statement.to - 1;
  if (!around || !isWhole || value === undefined) return null;
  const at = declarationStart(source, around);
  const suffix = suffixFor(analysis, 'enum bpf_func_id', number.replace('BPF_FUNC_', ''), at);
  const flavour = `enum bpf_func_id${suffix}`;
  const lines = [`${flavour} {`, `\t${number}${suffix} = ${value},`, '};', ''];
  const eol = eolOf(text);
  const indent = `${indentAt(text, start)}${stepOf(text, around)}`;
  const question = `if (bpf_core_enum_value_exists(${flavour}, ${number}${suffix}))${eol}${indent}`;
  return {
    title: 'Call it only where bpf_core_enum_value_exists says that it is there',
    edits: [...includeFor(analysis), ...declared(analysis, flavour, lines, at), { start, end: start, text: question }],
  };
}

/** The host's own value instead of the one of the header; null where the language wants a constant. */
export function relocatedValue(analysis: Analysis, index: number, of: string): Fix | null {
  const { tokens } = analysis.source;
  const { start, end, text } = tokens[index]!;
  const around = functionAround(analysis, start);
  if (!around || start < around.bodyStart || wantsConstant(tokens, index) || !/^enum \w+$/.test(of)) return null;
  const value = `bpf_core_enum_value(${of}, ${text})`;
  return {
    title: `Take the host's own value: ${value}`,
    edits: [...includeFor(analysis), { start, end, text: value }],
  };
}

/** Labels, sizes, enumerators, assertions, and what static variables begin with: there C takes no call. */
function wantsConstant(tokens: Analysis['source']['tokens'], index: number): boolean {
  /** Brackets that are closed before the token. */
  let closed = 0;
  let colons = 0;
  for (let at = index - 1; at >= 0; at--) {
    const { text } = tokens[at]!;
    const before = tokens[at - 1]?.text ?? '';
    if (/^[)\]}]$/.test(text)) {
      if (closed === 0 && text === '}') return false;
      closed++;
    } else if (/^[([{]$/.test(text) && closed > 0) closed--;
    else if (closed > 0) continue;
    else if (text === '[' || text === 'static' || /^(_Static_assert|static_assert)$/.test(text)) return true;
    else if (text === '{' && (before === 'enum' || tokens[at - 2]?.text === 'enum')) return true;
    else if (text === ';' || (text === '{' && !/^[=,{(]$/.test(before))) return false;
    else if (text === ':') colons++;
    else if (text === '?') colons--;
    else if (text === 'case') return colons <= 0;
  }
  return false;
}

export function optionalSection({ name, start }: CSection): Fix {
  return { title: `Load it only on request: SEC("?${name}")`, edits: [{ start, end: start, text: '?' }] };
}
