/** The verdict of one program on one host, from what the agent answers. */
import { BpfObject } from '../bpf/index.ts';
import type { Diagnostic, ProgramVerdict, VerdictReason, VerdictStats } from '../model/index.ts';
import { explainRejection } from './explain/explain.ts';
import type { ProgramSource } from './explain/program.ts';
import { parseVerifierLog, type LogStats } from './log/index.ts';
import { programLayout, type LaidOutFunction } from './programLayout.ts';

/** An agent's answer for one program (ProgramVerdict of agent.proto with its log fetched). */
export interface AgentVerdict {
  name: string;
  section: string;
  verdict: string;
  error: { code: string; message: string; hint: string } | null;
  /** The verifier's log; "" when there is none. */
  log: string;
  /** 0 = unknown. */
  instructions: number;
  /** Measured around the load; 0 = unknown. */
  verifyMicros: number;
  libbpfLog: string;
}

/**
 * The verdict with reason, place and figures. `object` is the object as it was built (line information is read from it);
 * null or damaged bytes only cost the place in the source. With the source's text, repairs are proposed as edits of it.
 */
export function verdictFromAgent(
  agent: AgentVerdict,
  object: Uint8Array | BpfObject | null,
  readSource?: ProgramSource['readSource'],
): ProgramVerdict {
  const source = programSource(object, agent, readSource);
  const log = parseVerifierLog(agent.log);
  const verdict = agent.verdict === 'accepted' || agent.verdict === 'skipped' ? agent.verdict : 'rejected';
  const layout = source ? programLayout(source.object, source.program) : [];
  return {
    name: agent.name,
    section: agent.section,
    verdict,
    reason: verdict === 'accepted' ? null : reasonOf(agent, source, log),
    stats: statsOf(log.stats, layout, agent),
  };
}

function programSource(
  object: Uint8Array | BpfObject | null,
  { name: program, section }: AgentVerdict,
  readSource: ProgramSource['readSource'],
): ProgramSource | null {
  if (object === null) return null;
  if (object instanceof BpfObject) return { object, program, section, readSource };
  try {
    return { object: BpfObject.parse(object), program, section, readSource };
  } catch {
    return null;
  }
}

function reasonOf(
  agent: AgentVerdict,
  source: ProgramSource | null,
  log: ReturnType<typeof parseVerifierLog>,
): VerdictReason | null {
  const missing = coreFailure(agent.libbpfLog, agent.log);
  if (log.stepCount === 0 && log.messages.length === 0 && log.report === null && missing === '') {
    // The verifier was never asked: libbpf or the kernel refused before (a map, a licence, an unknown program type).
    return agent.error ? refusedBefore(agent, explainRejection('', source)) : null;
  }
  const reason = explainRejection(log, source);
  if (missing === '') return reason;
  return {
    ...reason,
    ...(source ? corePlace(source, missing, reason) : {}),
    category: 'core-relocation',
    title: 'Field or type missing on this kernel',
    message:
      `This kernel has no ${missing}, which the program reads; guard it with bpf_core_field_exists() or ` +
      'bpf_core_type_exists(), or use what this kernel has.',
  };
}

/** The compiler computes offsets early: the first line that names the missing field or value is the better place. */
function corePlace(source: ProgramSource, missing: string, reason: VerdictReason): Partial<VerdictReason> {
  const name = /^(?:field|value) ([\w.]+)/.exec(missing)?.[1]?.split('.').at(-1);
  const { object } = source;
  if (name === undefined || !object.btf) return {};
  const mentions = new RegExp(`\\b${name}\\b`);
  for (const { function: fn } of programLayout(object, source.program)) {
    for (const info of object.btfExt?.lines.get(fn.section.name) ?? []) {
      if (info.offset < fn.offset || info.offset >= fn.offset + fn.size) continue;
      const text = object.btf.name(info.textOffset);
      const column = text.search(mentions) + 1;
      if (column === 0 || (info.file === reason.file && info.line === reason.line)) continue;
      return { file: info.file, line: info.line, column, endColumn: text.trimEnd().length + 1 };
    }
  }
  return {};
}

function refusedBefore(agent: AgentVerdict, place: VerdictReason): VerdictReason {
  const { code, message, hint } = agent.error!;
  const said = lastWarning(agent.libbpfLog);
  return {
    ...place,
    category: code,
    title: 'Refused before verification',
    message: [message, hint, said && !message.includes(said) ? `libbpf says: ${said}` : ''].filter(Boolean).join(' '),
  };
}

