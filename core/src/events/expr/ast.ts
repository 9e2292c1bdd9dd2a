/** The tree of an EXPR, as written: nothing is resolved or typed yet. Positions count characters from 0. */
export type Expr =
  | { kind: 'and' | 'or'; left: Expr; right: Expr }
  | { kind: 'not'; operand: Expr }
  | { kind: 'compare'; op: CompareOp; left: Operand; right: Operand; at: number }
  | { kind: 'match'; negated: boolean; left: Operand; pattern: string; at: number; patternAt: number }
  /** A field alone: true when it is not zero or empty. */
  | { kind: 'truth'; operand: Operand };

export type CompareOp = '==' | '!=' | '<' | '<=' | '>' | '>=';

export type Operand =
  | { kind: 'path'; path: string; at: number }
  | { kind: 'number'; value: Rational; unit: Unit | null; at: number; text: string }
  | { kind: 'string'; value: string; at: number }
  | { kind: 'boolean'; value: boolean; at: number }
  /** `bytes / 1024`, `end - start`; + joins texts. */
  | { kind: 'arithmetic'; op: ArithmeticOp; left: Operand; right: Operand; at: number }
  | { kind: 'call'; name: string; args: Operand[]; at: number };

export type ArithmeticOp = '+' | '-' | '*' | '/' | '%';
export type Constant = Extract<Operand, { kind: 'number' | 'string' | 'boolean' }>;
/** What is computed from a row's values. */
export type Computed = Extract<Operand, { kind: 'arithmetic' | 'call' }>;

export function isComputed(operand: Operand): operand is Computed {
  return operand.kind === 'arithmetic' || operand.kind === 'call';
}

/** An exact decimal number: 1.5 is 15/10. */
export interface Rational {
  numerator: bigint;
  denominator: bigint;
}

/** Time units in nanoseconds, sizes in bytes (binary: 1 KB is 1024, as kernel people count). */
export const UNITS = {
  ns: { of: 'time', factor: 1n },
  us: { of: 'time', factor: 1_000n },
  ms: { of: 'time', factor: 1_000_000n },
  s: { of: 'time', factor: 1_000_000_000n },
  B: { of: 'size', factor: 1n },
  KB: { of: 'size', factor: 1n << 10n },
  MB: { of: 'size', factor: 1n << 20n },
  GB: { of: 'size', factor: 1n << 30n },
} as const;
export type Unit = keyof typeof UNITS;
