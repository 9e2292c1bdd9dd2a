import type { CostOf, MeasureOf, RecordField } from '@ringside/core/model';
import { count, nanos, percent, rate } from '../shared/format.ts';

/** Writes a number of a chart for people. */
export type Format = (value: number | null) => string;

const NANOS: Partial<Record<RecordField['format'], number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

/** How the numbers of a measure are written: with the unit that the field's format names. */
export function formatOf(of: MeasureOf, field: RecordField | null): Format {
  if (of === 'count') return short;
  if (of === 'rate') return (value) => (value === null ? '–' : rate(value));
  const scale = field === null ? undefined : NANOS[field.format];
  if (scale !== undefined) return (value) => (value === null ? '–' : signed(value * scale, nanos));
  if (field?.format === 'bytes') return (value) => (value === null ? '–' : signed(value, bytes));
  return short;
}

export function costFormat(of: CostOf): Format {
  switch (of) {
    case 'runs':
    case 'missed':
      return (value) => (value === null ? '–' : rate(value));
    case 'nanos':
      return (value) => (value === null ? '–' : nanos(value));
    case 'cpu':
      return (value) => (value === null ? '–' : percent(value));
  }
}

/** What is below zero gets its sign before the unit's text. */
export function signed(value: number, write: (size: number) => string): string {
  return value < 0 ? `−${write(-value)}` : write(value);
}

/** The texts beside an axis: where two ticks would have the same text, all get as many digits as the distance between them. */
export function tickTexts(ticks: readonly number[], format: Format): string[] {
  const texts = ticks.map(format);
  if (ticks.length < 2 || new Set(texts).size === texts.length) return texts;
  const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(Math.abs(ticks[1]! - ticks[0]!)) - 1e-9)));
  const finer = texts.map((text, i) => {
    const [all, number] = /^(?:< )?([\d.]+)/.exec(text) ?? [];
    // Another number than the tick's own is written in another unit: that is left as it is.
    if (all === undefined || Math.abs(Number(number) - ticks[i]!) > 0.1) return null;
    return ticks[i]!.toFixed(digits) + text.slice(all.length);
  });
  return finer.every((text) => text !== null) ? finer : texts;
}

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** 1536 → "1.5 KiB". */
export function bytes(value: number): string {
  let unit = 0;
  let size = value;
  while (size >= 1000 && unit < SIZES.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size >= 100 || Number.isInteger(size) ? Math.round(size) : size.toFixed(1)} ${SIZES[unit]}`;
}

/** 48190 → "48.2 k", 1234 → "1,234", 0.5 → "0.5". */
export function short(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '–';
  const size = Math.abs(value);
  const sign = value < 0 ? '−' : '';
  if (size >= 1e15) return `${sign}${size.toExponential(1)}`;
  if (size < 10_000) return sign + (Number.isInteger(size) ? count(size) : trimmed(size.toPrecision(3)));
  for (const [scale, unit] of [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (size >= scale) return `${sign}${trimmed((size / scale).toPrecision(3))} ${unit}`;
  }
  return sign + String(size);
}

function trimmed(text: string): string {
  return text.includes('e') ? String(Number(text)) : text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
}

/** The bounds of a slot: "[4, 8)" as libbpf's tools write it, with units. */
export function slotText(low: number, high: number, format: Format): string {
  return `${format(low)} … ${format(high)}`;
}
