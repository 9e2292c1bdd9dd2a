import type {
  Column,
  ErrorData,
  FieldKind,
  RecordField,
  RowDetail,
  RowsPage,
  RowsQuery,
  MeasurePage,
  RowPlaceInfo,
  RowsAnswer,
  RunControl,
  RunSummary,
  TraceAsk,
  FindAsk,
  FoundRows,
  RowSort,
  SummaryPage,
  SummaryQuery,
} from '@ringside/core/model';
import { DevOrder, findIn, groupsOf, lookedCells, lookedColumns, markFound, type DevRow } from './devQueries.ts';

export interface SyntheticOptions {
  /** Rows delivered before the page opens. */
  rows: number;
  /** Rows a second from then on. */
  rate: number;
  /** Rows kept; older ones are evicted. */
  store: number;
  /** More columns beside the usual ones. */
  columns: number;
  hostile: boolean;
  state: RunSummary['state'];
  streams: number;
}

const COMMS = [
  'nginx',
  'postgres',
  'node',
  'sshd',
  'bash',
  'systemd',
  'kworker/1:2',
  'python3',
  'redis-server',
  'cron',
];
const FILES = [
  '/usr/sbin/nginx',
  '/usr/lib/postgresql/15/bin/postgres',
  '/usr/bin/node',
  '/usr/sbin/sshd',
  '/bin/bash',
];
const HOSTILE = [
  'evil\u202Egnp.exe',
  'line\nbreak\tand\u0000nul',
  '\u001b[31mred\u001b[0m',
  '<img src=x onerror=alert(1)>',
  'zero\u200bwidth\ufeff',
  'x'.repeat(5000),
  'Ž̴̢͔a̷̡l̸̨g̵̢o',
  '=cmd|calc',
];
const START = Date.UTC(2026, 10, 23, 12, 36, 4);

/** A run whose rows are computed from their number, so ten million of them cost nothing. */
export class SyntheticEngine {
  readonly #options: SyntheticOptions;
  readonly #columns: Column[];
  readonly #begun = performance.now();
  readonly #filters = new Map<string, FilteredView>();
  #recordingSince: number | null = null;
  #state: RunSummary['state'];
  #stoppedAt: number | null = null;
  #controlled: Pick<RunSummary, 'suspendedAt' | 'endsAt'> = {};
  readonly #order = new DevOrder();
  kept: RunSummary['kept'] = [];

  constructor(options: SyntheticOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#columns = columnsOf(options.columns);
  }

  get delivered(): number {
    const until = this.#stoppedAt ?? performance.now();
    return this.#options.rows + Math.floor((this.#options.rate * (until - this.#begun)) / 1000);
  }

  setState(state: RunSummary['state']): void {
    this.#state = state;
    if (state === 'ended' || state === 'failed') this.#stoppedAt = performance.now();
  }

  /** As the record button does. */
  toggleRecording(): void {
    this.#recordingSince = this.#recordingSince === null ? Date.now() : null;
  }

  /** As the menu does; what VS Code would ask is answered with what is usual. */
  control(what: RunControl): void {
    if (what === 'suspend') this.#controlled = this.#controlled.suspendedAt === undefined ? { suspendedAt: START } : {};
    if (what === 'timeLimit') this.#controlled = { ...this.#controlled, endsAt: Date.now() + 900_000 };
    if (what === 'recordLast') this.toggleRecording();
  }

