/** Finds text in instructions, states and messages, forwards and backwards, with how many there are. */
import { LineKind, type VerifierLog } from '../log/index.ts';

const MOST = 100_000;
const searched = new Set<number>([
  LineKind.insn,
  LineKind.state,
  LineKind.bareState,
  LineKind.branch,
  LineKind.source,
  LineKind.message,
  LineKind.pruned,
  LineKind.report,
]);

export interface Matches {
  text: string;
  /** Lines of the log, ascending. */
  lines: number[];
  /** There are more than were counted. */
  more: boolean;
}

/** Letters match in any case; a register as a word of its own ("r1" does not find r10), and in states too. */
export function matcherOf(text: string): (line: string) => boolean {
  const register = /^r(\d+)$/i.exec(text.trim());
  if (register) {
    const pattern = new RegExp(`\\b[rRw]${register[1]!}(?:_\\w+)?(?=\\b|=)`);
    return (line) => pattern.test(line);
  }
  const wanted = text.toLowerCase();
  return (line) => line.toLowerCase().includes(wanted);
}

/** All matching lines. `pause` is awaited now and then, so that nothing else waits for a long search. */
export async function search(log: VerifierLog, text: string, pause: () => Promise<void>): Promise<Matches> {
  const found: Matches = { text, lines: [], more: false };
  if (text.trim() === '') return found;
  const matches = matcherOf(text);
  for (let line = 0; line < log.lineCount; line++) {
    if (line % 20_000 === 19_999) await pause();
    if (!searched.has(log.kind(line)) || !matches(log.line(line))) continue;
    if (found.lines.length === MOST) {
      found.more = true;
      break;
    }
    found.lines.push(line);
  }
  return found;
}

/** The next match after a line (or before it); the search goes round at the ends. -1 without matches. */
export function nextMatch({ lines }: Matches, line: number, forward: boolean): number {
  if (lines.length === 0) return -1;
  const at = forward ? lines.findIndex((one) => one > line) : lines.findLastIndex((one) => one < line);
  if (at >= 0) return at;
  return forward ? 0 : lines.length - 1;
}
