/**
 * A fake VS Code with made-up summaries behind it, for working on the charts in a browser and for their end-to-end test.
 * The page's query chooses: theme, empty, gone, error, hostile, maps (charts of maps). `window.dev` lets a test look at what was sent.
 */
import type {
  ChartSpec,
  ChartsState,
  ChartsToHost,
  ChartsToPanel,
  CostSample,
  MapSummarySpec,
  RecordField,
  RunSummary,
  SummaryData,
  SummaryPage,
  SummarySpec,
} from '@ringside/core/model';
import { applyTheme, type DevTheme } from '../trace/devThemes.ts';

const query = new URLSearchParams(location.search);

export interface DevWindow {
  sent: ChartsToHost[];
  copied: string[];
  post(message: unknown): void;
  theme(theme: DevTheme): void;
}

const dev: DevWindow = {
  sent: [],
  copied: [],
  post: (message) => window.postMessage(message, '*'),
  theme: applyTheme,
};
Object.assign(window, { dev });
applyTheme((query.get('theme') ?? 'dark') as DevTheme);

const field = (name: string, kind: RecordField['kind'], size: number, format: RecordField['format']): RecordField => {
  return { name, type: kind === 'chars' ? `char[${size}]` : '__u64', offset: 0, bits: 0, size, kind, format };
};
const FIELDS = [
  field('pid', 'uint', 4, 'plain'),
  field('comm', 'chars', 16, 'plain'),
  field('latency_ns', 'uint', 8, 'ns'),
  field('bytes', 'uint', 8, 'bytes'),
];

const START = Date.UTC(2026, 10, 23, 12, 36, 4);

function run(): RunSummary {
  return {
    id: 'run-1',
    name: 'openlat',
    file: '/home/me/probes/openlat.bpf.c',
    hosts: ['web-1', 'web-2'],
    state: 'running',
    startedAt: START,
    endedAt: null,
    endReason: null,
    error: null,
    diagnostics: [],
    attachments: [],
    leftOut: [],
    notes: [],
    schemas: [
      {
        stream: 'events',
        records: [{ map: 'events', type: 'struct event', size: 40, confidence: 'declared', tag: null, fields: FIELDS }],
      },
    ],
    ledger: {
      streams: [
        {
          name: 'events',
          produced: 3_204_771,
          delivered: 3_204_771,
          filtered: 0,
          lostKernel: 0,
          lostAgent: 0,
          lostTransport: 0,
          shown: 0,
        },
      ],
    },
    programs: [],
    rate: 48_200,
    agent: { rssBytes: null, cpuPercent: null },
    limits: null,
    kept: [],
  };
}

const rows = (id: string, look: ChartSpec['look'], spec: SummarySpec, wide = false): ChartSpec => {
  return { id, title: '', look, wide, source: { from: 'rows', stream: '', where: '', spec } };
};
const series = (measure: (SummarySpec & { kind: 'series' })['measure'], by = ''): SummarySpec => {
  return { kind: 'series', measure, by, top: 6, seconds: 300 };
};
const CHARTS: ChartSpec[] = [
  rows('rate', 'line', series({ of: 'rate', field: '' }), true),
  rows('p99', 'line', series({ of: 'p99', field: 'latency_ns' }, 'comm')),
  rows('heat', 'heatmap', { kind: 'heatmap', field: 'latency_ns', seconds: 300 }),
  rows('histogram', 'histogram', { kind: 'histogram', field: 'latency_ns', scale: 'log2' }),
  rows('top', 'bars', {
    kind: 'groups',
    by: ['comm'],
    measures: [
      { of: 'count', field: '' },
      { of: 'sum', field: 'bytes' },
    ],
    order: 0,
    top: 12,
  }),
  rows('gauge', 'gauge', series({ of: 'rate', field: '' })),
  { id: 'cost', title: '', look: 'line', wide: false, source: { from: 'cost', of: 'cpu' } },
];

const ofMap = (id: string, look: ChartSpec['look'], spec: MapSummarySpec): ChartSpec => {
  return { id, title: '', look, wide: false, source: { from: 'map', host: '', map: 'flows', where: '', spec } };
};
const MAP_CHARTS: ChartSpec[] = [
  ofMap('m-rate', 'line', { kind: 'series', field: 'value.bytes', of: 'rate', top: 6, seconds: 300 }),
  ofMap('m-top', 'bars', { kind: 'groups', field: 'value.bytes', of: 'rate', top: 12 }),
  ofMap('m-heat', 'heatmap', { kind: 'heatmap', seconds: 300 }),
  ofMap('m-gauge', 'gauge', { kind: 'series', field: 'value.bytes', of: 'value', top: 1, seconds: 300 }),
];

/** What the engine would say of a map: the same figures as of rows, with keys in place of names. */
function mapDataOf(spec: MapSummarySpec): SummaryData {
  switch (spec.kind) {
    case 'heatmap':
      return { ...dataOf({ kind: 'heatmap', field: 'latency_ns', seconds: 300 }), field: null } as SummaryData;
    case 'series': {
      const data = dataOf(series({ of: 'rate', field: '' }, 'comm')) as SummaryData & { kind: 'series' };
      return { ...data, lines: data.lines.slice(0, spec.top), entries: 1_000_000 };
    }
    case 'groups':
      return {
        ...dataOf({ kind: 'groups', by: ['comm'], measures: [], order: 0, top: 12 }),
        fields: [null, null],
        groups: 1_000_000,
      } as SummaryData;
  }
}

