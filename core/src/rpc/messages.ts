/** What travels between the extension host and the engine's worker thread. Plain data, structured-cloned. */
import type { ErrorData } from '../errors.ts';
import type { CallOptions, ProgressStep } from '../progress.ts';
import type { GuardQuestion, HostKeyQuestion, SecretQuestion } from '../prompt.ts';
import type { Engine, EngineEvents } from '../runs/api.ts';
import type { SshOptions } from '../ssh/options.ts';

export type EngineMethod = Exclude<keyof Engine, 'on'>;

/** Methods whose last argument is CallOptions. */
type WithCall = {
  [K in EngineMethod]: Required<Parameters<Engine[K]>> extends [...unknown[], CallOptions] ? K : never;
}[EngineMethod];

/** At which argument they take it: it crosses as messages. The compiler holds it complete. */
export const callOptionsAt: Record<WithCall, number> & Partial<Record<EngineMethod, number>> = {
  connect: 1,
  doctor: 1,
  targets: 2,
  authoring: 1,
  agentStatus: 1,
  agentRemove: 1,
  build: 1,
  inspect: 1,
  verify: 1,
  test: 1,
  attach: 1,
  programs: 1,
  programCode: 2,
  maps: 1,
  links: 1,
  describeMap: 2,
  mapEntries: 4,
  openMapLines: 3,
  mapGet: 3,
  mapSet: 5,
  mapDelete: 3,
  openMapWatch: 3,
  pollMapWatch: 1,
  openMapsView: 1,
  askMapsView: 2,
  redeploy: 2,
  keptRuns: 1,
  adopt: 1,
  endKept: 2,
  takeAway: 2,
  openExploration: 1,
  openRecording: 1,
  suspend: 2,
  globals: 1,
  setVariable: 3,
  planProject: 1,
};

/** Every method of the engine; the compiler holds it complete. */
export const engineMethods: Record<EngineMethod, true> = {
  hosts: true,
  planHost: true,
  addHost: true,
  hostStates: true,
  connect: true,
  disconnect: true,
  doctor: true,
  targets: true,
  authoring: true,
  agentStatus: true,
  agentRemove: true,
  build: true,
  inspect: true,
  objectText: true,
  verify: true,
  openExploration: true,
  explore: true,
  closeExploration: true,
  listTests: true,
  test: true,
  attach: true,
  redeploy: true,
  detach: true,
  runs: true,
  globals: true,
  checkGlobal: true,
  setVariable: true,
  limitTime: true,
  suspend: true,
  record: true,
  endRecording: true,
  openRecording: true,
  pause: true,
  setLimits: true,
  keep: true,
  leave: true,
  keptRuns: true,
  adopt: true,
  endKept: true,
  takeAway: true,
  forget: true,
  rows: true,
  askRows: true,
  readIterator: true,
  writeUserRing: true,
  row: true,
  mapFill: true,
  programs: true,
  programCode: true,
  maps: true,
  links: true,
  describeMap: true,
  mapEntries: true,
  openMapLines: true,
  readMapLines: true,
  closeMapLines: true,
  mapGet: true,
  mapSet: true,
  mapDelete: true,
  openMapWatch: true,
  pollMapWatch: true,
  closeMapWatch: true,
  openMapsView: true,
  askMapsView: true,
  closeMapsView: true,
  templates: true,
  createFromTemplate: true,
  planProject: true,
  writeProject: true,
  configure: true,
  dispose: true,
};

export interface WorkerStart {
  resourceDir: string;
  cacheDir: string;
  compilerPath: string;
  ssh: SshOptions;
}

export type ToWorker =
  | { type: 'call'; id: number; method: EngineMethod; args: unknown[]; progress: boolean }
  | { type: 'abort'; id: number }
  | { type: 'answered'; id: number; answer: string | undefined };

export type FromWorker =
  | { type: 'result'; id: number; value: unknown }
  | { type: 'error'; id: number; error: ErrorData }
  | { type: 'progress'; id: number; step: ProgressStep }
  | { type: 'event'; name: keyof EngineEvents; args: unknown[] }
  | { type: 'ask'; id: number; kind: 'host-key'; question: HostKeyQuestion }
  | { type: 'ask'; id: number; kind: 'secret'; question: SecretQuestion }
  | { type: 'ask'; id: number; kind: 'guard'; question: GuardQuestion }
  | { type: 'ask-abort'; id: number };
