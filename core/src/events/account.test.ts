import { describe, expect, it } from 'vitest';
import {
  decodeMapEntries,
  encodePrints,
  EventStore,
  ledgerFault,
  printEvent,
  printsSchema,
  RowDecoder,
  streamLedger,
  type AgentCounters,
} from './index.ts';
import { makeField, noClocks } from './testing.ts';

const counters = (more: Partial<AgentCounters> = {}): AgentCounters => ({
  recordsRead: 100n,
  recordsSent: 100n,
  recordsDropped: 0n,
  recordsFiltered: 0n,
  kernelLost: 0n,
  kernelLostKnown: true,
  delivered: 100,
  final: true,
  ...more,
});
const base = { name: 'events', delivered: 100, shown: 40, ended: true };

describe('ledger', () => {
  it('adds up when nothing is lost', () => {
    const ledger = streamLedger({ ...base, hosts: [counters()] });
    expect(ledger).toEqual({
      name: 'events',
      produced: 100,
      delivered: 100,
      filtered: 0,
      lostKernel: 0,
      lostAgent: 0,
      lostTransport: 0,
      shown: 40,
    });
    expect(ledgerFault(ledger)).toBeNull();
  });

  it('says where records were lost, summed over hosts', () => {
    const hosts = [
      counters({ recordsRead: 120, recordsSent: 110, recordsDropped: 10, kernelLost: 5n, delivered: 103 }),
      counters({ recordsRead: 50, recordsSent: 50, delivered: 50 }),
    ];
    const ledger = streamLedger({ ...base, delivered: 153, hosts });
    expect(ledger).toMatchObject({ produced: 175, delivered: 153, lostKernel: 5, lostAgent: 10, lostTransport: 7 });
    expect(ledgerFault(ledger)).toBeNull();
  });

  it('counts what the agent left out on purpose apart from what was lost', () => {
    const hosts = [counters({ recordsRead: 1000, recordsSent: 100, recordsFiltered: 897, recordsDropped: 3 })];
    const ledger = streamLedger({ ...base, hosts });
    expect(ledger).toMatchObject({ produced: 1000, delivered: 100, filtered: 897, lostAgent: 3 });
    expect(ledgerFault(ledger)).toBeNull();
    expect(ledgerFault({ ...ledger, filtered: 896 })).toMatch(/1000 produced, 999 accounted for/);
  });

  it('never prints 0 for unknown', () => {
    expect(streamLedger({ ...base, hosts: [counters({ kernelLostKnown: false })] })).toMatchObject({
      produced: null,
      lostKernel: null,
    });
    const lostHost = streamLedger({ ...base, hosts: [counters(), counters({ final: false, delivered: 0 })] });
    expect(lostHost).toMatchObject({ produced: null, lostKernel: null, lostTransport: 0 });
    expect(streamLedger({ ...base, hosts: [] })).toMatchObject({ produced: null });
  });

  it('calls nothing lost that is on its way', () => {
    const live = streamLedger({
      ...base,
      ended: false,
      delivered: 60,
      hosts: [counters({ final: false, delivered: 60 })],
    });
    expect(live).toMatchObject({ produced: 60, delivered: 60, lostTransport: 0 });
    expect(ledgerFault(live)).toBeNull();
  });

  it('finds an account that does not add up', () => {
    // The agent says that it read 100 and neither sent nor dropped two of them.
    expect(
      ledgerFault(streamLedger({ ...base, delivered: 98, hosts: [counters({ recordsSent: 98, delivered: 98 })] })),
    ).toMatch(/100 produced, 98 accounted for/);
    // More came than was sent.
    expect(
      ledgerFault(streamLedger({ ...base, delivered: 101, hosts: [counters({ delivered: 101 })] })),
    ).not.toBeNull();
    expect(ledgerFault({ ...streamLedger({ ...base, hosts: [counters()] }), shown: 101 })).toMatch(
      /101 rows were shown/,
    );
    expect(ledgerFault({ ...streamLedger({ ...base, hosts: [counters()] }), lostAgent: -1 })).toMatch(
      /lostAgent is -1/,
    );
    expect(ledgerFault({ ...streamLedger({ ...base, hosts: [counters()] }), produced: null })).not.toBeNull();
  });
});

