/**
 * The engine's one API. In process for the CLI and tests; through a worker thread for the extension, whose client
 * (core/src/rpc/client.ts) has exactly this interface. Everything that crosses it is plain data, but for CallOptions
 * (signal and progress), which the RPC carries as messages.
 */
import type { ErrorData } from '../errors.ts';
import type { CodeListing } from '../code/listing.ts';
import type { CreatedProgram, Template } from '../gallery.ts';
import type { CallOptions } from '../progress.ts';
import type { LogLevel } from '../log.ts';
import type { SshOptions } from '../ssh/options.ts';
import type { RedeployChanges } from './run.ts';
import type {
  AdoptSpec,
  AgentRemoval,
  AgentStatus,
  AttachSpec,
  AuthoringTarget,
  BuildResult,
  DoctorReport,
  ExplorationInfo,
  ExplorationRequest,
  ExploreAnswer,
  ExploreQuery,
  HostEntry,
  HostState,
  InspectReport,
  KeptRunInfo,
  LinkItem,
  MapChanges,
  MapEntriesPage,
  MapEntryItem,
  MapFill,
  MapItem,
  MapLines,
  MapName,
  MapSetMode,
  MapsAnswer,
  MapsQuery,
  MapsScope,
  NewHost,
  OpenRecordingSpec,
  ProgramCode,
  ProgramItem,
  ProjectPlan,
  ProjectRequest,
  IteratorText,
  LoadOptions,
  RecordSpec,
  RowDetail,
  RowsAnswer,
  RowsAsk,
  RowsPage,
  RowsQuery,
  RunEvent,
  RunGlobal,
  RunLimits,
  RunSummary,
  Takeable,
  TargetListing,
  TestListing,
  TestReport,
  TargetQuery,
  TypedMap,
  VerifyReport,
} from '../model/index.ts';

export interface BuildRequest {
  file: string;
  /** Unsaved text of the file, when it differs from the disk's. */
  text?: string;
  /** Host whose BTF makes vmlinux.h; else `vmlinux` (header) or `btf` (raw BTF file); else this machine's BTF. */
  host?: string;
  vmlinux?: string;
  btf?: string;
  /** Where the object goes; default a content-addressed file in the cache. */
  output?: string;
  /** More clang flags, after ours. */
  flags?: string[];
  /** Only check: no object is written. */
  syntaxOnly?: boolean;
}

export interface VerifyRequest {
  file: string;
  hosts: string[];
  programs: string[];
  set: Record<string, string>;
  /** What is known of targets before loading, as in AttachSpec. */
  targets?: AttachSpec['targets'];
  load?: LoadOptions;
  /** File that receives the whole verifier log. */
  fullLog?: string;
  /** File that receives what the log is explored with: the object, the sources and the verdicts (of one host). */
  record?: string;
  /** The source of `file`, where that is an object: the record names it. */
  source?: string;
  /** The log has every path; else it has the one that was rejected, or the figures alone. */
  everyPath?: boolean;
}

export interface TestRequest {
  /** The source or object, or its test file. */
  file: string;
  /** Default: NAME.bpf.test.json beside it. */
  testFile?: string;
  hosts: string[];
  /** Names of tests; empty = all. */
  tests: string[];
  /** Only tests of these programs; empty = all. */
  programs: string[];
  targets?: AttachSpec['targets'];
  load?: LoadOptions;
  /** Rules of guards that may be broken. */
  confirmed?: string[];
  /** Tell which lines ran: what is run is a copy of the object with marks between its instructions. */
  coverage?: boolean;
}

/** One element a host: its report or its error. */
export type TestOutcome = TestReport | { host: string; error: ErrorData };

/** One element a host: its report or its error. */
export type VerifyOutcome = VerifyReport | { host: string; error: ErrorData };

export interface EngineEvents {
  /** A host's state or a run's summary changed. Summaries come at most twice a second per run while running. */
  host: (state: HostState) => void;
  run: (run: RunSummary) => void;
  /** bpf_printk lines and other things for the Debug Console and the CLI's stream. */
  runEvents: (runId: string, events: RunEvent[]) => void;
  log: (level: LogLevel, message: string) => void;
}

export interface Engine {
  on<K extends keyof EngineEvents>(event: K, listener: EngineEvents[K]): () => void;

