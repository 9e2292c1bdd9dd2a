import type { Column } from '@ringside/core/model';
import { expect, it } from 'vitest';
import { placeColumns } from './columns.ts';
import { toCsv, toJson, toMarkdown, toTsv } from './copy.ts';

const columns: Column[] = [
  { id: '@time', title: 'time', align: 'left', width: 12, field: null },
  {
    id: 'pid',
    title: 'pid',
    align: 'right',
    width: 7,
    field: { name: 'pid', type: '__u64', offset: 0, bits: 0, size: 8, kind: 'uint', format: 'plain' },
  },
  { id: 'comm', title: 'comm', align: 'left', width: 16, field: null },
];
const rows = [
  { seq: 0, cells: ['12:00:00.000', '4242', 'a\tb\nc'] },
  { seq: 1, cells: ['12:00:00.001', '18446744073709551615', '\u001b]0;pwned\u0007'] },
];
const plain = (_: unknown, text: string): string => text;

it('makes one line a row, whatever the values hold', () => {
  const text = toTsv(placeColumns(columns, { hidden: new Set(), widths: {} }, 7, 100), rows, plain);
  expect(text).toBe(
    'time\tpid\tcomm\n12:00:00.000\t4242\ta b c\n12:00:00.001\t18446744073709551615\t⟪ESC⟫]0;pwned⟪BEL⟫\n',
  );
});

it('copies shown columns only', () => {
  const text = toTsv(placeColumns(columns, { hidden: new Set(['@time', 'comm']), widths: {} }, 7, 100), rows, plain);
  expect(text.split('\n')[1]).toBe('4242');
});

it('keeps numbers exact in JSON', () => {
  expect(JSON.parse(toJson(placeColumns(columns, { hidden: new Set(), widths: {} }, 7, 100), rows, plain))).toEqual([
    { time: '12:00:00.000', pid: 4242, comm: 'a\tb\nc' },
    { time: '12:00:00.001', pid: '18446744073709551615', comm: '\u001b]0;pwned\u0007' },
  ]);
});

it('quotes what CSV would take apart, and makes formulas harmless', () => {
  const placed = placeColumns(columns, { hidden: new Set(['@time']), widths: {} }, 7, 100);
  const hostile = [
    { seq: 0, cells: ['', '-7', 'a,"b"'] },
    { seq: 1, cells: ['', '8', '=cmd|calc'] },
  ];
  expect(toCsv(placed, hostile, plain)).toBe('pid,comm\r\n-7,"a,""b"""\r\n8,\'=cmd|calc\r\n');
});

it('writes a Markdown table that no value can break', () => {
  const placed = placeColumns(columns, { hidden: new Set(['@time']), widths: {} }, 7, 100);
  expect(toMarkdown(placed, [{ seq: 0, cells: ['', '7', 'a|b\n<i>'] }], plain)).toBe(
    '| pid | comm |\n| ---: | --- |\n| 7 | a\\|b \\<i\\> |\n',
  );
});
