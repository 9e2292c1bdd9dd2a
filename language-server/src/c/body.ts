/** Inside a function: variables with their scopes, and what is called. */
import { closing, isBuiltin, isKeyword, readDeclarator, readSpecifier } from './declarators.ts';
import { Kind, type Token } from './lexer.ts';
import type { CCall, CLocal, CStruct } from './model.ts';
import { readStruct } from './structs.ts';

export interface Body {
  locals: CLocal[];
  calls: CCall[];
  structs: CStruct[];
}

/** `open` and `end`: the brace that opens it, and the index after the one that closes it. */
export function readBody(tokens: readonly Token[], open: number, end: number): Body {
  const body: Body = { locals: [], calls: [], structs: [] };
  /** Where the blocks end that a token is in. */
  const scopes: { start: number; end: number }[] = [];
  const ends = braceEnds(tokens, open, end);
  let begins = true;
  /** Of a variable that a loop declares: it is known in the loop alone. */
  let loop: { start: number; end: number } | null = null;
  for (let at = open; at < end; at++) {
    const token = tokens[at]!;
    if (token.kind === Kind.identifier) {
      const scope = loop ?? scopes.at(-1);
      loop = null;
      if (begins && scope && !isKeyword(token.text)) at = statement(tokens, at, end, scope, body);
      else call(tokens, at, body);
      // Labels and "for (" let a declaration follow.
      begins = false;
      continue;
    }
    begins = false;
    if (token.text === '{') {
      scopes.push({ start: token.start, end: ends.get(at) ?? tokens[end - 1]!.end });
      begins = true;
    } else if (token.text === '}') {
      scopes.pop();
      begins = true;
    } else if (token.text === ';' || token.text === ':') begins = true;
    else if (token.text === '(' && tokens[at - 1]?.text === 'for') {
      begins = true;
      loop = { start: token.start, end: loopEnd(tokens, at, end) };
    }
  }
  return body;
}

/** Loops are followed so far; one that is longer ends with what was looked at. */
const MAX_LOOP = 4000;
const MAX_DEPTH = 8;

function loopEnd(tokens: readonly Token[], open: number, end: number): number {
  const limit = Math.min(end, open + MAX_LOOP);
  const last = statementEnd(tokens, closing(tokens, open, limit) + 1, limit, 0);
  return tokens[Math.min(last, end - 1)]!.end;
}

/** Index of a statement's last token. */
function statementEnd(tokens: readonly Token[], at: number, limit: number, depth: number): number {
  const word = tokens[at]?.text ?? '';
  if (word === '{') return closing(tokens, at, limit);
  if (/^(for|while|if|switch)$/.test(word) && depth < MAX_DEPTH) {
    const last = statementEnd(tokens, closing(tokens, at + 1, limit) + 1, limit, depth + 1);
    const hasElse = word === 'if' && tokens[last + 1]?.text === 'else';
    return hasElse ? statementEnd(tokens, last + 2, limit, depth + 1) : last;
  }
  for (let i = at; i < limit; i++) {
    const { text } = tokens[i]!;
    if (text === ';' || text === '}') return i;
    if (text === '(' || text === '{' || text === '[') i = closing(tokens, i, limit);
  }
  return limit - 1;
}

/** Where the block ends that a brace opens, for all of them at once. */
function braceEnds(tokens: readonly Token[], open: number, end: number): ReadonlyMap<number, number> {
  const ends = new Map<number, number>();
  const opened: number[] = [];
  for (let at = open; at < end; at++) {
    const { text } = tokens[at]!;
    if (text === '{') opened.push(at);
    else if (text === '}') {
      const start = opened.pop();
      if (start !== undefined) ends.set(start, tokens[at]!.end);
    }
  }
  return ends;
}

function call(tokens: readonly Token[], at: number, body: Body): void {
  const token = tokens[at]!;
  const open = tokens[at + 1];
  if (open?.text !== '(' || isKeyword(token.text) || isBuiltin(token.text)) return;
  const before = tokens[at - 1]?.text;
  if (before === '->' || before === '.') return;
  body.calls.push({ name: token.text, start: token.start, end: token.end, open: open.start });
}

/** A declaration, or the first word of something else. Gives the index of the last token that was read. */
function statement(
  tokens: readonly Token[],
  at: number,
  end: number,
  scope: { start: number; end: number },
  body: Body,
): number {
  const keyword = tokens[at]!;
  if ((keyword.text === 'struct' || keyword.text === 'union') && isDefinition(tokens, at)) {
    const brace = tokens[at + 1]!.text === '{' ? at + 1 : at + 2;
    const close = closing(tokens, brace, end);
    const name = brace === at + 1 ? `${keyword.text} {…}#${keyword.start}` : `${keyword.text} ${tokens[at + 1]!.text}`;
    const head = { name, start: keyword.start, end: tokens[close]!.end, packed: false };
    body.structs.push(...readStruct(tokens, brace, close, head));
    return (
      declare(
        tokens,
        close + 1,
        end,
        { base: name, isStatic: false, isExtern: false, next: 0, qualifiers: '' },
        scope,
        body,
      ) ?? close
    );
  }
  const specifier = readSpecifier(tokens, at, end);
  const last = specifier && declare(tokens, specifier.next, end, specifier, scope, body);
  if (last !== null) return last;
  call(tokens, at, body);
  return at;
}

function isDefinition(tokens: readonly Token[], at: number): boolean {
  return tokens[at + 1]?.text === '{' || (tokens[at + 1]?.kind === Kind.identifier && tokens[at + 2]?.text === '{');
}

/** Declarators up to the one whose initializer comes next; that is read as code. Null when this is no declaration. */
function declare(
  tokens: readonly Token[],
  from: number,
  end: number,
  specifier: NonNullable<ReturnType<typeof readSpecifier>>,
  scope: { start: number; end: number },
  body: Body,
): number | null {
  let last: number | null = null;
  for (let at = from; at < end;) {
    const declared = readDeclarator(tokens, at, end, specifier);
    if (declared === null) break;
    const follows = tokens[declared.next]?.text;
    if (follows !== '=' && follows !== ';' && follows !== ',' && follows !== ')') break;
    const { name, type, start } = declared;
    body.locals.push({ name, type, start, scopeStart: scope.start, scopeEnd: scope.end, isStatic: specifier.isStatic });
    last = declared.next - 1;
    if (follows === ';' || follows === ')') break;
    at = declared.next + 1;
    if (follows !== '=') continue;
    // Calls in the initializer count too; then on to the next declarator.
    let depth = 0;
    for (; at < end; at++) {
      const token = tokens[at]!;
      if (token.kind === Kind.identifier) call(tokens, at, body);
      if ('([{'.includes(token.text) && token.text.length === 1) depth++;
      else if (')]}'.includes(token.text) && token.text.length === 1) depth--;
      if (depth < 0 || (depth === 0 && (token.text === ',' || token.text === ';'))) break;
    }
    last = at - 1;
    if (tokens[at]?.text !== ',') break;
    at++;
  }
  return last;
}