describe('map dumps', () => {
  const key = makeField({ name: 'key', kind: 'uint', offset: 0, size: 4 });
  const counter = makeField({ name: 'value', kind: 'uint', offset: 0, size: 8 });

  it('are typed entries', () => {
    const bytes = Uint8Array.from([
      1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255,
    ]);
    expect(decodeMapEntries(bytes, { key, value: counter, keySize: 4, valueBytes: 8, perCpu: 0 })).toEqual([
      { key: 1, value: 5 },
      { key: 2, value: '18446744073709551615' },
    ]);
    expect(
      decodeMapEntries(bytes.subarray(0, 12), { key: null, value: null, keySize: 4, valueBytes: 8, perCpu: 0 }),
    ).toEqual([{ key: '01000000', value: '0500000000000000' }]);
    expect(decodeMapEntries(new Uint8Array(0), { key, value: counter, keySize: 4, valueBytes: 8, perCpu: 0 })).toEqual(
      [],
    );
  });

  it('sum what CPUs counted, member by member', () => {
    const traffic = makeField({
      name: 'value',
      kind: 'struct',
      offset: 0,
      size: 12,
      fields: [
        makeField({ name: 'packets', kind: 'uint', offset: 0, size: 4 }),
        makeField({
          name: 'slots',
          kind: 'array',
          offset: 4,
          size: 4,
          count: 2,
          element: makeField({ name: '', kind: 'uint', offset: 0, size: 2 }),
        }),
        makeField({ name: 'comm', kind: 'chars', offset: 8, size: 4 }),
      ],
    });
    const entry = [
      7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 2, 0, 97, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 4, 0, 98, 0, 0, 0, 0, 0, 0, 0,
    ];
    expect(
      decodeMapEntries(Uint8Array.from(entry), { key, value: traffic, keySize: 4, valueBytes: 32, perCpu: 2 }),
    ).toEqual([
      {
        key: 7,
        value: {
          perCpu: [
            { packets: 1, slots: [1, 2], comm: 'a' },
            { packets: 2, slots: [3, 4], comm: 'b' },
          ],
          sum: { packets: 3, slots: [4, 6], comm: null },
        },
      },
    ]);
  });

  it('sum beyond 2^53 exactly', () => {
    const entry = new Uint8Array(20);
    new DataView(entry.buffer).setBigUint64(4, 1n << 63n, true);
    new DataView(entry.buffer).setBigUint64(12, 1n << 63n, true);
    const [first] = decodeMapEntries(entry, { key, value: counter, keySize: 4, valueBytes: 16, perCpu: 2 });
    expect(first!.value).toEqual({
      perCpu: ['9223372036854775808', '9223372036854775808'],
      sum: '18446744073709551616',
    });
  });

  it('that are no whole entries are refused', () => {
    const layout = { key, value: counter, keySize: 4, valueBytes: 8, perCpu: 0 };
    for (const bad of [
      { ...layout },
      { ...layout, keySize: 0, valueBytes: 0 },
      { ...layout, valueBytes: 9, perCpu: 2 },
    ]) {
      expect(() => decodeMapEntries(new Uint8Array(13), bad)).toThrow(expect.objectContaining({ code: 'protocol' }));
    }
  });
});

describe('prints', () => {
  const time = 1_700_000_000_123_000_000n;
  const lines = [
    { timeNs: time, cpu: 1, pid: 10, tid: 11, program: 'handle_exec', text: 'hello\x1b[2J', source: '' },
    { timeNs: time + 5n, cpu: 0, pid: 12, tid: 12, program: 'x'.repeat(100), text: '', source: 'stderr' },
  ];

  it('are rows like any other', () => {
    const store = new EventStore();
    const stream = store.stream(printsSchema.stream);
    store.append(stream, store.addHost('a', noClocks), encodePrints(lines, time + 9n));
    const decoder = new RowDecoder(store, stream, printsSchema);
    expect(decoder.columns.map((column) => column.id)).toEqual([
      '@time',
      'cpu',
      'pid',
      'tid',
      'program',
      'source',
      'text',
    ]);
    expect(decoder.cells(stream.place(0)!).slice(1)).toEqual(['1', '10', '11', 'handle_exec', '', 'hello␛[2J']);
    expect(decoder.event(stream.place(0)!).time).toBe(time.toString());
    expect(decoder.event(stream.place(1)!).fields).toMatchObject({
      program: 'x'.repeat(64),
      source: 'stderr',
      text: '',
    });
  });

  it('are print objects', () => {
    expect(printEvent('web-1', lines[0]!)).toEqual({
      type: 'print',
      host: 'web-1',
      program: 'handle_exec',
      time: time.toString(),
      text: 'hello␛[2J',
    });
  });
});
