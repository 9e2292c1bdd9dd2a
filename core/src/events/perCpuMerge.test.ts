import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { RingsideError } from '../errors.ts';
import { compileExpr } from './expr/compile.ts';
import { PerCpuMerge } from './perCpuMerge.ts';
import { RowDecoder } from './rows.ts';
import { ageOf, ageWord } from './slab.ts';
import { EventStore } from './store.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks, type SpanOptions } from './testing.ts';
import { View } from './view.ts';

const START = 1_700_000_000_000_000_000n;
const MS = 1_000_000;
const number = makeField({ name: 'number', kind: 'uint', offset: 0, size: 8 });
const plain = makeSchema(makeRecord('sample', 8, [number]));
const stamped = makeSchema(
  makeRecord('sample', 16, [number, makeField({ name: 'ts', kind: 'uint', offset: 8, size: 8, format: 'ktime' })]),
);

interface Sample {
  cpu: number;
  /** Nanoseconds since START. */
  time: number;
  number: number;
}

interface Merged {
  merge: PerCpuMerge;
  /** The rows that were handed out, as events. */
  rows(): { number: number; time: bigint; cpu: number | null }[];
  view(where: string): number;
}

function merged(schema = plain, options: { holdMs?: number; mostHeldBytes?: number } = {}): Merged {
  const store = new EventStore();
  const host = store.addHost('local', noClocks);
  const stream = store.stream('events');
  const decoder = new RowDecoder(store, stream, schema);
  const merge = new PerCpuMerge(schema, {
    clocks: () => noClocks,
    emit: (span) => store.append(stream, host, span),
    ...options,
  });
  return {
    merge,
    rows: () =>
      Array.from({ length: stream.delivered }, (_, seq) => {
        const { fields, time, cpu } = decoder.event(stream.place(seq)!);
        return { number: Number(fields['number']), time: BigInt(time), cpu };
      }),
    view: (where) => {
      const view = new View(decoder, compileExpr(where, schema), { sliceMs: 10_000 });
      view.update();
      return view.matching;
    },
  };
}

/** The samples of one CPU, as the agent sends them when it reads at `readNs` after START. */
function span(samples: readonly Sample[], readNs: number, more: (sample: Sample) => number[] = () => []): Uint8Array {
  const records = samples.map(
    (sample) =>
      new Uint8Array(
        BigUint64Array.of(BigInt(sample.number), ...more(sample).map((value) => START + BigInt(value))).buffer,
      ),
  );
  const options: SpanOptions = {
    readTimeNs: START + BigInt(readNs),
    cpu: samples[0]!.cpu,
    ages: samples.map(({ time }) => readNs - time),
  };
  return makeSpan(records, options);
}

const mark = (untilNs: number): Uint8Array => makeSpan([], { readTimeNs: START + BigInt(untilNs) });

/** What happens on a host: samples of some CPUs, and when the agent comes by. At each visit it reads the CPUs one by one. */
const host = fc.record({
  cpus: fc.integer({ min: 1, max: 5 }),
  steps: fc.array(fc.record({ passed: fc.integer({ min: 1, max: 3 * MS }), cpu: fc.nat(4), visit: fc.nat(9) }), {
    maxLength: 300,
  }),
});

/** Sends it all to a merge; returns the samples as they were written. */
function play(
  { cpus, steps }: { cpus: number; steps: { passed: number; cpu: number; visit: number }[] },
  merge: PerCpuMerge,
): Sample[] {
  const waiting: Sample[][] = Array.from({ length: cpus }, () => []);
  const all: Sample[] = [];
  let now = 0;
  const visit = (): void => {
    const began = now;
    for (const samples of waiting) {
      now += 1_000;
      if (samples.length > 0) merge.add(span(samples.splice(0), now));
    }
    merge.add(mark(began));
  };
  for (const { passed, cpu, visit: turn } of steps) {
    now += passed;
    const sample = { cpu: cpu % cpus, time: now, number: all.length };
    all.push(sample);
    waiting[sample.cpu]!.push(sample);
    if (turn === 0) visit();
  }
  visit();
  return all;
}

afterEach(() => {
  vi.useRealTimers();
});

