import type { FieldValue, RunEvent, StreamSchema } from '@ringside/core';
import { bold, dim } from '../terminal.ts';

/** Prints events as aligned columns; a header comes first and again when the record type changes. */
export class EventTable {
  private header = '';
  private widths = new Map<string, number>();
  private clocks = new Set<string>();

  constructor(private readonly print: (line: string) => void) {}

  /** A record's kernel clock is what the first column shows as wall time: it gets no column of its own. */
  know(schemas: StreamSchema[]): void {
    const records = schemas.flatMap((s) => s.records);
    const clocks = records.map((r) => r.fields.find((f) => f.format === 'ktime'));
    this.clocks = new Set(clocks.flatMap((f) => (f ? [f.name] : [])));
  }

  add(event: RunEvent): void {
    switch (event.type) {
      case 'event':
        this.row(event);
        break;
      case 'print':
        this.print(`${clock(event.time)}  ${dim(printer(event))}  ${event.text}`);
        break;
      case 'map':
        this.print(
          bold(`${clock(String(BigInt(Date.now()) * 1_000_000n))}  ${event.map} (${event.entries.length} entries)`),
        );
        for (const { key, value } of event.entries) this.print(`  ${cell(key)}  ${cell(value)}`);
        break;
      case 'attached':
        this.print(dim(`${event.host}: ${event.program} attached to ${event.target || event.section}`));
        break;
      case 'swapped': {
        const maps = event.maps.map((m) => `${m.map} ${m.fate}${m.reason === '' ? '' : ` (${m.reason})`}`);
        this.print(dim(`${event.host}: replaced by a new version; ${maps.join(', ')}`));
        break;
      }
      case 'left-out':
      case 'note':
      case 'end':
        break;
    }
  }

  private row(event: Extract<RunEvent, { type: 'event' }>): void {
    const names = Object.keys(event.fields).filter((n) => !this.clocks.has(n));
    const header = `${event.stream} ${event.record} ${names.join(' ')}`;
    if (header !== this.header) {
      this.header = header;
      this.widths = new Map(names.map((n) => [n, Math.max(n.length, this.widths.get(n) ?? 0)]));
      const titles = names.map((n) => (typeof event.fields[n] === 'number' ? n.padStart(8) : n.padEnd(16)));
      this.print(bold(['TIME'.padEnd(12), ...titles].join('  ').trimEnd()));
    }
    const cells = names.map((name, i) => {
      const value = event.fields[name]!;
      const text = cell(value);
      const width = Math.max(this.widths.get(name) ?? 0, typeof value === 'number' ? 8 : 16);
      return typeof value === 'number' ? text.padStart(width) : i === names.length - 1 ? text : text.padEnd(width);
    });
    this.print([clock(event.time), ...cells].join('  ').trimEnd());
  }
}

/** The program, and which of its voices it was when not bpf_printk. */
function printer({ program, source }: Extract<RunEvent, { type: 'print' }>): string {
  return source === undefined ? program : `${program} ${source}`;
}

/** Wall clock with milliseconds, in the time zone of the person. */
function clock(nanoseconds: string): string {
  const date = new Date(Number(BigInt(nanoseconds) / 1_000_000n));
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function cell(value: FieldValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
