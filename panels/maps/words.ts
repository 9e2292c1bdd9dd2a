/** What the panel says of maps, in few words. */
import type { MapSummary } from '@ringside/core/model';
import { clock, count } from '../shared/format.ts';
import type { Shown } from './state.ts';

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** 8192 → "8 KB"; what is unknown says so. */
export function bytes(value: number | string | null): string {
  if (value === null) return 'size unknown';
  let size = Number(value);
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${size >= 10 || unit === 0 ? Math.round(size) : size.toFixed(1)} ${UNITS[unit]!}`;
}

/** What takes the place of a number of entries. */
export function entriesWords({ access, entries, maxEntries }: MapSummary): string {
  switch (access) {
    case 'entries':
      return entries === null ? '…' : `${count(entries)} of ${count(maxEntries)}`;
    case 'next':
      return `room for ${count(maxEntries)}`;
    case 'owners':
      return entries === null ? 'by owner' : `${count(entries)} owners`;
    case 'positions':
      return `ring of ${bytes(maxEntries)}`;
    case 'member':
      return 'not listed';
    case 'pages':
      return `${count(maxEntries)} pages`;
    case 'nothing':
      return 'not shown';
  }
}

export function changesWords({ changesPerSecond, atLeast }: MapSummary): string {
  if (changesPerSecond === null) return '';
  const rounded = changesPerSecond < 10 ? Math.round(changesPerSecond * 10) / 10 : Math.round(changesPerSecond);
  return `${atLeast && rounded > 0 ? '≥ ' : ''}${count0(rounded)}/s`;
}

const count0 = (value: number): string => (Number.isInteger(value) ? count(value) : String(value));

/** What is wrong, and on which host: a connection's own words do not say whose it was. */
export function troubleWords(host: string, message: string): string {
  return host === '' || message.includes(host) ? message : `${host}: ${message}`;
}

/** How it is read: again and again, not at present, or not any more. */
export type Reading = 'live' | 'paused' | 'old';

/** "12,408 of 1,000,000 entries · read 12:31:04, every 4 s"; "… · old: as of 12:31:04" */
export function shownWords(shown: Shown, reading: Reading): string {
  const { access, where, matching, held, entries, readAt, everyMs } = shown;
  const total = entries ?? held;
  const parts: string[] = [];
  if (access === 'next') parts.push(held === 0 ? 'empty' : 'the next value; the others cannot be seen');
  else if (access === 'positions') parts.push('how far producer and consumer are, in bytes');
  else if (access === 'entries' || access === 'owners') {
    const all = `${count(total)} ${total === 1 ? 'entry' : 'entries'}`;
    parts.push(where === '' ? all : `${count(matching)} of ${all}`);
  }
  if (entries !== null && entries > held && access === 'entries')
    parts.push(`only ${count(held)} of them are held here`);
  if (readAt !== null) {
    const often = reading === 'live' ? `, every ${everyMs / 1000} s` : '';
    parts.push(reading === 'old' ? `old: as of ${clock(readAt)}` : `read ${clock(readAt)}${often}`);
  }
  if (shown.sorting) parts.push('sorting…');
  return parts.join(' · ');
}
