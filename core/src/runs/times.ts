/** Times as people write and read them: how long a run is kept, and how long that still is. */

const units: Record<string, number> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 };

/** A host keeps nothing for longer. */
export const longestKeptSeconds = 30 * 86_400;

/** "90s", "15m", "15 min", "2h", "3d" in seconds; undefined for anything else, and for no time at all. */
export function parseDuration(text: string): number | undefined {
  const [, number = '', unit = ''] = /^(\d{1,7}) ?(s|m|min|h|d)$/.exec(text) ?? [];
  const seconds = Number(number) * (units[unit] ?? 0);
  return seconds === 0 ? undefined : seconds;
}

/** "90 s", "15 min", "2 h", "3 days": in the largest unit that is exact. */
export function durationText(seconds: number): string {
  if (seconds % 86_400 === 0 && seconds > 0) return seconds === 86_400 ? '1 day' : `${seconds / 86_400} days`;
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

/** "1 h 58 min" until a time in ns since the Unix epoch; "no time" when it is over. */
export function timeLeft(expires: string, now = Date.now()): string {
  const seconds = Math.round(Number(BigInt(expires) / 1_000_000n - BigInt(now)) / 1000);
  if (seconds <= 0) return 'no time';
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (hours >= 48) return `${Math.floor(hours / 24)} days ${hours % 24} h`;
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}
