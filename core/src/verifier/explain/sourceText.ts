/** C source as text: enough of the language to name an expression at a column and to place an edit. */

/** An expression of names, members and subscripts: "skb->cb[at].x". */
const postfix = /[A-Za-z_]\w*(?:\s*(?:->|\.)\s*[A-Za-z_]\w*|\[[^\][]*(?:\[[^\][]*\][^\][]*)*\])*/g;
const keywords = new Set(
  'if else for while do return switch case break continue goto sizeof struct union enum static const volatile void char short int long unsigned signed'.split(
    ' ',
  ),
);

/** The expression at a column (from 1) of a line, or the one left of an operator there; "" when there is none. */
export function expressionAt(text: string, column: number): string {
  const at = Math.max(0, column - 1);
  let left = '';
  for (const match of text.matchAll(postfix)) {
    const [from, to] = [match.index, match.index + match[0].length];
    if (keywords.has(match[0])) continue;
    if (at >= from && at < to) return text[to] === '(' ? '' : tidy(match[0]);
    if (to <= at && /^[\s)]*(?:[-+*/|&^]|<<|>>)?$/.test(text.slice(to, at))) left = tidy(match[0]);
  }
  return left;
}

const tidy = (expression: string): string => expression.replace(/\s*(->|\.)\s*/g, '$1');

/** What a line assigns to: "e" in "struct event *e = reserve(…);"; "" when it assigns nothing. */
export function assignedName(text: string): string {
  const match = /(?:^|[\s*(;{])([A-Za-z_]\w*(?:(?:->|\.)\w+|\[[^\]]*\])*)\s*=(?!=)/.exec(text);
  return match && !/[<>!]$/.test(text.slice(0, match.index + match[0].length - 1)) ? match[1]! : '';
}

/** The arguments of the first call of a function in a line; null when it is not called there or goes on below. */
export function argumentsOf(text: string, called: string): string[] | null {
  const at = text.search(new RegExp(`\\b${called}\\s*\\(`));
  if (at < 0) return null;
  const args: string[] = [];
  let depth = 0;
  let from = text.indexOf('(', at) + 1;
  for (let i = from - 1; i < text.length; i++) {
    const c = text[i]!;
    if (c === '(' || c === '[' || c === '{') depth++;
    else if (c === ')' || c === ']' || c === '}') depth--;
    if ((c === ',' && depth === 1) || depth === 0) {
      const argument = text.slice(from, i).trim();
      if (argument !== '' || args.length > 0) args.push(argument);
      from = i + 1;
    }
    if (depth === 0) return args;
  }
  return null;
}

/** One file of the program as it is on disk or in the editor. */
export class SourceFile {
  readonly file: string;
  readonly lines: readonly string[];

  constructor(file: string, text: string) {
    this.file = file;
    this.lines = text.split(/\r?\n/);
  }

  /** Lines count from 1. */
  line(number: number): string {
    return this.lines[number - 1] ?? '';
  }

  indent(number: number): string {
    return /^\s*/.exec(this.line(number))![0];
  }

  /** The line on which the statement at a line ends: with ";", "{" or "}". */
  statementEnd(number: number): number {
    for (let line = number; line < number + 20 && line <= this.lines.length; line++)
      if (/[;{}]\s*(?:\/[/*].*)?$/.test(this.line(line))) return line;
    return number;
  }

  /** The line on which the statement at a line begins. */
  statementStart(number: number): number {
    for (let line = number; line > 1; line--) {
      const above = this.line(line - 1).trim();
      if (above === '' || /[;{}:]$|\*\/$|^#|^\/\//.test(above)) return line;
      if (/^(?:if|for|while)\b.*\)$|^else$/.test(above)) return line;
    }
    return 1;
  }

  /** True when the statement at a line is the brace-less body of an if, else or loop above it. */
  isBareBody(number: number): boolean {
    for (let line = number - 1; line > 0; line--) {
      const above = this.line(line).trim();
      if (above === '') continue;
      return /^(?:\}\s*)?(?:if|for|while|else\b).*$/.test(above) && !/[;{]$/.test(above);
    }
    return false;
  }
}
