import { expect, it } from 'vitest';
import type { RowsFormat } from '../model/index.ts';
import { exportRows } from './exportRows.ts';
import { EventStore, RunViews } from './index.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks } from './testing.ts';

const schema = makeSchema(
  makeRecord('struct event', 24, [
    makeField({ name: 'pid', kind: 'int', offset: 0, size: 4 }),
    makeField({ name: 'comm', kind: 'chars', offset: 8, size: 16 }),
  ]),
);

function filled(rows: readonly [number, string][], options = {}) {
  const store = new EventStore(options);
  const stream = store.stream('events');
  const host = store.addHost('web-1', noClocks);
  const records = rows.map(([pid, comm]) => {
    const bytes = new Uint8Array(24);
    new DataView(bytes.buffer).setInt32(0, pid, true);
    bytes.set(new TextEncoder().encode(comm).subarray(0, 16), 8);
    return bytes;
  });
  for (let at = 0; at < records.length; at += 500)
    store.append(stream, host, makeSpan(records.slice(at, at + 500), { readTimeNs: 1_700_000_000_123_456_789n }));
  return new RunViews(store, () => [schema], { sliceMs: Infinity });
}

const ask = { stream: '', where: '', columns: [] as string[], from: 0, to: 0, rows: 0 };
const text = (views: RunViews, format: RowsFormat, more = {}): string =>
  exportRows(views, { ...ask, format, ...more }).text;

it('writes CSV as spreadsheets take it, with whole times', () => {
  const views = filled([
    [-7, 'a,"b"'],
    [8, 'x'],
  ]);
  expect(text(views, 'csv')).toBe(
    'time,pid,comm\r\n' + '2023-11-14T22:13:20.123456789Z,-7,"a,""b"""\r\n' + '2023-11-14T22:13:20.123456789Z,8,x\r\n',
  );
  expect(text(views, 'csv', { columns: ['comm', 'gone'] })).toBe('comm\r\n"a,""b"""\r\nx\r\n');
});

it('makes texts harmless that a spreadsheet would run', () => {
  expect(text(filled([[1, '=cmd|calc']]), 'csv', { columns: ['comm'] })).toBe("comm\r\n'=cmd|calc\r\n");
});

it('writes JSONL as the CLI prints it, or with the columns that show', () => {
  const views = filled([[7, 'nginx']]);
  const event = {
    type: 'event',
    host: 'web-1',
    stream: 'events',
    record: 'struct event',
    time: '1700000000123456789',
    cpu: null,
    seq: 0,
    fields: { pid: 7, comm: 'nginx' },
  };
  expect(text(views, 'jsonl')).toBe(`${JSON.stringify(event)}\n`);
  expect(text(views, 'jsonl', { columns: ['@time', 'comm'] })).toBe(
    `${JSON.stringify({ ...event, fields: { comm: 'nginx' } })}\n`,
  );
});

it('writes Markdown whose cells cannot break the table', () => {
  expect(text(filled([[7, 'a|b<i>']]), 'markdown', { columns: ['pid', 'comm'] })).toBe(
    '| pid | comm |\n| --- | --- |\n| 7 | a\\|b\\<i\\> |\n',
  );
});

it('goes on where a page ended until all rows that pass are written, each once', () => {
  const views = filled(Array.from({ length: 50_000 }, (_, i) => [i, 'x'] as [number, string]));
  let from = 0;
  let rows = 0;
  let whole = '';
  for (;;) {
    const page = exportRows(views, { ...ask, where: 'pid >= 10', columns: ['pid'], format: 'csv', from });
    whole += page.text;
    rows += page.rows;
    if (page.next === null) break;
    from = page.next;
  }
  expect(rows).toBe(49_990);
  expect(whole).toBe(`pid\r\n${Array.from({ length: 49_990 }, (_, i) => `${i + 10}\r\n`).join('')}`);
});

it('says how many rows left the store before they were written', () => {
  const views = filled(
    Array.from({ length: 20_000 }, (_, i) => [i, 'x'] as [number, string]),
    { maxBytes: 1 << 17, slabBytes: 1 << 16 },
  );
  const { firstSeq } = views.decoder('').stream;
  expect(firstSeq).toBeGreaterThan(0);
  expect(exportRows(views, { ...ask, format: 'csv', from: 5 }).missed).toBe(firstSeq - 5);
});

it('follows the order, the derived columns and the formats that are shown', () => {
  const views = filled([
    [7, 'b'],
    [255, 'a'],
    [16, 'c'],
  ]);
  const sort = { by: [{ column: 'pid', descending: true }], until: 3 };
  const look = { derived: [{ expr: 'pid * 2', title: 'twice' }], formats: { pid: 'hex' as const } };
  const more = { sort, look, columns: ['pid', '=pid * 2', 'comm'] };
  let page = exportRows(views, { ...ask, ...more, format: 'csv' });
  while (page.next !== null) page = exportRows(views, { ...ask, ...more, format: 'csv', from: page.next });
  expect(page.text).toBe('pid,twice,comm\r\n0xff,510,a\r\n0x10,32,c\r\n0x7,14,b\r\n');
  expect(JSON.parse(text(views, 'jsonl', more).split('\n')[0]!)).toMatchObject({
    fields: { pid: '0xff', twice: 510, comm: 'a' },
  });
});
