/** How panels write numbers, times and text from hosts. No locale: the same words as the CLI and the docs. */

/** Made at its first use: it reads tables, for longer than all else takes that a panel or the extension does at its start. */
let grouped: Intl.NumberFormat | undefined;

/** 3204771 → "3,204,771"; what is unknown says so, it is never 0. */
export function count(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return 'unknown';
  grouped ??= new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
  return grouped.format(value);
}

const SCALES: readonly [number, string][] = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/** Records per second in three significant digits: 312 → "312/s", 48190 → "48.2 k/s", 3.9e6 → "3.90 M/s". */
export function rate(perSecond: number): string {
  if (!Number.isFinite(perSecond) || perSecond < 0) return 'unknown';
  // 999.7 must become "1.00 k", not "1000": compare after rounding.
  for (const [scale, unit] of SCALES) {
    if (Math.round(perSecond) >= scale) return `${threeDigits(perSecond / scale)} ${unit}/s`;
  }
  return `${perSecond > 0 && perSecond < 9.95 ? perSecond.toFixed(1) : Math.round(perSecond)}/s`;
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/** Time for one program run: 61 → "61 ns", 1830 → "1.83 µs". */
export function nanos(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return 'unknown';
  if (value < 999.5) return `${Math.round(value)} ns`;
  if (value < 999_500) return `${threeDigits(value / 1e3)} µs`;
  if (value < 999_500_000) return `${threeDigits(value / 1e6)} ms`;
  return `${threeDigits(value / 1e9)} s`;
}

/** A share of one CPU: 0.31 → "0.3 %", 0.02 → "< 0.1 %", 0 → "0 %". */
export function percent(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return 'unknown';
  if (value === 0) return '0 %';
  if (value < 0.05) return '< 0.1 %';
  return `${value < 99.95 ? value.toFixed(1) : Math.round(value)} %`;
}

const two = (n: number): string => String(n).padStart(2, '0');

/** Milliseconds since the epoch as local hh:mm:ss. */
export function clock(ms: number): string {
  const date = new Date(ms);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** What is left until then (ms since the epoch), as a countdown: "4:32", "1:00:05"; "0:00" when it is over. */
export function countdown(endsAt: number, now = Date.now()): string {
  const seconds = Math.max(0, Math.ceil((endsAt - now) / 1000));
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, two(seconds % 60)];
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** A time in ns since the epoch as this day's "14:32", or "Nov 28, 14:32"; with seconds when it is near. */
export function until(ns: string, now = Date.now()): string {
  const at = new Date(Number(BigInt(ns) / 1_000_000n));
  const near = Math.abs(at.getTime() - now) < 600_000;
  const time = near ? clock(at.getTime()) : `${two(at.getHours())}:${two(at.getMinutes())}`;
  return at.toDateString() === new Date(now).toDateString()
    ? time
    : `${MONTHS[at.getMonth()]} ${at.getDate()}, ${time}`;
}

/** A time cell: nanoseconds since the epoch become local hh:mm:ss.mmm, a text that is already a clock time stays. */
export function clockOfCell(cell: string): string {
  if (!/^\d{16,20}$/.test(cell)) return cell;
  const ns = BigInt(cell);
  return `${clock(Number(ns / 1_000_000n))}.${String((ns / 1_000_000n) % 1000n).padStart(3, '0')}`;
}

/** Difference between two time cells, with sign, as exact as they are: "+12 ms", "+1.204 s", "−3 ns"; "" if unclear. */
export function timeDelta(earlier: string, later: string): string {
  const [a, b] = [cellTime(earlier), cellTime(later)];
  if (a === null || b === null || a.dated !== b.dated) return '';
  const difference = b.ns - a.ns;
  const size = Number(difference < 0n ? -difference : difference);
  const sign = difference < 0n ? '−' : '+';
  if (b.dated) return sign + nanos(size);
  const ms = size / 1e6;
  return ms < 1000 ? `${sign}${ms} ms` : `${sign}${(ms / 1000).toFixed(3)} s`;
}

/** A time cell in nanoseconds: since the epoch, or since midnight if it is a clock time. */
function cellTime(cell: string): { ns: bigint; dated: boolean } | null {
  if (/^\d{16,20}$/.test(cell)) return { ns: BigInt(cell), dated: true };
  const match = /(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?$/.exec(cell);
  if (match === null) return null;
  const seconds = (Number(match[1]) * 60 + Number(match[2])) * 60 + Number(match[3]);
  return { ns: BigInt(seconds) * 1_000_000_000n + BigInt((match[4] ?? '').padEnd(9, '0')), dated: false };
}

// Characters that a host could use to hide or reorder text: controls, format characters (bidi, zero-width, tags), line
// and paragraph separators, lone surrogates, and all that Unicode says may be drawn as nothing.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/** Longest text that goes into one element; more would only cost layout time, and nobody reads it in a cell. */
export const LONGEST_CELL = 1000;

/** Text from a host as it is safe to show: what cannot be seen or would reorder its surroundings gets a visible form. */
export function visible(text: string, longest: number = LONGEST_CELL): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  HIDDEN.lastIndex = 0;
  if (!HIDDEN.test(cut)) return cut;
  return cut.replace(HIDDEN, visibleCharacter);
}

// Unicode has pictures for controls (␀), but many fonts do not: the names can be read everywhere.
const CONTROLS =
  'NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US'.split(
    ' ',
  );

function visibleCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const name = code === 0x7f ? 'DEL' : (CONTROLS[code] ?? `U+${code.toString(16).toUpperCase().padStart(4, '0')}`);
  return `⟪${name}⟫`;
}

/** "12.3 MB" */
export function byteSize(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]!}`;
}
