import { visible } from '../format.ts';
import type { PlacedColumn } from './columns.ts';

/** More rows than this are an export, not a copy. */
export const COPY_LIMIT = 10_000;
/** Rows of one page while copying. */
export const COPY_PAGE = 500;

export interface CopiedRow {
  seq: number;
  cells: string[];
}

/** How the grid writes a cell for people (times as clock times). */
export type RenderCell = (column: PlacedColumn, text: string) => string;

/** Tab-separated text with a header line, as spreadsheets take it. Tabs and line ends inside a value become spaces. */
export function toTsv(columns: readonly PlacedColumn[], rows: readonly CopiedRow[], render: RenderCell): string {
  const lines = [columns.map((column) => clean(column.column.title)).join('\t')];
  for (const row of rows) {
    lines.push(columns.map((column) => clean(render(column, row.cells[column.source] ?? ''))).join('\t'));
  }
  return `${lines.join('\n')}\n`;
}

function clean(text: string): string {
  return visible(text.replace(/[\t\r\n]+/g, ' '), Number.POSITIVE_INFINITY);
}

/** An array of objects by field path. Whole numbers stay numbers where JavaScript can hold them exactly. */
export function toJson(columns: readonly PlacedColumn[], rows: readonly CopiedRow[], render: RenderCell): string {
  const objects = rows.map((row) =>
    Object.fromEntries(
      columns.map((column) => [
        column.column.id.replace(/^@/, ''),
        jsonValue(column, render(column, row.cells[column.source] ?? '')),
      ]),
    ),
  );
  return `${JSON.stringify(objects, null, 2)}\n`;
}

function jsonValue(column: PlacedColumn, text: string): string | number {
  const kind = column.column.field?.kind;
  if ((kind === 'int' || kind === 'uint') && /^-?\d{1,16}$/.test(text)) {
    const value = Number(text);
    if (Number.isSafeInteger(value)) return value;
  }
  return text;
}

/** RFC 4180 with a header. A text that a spreadsheet would run as a formula gets an apostrophe. */
export function toCsv(columns: readonly PlacedColumn[], rows: readonly CopiedRow[], render: RenderCell): string {
  const cell = (text: string, kind: string | undefined): string => {
    const number = kind === 'int' || kind === 'uint' || kind === 'float';
    const harmless = !number && /^[=+\-@]/.test(text) ? `'${text}` : text;
    return /[",]/.test(harmless) ? `"${harmless.replace(/"/g, '""')}"` : harmless;
  };
  const lines = [columns.map((column) => cell(clean(column.column.title), 'int')).join(',')];
  for (const row of rows) {
    const cells = columns.map((column) =>
      cell(clean(render(column, row.cells[column.source] ?? '')), column.column.field?.kind),
    );
    lines.push(cells.join(','));
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** A table whose cells cannot break it. */
export function toMarkdown(columns: readonly PlacedColumn[], rows: readonly CopiedRow[], render: RenderCell): string {
  const cell = (text: string): string => clean(text).replace(/[\\|`<>*_]/g, '\\$&');
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const align = columns.map((column) => (column.column.align === 'right' ? '---:' : '---'));
  const body = rows.map((row) => line(columns.map((column) => cell(render(column, row.cells[column.source] ?? '')))));
  return `${[line(columns.map((column) => cell(column.column.title))), line(align), ...body].join('\n')}\n`;
}
