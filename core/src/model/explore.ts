/**
 * What the verifier explorer asks the engine, and what it gets: pages and single states, never a whole log. A step is one
 * instruction verified once; steps and lines of the log count from 0, lines of a source from 1.
 */
import type { VerdictReason } from './verdict.ts';

export interface ExplorationRequest {
  /** File with a verifier log, or with those of several programs. */
  log: string;
  /** Which program's; default the first that was rejected, else the first. */
  program?: string;
  /** The record that a verification left beside its log (VerifyRequest.record); null = the log is all there is. */
  record: string | null;
}

/** One program's part of a log file. */
export interface LogPart {
  /** "" where the log names no program. */
  program: string;
  section: string;
  verdict: 'accepted' | 'rejected' | 'unknown';
}

export interface ExplorationInfo {
  id: number;
  parts: LogPart[];
  /** Index of the part that was opened. */
  part: number;
  /** "" where it is not known. */
  host: string;
  kernel: string;
  /** Path of the source that was verified; "" = not known. */
  file: string;
  steps: number;
  lines: number;
  /** Paths that the verifier walked. */
  paths: number;
  /** null where the log does not say. */
  processed: number | null;
  limit: number | null;
  reason: VerdictReason | null;
  /** The step that was rejected, or the last one; -1 = the log has no instructions. */
  end: number;
  /** Source files by their place in `StepRow.file`. */
  sources: SourceName[];
  /** True when source lines come from line information, false when they come from the log's own comments. */
  fromObject: boolean;
  /** The files of the record are as the compiler saw them; else they are read from the disk as they are now. */
  recorded: boolean;
}

export interface SourceName {
  name: string;
  /** Instructions of it that the log has. */
  steps: number;
}

export interface StepRow {
  step: number;
  /** Index in the loaded program. */
  insn: number;
  /** "*(u64 *)(r0 +0) = r1" */
  text: string;
  /** Index of ExplorationInfo.sources, -1 = no source known; line 0 = not known. */
  file: number;
  line: number;
  /** Functions that are open besides the program. */
  depth: number;
  /** Other ways to go on from here that the log has. */
  branches: number;
}

/** A way through the program, from its beginning to the end of one branch. */
export interface PathPlace {
  /** The last step of the path, by which it is named. */
  leaf: number;
  length: number;
  /** Where the step that was asked for is on it. */
  index: number;
}

/** One register or stack slot in words. */
export interface Term {
  /** "r0", "fp-8" */
  name: string;
  /** C variable that it holds, or that lies there; "" = not known. */
  variable: string;
  /** "struct event *"; "" = not known. */
  type: string;
  /** "mem_or_null(id 4, size 64)" */
  text: string;
  /** As the log spells it. */
  raw: string;
  /** The step before wrote it. */
  changed: boolean;
}

export interface StateFrame {
  /** "" = not known. */
  function: string;
  callback: boolean;
  registers: Term[];
  stack: Term[];
}

export interface StateView {
  step: number;
  /** The innermost first. */
  frames: StateFrame[];
  references: number[];
  /** Whole line of the log. */
  insn: number;
  text: string;
  /** Registers that the instruction reads, writes. */
  reads: string[];
  writes: string[];
  line: number;
  file: number;
  column: number;
  endColumn: number;
  logLine: number;
  /** The visit of its source line: of how many in the log. */
  visit: { k: number; n: number } | null;
}

export interface TreeRow {
  /** First step; -1 for a branch that was pruned before its first instruction. */
  first: number;
  last: number;
  steps: number;
  /** The step that it goes on from; -1 = the beginning, or not in the log. */
  parent: number;
  depth: number;
  end: 'exit' | 'pruned' | 'rejected' | 'cut';
  /** Where it branches off, and where it goes on. */
  fromInsn: number;
  toInsn: number;
  file: number;
  line: number;
}

export interface SourceView {
  file: number;
  name: string;
  /** Null when there is no text. */
  text: string | null;
  /** Put together from what the log or the object quotes: lines in between are not known. */
  partial: boolean;
  /** Of each line with instructions: instructions verified, branches that were taken up there. */
  heat: { line: number; steps: number; branches: number; insns: number }[];
}

export interface LogLine {
  line: number;
  text: string;
  /** Step that it belongs to; -1 = before the first. */
  step: number;
  kind: 'insn' | 'state' | 'source' | 'branch' | 'message' | 'note';
}

export interface Found {
  /** Step and line of the log; -1 = nothing found. */
  step: number;
  line: number;
  k: number;
  n: number;
  /** There are more than were counted. */
  more: boolean;
}

export interface Visit {
  step: number;
  insn: number;
  /** The path that it is on. */
  path: number;
}

/** Rows of two logs side by side; -1 = the other has nothing there. */
export type StepPair = [left: number, right: number];

export interface Comparison {
  pairs: number;
  /** Rows where the instructions or the states begin to differ; -1 = they do not. */
  firstInsn: number;
  firstState: number;
  /** "r1" …: what differs there. */
  registers: string[];
  /** The end was not reached: only so many steps were compared. */
  cut: boolean;
}

/** What can be asked of an exploration, and what is answered. */
export interface ExploreAnswers {
  path: PathPlace;
  rows: StepRow[];
  state: StateView;
  set: { step: number; why: string };
  visit: { step: number; k: number; n: number };
  visits: { visits: Visit[]; n: number };
  tree: { rows: TreeRow[]; n: number };
  lines: LogLine[];
  source: SourceView;
  search: Found;
  compare: Comparison;
  pairs: { pairs: StepPair[]; left: StepRow[]; right: StepRow[] };
  pairOf: number;
}

export type ExploreQuery =
  /** The path that a step is on: the one named by `leaf` when it is on that, else the one that was walked first. */
  | { ask: 'path'; step: number; leaf: number }
  | { ask: 'rows'; leaf: number; from: number; count: number }
  /** The state before a step. */
  | { ask: 'state'; step: number }
  /** The step of the path that wrote a register ("r0") or a stack slot ("fp-8") last. */
  | { ask: 'set'; step: number; what: string }
  /** The next or previous visit of a source line, in the order of the log. */
  | { ask: 'visit'; step: number; file: number; line: number; forward: boolean }
  | { ask: 'visits'; file: number; line: number; from: number; count: number }
  | { ask: 'tree'; from: number; count: number }
  | { ask: 'lines'; from: number; count: number }
  | { ask: 'source'; file: number }
  /** `line` of the log from which on; a search ends where it began. */
  | { ask: 'search'; text: string; line: number; forward: boolean }
  /** The way to the end of both, aligned. */
  | { ask: 'compare'; other: number }
  | { ask: 'pairs'; other: number; from: number; count: number }
  /** The row of a step of this one in a comparison. */
  | { ask: 'pairOf'; other: number; step: number };

export type ExploreAnswer<Q extends ExploreQuery> = ExploreAnswers[Q['ask']];