  hosts(): Promise<HostEntry[]>;
  /** What would be written to the ssh config for a host given as to `ssh`. Errors: usage, ssh-config. */
  planHost(command: string, alias: string): Promise<NewHost>;
  /** Writes it, unless the file has changed meanwhile. Errors: ssh-config. */
  addHost(host: NewHost): Promise<void>;
  hostStates(): Promise<HostState[]>;
  connect(host: string, options?: CallOptions): Promise<HostState>;
  disconnect(host: string): Promise<void>;
  doctor(host: string, options?: CallOptions): Promise<DoctorReport>;
  /** What programs can attach to on a host, with arguments and their types where it tells. */
  targets(host: string, query: TargetQuery, options?: CallOptions): Promise<TargetListing>;
  /** What the editor may know of a host's kernel: files in the cache. Connects nobody; null for a host that was never here. */
  authoring(host: string, options?: CallOptions): Promise<AuthoringTarget | null>;
  agentStatus(host: string, options?: CallOptions): Promise<AgentStatus>;
  agentRemove(host: string, options?: CallOptions): Promise<AgentRemoval>;

  build(request: BuildRequest, options?: CallOptions): Promise<BuildResult>;
  /** An object file as a document to read, with the places of its source. Errors: file-not-found, not-elf, not-bpf, object-malformed. */
  objectText(file: string): Promise<CodeListing>;
  inspect(file: string, options?: CallOptions): Promise<InspectReport>;
  verify(request: VerifyRequest, options?: CallOptions): Promise<VerifyOutcome[]>;
  /** Reads a verifier log to walk through it; it is held until it is closed. Errors: file-not-found. */
  openExploration(request: ExplorationRequest, options?: CallOptions): Promise<ExplorationInfo>;
  explore<Q extends ExploreQuery>(exploration: number, query: Q): Promise<ExploreAnswer<Q>>;
  closeExploration(exploration: number): Promise<void>;
  /** The tests of a program as its test file has them; nothing is built or reached. */
  listTests(file: string, testFile?: string): Promise<TestListing>;
  /** Runs tests by BPF_PROG_TEST_RUN: nothing is attached, and nothing stays loaded. */
  test(request: TestRequest, options?: CallOptions): Promise<TestOutcome[]>;

  /** Resolves when everything is attached; the run goes on until detach, its limits or a failure. */
  attach(spec: AttachSpec, options?: CallOptions): Promise<RunSummary>;
  /**
   * Builds again and puts the new version in the old one's place: streams and rows go on, maps keep their entries where
   * their layout allows it. On any failure the old version goes on.
   */
  redeploy(runId: string, changes: RedeployChanges, options?: CallOptions): Promise<RunSummary>;
  /**
   * Lets a run go on without this engine for so many seconds, whatever becomes of the connection; 0 takes that back. When the
   * engine goes, such a run is left and not detached; `detach` still ends it.
   */
  keep(runId: string, seconds: number): Promise<RunSummary>;
  /** Goes away from a run: what is kept goes on, the rest is detached. */
  leave(runId: string): Promise<RunSummary>;
  /** Runs that go on on a host without a client, or with another one. */
  keptRuns(host: string, options?: CallOptions): Promise<KeptRunInfo[]>;
  /** Goes on with a kept run, from here; a client that watches it is told and let go. Errors: run-not-kept. */
  adopt(spec: AdoptSpec, options?: CallOptions): Promise<RunSummary>;
  /** Ends a kept run; resolves when nothing of it is attached any more. Errors: run-not-kept. */
  endKept(host: string, run: string, options?: CallOptions): Promise<void>;
  /** Other limits for an attached run from now on; its time without watchers begins anew. */
  setLimits(runId: string, limits: Partial<RunLimits>): Promise<RunSummary>;
  /** Detaches, drains, and gives the final summary with the exact ledger. Idempotent. */
  detach(runId: string): Promise<RunSummary>;
  runs(): Promise<RunSummary[]>;
  /** The global variables of a run, with the comments of its source and what they hold now. */
  globals(runId: string, options?: CallOptions): Promise<RunGlobal[]>;
  /** Whether a global takes a value. Errors: unknown-variable, bad-value. */
  checkGlobal(runId: string, name: string, value: string): Promise<void>;
  /** Writes a variable of .data or .bss while the program runs. Errors: unknown-variable, bad-value, map-access. */
  setVariable(runId: string, name: string, value: string, options?: CallOptions): Promise<void>;
  /** Ends an attached run in so many seconds from now; null takes that back. */
  limitTime(runId: string, seconds: number | null): Promise<RunSummary>;
  /**
   * Pauses at the source: detaches on every host and keeps maps, streams and rows; false attaches again. Nothing is traced
   * meanwhile, and nothing costs.
   */
  suspend(runId: string, suspended: boolean, options?: CallOptions): Promise<RunSummary>;
  /** Begins to record an attached run to a new file. Errors: usage, file-exists, recording-failed. */
  record(runId: string, spec: RecordSpec): Promise<RunSummary>;
  /** Ends the recording; the run goes on. */
  endRecording(runId: string): Promise<RunSummary>;
  /**
   * Opens a recording as a run without a host; resolves when it begins to be played. Errors: file-not-found,
   * not-a-recording, recording-newer, recording-damaged.
   */
  openRecording(spec: OpenRecordingSpec, options?: CallOptions): Promise<RunSummary>;
  /** Stops asking the store for the view to move; the run itself goes on. */
  pause(runId: string, paused: boolean): Promise<void>;
  /** Forgets an ended run and its rows. */
  forget(runId: string): Promise<void>;