const COMMS = query.has('hostile')
  ? ['evil\u202Egnp.exe', '<img src=x onerror=alert(1)>', 'x'.repeat(3000), 'line\nbreak']
  : ['nginx', 'postgres', 'node', 'redis-server'];
/** Repeatable, and the same in every picture. */
const wave = (at: number, phase: number): number =>
  1 + 0.4 * Math.sin(at / 9 + phase) + 0.15 * Math.sin(at * 1.7 + phase);

function dataOf(spec: SummarySpec): SummaryData {
  const [first, end] = [START / 1000 - 240, START / 1000];
  const times = { width: 1000, first, from: first, end, early: 0 };
  const buckets = Array.from({ length: end - first }, (_, i) => i);
  switch (spec.kind) {
    case 'series': {
      const scale = spec.measure.of === 'rate' ? 12_000 : 40_000;
      const lines = spec.by === '' ? [''] : COMMS;
      return {
        kind: 'series',
        field: FIELDS.find(({ name }) => name === spec.measure.field) ?? null,
        lines: lines.map((label, line) => ({
          label,
          value: label,
          rest: false,
          values: buckets.map((i) => (i > 100 && i < 112 && line === 1 ? null : scale * (line + 1) * wave(i, line))),
        })),
        ...times,
      };
    }
    case 'groups':
      return {
        kind: 'groups',
        by: [FIELDS[1]!],
        fields: [null, FIELDS[3]!],
        rows: COMMS.map((comm, i) => ({
          texts: [comm],
          values: [comm],
          measures: [120_412 / (i + 1), 7.3e9 / (i + 1) ** 2],
        })),
        groups: 31,
        restRows: 0,
      };
    case 'histogram':
      return {
        kind: 'histogram',
        field: FIELDS[2]!,
        slots: Array.from({ length: 14 }, (_, i) => ({
          low: 2 ** (i + 6),
          high: 2 ** (i + 7),
          count: Math.round(90_000 * Math.exp(-((i - 5) ** 2) / 6)),
        })),
        measured: 382_000,
        least: 71,
        most: 1_030_000,
        average: 4_100,
        percentiles: { p50: 2_700, p90: 9_100, p99: 48_000 },
      };
    case 'heatmap': {
      const slots = Array.from({ length: 20 }, (_, i) => ({
        slot: i + 10,
        low: 64 * 1.5 ** i,
        high: 64 * 1.5 ** (i + 1),
      }));
      const cells = buckets.flatMap((i) =>
        slots.flatMap(({ slot }, k) => {
          const hits = Math.round(400 * Math.exp(-((k - 7 - 3 * Math.sin(i / 30)) ** 2) / 4));
          return hits > 0 ? [first + i, slot, hits] : [];
        }),
      );
      return { kind: 'heatmap', field: FIELDS[2]!, slots, cells, ...times };
    }
  }
}

function page(spec: SummarySpec): SummaryPage {
  const known = { stream: 'events', where: '', state: 2, whole: true, counted: 3_204_771, partial: false };
  if (query.has('error') && spec.kind === 'heatmap') {
    const error = {
      code: 'unknown-field' as const,
      message: '"latency" is no field of events; did you mean "latency_ns"?',
      remedy: 'Known are: pid, comm, latency_ns, bytes.',
      detail: '',
      links: [],
    };
    return { ...known, missed: 0, data: null, error };
  }
  return { ...known, missed: spec.kind === 'histogram' ? 12_402 : 0, data: dataOf(spec), error: null };
}

const costs: CostSample[] = Array.from({ length: 240 }, (_, i) => ({
  at: START - (240 - i) * 500,
  programs: ['handle_enter', 'handle_exit'].map((name, k) => ({
    name,
    runsPerSecond: 48_000 * wave(i, k),
    nanosPerRun: 60 + 20 * k,
    cpuPercent: 0.3 * (k + 1) * wave(i, k),
    missedPerSecond: 0,
  })),
}));

const STATE_KEY = 'ringside-dev-charts';
const stored = (): ChartsState | undefined =>
  (JSON.parse(sessionStorage.getItem(STATE_KEY) ?? 'null') as ChartsState | undefined) ?? undefined;

function receive(message: ChartsToHost): void {
  const reply = (answer: ChartsToPanel): void => void setTimeout(() => dev.post(answer), 3);
  if (message.type !== 'summary') dev.sent.push(message);
  switch (message.type) {
    case 'ready':
    case 'reset': {
      const charts = query.has('empty')
        ? []
        : ((message.type === 'ready' ? stored()?.charts : undefined) ?? (query.has('maps') ? MAP_CHARTS : CHARTS));
      const state = { runId: 'run-1', file: '/home/me/probes/openlat.bpf.c', charts };
      const notes = query.has('error') ? ['A chart cannot be made. line 12: "hist" is no chart.'] : [];
      reply({ type: 'init', run: query.has('gone') ? null : run(), state, costs, notes });
      return;
    }
    case 'summary':
      reply({ type: 'summary', id: message.id, page: page(message.query.spec) });
      return;
    case 'copy':
      dev.copied.push(message.text);
      return;
    case 'mapSummary': {
      const data = mapDataOf(message.query.spec);
      const known = { stream: message.query.map, where: '', state: 2, whole: true, counted: 240, missed: 0 };
      reply({ type: 'summary', id: message.id, page: { ...known, partial: false, data, error: null } });
      return;
    }
    case 'maps':
    case 'state':
    case 'trace':
  }
}

window.acquireVsCodeApi = () => ({
  postMessage: (message: unknown) => receive(message as ChartsToHost),
  getState: stored,
  setState: (state: unknown) => sessionStorage.setItem(STATE_KEY, JSON.stringify(state)),
});
