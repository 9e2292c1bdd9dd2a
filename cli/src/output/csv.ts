/** Events as CSV (RFC 4180): one header, a column for each field of any record type of the run. */
import type { FieldValue, RunEvent, StreamSchema } from '@ringside/core';

const fixed = ['time', 'host', 'stream', 'record', 'cpu', 'seq'] as const;

type Row = Extract<RunEvent, { type: 'event' | 'print' }>;

export class CsvRows {
  private columns: string[] | undefined;
  private known: string[] = [];

  constructor(private readonly print: (line: string) => void) {}

  /** The record types of the run; those that are known before the first row decide the columns. */
  know(schemas: readonly StreamSchema[]): void {
    const names = schemas.flatMap((s) => s.records.flatMap((r) => r.fields.map((f) => f.name)));
    this.known = [...new Set([...this.known, ...names])];
  }

  add(event: Row): void {
    const row =
      event.type === 'event'
        ? { ...event, fields: event.fields }
        : {
            ...{ time: event.time, host: event.host, stream: event.source ?? 'printk', record: 'print' },
            ...{ cpu: null, seq: '', fields: { program: event.program, text: event.text } },
          };
    this.columns ??= this.header();
    const cells = [
      ...fixed.map((name) => row[name]),
      ...this.columns.map((name) => (row.fields as Record<string, FieldValue>)[name] ?? null),
    ];
    this.print(cells.map(cell).join(','));
  }

  private header(): string[] {
    const columns = [...new Set([...this.known, 'program', 'text'])];
    this.print([...fixed, ...columns].map(cell).join(','));
    return columns;
  }
}

/** Nested values as JSON; null as nothing. */
function cell(value: FieldValue): string {
  if (value === null) return '';
  const text = typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
