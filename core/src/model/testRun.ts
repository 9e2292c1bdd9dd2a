import type { ErrorData } from '../errors.ts';
import type { WalkedReport } from './walked.ts';

/** What was expected of a test and was not so. */
export interface TestDifference {
  what: 'return' | 'data' | 'context' | 'map' | 'global' | 'record' | 'print';
  /** "return", "ipv4.ttl", "bytes[14]", "protocols[6].packets", "events[0].pid". */
  path: string;
  /** As text that people read; "" = nothing. */
  expected: string;
  actual: string;
  /** Of the expectation in the test file, from 1. */
  line: number;
  column: number;
}

/** One program, run once (or `repeat` times) with what the test gives it. */
export interface TestResult {
  name: string;
  program: string;
  /** Of the test in its file, from 1. */
  line: number;
  column: number;
  outcome: 'passed' | 'failed' | 'error';
  /** Why it could not be run; null unless the outcome is "error". */
  error: ErrorData | null;
  /** null when it was not run. */
  returned: { value: number; name: string | null } | null;
  /** The mean of all repeats; null when it was not run. */
  nanosPerRun: number | null;
  repeat: number;
  differences: TestDifference[];
  /** The packet: hexadecimal, null where there was none or it was not run. */
  data: { in: string | null; expected: string | null; out: string | null; summary: string | null };
  /** What bpf_printk said, in order. */
  prints: string[];
  /** Why prints are not known; "" when they are. */
  printsUnknown: string;
  /** Records by stream, as they came; at most the first thousand of each. */
  records: Record<string, unknown[]>;
}

/** `ringside test --json`, one host. */
export interface TestReport {
  ok: boolean;
  host: string;
  kernel: string;
  /** The source or object, and the file with the tests. */
  file: string;
  testFile: string;
  passed: number;
  failed: number;
  errors: number;
  tests: TestResult[];
  /** Null when it was not asked for. */
  coverage: CoverageReport | null;
}

/** A test as it stands in its file, for lists of tests. */
export interface TestEntry {
  name: string;
  program: string;
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
  /** Why it cannot be run. */
  error: ErrorData | null;
}
export interface TestListing {
  file: string;
  testFile: string;
  tests: TestEntry[];
}

/** Which lines of the source the runs of the tests went through, and which the verifier walked. */
export interface CoverageReport {
  ran: RanFile[];
  /** Tests whose runs could not be followed, and why. */
  unfollowed: { test: string; message: string }[];
  walked: WalkedReport;
}

export interface RanFile {
  /** Absolute. */
  file: string;
  /**
   * Every line that became instructions, in order. `told`: of how many of them it is known whether they ran; `ran`: how
   * many did, in any of the tests.
   */
  lines: { line: number; instructions: number; told: number; ran: number }[];
}
