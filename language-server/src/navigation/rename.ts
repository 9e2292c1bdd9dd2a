/** Renames what is the source's own and wholly understood; of anything else it says why not. */
import type { Analysis } from '../analysis.ts';
import { isBuiltin, isKeyword, isQualifier } from '../c/declarators.ts';
import { Kind } from '../c/lexer.ts';
import { callAt } from '../c/place.ts';
import { isSame, meaningOf, type Meaning } from './symbols.ts';

const kinds: ReadonlySet<string> = new Set(['local', 'function', 'variable']);

/** Why the word cannot be renamed; null when it can. */
export function refusal(analysis: Analysis, meaning: Meaning, name: string): string | null {
  if (!kinds.has(meaning.kind))
    return `Without clangd only variables, functions and maps of this file are renamed, and ${name} is none.`;
  if ('model' in meaning && meaning.model !== 0)
    return `${name} is declared in a header, which other files may include.`;
  const { source } = analysis;
  const isExtern =
    source.model.functions.some((each) => each.name === name) &&
    !source.model.functions.some((each) => each.name === name && each.bodyEnd > each.bodyStart);
  if (meaning.kind === 'function' && isExtern)
    return `${name} is only declared here: its name belongs to the kernel or another file.`;
  const word = new RegExp(`\\b${name}\\b`);
  if (source.lexed.tokens.some((token) => token.kind === Kind.directive && word.test(token.text))) {
    return `${name} stands in a preprocessor line, whose meaning is not known without clangd.`;
  }
  for (const [index, token] of source.tokens.entries()) {
    if (token.text !== name || token.kind !== Kind.identifier) continue;
    const before = source.tokens[index - 1]?.text;
    const other = meaningOf(analysis, index);
    // A word behind a dot is a field, whatever its struct is.
    const isOther = other.kind !== 'unknown' && !isSame(other, meaning);
    if (isOther || before === '.' || before === '->') continue;
    const line = source.text.slice(0, token.start).split('\n').length;
    if (other.kind === 'unknown') return `What ${name} means in line ${line} is not known without clangd.`;
    const macro = macroAround(analysis, index);
    if (macro !== null)
      return `In line ${line} ${name} is an argument of the macro ${macro}, which may mean something else by it.`;
  }
  return null;
}

function macroAround({ source, models }: Analysis, index: number): string | null {
  for (let call = callAt(source.tokens, index - 1); call; call = callAt(source.tokens, call.open - 2)) {
    const { text } = call.name;
    if (models.some((model) => model.defines.get(text)?.hasParameters)) return text;
  }
  return null;
}

/** Why a new name cannot be taken; null when it can. */
export function badName({ source }: Analysis, name: string): string | null {
  const isWord = /^[A-Za-z_]\w*$/.test(name) && !isKeyword(name) && !isBuiltin(name) && !isQualifier(name);
  if (!isWord || ['struct', 'union', 'enum', 'SEC'].includes(name)) return `"${name}" is no name in C.`;
  const isTaken = source.lexed.tokens.some(
    (token) => token.text === name || (token.kind === Kind.directive && new RegExp(`\\b${name}\\b`).test(token.text)),
  );
  return isTaken ? `${name} is used in this file already.` : null;
}