  rows(query: RowsQuery): Promise<RowsPage>;
  /** How full maps of a run are, at most as old as a second; what cannot be counted is left out. */
  mapFill(runId: string, maps: string[]): Promise<MapFill[]>;
  /** What is made of a run's rows: summaries for charts and groups, text for files, completions of expressions. */
  askRows<Q extends RowsAsk>(runId: string, ask: Q): Promise<RowsAnswer<Q>>;
  /** Lets an attached iterator program walk once from beginning to end, and gives the text that it wrote. */
  readIterator(runId: string, host: string, program: string): Promise<IteratorText>;
  /** Writes records to a user ring buffer of a run, in order; gives how many found room. */
  writeUserRing(runId: string, host: string, map: string, records: Uint8Array[]): Promise<number>;
  row(runId: string, stream: string, seq: number): Promise<RowDetail | null>;

  /** Everything of BPF on the host, whoever made it. Links come with what is attached to interfaces without one. */
  programs(host: string, options?: CallOptions): Promise<ProgramItem[]>;
  /** A program by its id, as the kernel rewrote it, and its machine code. Errors: unknown-program. */
  programCode(host: string, id: number, options?: CallOptions): Promise<ProgramCode>;
  maps(host: string, options?: CallOptions): Promise<MapItem[]>;
  links(host: string, options?: CallOptions): Promise<LinkItem[]>;
  /**
   * Takes away what somebody else has attached or pinned there, as it was listed; nothing that took its place meanwhile.
   * Errors: not-there, held-by-process, bad-value (a Ringside run holds it), no-permission, read-only.
   */
  takeAway(host: string, what: Takeable, options?: CallOptions): Promise<void>;
  /** A map by its id, name or path in bpffs, with the types by which its entries read. */
  describeMap(host: string, map: MapName, options?: CallOptions): Promise<TypedMap>;
  /** One page of entries; `cursor` null begins, and is the last page's `next` after that. */
  mapEntries(
    host: string,
    map: MapName,
    cursor: string | null,
    limit: number,
    options?: CallOptions,
  ): Promise<MapEntriesPage>;
  /** Entries as JSON text, for maps of any size: read until null, then close. */
  openMapLines(host: string, map: MapName, format: 'json' | 'plain', options?: CallOptions): Promise<number>;
  readMapLines(reader: number): Promise<MapLines | null>;
  closeMapLines(reader: number): Promise<void>;
  /** Keys and values as people type them: JSON, or text that is none. Null for maps without keys. */
  mapGet(host: string, map: MapName, key: string | null, options?: CallOptions): Promise<MapEntryItem>;
  mapSet(
    host: string,
    map: MapName,
    key: string | null,
    value: string,
    mode: MapSetMode,
    options?: CallOptions,
  ): Promise<MapEntryItem>;
  /** Of queues and stacks: takes the next value, and gives it. */
  mapDelete(host: string, map: MapName, key: string | null, options?: CallOptions): Promise<MapEntryItem | null>;
  /** Follows a map by deltas that the host computes; `limit` 0 = as many entries as the agent can follow. */
  openMapWatch(host: string, map: MapName, limit: number, options?: CallOptions): Promise<number>;
  pollMapWatch(watch: number, options?: CallOptions): Promise<MapChanges>;
  closeMapWatch(watch: number): Promise<void>;
  /** The maps of a run or of a host, to look at one of them after the other; a host is connected for it. */
  openMapsView(scope: MapsScope, options?: CallOptions): Promise<number>;
  askMapsView<Q extends MapsQuery>(view: number, query: Q, options?: CallOptions): Promise<MapsAnswer<Q>>;
  closeMapsView(view: number): Promise<void>;

  /** The programs of the gallery, by name. */
  templates(): Promise<Template[]>;
  /** Copies one to a folder, ready to build; nothing that exists is overwritten. */
  createFromTemplate(name: string, dir: string): Promise<CreatedProgram>;

  /** The files of a project of its own for a program; nothing is written. Errors: as inspect, usage. */
  planProject(request: ProjectRequest, options?: CallOptions): Promise<ProjectPlan>;
  /** Writes what was planned, all or nothing. Errors: file-exists, not-writable. */
  writeProject(plan: ProjectPlan): Promise<void>;

  /** New connection options (settings changed); open connections keep theirs. */
  configure(ssh: SshOptions): Promise<void>;
  /** Detaches every run, closes every connection. */
  dispose(): Promise<void>;
}
