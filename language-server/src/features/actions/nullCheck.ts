/** A check for NULL behind the call whose result may be none. */
import { parseSection, sectionContext } from '@ringside/core/bpf';
import type { Analysis } from '../../analysis.ts';
import { closing } from '../../c/declarators.ts';
import { Kind, type Token } from '../../c/lexer.ts';
import type { CFunction } from '../../c/model.ts';
import { eolOf, functionAround, indentAt, statementAt, stepOf, tokenAt, type Action, type Where } from './place.ts';

/** Pointers that these helpers give are never NULL. */
const NEVER_NULL: ReadonlySet<string> = new Set([
  ...['bpf_get_current_task_btf', 'bpf_get_local_storage', 'bpf_task_pt_regs', 'bpf_this_cpu_ptr'],
]);

export function addNullCheck({ analysis, from }: Where): Action[] {
  const { source } = analysis;
  const { tokens, text } = source;
  const inside = functionAround(analysis, from);
  if (inside === null || from < inside.bodyStart) return [];
  const made = madeAt(analysis, inside, from) ?? madeBefore(analysis, inside, from);
  if (made === null || isChecked(tokens, made.end, made.name, inside)) return [];
  const end = tokens[made.end]!.end;
  const indent = indentAt(text, tokens[made.from]!.start);
  const eol = eolOf(text);
  const leave = returnOf(inside);
  const check = `${eol}${indent}if (!${made.name})${eol}${indent}${stepOf(text, inside)}${leave}`;
  return [{ title: `Check ${made.name} for NULL`, kind: 'quickfix', edits: [{ start: end, end, text: check }] }];
}

interface Made {
  name: string;
  /** Tokens of the statement: the first, and its semicolon. */
  from: number;
  end: number;
}

/** The cursor is in "v = bpf_map_lookup_elem(…);". */
function madeAt(analysis: Analysis, inside: CFunction, offset: number): Made | null {
  const statement = statementAt(analysis, inside, offset);
  if (statement === null) return null;
  const { tokens } = analysis.source;
  const equals = findAssignment(tokens, statement.from, statement.to);
  if (equals === null || !mayBeNull(analysis, equals + 1)) return null;
  const name = tokens[equals - 1]!;
  if (name.kind !== Kind.identifier || ['->', '.'].includes(tokens[equals - 2]?.text ?? '')) return null;
  return { name: name.text, from: statement.from, end: statement.to };
}

/** The cursor is on a use of a variable: the last call before it that made it. */
function madeBefore(analysis: Analysis, inside: CFunction, offset: number): Made | null {
  const { tokens } = analysis.source;
  const used = tokens[tokenAt(tokens, offset)];
  if (used?.kind !== Kind.identifier || !inside.locals.some((local) => local.name === used.text)) return null;
  let found: Made | null = null;
  for (let at = tokenAt(tokens, inside.bodyStart); at >= 0 && tokens[at] && tokens[at]!.start < used.start; at++) {
    if (tokens[at]!.text !== used.text || tokens[at + 1]?.text !== '=') continue;
    const made = madeAt(analysis, inside, tokens[at]!.start);
    found = made?.name === used.text ? made : null;
  }
  return found;
}

function findAssignment(tokens: readonly Token[], from: number, to: number): number | null {
  let depth = 0;
  for (let at = from; at < to; at++) {
    const { text } = tokens[at]!;
    if (text === '(' || text === '[') depth++;
    else if (text === ')' || text === ']') depth--;
    else if (text === '=' && depth === 0) return at;
  }
  return null;
}

/** True for a call, also behind casts, whose result is a pointer that may be NULL. */
function mayBeNull({ world, source }: Analysis, at: number): boolean {
  const { tokens } = source;
  while (tokens[at]?.text === '(') at = closing(tokens, at, tokens.length) + 1;
  const name = tokens[at];
  if (name?.kind !== Kind.identifier || tokens[at + 1]?.text !== '(') return false;
  if (NEVER_NULL.has(name.text)) return false;
  const helper = world.helpers.get(name.text);
  if (helper) return helper.returns.trim().endsWith('*');
  if (!world.kernel?.kfuncs.has(name.text)) return false;
  const id = world.kernel.btf.findByNameKind(name.text, 'func');
  const func = id === null ? null : world.kernel.btf.type(id);
  const proto = func?.kind === 'func' ? world.kernel.btf.resolve(func.type) : null;
  return proto?.kind === 'func_proto' && world.kernel.btf.resolve(proto.type).kind === 'ptr';
}

/** True when the variable is looked at right after it was made: in an if, or by a macro that asks. */
function isChecked(tokens: readonly Token[], end: number, name: string, inside: CFunction): boolean {
  for (let at = end + 1; tokens[at] && tokens[at]!.start < inside.bodyEnd; at++) {
    if (tokens[at]!.text !== name) continue;
    const before = tokens[at - 1]?.text;
    const after = tokens[at + 1]?.text;
    if (before === '!' || after === '==' || after === '!=' || after === '?') return true;
    if (before === '&&' || before === '||' || after === '&&' || after === '||') return true;
    const isHead = before === '(' && ['if', 'while', 'likely', 'unlikely'].includes(tokens[at - 2]?.text ?? '');
    return isHead && after === ')';
  }
  return false;
}

/** How the function is left when it cannot go on. */
export function returnOf({ section, returns }: CFunction): string {
  if (section !== null) {
    const { form } = parseSection(section.name);
    return `return ${form === null ? '0' : sectionContext(form).returns};`;
  }
  return returns.base === 'void' && returns.pointers === 0 ? 'return;' : 'return 0;';
}
