/** From a verifier log to a reason with a place in the source, where it comes from, and how to repair it. */
import type { VerdictReason } from '../../model/index.ts';
import { namedState, parseVerifierLog, type VerifierLog } from '../log/index.ts';
import { Failure } from './failure.ts';
import type { Place, ProgramSource } from './program.ts';
import type { Explanation, Rule } from './rule.ts';
import { findRule } from './rules.ts';

/** Explains the rejection that a log ends with. `line` is 0 where the log and the object name no source. Never throws. */
export function explainRejection(log: string | VerifierLog, source: ProgramSource | null): VerdictReason {
  const parsed = typeof log === 'string' ? parseVerifierLog(log) : log;
  const messages = parsed.messages;
  const failure = new Failure(parsed, source, messages);
  // The kernel's own report is preferred for words; the category comes from the classic message, which it still has.
  const report = parsed.report ? [parsed.report.title, parsed.report.reason] : [];
  const found = findRule(failure, [...report, ...messages]);
  const said = messages.join('; ') || 'The kernel gave no reason.';
  const explained = found && explain(failure, found.rule, found.match);
  const message = explained?.message ?? found?.rule.about ?? parsed.report?.reason ?? '';
  const place = explained?.place ?? failure.place;
  return {
    category: found?.rule.id ?? 'unknown',
    title: found?.rule.title ?? 'Rejected by the verifier',
    message: [message, `The verifier says: ${said}`].filter(Boolean).join(' '),
    ...position(place),
    cause: causes(explained, place),
    fixes: (explained?.fixes ?? []).filter((fix) => fix !== null),
    kernelSuggestion: parsed.report?.suggestion ?? '',
    ...kernelReport(parsed),
    registers: Object.fromEntries(namedState(failure.state)),
    ...frames(failure),
  };
}

/** An explanation is worth less than a verdict: what goes wrong in it costs the words only. */
function explain(failure: Failure, rule: Rule, match: RegExpExecArray): Explanation | null {
  try {
    return rule.explain?.(failure, match) ?? null;
  } catch {
    return null;
  }
}

function position({
  file,
  line,
  column,
  endColumn,
}: Place): Pick<VerdictReason, 'file' | 'line' | 'column' | 'endColumn'> {
  return { file, line, column, endColumn };
}

/** In the order of the path, each line once, without the place itself. */
function causes(explained: Explanation | null, place: Place): VerdictReason['cause'] {
  const found: VerdictReason['cause'] = [];
  for (const one of explained?.causes ?? []) {
    if (!one || (one.file === place.file && one.line === place.line)) continue;
    if (found.some((f) => f.file === one.file && f.line === one.line && f.message === one.message)) continue;
    found.push(one);
  }
  return found;
}

/** The kernel's own report, as it is. */
function kernelReport({ report }: VerifierLog): Pick<VerdictReason, 'kernelReport'> {
  if (!report) return {};
  const { category, reason, causalText: causalPath, text } = report;
  const title = category === '' ? report.title : `${category}: ${report.title}`;
  return { kernelReport: { title, reason, causalPath, text } };
}

/** Who called whom, the program itself last; left out when the failure is in the program's own function. */
function frames(failure: Failure): Pick<VerdictReason, 'frames'> {
  if (failure.at < 0) return {};
  const { program, path } = failure;
  const found: NonNullable<VerdictReason['frames']> = [];
  let insn = failure.insn ?? path.insn(failure.at);
  for (const at of [...path.callers(failure.at), null]) {
    let place = program.place(insn);
    const scopes = program.scopes(insn);
    for (const scope of scopes) {
      found.push({ function: scope.function, file: place.file, line: place.line, column: place.column });
      // clang keeps the file of the call as a number only: inlined functions of headers are called from the program's file.
      if (scope.call)
        place = { ...place, file: program.ofProgram().file, line: scope.call.line, column: scope.call.column };
    }
    if (scopes.length === 0)
      found.push({ function: program.functionOf(insn), file: place.file, line: place.line, column: place.column });
    if (at !== null) insn = path.insn(at);
  }
  return found.length > 1 ? { frames: found } : {};
}
