/** Tokens of C, from text of any kind: never fails, never looks back, linear in the text's length. */

export const enum Kind {
  identifier,
  number,
  string,
  char,
  /** One or two characters: "->" is one token. */
  punctuation,
  /** A whole preprocessor line, continuations included. */
  directive,
}

export interface Token {
  kind: Kind;
  start: number;
  end: number;
  text: string;
}

const PAIRS = new Set([
  '->',
  '==',
  '!=',
  '<=',
  '>=',
  '&&',
  '||',
  '<<',
  '>>',
  '++',
  '--',
  '+=',
  '-=',
  '|=',
  '&=',
  '*=',
  '/=',
  '##',
]);

const isWord = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) || code === 95 || code > 127;
const isDigit = (code: number): boolean => code >= 48 && code <= 57;

export interface Lexed {
  tokens: Token[];
  /** Comments as [start, end): nothing is completed there. */
  comments: [number, number][];
}

export function lex(text: string): Lexed {
  const tokens: Token[] = [];
  const comments: [number, number][] = [];
  let lineBegins = true;
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    if (code === 10 || code === 13) {
      lineBegins = true;
      at++;
      continue;
    }
    if (code <= 32) {
      at++;
      continue;
    }
    const start = at;
    if (code === 47 && (text[at + 1] === '/' || text[at + 1] === '*')) {
      at = endOfComment(text, at);
      comments.push([start, at]);
      continue;
    }
    let kind: Kind;
    if (code === 35 && lineBegins) {
      kind = Kind.directive;
      at = endOfDirective(text, at);
    } else if (isDigit(code)) {
      kind = Kind.number;
      while (at < text.length && (isWord(text.charCodeAt(at)) || text[at] === '.')) at++;
    } else if (isWord(code)) {
      kind = Kind.identifier;
      while (at < text.length && isWord(text.charCodeAt(at))) at++;
    } else if (code === 34 || code === 39) {
      kind = code === 34 ? Kind.string : Kind.char;
      at = endOfQuoted(text, at);
    } else {
      kind = Kind.punctuation;
      at += PAIRS.has(text.slice(at, at + 2)) ? 2 : 1;
    }
    lineBegins = false;
    tokens.push({ kind, start, end: at, text: text.slice(start, at) });
  }
  return { tokens, comments };
}

function endOfComment(text: string, at: number): number {
  if (text[at + 1] === '*') {
    const end = text.indexOf('*/', at + 2);
    return end < 0 ? text.length : end + 2;
  }
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

/** To the end of the line, or of the last line that a backslash continues. */
function endOfDirective(text: string, at: number): number {
  for (;;) {
    const end = text.indexOf('\n', at);
    if (end < 0) return text.length;
    const last = text[end - 1] === '\r' ? end - 2 : end - 1;
    if (text[last] !== '\\') return last + 1;
    at = end + 1;
  }
}

/** A string ends at its quote, or with its line when the quote has not been typed yet. */
function endOfQuoted(text: string, at: number): number {
  const quote = text[at];
  for (at++; at < text.length; at++) {
    const char = text[at];
    if (char === quote) return at + 1;
    if (char === '\n') return text[at - 1] === '\r' ? at - 1 : at;
    if (char === '\\') at++;
  }
  return text.length;
}
