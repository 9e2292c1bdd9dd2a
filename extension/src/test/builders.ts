/** Plain data for tests, each with one place to say what is special about it. */
import type { AttachSpec, ProgramInfo, RunSummary, StreamLedger } from '@ringside/core/model';

export const aSpec = (given: Partial<AttachSpec> = {}): AttachSpec => ({
  file: '/w/execsnoop.bpf.c',
  hosts: ['web-1'],
  programs: [],
  targets: [],
  set: {},
  where: '',
  durationSeconds: null,
  count: null,
  mapsSeconds: null,
  storeBytes: 256 * 1024 * 1024,
  ...given,
});

export const aRun = (given: Partial<RunSummary> = {}): RunSummary => ({
  id: 'run-1',
  name: 'execsnoop',
  file: '/w/execsnoop.bpf.c',
  hosts: ['web-1'],
  state: 'running',
  startedAt: 1_000,
  endedAt: null,
  endReason: null,
  error: null,
  diagnostics: [],
  attachments: [],
  leftOut: [],
  notes: [],
  schemas: [],
  ledger: { streams: [] },
  programs: [],
  rate: 0,
  agent: { rssBytes: null, cpuPercent: null },
  limits: null,
  kept: [],
  ...given,
});

export const aStream = (given: Partial<StreamLedger> = {}): StreamLedger => ({
  name: 'events',
  produced: 10,
  delivered: 10,
  filtered: 0,
  lostKernel: 0,
  lostAgent: 0,
  lostTransport: 0,
  shown: 10,
  ...given,
});

export const aProgram = (given: Partial<ProgramInfo> = {}): ProgramInfo => ({
  name: 'handle_exec',
  section: 'tp/sched/sched_process_exec',
  type: 'tracepoint',
  attach: 'tracepoint',
  target: 'sched:sched_process_exec',
  needsTarget: [],
  given: {},
  inferred: '',
  capabilities: [],
  features: [],
  variants: [],
  guards: [],
  instructions: 12,
  autoload: true,
  source: { file: '/w/execsnoop.bpf.c', line: 20 },
  ...given,
});