  #recording(): Partial<RunSummary> {
    if (this.#recordingSince === null) return {};
    const state = { file: '/tmp/run.ringside', startedAt: this.#recordingSince, endedAt: null, error: null };
    return { recording: { ...state, bytes: 1_234_567, records: 4_242, droppedRecords: 0, missingNames: 0 } };
  }

  summary(): RunSummary {
    const failed = this.#state === 'failed';
    const { delivered } = this;
    const wave = 1 + 0.3 * Math.sin(performance.now() / 7000) + 0.1 * Math.sin(performance.now() / 900);
    const streams = ['events', 'printk', 'map:counts'].slice(0, this.#options.streams);
    return {
      ...this.#recording(),
      ...this.#controlled,
      id: 'run-1',
      name: 'execsnoop',
      file: '/home/me/probes/execsnoop.bpf.c',
      hosts: ['web-1', 'web-2'],
      state: this.#state,
      startedAt: START,
      endedAt: this.#stoppedAt === null ? null : START + 300_000,
      endReason: this.#state === 'ended' ? 'interrupt' : null,
      error: failed ? REJECTED : null,
      diagnostics: [],
      attachments: failed
        ? []
        : ['web-1', 'web-2'].map((host) => ({
            host,
            program: 'handle_exec',
            section: 'tp/sched/sched_process_exec',
            target: 'sched:sched_process_exec',
            link: { id: 7, kind: 'perf_event' },
          })),
      leftOut: [],
      notes: [],
      schemas: streams.map((stream) => ({ stream, records: [] })),
      ledger: {
        streams: streams.map((name, i) => ({
          name,
          produced: i === 0 ? delivered + (this.#options.hostile ? 12_402 : 0) : null,
          delivered: i === 0 ? delivered : 0,
          filtered: 0,
          lostKernel: i === 0 ? (this.#options.hostile ? 12_402 : 0) : null,
          lostAgent: 0,
          lostTransport: 0,
          shown: delivered,
        })),
      },
      programs: [{ name: 'handle_exec', runs: delivered, sampled: false, nanosPerRun: 61, cpuPercent: 0.3, missed: 0 }],
      rate: this.#state === 'running' ? Math.round(this.#options.rate * wave) : 0,
      agent: { rssBytes: 6_200_000, cpuPercent: 0.2 },
      store: { bytes: 201_326_592, maxBytes: 268_435_456 },
      limits: { cpuPercent: 30, recordsPerSecond: 2_000_000, timeSeconds: 900 },
      kept: this.kept,
    };
  }

  page(query: RowsQuery): RowsPage {
    const page = query.sort === undefined ? this.#arrived(query) : this.#ordered(query, query.sort);
    page.columns = lookedColumns(this.#columns, query.look);
    for (const row of page.rows) row.cells = lookedCells(this.#columns, row.cells, query.look);
    if (query.find !== undefined) markFound(page.rows, query.find.text);
    return page;
  }

  #ordered(query: RowsQuery, sort: RowSort): RowsPage {
    const now = this.#arrived({ ...query, first: -1, count: 0 });
    const rows = this.#order.of(() => this.#all(query.where), this.#columns, sort);
    const first = query.first < 0 ? Math.max(0, rows.length - query.count) : query.first;
    const waiting = Math.max(0, now.matching - rows.length);
    const sorted = { until: sort.until, done: 1, waiting, gone: 0 };
    const shown = rows.slice(first, first + query.count).map((row) => ({ ...row }));
    return { ...now, first, rows: shown, matching: rows.length, evicted: 0, sorted };
  }

  /** The newest rows that pass, a hundred thousand of them at most. */
  #all(where: string): DevRow[] {
    const { delivered } = this;
    const oldest = Math.max(0, delivered - Math.min(this.#options.store, 100_000));
    const rows = Array.from({ length: delivered - oldest }, (_, i) => this.#row(oldest + i));
    const filter = where === '' ? null : this.#filterFor(where);
    return filter instanceof FilteredView ? rows.filter(({ cells }) => filter.passes(cells)) : rows;
  }

  find(ask: FindAsk): FoundRows {
    const { sort } = ask;
    const rows =
      sort === undefined ? this.#all(ask.where) : this.#order.of(() => this.#all(ask.where), this.#columns, sort);
    return findIn(rows, ask);
  }

  groups(query: SummaryQuery): SummaryPage {
    return groupsOf(this.#all(query.where), this.#columns, query);
  }

  #arrived(query: RowsQuery): RowsPage {
    const { delivered } = this;
    const oldest = Math.max(0, delivered - this.#options.store);
    const stored = delivered - oldest;
    const base = { runId: query.runId, stream: query.stream === '' ? 'events' : query.stream, where: query.where };
    const common = { ...base, columns: this.#columns, stored, delivered, filterError: null };
    if (query.stream !== '' && query.stream !== 'events') {
      return { ...common, stored: 0, delivered: 0, first: 0, rows: [], matching: 0, partial: false };
    }
    if (query.where === '') {
      const gone = query.evicted === undefined ? 0 : oldest - query.evicted;
      const first =
        query.first < 0 ? Math.max(0, stored - query.count) : Math.max(0, Math.min(query.first - gone, stored));
      const count = Math.min(query.count, stored - first);
      const rows = Array.from({ length: count }, (_, i) => this.#coloured(this.#row(oldest + first + i), query));
      return { ...common, first, rows, matching: stored, partial: false, evicted: oldest };
    }
    const filter = this.#filterFor(query.where);
    if ('code' in filter) {
      return { ...common, first: 0, rows: [], matching: 0, partial: false, filterError: filter };
    }
    filter.advance(delivered, (seq) => this.#row(seq).cells);
    const { matches } = filter;
    const first = query.first < 0 ? Math.max(0, matches.length - query.count) : Math.min(query.first, matches.length);
    const rows = matches.slice(first, first + query.count).map((seq) => this.#row(seq));
    return { ...common, first, rows, matching: matches.length, partial: filter.at < delivered };
  }

  /** Places, figures, checks and rates, as the engine gives them. */
  answer(ask: TraceAsk): RowsAnswer<TraceAsk> {
    const oldest = Math.max(0, this.delivered - this.#options.store);
    switch (ask.ask) {
      case 'places': {
        const shown = ask.view.where === '';
        const place = (seq: number): RowPlaceInfo => {
          const stored = seq >= oldest && seq < this.delivered;
          return { seq, index: stored && shown ? seq - oldest : null, time: stored ? this.#row(seq).cells[0]! : null };
        };
        return { places: ask.seqs.map(place), evicted: oldest, partial: false, oldest: this.#row(oldest).cells[0]! };
      }
      case 'measure':
        return this.#measure(ask.ranges, oldest);
      case 'check': {
        const made = ask.where === '' ? null : this.#filterFor(ask.where);
        return made !== null && 'code' in made ? made : null;
      }
      case 'summary':
        return this.#rates(ask.stream);
    }
  }

  #measure(ranges: readonly { from: number; to: number }[], oldest: number): MeasurePage {
    const seqs = ranges.flatMap(({ from, to }) =>
      Array.from({ length: Math.min(10_000, to - from) }, (_, i) => oldest + from + i),
    );
    const rows = seqs.map((seq) => this.#row(seq).cells);
    const times = rows.map((cells) => cells[0]!);
    const fields = this.#columns.flatMap(({ id, field }, at) => {
      if (field === null || field.kind === 'chars') return [];
      const numbers = rows.map((cells) => Number(cells[at]));
      const sum = numbers.reduce((a, b) => a + b);
      const ends = { first: String(numbers[0]), last: String(numbers.at(-1)) };
      const [least, most] = [Math.min(...numbers), Math.max(...numbers)].map(String) as [string, string];
      return [{ path: id, field, count: numbers.length, ...ends, sum: String(sum), least, most }];
    });
    const [first, last] = [times[0]!, times.at(-1)!];
    return { rows: rows.length, missed: 0, times: { first, last, oldest: first, newest: last }, fields, next: null };
  }

  #rates(stream: string): SummaryPage {
    const at = (seq: number): number => Number(BigInt(this.#row(seq).cells[0]!) / 1_000_000n);
    const width = 500;
    const [first, end] = [Math.floor(at(0) / width), Math.floor(at(Math.max(0, this.delivered - 1)) / width) + 1];
    const values = Array.from({ length: end - first }, (_, i) =>
      Math.round(24_000 * (1 + 0.6 * Math.sin(i / 9) + 0.3 * Math.sin(i / 2))),
    );
    const lines = [{ label: '', value: null, rest: false, values }];
    const data = { kind: 'series', field: null, lines, width, first, from: first, end, early: 0 } as const;
    return {
      stream,
      where: '',
      state: 1,
      whole: true,
      data,
      counted: this.delivered,
      missed: 0,
      partial: false,
      error: null,
    };
  }

  detail(seq: number): RowDetail | null {
    if (seq >= this.delivered) return null;
    const { cells } = this.#row(seq);
    let offset = 0;
    const fields = this.#columns.flatMap((column, i) => {
      if (column.field === null) return [];
      const text = cells[i]!;
      const { size, type, kind } = column.field;
      const field = { path: column.id, type, value: kind === 'chars' ? text : Number(text), text, offset, size };
      offset += size;
      return [field];
    });
    return { seq, time: cells[0]!, record: 'struct event', fields, hex: hexDump(seq, Math.min(512, offset)) };
  }

  #coloured(row: { seq: number; cells: string[] }, { rules }: RowsQuery): RowsPage['rows'][number] {
    const rule = (rules ?? []).findIndex((where) => {
      const filter = this.#filterFor(where);
      return filter instanceof FilteredView && filter.passes(row.cells);
    });
    return rule < 0 ? row : { ...row, rule };
  }

  #row(seq: number): { seq: number; cells: string[] } {
    const mixed = Math.imul(seq ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
    const comm =
      this.#options.hostile && seq % 3 === 0 ? HOSTILE[mixed % HOSTILE.length]! : COMMS[mixed % COMMS.length]!;
    const cells = [
      String(BigInt(START) * 1_000_000n + BigInt(seq) * 20_700n),
      mixed % 3 === 0 ? 'web-2' : 'web-1',
      String(1000 + (mixed % 31_000)),
      String(1 + ((mixed >>> 3) % 900)),
      comm,
      mixed % 17 === 0 ? '-2' : '0',
      this.#options.hostile && seq % 5 === 0
        ? HOSTILE[(mixed >>> 4) % HOSTILE.length]!
        : FILES[(mixed >>> 5) % FILES.length]!,
    ];
    for (let i = 0; i < this.#options.columns; i++) cells.push(String((mixed + i * 7919) % 100_000));
    return { seq, cells };
  }

  #filterFor(where: string): FilteredView | ErrorData {
    const known = this.#filters.get(where);
    if (known !== undefined) return known;
    const made = parseFilter(where, this.#columns);
    if (made instanceof FilteredView) this.#filters.set(where, made);
    return made;
  }
}

const REJECTED: ErrorData = {
  code: 'verifier-rejected',
  message: 'web-1 rejected handle_exec: `e` may be NULL at line 42.',
  remedy: 'bpf_ringbuf_reserve() returns NULL when the ring is full: add `if (!e) return 0;` before the first use.',
  detail: [
    '84: (85) call bpf_ringbuf_reserve#131     ; R0_w=ringbuf_mem_or_null(id=4,size=64)',
    '; e->pid = pid; @ execsnoop.bpf.c:42',
    '87: (63) *(u32 *)(r0 +0) = r7',
    "R0 invalid mem access 'mem_or_null'",
    'processed 88 insns (limit 1000000) max_states_per_insn 0 total_states 6 peak_states 6 mark_read 3',
  ].join('\n'),
  links: [],
};

function columnsOf(more: number): Column[] {
  const field = (name: string, type: string, kind: FieldKind, size: number): RecordField => {
    return { name, type, kind, size, offset: 0, bits: 0, format: 'plain' };
  };
  const columns: Column[] = [
    { id: '@time', title: 'time', align: 'left', width: 12, field: null },
    { id: '@host', title: 'host', align: 'left', width: 8, field: null },
    { id: 'pid', title: 'pid', align: 'right', width: 7, field: field('pid', '__u32', 'uint', 4) },
    { id: 'ppid', title: 'ppid', align: 'right', width: 7, field: field('ppid', '__u32', 'uint', 4) },
    { id: 'comm', title: 'comm', align: 'left', width: 16, field: field('comm', 'char[16]', 'chars', 16) },
    { id: 'ret', title: 'ret', align: 'right', width: 5, field: field('ret', 'int', 'int', 4) },
    {
      id: 'filename',
      title: 'filename',
      align: 'left',
      width: 40,
      field: field('filename', 'char[256]', 'chars', 256),
    },
  ];
  for (let i = 0; i < more; i++) {
    const name = `slot${i}`;
    columns.push({ id: name, title: name, align: 'right', width: 8, field: field(name, '__u64', 'uint', 8) });
  }
  return columns;
}

/** Rows that match, found a slice at a time as the engine does. */
class FilteredView {
  readonly matches: number[] = [];
  readonly #test: (cells: readonly string[]) => boolean;
  at = 0;

  constructor(test: (cells: readonly string[]) => boolean) {
    this.#test = test;
  }

  passes(cells: readonly string[]): boolean {
    return this.#test(cells);
  }

  advance(delivered: number, cellsOf: (seq: number) => readonly string[]): void {
    const end = Math.min(delivered, this.at + 20_000);
    for (; this.at < end; this.at++) if (this.#test(cellsOf(this.at))) this.matches.push(this.at);
  }
}

/** Enough of EXPR to try the panel: comparisons joined by &&. */
function parseFilter(where: string, columns: Column[]): FilteredView | ErrorData {
  const tests: ((cells: readonly string[]) => boolean)[] = [];
  let at = 0;
  for (const part of where.split('&&')) {
    const match = /^\s*\(?(@?\w+)\s*(==|!=|<=|>=|<|>)\s*(-?\d+|"[^"]*")\)?\s*$/.exec(part);
    const column = columns.findIndex((candidate) => candidate.id === match?.[1]);
    if (match === null || column < 0) {
      const inside = part.length - part.trimStart().length;
      return badExpression(
        where,
        match === null ? `"${part.trim()}" is no comparison` : `No field ${match[1]}`,
        at + inside,
      );
    }
    const operator = match[2];
    const literal = match[3]!.replace(/^"|"$/g, '');
    tests.push((cells) => {
      const value = cells[column]!;
      if (operator === '==') return value === literal;
      if (operator === '!=') return value !== literal;
      const difference = Number(value) - Number(literal);
      if (difference === 0) return operator === '<=' || operator === '>=';
      return operator?.startsWith('<') === difference < 0;
    });
    at += part.length + 2;
  }
  return new FilteredView((cells) => tests.every((test) => test(cells)));
}

function badExpression(where: string, what: string, at: number): ErrorData {
  return {
    code: 'bad-expression',
    message: `${what} (column ${at + 1}).`,
    remedy: 'An expression compares fields: pid == 4242 && (comm ~ "^nginx" || latency_ns > 1ms).',
    detail: `${where}\n${' '.repeat(at)}^`,
    links: [],
  };
}

function hexDump(seq: number, size: number): string {
  const lines: string[] = [];
  for (let line = 0; line < size; line += 16) {
    const bytes = Array.from({ length: Math.min(16, size - line) }, (_, i) => (seq * 31 + line * 7 + i * 13) & 0xff);
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = bytes.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${line.toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join('\n');
}
