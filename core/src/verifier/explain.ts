/** From a verifier log to a reason with a place in the source. */
import type { BpfObject, LineInfo } from '../bpf/index.ts';
import type { VerdictReason } from '../model/index.ts';
import { categorize } from './categories.ts';
import { namedState, parseVerifierLog, stateAtEnd, type VerifierLog } from './log/index.ts';
import { nullableOrigin } from './origin.ts';
import { lineOfInsn, programLayout, type LaidOutFunction } from './programLayout.ts';

/** What is needed to find source lines: the object as it was built and the program's function name. */
export interface ProgramSource {
  object: BpfObject;
  program: string;
}

interface Place {
  file: string;
  line: number;
  column: number;
  /** Exclusive, on the same line; equal to `column` when the line's text is not known. */
  endColumn: number;
}

const nowhere: Place = { file: '', line: 0, column: 0, endColumn: 0 };

/** Explains the rejection that a log ends with. `line` is 0 where the log and the object name no source. */
export function explainRejection(log: string | VerifierLog, source: ProgramSource | null): VerdictReason {
  const parsed = typeof log === 'string' ? parseVerifierLog(log) : log;
  const places = new Places(parsed, source);
  const at = failingInsn(parsed);
  const place = at === null ? places.ofProgram() : places.ofInsn(at);
  // The kernel's own report is preferred for words; the category comes from the classic message, which it still has.
  const category = categorize([
    ...(parsed.report ? [parsed.report.title, parsed.report.reason] : []),
    ...parsed.messages,
  ]);
  const said = parsed.messages.join('; ') || 'The kernel gave no reason.';
  return {
    category: category.category,
    title: category.title,
    message: [category.message || parsed.report?.reason, `The verifier says: ${said}`].filter(Boolean).join(' '),
    ...place,
    cause: causes(parsed, places, at),
    fixes: [],
    kernelSuggestion: parsed.report?.suggestion ?? '',
    registers: Object.fromEntries(namedState(stateAtEnd(parsed))),
  };
}

/** Some messages name their instruction; the others are about the last one checked. */
function failingInsn(log: VerifierLog): number | null {
  for (const message of log.messages) {
    const named = /(?:infinite loop detected at|back-edge from|unreachable|jump out of range from) insn (\d+)/.exec(
      message,
    );
    if (named) return Number(named[1]);
  }
  if (log.messages.some((m) => /^combined stack size/.test(m))) return null;
  return log.report?.insn ?? log.last?.index ?? null;
}

/** Earlier places that explain the failure: where a null pointer came from, where an unreleased reference was taken. */
function causes(log: VerifierLog, places: Places, at: number | null): VerdictReason['cause'] {
  const found: VerdictReason['cause'] = [];
  const add = (index: number, message: string) => {
    const { file, line, column } = places.ofInsn(index);
    if (line > 0 && index !== at) found.push({ file, line, column, message });
  };
  for (const message of log.messages) {
    const register = /^R(\d+)\b.*_or_null/.exec(message)?.[1];
    const origin = register === undefined ? null : nullableOrigin(log, Number(register));
    if (origin !== null) add(origin, 'The pointer comes from here and can be null.');
    const taken = /Unreleased reference id=\d+ alloc_insn=(\d+)/.exec(message)?.[1];
    if (taken) add(Number(taken), 'It is taken here.');
  }
  return found;
}

/** Source places of a loaded program's instructions, from the object's line information, else from the log's comments. */
class Places {
  private readonly layout: LaidOutFunction[];
  constructor(
    private readonly log: VerifierLog,
    private readonly source: ProgramSource | null,
  ) {
    this.layout = source ? programLayout(source.object, source.program) : [];
  }

  ofInsn(index: number): Place {
    const info = this.source ? lineOfInsn(this.source.object, this.layout, index) : null;
    if (info && info.line > 0) return this.ofLine(info);
    const comment = this.log.source(this.log.lastStepOf(index));
    if (comment?.file && comment.line) return { file: comment.file, line: comment.line, column: 1, endColumn: 1 };
    return this.ofProgram();
  }

  /** The program's first line, for what concerns all of it. */
  ofProgram(): Place {
    const info = this.source ? lineOfInsn(this.source.object, this.layout, 0) : null;
    return info && info.line > 0 ? this.ofLine(info) : nowhere;
  }

  private ofLine(info: LineInfo): Place {
    const text = this.source?.object.btf?.name(info.textOffset) ?? '';
    const column = utf16Column(text, Math.max(1, info.column));
    return { file: info.file, line: info.line, column, endColumn: Math.max(column, text.trimEnd().length + 1) };
  }
}

/** Columns of line information count bytes; editors count UTF-16 units. */
function utf16Column(text: string, byteColumn: number): number {
  return (
    Buffer.from(text, 'utf8')
      .subarray(0, byteColumn - 1)
      .toString('utf8').length + 1
  );
}
