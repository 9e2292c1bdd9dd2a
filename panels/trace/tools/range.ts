/** A range of time as a part of a filter: it is written into the expression, and shown as a chip instead. */

/** Milliseconds since the epoch; `to` is no more in it. */
export interface TimeRange {
  from: number;
  to: number;
}

const RANGE = /@time >= (\d{1,16})000000 && @time < (\d{1,16})000000/;
const ALONE = new RegExp(`^${RANGE.source}$`);
const BEHIND = new RegExp(`^([\\s\\S]*) && ${RANGE.source}$`);

/** Joins what is typed and a range to one expression. */
export function withRange(text: string, range: TimeRange | null): string {
  const typed = text.trim();
  if (range === null) return typed;
  const part = `@time >= ${Math.floor(range.from)}000000 && @time < ${Math.ceil(range.to)}000000`;
  return typed === '' ? part : `(${typed}) && ${part}`;
}

/** Takes the two apart again. An expression that was not joined here is all typed text. */
export function splitRange(where: string): { text: string; range: TimeRange | null } {
  const alone = ALONE.exec(where);
  if (alone !== null) return { text: '', range: { from: Number(alone[1]), to: Number(alone[2]) } };
  const behind = BEHIND.exec(where);
  const joined = behind?.[1] ?? '';
  if (behind === null || !joined.startsWith('(') || !joined.endsWith(')')) return { text: where, range: null };
  return { text: joined.slice(1, -1), range: { from: Number(behind[2]), to: Number(behind[3]) } };
}

/** Where a fault of the joined expression lies in the typed part; null when it lies in the range. */
export function faultInText(where: string, at: number | null): number | null {
  const { text, range } = splitRange(where);
  if (range === null || at === null) return at;
  const own = at - 1;
  return own >= 0 && own <= text.length ? own : null;
}
