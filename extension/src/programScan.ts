/**
 * Finds the BPF programs of a C source: SEC("…") followed by a function. A scan of the text, no parse: it must be quick
 * at every key press and right in broken code. Comments and string literals hide what is in them.
 */

export interface ScannedProgram {
  name: string;
  section: string;
  /** Line of SEC(), from 0. */
  line: number;
  /** Line and column of the function's name, from 0. */
  nameLine: number;
  nameColumn: number;
}

/** Section names that hold data and not programs. */
const dataSection = /^(\.|license$|version$|maps$|struct_ops(\.link)?$)/;

/** The programs in source order. Macros of libbpf (BPF_PROG, BPF_KPROBE …) name the function in their first argument. */
export function scanPrograms(text: string): ScannedProgram[] {
  const code = maskLiterals(text);
  const programs: ScannedProgram[] = [];
  const lines = lineIndex(text);
  for (const match of code.matchAll(/\bSEC\s*\(\s*"([^"\n]*)"\s*\)/g)) {
    const section = match[1]!;
    if (dataSection.test(section)) continue;
    const after = match.index + match[0].length;
    const name = functionName(code, after);
    if (name === null) continue;
    const place = lines(name.offset);
    programs.push({
      name: name.text,
      section,
      line: lines(match.index).line,
      nameLine: place.line,
      nameColumn: place.column,
    });
  }
  return programs;
}

export interface ScannedMap {
  name: string;
  /** Offset behind the definition, its semicolon included. */
  end: number;
}

/** The maps that a source defines: "} name SEC(".maps");". */
export function scanMaps(text: string): ScannedMap[] {
  const code = maskLiterals(text);
  return [...code.matchAll(/\b([A-Za-z_]\w*)\s+SEC\s*\(\s*"\.maps"\s*\)\s*;?/g)].map((match) => ({
    name: match[1]!,
    end: match.index + match[0].trimEnd().length,
  }));
}

/** Words that stand before a function's name and are followed by "(". */
const notFunctions = new Set([
  'SEC',
  '__attribute__',
  '__attribute',
  '__section',
  '__declspec',
  '_Alignas',
  'typeof',
  '__typeof__',
]);

/** The function declared from `start` on, or null when a variable or something else follows. */
function functionName(code: string, start: number): { text: string; offset: number } | null {
  // A program's declaration ends at its body; ";" or "=" before it means a map, a variable or a prototype.
  const token = /([A-Za-z_]\w*)|([(){};=])/g;
  token.lastIndex = start;
  let last: { text: string; offset: number } | null = null;
  for (let match = token.exec(code); match !== null; match = token.exec(code)) {
    if (match[1] !== undefined) {
      // "struct { … } name SEC(".maps")" never comes here: its SEC stands after the name.
      last = { text: match[1], offset: match.index };
      continue;
    }
    if (match[2] !== '(' || last === null) return null;
    const close = closingParenthesis(code, match.index);
    if (close === null) return null;
    if (!notFunctions.has(last.text)) {
      return /^BPF_[A-Z0-9_]+$/.test(last.text)
        ? firstArgument(code, match.index + 1)
        : bodyFollows(code, close)
          ? last
          : null;
    }
    token.lastIndex = close + 1;
    last = null;
  }
  return null;
}

function firstArgument(code: string, start: number): { text: string; offset: number } | null {
  const match = /^\s*([A-Za-z_]\w*)/.exec(code.slice(start, start + 256));
  return match ? { text: match[1]!, offset: start + match[0].length - match[1]!.length } : null;
}

/** True unless a prototype ends here; a missing body of half-written code still counts as a program. */
const bodyFollows = (code: string, close: number): boolean => !/^\s*;/.test(code.slice(close + 1, close + 65));

/** No parameter list is longer; without a bound, text full of "(" would be scanned again and again. */
const longestParameters = 2048;

function closingParenthesis(code: string, open: number): number | null {
  let depth = 0;
  const end = Math.min(code.length, open + longestParameters);
  for (let i = open; i < end; i++) {
    if (code[i] === '(') depth++;
    else if (code[i] === ')' && --depth === 0) return i;
    else if (code[i] === '{' || code[i] === ';') return null;
  }
  return null;
}

/** Comments, character literals and all strings but those of SEC() blanked out; every offset and line break is kept. */
export function maskLiterals(text: string): string {
  const pattern = /\/\/(?:\\\r?\n|[^\n])*|\/\*[\s\S]*?(?:\*\/|$)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;
  return text.replace(pattern, (found, offset: number) => {
    const isSection = found.startsWith('"') && /\bSEC\s*\(\s*$/.test(text.slice(Math.max(0, offset - 32), offset));
    return isSection ? found : found.replace(/[^\n]/g, ' ');
  });
}

function lineIndex(text: string): (offset: number) => { line: number; column: number } {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low, column: offset - starts[low]! };
  };
}
