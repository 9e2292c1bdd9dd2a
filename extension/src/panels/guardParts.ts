/** What the guards of all panels' messages are made of. */
export type Fields = Record<string, unknown>;
/** A value as it is expected, made anew with the known properties only; null when it is not that. */
export type Guard<T> = (value: unknown) => T | null;

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const isText = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value.length <= max;
export const isCount = (value: unknown, max = Number.MAX_SAFE_INTEGER): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;

export function texts(value: unknown, maxItems: number, maxLength: number): string[] | null {
  if (!Array.isArray(value) || value.length > maxItems) return null;
  return value.every((item): item is string => isText(item, maxLength)) ? [...value] : null;
}
