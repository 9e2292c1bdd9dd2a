/** What the engine of a trace panel does with ten million stored rows: filter and sort. */
import {
  compileExpr,
  EventStore,
  RECORD_HEADER_BYTES,
  RowDecoder,
  SPAN_HEADER_BYTES,
  View,
} from '../../core/src/events/index.ts';
import { SortedView } from '../../core/src/events/sort/sortedView.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks } from '../../core/src/events/testing.ts';
import type { Measured } from './figure.ts';

const ROWS = 10_000_000;
const RUNS = 5;
const RECORD_BYTES = 32;
const SPAN_ROWS = 2_000;

const schema = makeSchema(
  makeRecord('struct event', RECORD_BYTES, [
    makeField({ name: 'ts', kind: 'uint', offset: 0, size: 8 }),
    makeField({ name: 'pid', kind: 'uint', offset: 8, size: 4 }),
    makeField({ name: 'ret', kind: 'int', offset: 12, size: 4 }),
    makeField({ name: 'comm', kind: 'chars', offset: 16, size: 16 }),
  ]),
);
const COMMS = ['nginx', 'postgres', 'node', 'sshd', 'bash', 'systemd-journal', 'kworker/1:2', 'python3'];

function filledStore(): RowDecoder {
  const store = new EventStore({ maxBytes: 2 ** 30 });
  const stream = store.stream('events');
  const host = store.addHost('bench', noClocks);
  const span = makeSpan(Array.from({ length: SPAN_ROWS }, () => new Uint8Array(RECORD_BYTES)));
  const words = new Uint32Array(span.buffer);
  const comms = COMMS.map((comm) => new Uint32Array(new TextEncoder().encode(comm.padEnd(16, '\0')).buffer));
  let random = 1;
  for (let row = 0; row < ROWS;) {
    for (let at = SPAN_HEADER_BYTES; at < span.length; at += RECORD_HEADER_BYTES + RECORD_BYTES, row++) {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      const word = (at + RECORD_HEADER_BYTES) >> 2;
      words[word] = row * 100;
      words[word + 2] = (random >>> 8) & 0x3fffff;
      words[word + 3] = -((random >>> 3) & 1);
      words.set(comms[random >>> 29]!, word + 4);
    }
    store.append(stream, host, span);
  }
  return new RowDecoder(store, stream, schema);
}

/** Milliseconds of some runs, the first of which only warms up. */
async function timed(run: () => Promise<void>): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i <= RUNS; i++) {
    const start = performance.now();
    await run();
    if (i > 0) samples.push(performance.now() - start);
  }
  return samples;
}

async function sorted(decoder: RowDecoder, column: string): Promise<void> {
  const view = new View(decoder, compileExpr('', schema));
  const order = new SortedView(view, { by: [{ column, descending: true }], until: decoder.stream.delivered });
  await order.sorted();
  if (order.matching !== ROWS) throw new Error(`sorted ${order.matching} of ${ROWS} rows`);
}

async function filtered(decoder: RowDecoder): Promise<void> {
  const view = new View(decoder, compileExpr('pid == 4242 && comm == "nginx"', schema));
  await view.caughtUp();
  view.dispose();
}

/** The figures of ten million rows; they need neither an editor nor a host. */
export async function rowFigures(say: (line: string) => void): Promise<Measured[]> {
  say('ten million rows');
  const decoder = filledStore();
  const filter = await timed(() => filtered(decoder));
  const sort = await timed(() => sorted(decoder, 'pid'));
  const text = await timed(() => sorted(decoder, 'comm'));
  const common = { unit: 'ms', better: 'lower' } as const;
  const slices = `${ROWS} stored rows of ${RECORD_BYTES} bytes, in slices of 8 ms between which the engine answers`;
  return [
    { ...common, figure: 'filter_10m_ms', samples: filter, goal: 150, note: `pid == X && comm == "y"; ${slices}` },
    { ...common, figure: 'sort_10m_ms', samples: sort, goal: 1000, note: `by a 32-bit number; ${slices}` },
    { ...common, figure: 'sort_text_10m_ms', samples: text, note: `by char[16]; ${slices}` },
  ];
}
