import { expect, it } from 'vitest';
import type { RunEvent, StreamSchema } from '@ringside/core';
import { EventTable } from './eventTable.ts';

const field = { type: '', offset: 0, bits: 0, size: 8, kind: 'uint' as const };
const schemas: StreamSchema[] = [
  {
    stream: 'events',
    records: [
      {
        map: 'events',
        type: 'struct event',
        size: 24,
        confidence: 'dwarf',
        tag: null,
        fields: [
          { ...field, name: 'ts', format: 'ktime' },
          { ...field, name: 'pid', format: 'plain' },
        ],
      },
    ],
  },
];
const event = (fields: Record<string, number | string>): RunEvent => ({
  type: 'event',
  host: 'local',
  stream: 'events',
  record: 'struct event',
  time: '1700000000123000000',
  cpu: null,
  seq: 0,
  fields,
});

function lines(use: (table: EventTable) => void): string[] {
  const printed: string[] = [];
  // eslint-disable-next-line no-control-regex -- colours, if the tests run on a terminal
  use(new EventTable((line) => printed.push(line.replace(/\x1b\[\d+m/g, ''))));
  return printed;
}

it('prints a header once, numbers to the right, and the wall clock in place of the kernel clock', () => {
  const printed = lines((table) => {
    table.know(schemas);
    table.add(event({ ts: 5, pid: 42, comm: 'true' }));
    table.add(event({ ts: 6, pid: 4242, comm: 'ls' }));
  });
  expect(printed).toHaveLength(3);
  expect(printed[0]).toMatch(/^TIME +pid +comm$/);
  expect(printed[1]).toMatch(/^\d\d:\d\d:\d\d\.123 {8}42 {2}true$/);
  expect(printed[2]).toMatch(/^\d\d:\d\d:\d\d\.123 {6}4242 {2}ls$/);
});

it('prints maps entry by entry and prints with their program', () => {
  const printed = lines((table) => {
    table.add({ type: 'print', host: 'local', program: 'p', time: '1700000000123000000', text: 'hello' });
    table.add({ type: 'map', host: 'local', map: 'counts', entries: [{ key: 1, value: { calls: 2 } }] });
  });
  expect(printed[0]).toMatch(/\.123 {2}p {2}hello$/);
  expect(printed.at(-1)).toBe('  1  {"calls":2}');
});
