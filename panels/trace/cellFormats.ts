import type { CellFormat, Column } from '@ringside/core/model';
import { isNumber } from '../shared/chartChoices.ts';

export interface FormatItem {
  label: string;
  format: CellFormat;
}

const TIMES: FormatItem[] = [
  { label: 'Clock', format: 'clock' },
  { label: 'Clock with Nanoseconds', format: 'clock-ns' },
  { label: 'Date and Time (ISO 8601)', format: 'iso' },
  { label: 'Seconds since 1970', format: 'epoch' },
  { label: 'Seconds since the First Row', format: 'elapsed' },
];
const INTEGERS: FormatItem[] = [
  { label: 'Decimal', format: 'dec' },
  { label: 'Hexadecimal', format: 'hex' },
  { label: 'Octal', format: 'oct' },
  { label: 'Binary', format: 'bin' },
];
const AMOUNTS: FormatItem[] = [
  { label: 'Bytes', format: 'bytes' },
  { label: 'Duration of Nanoseconds', format: 'duration-ns' },
  { label: 'Duration of Microseconds', format: 'duration-us' },
  { label: 'Duration of Milliseconds', format: 'duration-ms' },
  { label: 'Duration of Seconds', format: 'duration-s' },
];
const NAMED: FormatItem[] = [
  { label: 'IPv4 Address', format: 'ipv4' },
  { label: 'Port in Network Order', format: 'port' },
  { label: 'Error Name', format: 'errno' },
  { label: 'Signal Name', format: 'signal' },
  { label: 'Character', format: 'char' },
];

/** The formats that a column's values can be written in. */
export function formatsOf({ id, field }: Column): FormatItem[] {
  if (id === '@time') return TIMES;
  if (field === null) return [];
  switch (field.kind) {
    case 'chars':
      return [{ label: 'Bytes in Hexadecimal', format: 'hex' }];
    case 'bytes':
      return [{ label: 'Text', format: 'text' }];
    case 'ipv4':
      return INTEGERS;
    case 'float':
      return id.startsWith('=') ? [...AMOUNTS, ...INTEGERS, ...TIMES] : AMOUNTS;
    default:
      return isNumber(field) ? [...INTEGERS, ...AMOUNTS, ...TIMES, ...NAMED] : [];
  }
}