describe('perf samples of several CPUs', () => {
  it('come out in the order in which they were written, each once, with their time and CPU', () => {
    fc.assert(
      fc.property(host, (what) => {
        const { merge, rows } = merged();
        const written = play(what, merge);
        merge.flush();
        expect(rows()).toEqual(written.map(({ cpu, time, number }) => ({ cpu, number, time: START + BigInt(time) })));
        expect(merge).toMatchObject({ outOfOrder: 0, heldBytes: 0 });
      }),
    );
  });

  it('are none lost and none doubled in whatever order their spans come, and the late ones are counted', () => {
    const visits = fc.array(
      fc.record({
        cpu: fc.nat(3),
        times: fc.array(fc.nat(50 * MS), { minLength: 1, maxLength: 8 }),
        mark: fc.option(fc.nat(80 * MS)),
      }),
    );
    fc.assert(
      fc.property(visits, fc.option(fc.integer({ min: 1, max: 400 })), (spans, mostHeldBytes) => {
        const { merge, rows } = merged(plain, mostHeldBytes === null ? {} : { mostHeldBytes });
        let count = 0;
        for (const { cpu, times, mark: until } of spans) {
          merge.add(
            span(
              times.map((time) => ({ cpu, time, number: count++ })),
              60 * MS,
            ),
          );
          if (until !== null) merge.add(mark(until));
        }
        merge.flush();
        const out = rows();
        expect(out.map((row) => row.number).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
        let newest = -1n;
        let late = 0;
        for (const { time } of out) {
          if (time < newest) late++;
          else newest = time;
        }
        expect(merge.outOfOrder).toBe(late);
      }),
    );
  });

  it('wait for the mark that says that none is missing', () => {
    const { merge, rows } = merged();
    merge.add(span([{ cpu: 0, time: 20 * MS, number: 2 }], 21 * MS));
    merge.add(mark(22 * MS));
    expect(rows()).toEqual([]); // a record of CPU 1 may just be on its way
    merge.add(span([{ cpu: 1, time: 19 * MS, number: 1 }], 23 * MS));
    merge.add(mark(28 * MS));
    expect(rows().map((row) => row.number)).toEqual([1, 2]);
    merge.add(span([{ cpu: 1, time: 18 * MS, number: 0 }], 29 * MS));
    merge.flush();
    expect(rows().map((row) => row.number)).toEqual([1, 2, 0]);
    expect(merge.outOfOrder).toBe(1);
  });

  it('are put in order by their own stamps where these were taken with the sample', () => {
    const { merge, rows } = merged(stamped);
    const at = (cpu: number, time: number, number: number): Sample => ({ cpu, time, number });
    // Interrupted between stamp and output; the last one carries the beginning of what it measured.
    merge.add(span([at(0, 3 * MS, 1)], 4 * MS, () => [1 * MS]));
    merge.add(
      span([at(1, 2 * MS, 2), at(1, 3.5 * MS, 3)], 4 * MS, ({ number }) => [number === 2 ? 1.5 * MS : -400 * MS]),
    );
    merge.flush();
    expect(rows().map((row) => row.number)).toEqual([1, 2, 3]);
  });

  it('do not wait for a host that says nothing', () => {
    vi.useFakeTimers();
    const { merge, rows } = merged(plain, { holdMs: 50 });
    merge.add(span([{ cpu: 0, time: 5, number: 1 }], MS));
    vi.advanceTimersByTime(40);
    merge.add(span([{ cpu: 0, time: MS + 5, number: 2 }], 2 * MS));
    vi.advanceTimersByTime(20);
    expect(rows().map((row) => row.number)).toEqual([1]);
    vi.advanceTimersByTime(60);
    expect(rows().map((row) => row.number)).toEqual([1, 2]);
  });

  it('can be filtered by CPU and by time also when they are mixed', () => {
    const { merge, view } = merged();
    for (const cpu of [0, 1, 7]) {
      merge.add(
        span(
          Array.from({ length: 5 }, (_, i) => ({ cpu, time: i * MS + cpu, number: i })),
          9 * MS,
        ),
      );
    }
    merge.flush();
    expect([view('cpu == 1'), view('cpu != 1'), view('cpu > 0')]).toEqual([5, 10, 10]);
    expect(view(`time >= ${START + BigInt(2 * MS)} && time < ${START + BigInt(3 * MS)}`)).toBe(3);
  });

  it('keep records larger than others, and ages beyond what nanoseconds hold', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3), fc.nat(3000), fc.double({ min: 0, max: 2e12, noNaN: true }))),
        (list) => {
          const spans: Uint8Array[] = [];
          const merge = new PerCpuMerge(plain, { clocks: () => noClocks, emit: (out) => void spans.push(out.slice()) });
          const store = new EventStore();
          for (const [i, [cpu, size, age]] of list.entries()) {
            const record = new Uint8Array(size).fill(i);
            merge.add(makeSpan([record], { readTimeNs: START, cpu, ages: [Math.floor(age)] }));
          }
          merge.flush();
          for (const out of spans) store.append(store.stream('events'), store.addHost('local', noClocks), out);
          const stream = store.stream('events');
          const found = Array.from({ length: stream.delivered }, (_, seq) => {
            const { chunk, offset, length } = stream.place(seq)!;
            const bytes = chunk.slab.bytes.subarray(offset, offset + length);
            return {
              size: length,
              cpu: chunk.cpuAt(offset),
              age: Number(START - chunk.timeAt(offset)),
              same: new Set(bytes).size < 2,
            };
          });
          const expected = list
            .map(([cpu, size, age]) => ({ size, cpu, age: ageOf(ageWord(Math.floor(age))), same: true }))
            .sort((a, b) => b.age - a.age);
          expect(found).toEqual(expected);
        },
      ),
    );
  });

  it('whatever bytes come, it is a protocol error or a span', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 96 }), fc.boolean(), (bytes, likely) => {
        const { merge } = merged();
        if (likely && bytes.length > 16) bytes.fill(0, 9, 16);
        try {
          merge.add(bytes.slice());
          merge.flush();
        } catch (error) {
          expect(RingsideError.from(error).code).toBe('protocol');
        }
      }),
    );
  });

  it('cost little when they flood, however they are mixed', () => {
    const { merge } = merged();
    const spans = Array.from({ length: 200 }, (_, turn) =>
      [0, 1].map((cpu) =>
        span(
          Array.from({ length: 2_000 }, (_, i) => ({ cpu, time: turn * 5 * MS + i * 2_000 + cpu, number: i })),
          (turn + 1) * 5 * MS,
        ),
      ),
    );
    const began = performance.now();
    for (const [turn, both] of spans.entries()) {
      for (const payload of both) merge.add(payload);
      merge.add(mark((turn + 1) * 5 * MS));
    }
    merge.flush();
    const nanosEach = ((performance.now() - began) * 1e6) / 800_000;
    expect(nanosEach).toBeLessThan(5_000);
  });
});
