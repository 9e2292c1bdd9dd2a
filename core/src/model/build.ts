export type Severity = 'error' | 'warning' | 'note';

/** Lines and columns count from 1; the end is exclusive. */
export interface Diagnostic {
  file: string;
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
  severity: Severity;
  message: string;
  /** "-Wunused-variable", "verifier:null-pointer" …; "" where there is none. */
  code: string;
  source: 'clang' | 'verifier' | 'ringside';
  /** For a place in a header: the #include lines that led there, the header's own includer first. */
  includedFrom?: { file: string; line: number }[];
}

export interface Compiler {
  path: string;
  version: string;
  flags: string[];
}

/** `ringside build --json`. */
export interface BuildResult {
  ok: boolean;
  /** Path of the object; "" when it did not build. */
  object: string;
  sha256: string;
  /** Headers of the project that were read for the object, as absolute paths. */
  headers?: string[];
  diagnostics: Diagnostic[];
  compiler: Compiler;
  /** The kernel that it was built for: path of its vmlinux.h in the cache, and `uname -m`. */
  target?: { vmlinuxHeader: string | null; arch: string };
  /** clang's -mcpu: the instructions that the target's kernel knows. */
  cpu?: string;
  ms: number;
}
