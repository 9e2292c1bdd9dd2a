import type { SourcePlace } from './object.ts';

/** One instruction as the kernel rewrote it. */
export interface XlatedInsn {
  index: number;
  /** "(b7) r1 = 0", in the kernel's own notation, with names for helpers, maps and functions. */
  text: string;
  /** Its eight or sixteen bytes, hexadecimal. */
  bytes: string;
}

/** What one line of the source became. */
export interface CodeLine {
  /** null without line information. */
  source: (SourcePlace & { column: number; text: string }) | null;
  xlated: XlatedInsn[];
  /** Address of the machine code (hexadecimal with 0x) and its bytes; null where it is not shown. */
  jited: { address: string; bytes: string } | null;
}

export interface CodeFunction {
  name: string;
  /** Index of its first translated instruction. */
  start: number;
  address: string | null;
  lines: CodeLine[];
}

/** `ringside programs HOST ID --xlated|--jited --json`. */
export interface ProgramCode {
  host: string;
  id: number;
  name: string;
  type: string;
  /** `uname -m` of the host: what the machine code is for. */
  arch: string;
  /** null where the kernel does not show them. */
  xlatedBytes: number | null;
  jitedBytes: number | null;
  functions: CodeFunction[];
  /** Why there are no translated instructions, or no machine code; "" where there are. */
  xlatedUnknown: string;
  jitedUnknown: string;
}
