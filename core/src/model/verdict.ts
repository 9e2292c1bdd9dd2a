export interface TextEdit {
  file: string;
  startLine: number;
  startColumn: number;
  endLine: number;
  endColumn: number;
  text: string;
}
export interface VerdictReason {
  /** kebab-case: "null-pointer", "out-of-bounds", "unknown" … */
  category: string;
  title: string;
  message: string;
  file: string;
  /** 0 when no place is known. */
  line: number;
  column: number;
  /** Exclusive end of the statement on `line`, where the line's text is known. */
  endColumn?: number;
  cause: { file: string; line: number; column: number; message: string }[];
  fixes: { title: string; edits: TextEdit[] }[];
  kernelSuggestion: string;
  /**
   * What Linux 7.3 and newer say themselves, in their words; left out by others. `causalPath` has the kernel's line breaks,
   * `text` is all of it as the kernel printed it.
   */
  kernelReport?: { title: string; reason: string; causalPath: string; text: string };
  registers: Record<string, string>;
  /** The functions that were open, inlined ones too, the one that failed first; left out when there is only one. */
  frames?: { function: string; file: string; line: number; column: number }[];
}
export interface VerdictStats {
  /** null where the kernel did not say. */
  instructions: number | null;
  processed: number | null;
  limitPercent: number | null;
  totalStates: number | null;
  peakStates: number | null;
  stackBytes: number | null;
  verifyMicros: number | null;
}
export interface ProgramVerdict {
  name: string;
  section: string;
  verdict: 'accepted' | 'rejected' | 'skipped';
  reason: VerdictReason | null;
  stats: VerdictStats;
}
/** `ringside verify --json`, one host. */
export interface VerifyReport {
  ok: boolean;
  host: string;
  kernel: string;
  programs: ProgramVerdict[];
  /** What Ringside did by itself: an inferred section, another instruction set. */
  notes: string[];
}