function lastWarning(log: string): string {
  const lines = log.split('\n').filter((line) => line.startsWith('libbpf: ') && !/failed to load object/.test(line));
  return (lines.at(-1) ?? '').slice('libbpf: '.length).trim();
}

/**
 * What a failed CO-RE relocation looked for, in C's words ("field no_such_field in struct task_struct"); "" when none
 * failed. Only the relocation that the verifier met counts: others stand in branches that are never taken.
 */
function coreFailure(libbpfLog: string, log: string): string {
  const met =
    /failed to resolve CO-RE relocation <(\w+)> \[\d+\] (?:struct |union |enum )?(.*?)(?: \((?:[\d:]+)?.*\))?$/m.exec(
      log,
    );
  if (met) return coreTarget(met[1]!, log.slice(met.index).split('\n', 1)[0]!);
  const poisoned = /relo #\d+: no matching targets found/.test(libbpfLog) && /CO-RE|unknown#195896080/.test(log);
  const described = /relo #\d+: <(\w+)> (\[\d+\] .*)$/m.exec(libbpfLog);
  return poisoned && described ? coreTarget(described[1]!, described[2]!) : '';
}

/** From libbpf's "[26] struct task_struct___x.no_such_field (0:0 @ offset 0)". */
function coreTarget(kind: string, spec: string): string {
  const match = /\[\d+\] ((?:struct|union|enum|typedef)? ?)([^\s.(:]+)(?:\.([^\s(]+)|::(\w+))?/.exec(spec);
  if (!match) return 'such type or field';
  const type = `${match[1]!}${match[2]!.replace(/___[^_].*$/, '')}`;
  if (match[4]) return `value ${match[4]} in ${type}`;
  return match[3] && !kind.startsWith('type') ? `field ${match[3]} in ${type}` : type;
}

function statsOf(stats: LogStats, layout: readonly LaidOutFunction[], agent: AgentVerdict): VerdictStats {
  const { processed, limit, totalStates, peakStates } = stats;
  const percent = processed !== null && limit ? Math.round((processed / limit) * 1000) / 10 : null;
  return {
    instructions: agent.instructions > 0 ? agent.instructions : null,
    processed,
    limitPercent: percent,
    totalStates,
    peakStates,
    stackBytes: stats.stackMax ?? deepestStack(stats.stackDepths, layout),
    verifyMicros: stats.verifyMicros ?? (agent.verifyMicros > 0 ? agent.verifyMicros : null),
  };
}

/** Stack of the deepest call chain; the log has each function's own. null when the chain is not known. */
function deepestStack(depths: readonly number[], layout: readonly LaidOutFunction[]): number | null {
  if (depths.length <= 1) return depths[0] ?? null;
  if (depths.length !== layout.length) return null;
  const chain = (index: number, above: ReadonlySet<number>): number => {
    const calls = layout[index]!.calls.map((fn) => layout.findIndex((l) => l.function === fn));
    const below = calls.filter((i) => i >= 0 && !above.has(i)).map((i) => chain(i, new Set([...above, i])));
    return depths[index]! + Math.max(0, ...below);
  };
  return chain(0, new Set([0]));
}

/** A rejected program as diagnostics: the reason, and its causes as notes. Empty when there is no place to put them. */
export function verdictDiagnostics(verdict: ProgramVerdict): Diagnostic[] {
  const { reason, name, verdict: word } = verdict;
  if (word === 'accepted' || !reason || reason.line === 0 || reason.file === '') return [];
  const column = Math.max(1, reason.column);
  const suggestion = reason.kernelSuggestion === '' ? '' : `\nThe kernel suggests: ${reason.kernelSuggestion}`;
  const main: Diagnostic = {
    file: reason.file,
    line: reason.line,
    column,
    endLine: reason.line,
    endColumn: Math.max(column + 1, reason.endColumn ?? 0),
    severity: word === 'skipped' ? 'warning' : 'error',
    message: `${name}: ${reason.title}. ${reason.message}${suggestion}`,
    code: `verifier:${reason.category}`,
    source: 'verifier',
  };
  const notes = reason.cause.map(({ file, line, column: at, message }): Diagnostic => ({
    ...{ file, line, column: at, endLine: line, endColumn: at + 1, message },
    severity: 'note',
    code: main.code,
    source: 'verifier',
  }));
  return [main, ...notes];
}
