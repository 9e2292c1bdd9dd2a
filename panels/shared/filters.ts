import type { FieldKind, FieldValue } from '@ringside/core/model';

/** A condition that holds for rows with this value; null when there is no such condition (structs, clock times). */
export function valueFilter(
  columnId: string,
  kind: FieldKind | null,
  value: FieldValue,
  operator: '==' | '!=',
): string | null {
  const literal = literalOf(kind, value);
  return literal === null || columnId === '@time' ? null : `${columnId} ${operator} ${literal}`;
}

function literalOf(kind: FieldKind | null, value: FieldValue): string | null {
  if (value === null || typeof value === 'object') return null;
  if (typeof value !== 'string') return String(value);
  const number = kind === 'int' || kind === 'uint' || kind === 'pointer' || kind === null;
  if (number && /^-?(\d+|0x[0-9a-f]+)$/i.test(value)) return value;
  return quoted(value);
}

const ESCAPES: Record<string, string> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\0': '\\0',
};

/** A string literal of EXPR. It knows these escapes only; any other character stands for itself. */
export function quoted(text: string): string {
  return `"${text.replace(/[\\"\n\r\t\0]/g, (character) => ESCAPES[character] ?? character)}"`;
}

/**
 * Where a refused filter is wrong, as an index of a character: what the page says, else the caret that the engine
 * draws under the expression in the error's detail; null when there is neither.
 */
export function faultPosition(where: string, detail: string, at: number | undefined): number | null {
  if (at !== undefined) return at >= 0 && at <= where.length ? at : null;
  const caret = /^( *)\^\s*$/m.exec(detail);
  const position = caret?.[1]?.length ?? -1;
  return position >= 0 && position <= where.length ? position : null;
}

/** Adds a condition to a filter. */
export function combined(where: string, condition: string): string {
  const before = where.trim();
  if (before === '') return condition;
  // Only || binds weaker than the && that joins the two.
  return before.includes('||') ? `(${before}) && ${condition}` : `${before} && ${condition}`;
}
