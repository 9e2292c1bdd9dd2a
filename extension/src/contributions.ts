/**
 * Every id that the manifest and the code share: commands, views, settings, context keys, the debug type. Each id is
 * mapped to the type of its arguments or value, so a wrong one does not compile; contributionsManifest.ts writes the
 * manifest from the same names, and a test fails when package.json drifts from it.
 */
import type { Uri } from 'vscode';
import type { GroupNode, HostNode } from './controllers/hostNodes.ts';
import type { InventoryKindNode, InventoryNode, InventoryRowNode } from './controllers/inventoryNodes.ts';
import type { KeptNode } from './controllers/keptNode.ts';
import type { RunNode } from './controllers/runsView.ts';
import type { SnippetNode } from './controllers/galleryView.ts';
import type { BinaryNode, BinaryPointNode, KindNode, PointGroupNode, PointNode } from './points/pointNodes.ts';

export const Command = {
  attach: 'ringside.attach',
  attachTo: 'ringside.attachTo',
  verify: 'ringside.verify',
  chooseHost: 'ringside.chooseHost',
  showVerdict: 'ringside.showVerdict',
  explore: 'ringside.explore',
  openVerifierLog: 'ringside.openVerifierLog',
  hostsRefresh: 'ringside.hosts.refresh',
  hostEnter: 'ringside.hosts.enter',
  hostAdd: 'ringside.hosts.add',
  hostConnect: 'ringside.hosts.connect',
  hostDisconnect: 'ringside.hosts.disconnect',
  hostForget: 'ringside.hosts.forget',
  hostDoctor: 'ringside.hosts.doctor',
  hostRemoveAgent: 'ringside.hosts.removeAgent',
  hostsOpenConfig: 'ringside.hosts.openConfig',
  groupConnect: 'ringside.groups.connect',
  groupDoctor: 'ringside.groups.doctor',
  groupAttach: 'ringside.groups.attach',
  groupVerify: 'ringside.groups.verify',
  chooseHosts: 'ringside.chooseHosts',
  verifyOnHosts: 'ringside.verifyOnHosts',
  inventoryShow: 'ringside.inventory.show',
  inventoryRefresh: 'ringside.inventory.refresh',
  inventoryMore: 'ringside.inventory.more',
  inventoryStop: 'ringside.inventory.stop',
  inventoryTakeAway: 'ringside.inventory.takeAway',
  inventoryCopy: 'ringside.inventory.copy',
  programCode: 'ringside.programs.code',
  mapsShow: 'ringside.maps.show',
  runOpen: 'ringside.runs.open',
  runCharts: 'ringside.runs.charts',
  runPause: 'ringside.runs.pause',
  runResume: 'ringside.runs.resume',
  runLimits: 'ringside.runs.limits',
  runRecord: 'ringside.runs.record',
  runRecordLast: 'ringside.runs.recordLast',
  runGlobals: 'ringside.runs.globals',
  runVariable: 'ringside.runs.variable',
  runTimeLimit: 'ringside.runs.timeLimit',
  runSuspend: 'ringside.runs.suspend',
  redeployOnSave: 'ringside.redeployOnSave.toggle',
  openRecording: 'ringside.openRecording',
  runKeep: 'ringside.runs.keep',
  runLeave: 'ringside.runs.leave',
  runRestart: 'ringside.runs.restart',
  runStartAgain: 'ringside.runs.startAgain',
  runStop: 'ringside.runs.stop',
  runForget: 'ringside.runs.forget',
  runsStopAll: 'ringside.runs.stopAll',
  keptAdopt: 'ringside.kept.adopt',
  keptEnd: 'ringside.kept.end',
  keptShow: 'ringside.kept.show',
  snippetOpen: 'ringside.gallery.open',
  snippetCreate: 'ringside.gallery.create',
  objectShow: 'ringside.objects.show',
  projectCreate: 'ringside.project.create',
  pointsRefresh: 'ringside.points.refresh',
  pointsFilter: 'ringside.points.filter',
  pointsSearch: 'ringside.points.search',
  pointsMore: 'ringside.points.more',
  pointsBinary: 'ringside.points.binary',
  pointsForget: 'ringside.points.forget',
  pointsInsert: 'ringside.points.insert',
  pointsNew: 'ringside.points.new',
  overview: 'ringside.overview',
  showLog: 'ringside.showLog',
  openSettings: 'ringside.openSettings',
  openWalkthrough: 'ringside.openWalkthrough',
  copyDiagnostics: 'ringside.copyDiagnostics',
} as const;
export type CommandId = (typeof Command)[keyof typeof Command];

/**
 * Arguments as the command receives them. Menus add their own (an editor title passes its URI and a group, a tree its
 * node and the selection), so what follows the first argument is `unknown` where a menu may call.
 */
export interface CommandArguments {
  'ringside.attach': [uri?: Uri, program?: unknown];
  'ringside.attachTo': [uri?: Uri, program?: unknown];
  'ringside.verify': [uri?: Uri, program?: unknown];
  'ringside.chooseHost': [uri?: Uri];
  'ringside.chooseHosts': [uri?: Uri];
  'ringside.showVerdict': [uri: Uri, program: string];
  'ringside.explore': [uri?: Uri, program?: unknown];
  'ringside.openVerifierLog': [uri?: Uri];
  'ringside.hosts.refresh': [];
  'ringside.hosts.enter': [];
  'ringside.hosts.add': [];
  'ringside.hosts.connect': [node?: HostNode];
  'ringside.hosts.disconnect': [node?: HostNode];
  'ringside.hosts.forget': [node?: HostNode];
  'ringside.hosts.doctor': [node?: HostNode];
  'ringside.hosts.removeAgent': [node?: HostNode];
  'ringside.hosts.openConfig': [];
  'ringside.groups.connect': [node?: GroupNode];
  'ringside.groups.doctor': [node?: GroupNode];
  'ringside.groups.attach': [node?: GroupNode];
  'ringside.groups.verify': [node?: GroupNode];
  'ringside.verifyOnHosts': [uri?: Uri];
  'ringside.inventory.show': [node?: HostNode];
  'ringside.inventory.refresh': [node?: InventoryNode | InventoryKindNode];
  'ringside.inventory.more': [node?: InventoryKindNode];
  'ringside.inventory.stop': [node?: InventoryRowNode];
  'ringside.inventory.copy': [node?: InventoryRowNode];
  'ringside.inventory.takeAway': [node?: InventoryRowNode];
  'ringside.programs.code': [target?: InventoryRowNode | Uri, program?: unknown];
  'ringside.maps.show': [target?: RunNode | HostNode | InventoryKindNode | InventoryRowNode | string];
  'ringside.runs.open': [run?: RunNode | string];
  'ringside.runs.charts': [run?: RunNode | string];
  'ringside.runs.pause': [run?: RunNode | string];
  'ringside.runs.resume': [run?: RunNode | string];
  'ringside.runs.limits': [run?: RunNode | string];
  'ringside.runs.record': [run?: RunNode | string];
  'ringside.runs.recordLast': [run?: RunNode | string];
  'ringside.runs.globals': [run?: RunNode | string];
  'ringside.runs.variable': [run?: RunNode | string];
  'ringside.runs.timeLimit': [run?: RunNode | string];
  'ringside.runs.suspend': [run?: RunNode | string];
  'ringside.redeployOnSave.toggle': [];
  'ringside.openRecording': [];
  'ringside.runs.keep': [run?: RunNode | string];
  'ringside.runs.leave': [run?: RunNode | string];
  'ringside.runs.startAgain': [run?: RunNode | string];
  'ringside.runs.restart': [run?: RunNode | string];
  'ringside.runs.stop': [run?: RunNode | string];
  'ringside.runs.forget': [run?: RunNode | string];
  'ringside.runs.stopAll': [];
  'ringside.kept.adopt': [run?: KeptNode | RunNode];
  'ringside.kept.end': [run?: KeptNode | RunNode];
  'ringside.kept.show': [];
  'ringside.gallery.open': [node?: SnippetNode];
  'ringside.gallery.create': [node?: SnippetNode];
  'ringside.objects.show': [uri?: Uri];
  'ringside.project.create': [uri?: Uri];
  'ringside.points.refresh': [];
  'ringside.points.filter': [];
  'ringside.points.search': [];
  'ringside.points.more': [node?: KindNode | PointGroupNode | BinaryNode];
  'ringside.points.binary': [];
  'ringside.points.forget': [node?: BinaryNode];
  'ringside.points.insert': [node?: PointNode | BinaryPointNode];
  'ringside.points.new': [node?: PointNode | BinaryPointNode];
  'ringside.overview': [];
  'ringside.showLog': [];
  'ringside.openSettings': [];
  'ringside.openWalkthrough': [];
  'ringside.copyDiagnostics': [];
}

export const View = {
  container: 'ringside',
  hosts: 'ringside.hosts',
  runs: 'ringside.runs',
  gallery: 'ringside.gallery',
  points: 'ringside.points',
} as const;

export const PanelType = {
  trace: 'ringside.trace',
  charts: 'ringside.charts',
  doctor: 'ringside.doctor',
  verdicts: 'ringside.verdicts',
  explorer: 'ringside.explorer',
  maps: 'ringside.maps',
  /** A custom editor: the trace panel of a recording. */
  recording: 'ringside.recording',
} as const;

export const Setting = {
  clangPath: 'ringside.clang.path',
  clangdEnabled: 'ringside.clangd.enabled',
  clangdPath: 'ringside.clangd.path',
  sshConfigFile: 'ringside.ssh.configFile',
  sshTransport: 'ringside.ssh.transport',
  sudo: 'ringside.sudo',
  ephemeral: 'ringside.agent.ephemeral',
  readOnlyHosts: 'ringside.readOnlyHosts',
  hostGroups: 'ringside.hostGroups',
  verifyOnSave: 'ringside.verifyOnSave',
  redeployOnSave: 'ringside.redeployOnSave',
  codeLens: 'ringside.codeLens',
  mapHints: 'ringside.mapHints',
  storeMegabytes: 'ringside.store.megabytes',
  limitCpuPercent: 'ringside.limits.cpuPercent',
  limitRecordsPerSecond: 'ringside.limits.recordsPerSecond',
  limitMinutesUnwatched: 'ringside.limits.minutesUnwatched',
  openPanel: 'ringside.openPanelOnAttach',
  recordingFolder: 'ringside.recording.folder',
  recordingMapsSeconds: 'ringside.recording.mapsSeconds',
  logLevel: 'ringside.logLevel',
} as const;
export type SettingId = (typeof Setting)[keyof typeof Setting];

export interface SettingValues {
  'ringside.clang.path': string;
  'ringside.clangd.enabled': boolean;
  'ringside.clangd.path': string;
  'ringside.ssh.configFile': string;
  'ringside.ssh.transport': 'auto' | 'ssh2' | 'openssh';
  'ringside.sudo': 'auto' | 'never' | 'always';
  'ringside.agent.ephemeral': boolean;
  'ringside.readOnlyHosts': string[];
  'ringside.hostGroups': Record<string, string[]>;
  'ringside.verifyOnSave': boolean;
  'ringside.redeployOnSave': boolean;
  'ringside.codeLens': boolean;
  'ringside.mapHints': boolean;
  'ringside.store.megabytes': number;
  'ringside.limits.cpuPercent': number;
  'ringside.limits.recordsPerSecond': number;
  'ringside.limits.minutesUnwatched': number;
  'ringside.openPanelOnAttach': boolean;
  'ringside.recording.folder': string;
  'ringside.recording.mapsSeconds': number;
  'ringside.logLevel': 'error' | 'warn' | 'info' | 'debug';
}

export const ContextKey = {
  /** Some run has not ended. */
  running: 'ringside.running',
  /** Some live run is kept. */
  keeping: 'ringside.keeping',
  /** The language server runs (tests wait for it). */
  languageServer: 'ringside.languageServer',
  /** Paths of open C files that hold programs and are not called *.bpf.c. */
  sources: 'ringside.sources',
} as const;

export interface ContextKeyValues {
  'ringside.running': boolean;
  'ringside.keeping': boolean;
  'ringside.languageServer': boolean;
  'ringside.sources': string[];
}

/** Language id of bpftrace scripts. */
export const scriptLanguage = 'bpftrace';
/** The custom editor of `.bpf.o` files. */
export const objectEditor = 'ringside.object';
export const debugType = 'ringside';
export const taskType = 'ringside';
/** Reads what `ringside build`, `verify` and `test` print, and clang's own lines. */
export const problemMatcher = '$ringside';
/** The same for builds: of a file that is open the editor itself shows what clang says. */
export const buildMatcher = '$ringside-build';
export const walkthroughId = 'ringside.start';

/** `contextValue` of tree nodes, which the menus' `when` clauses test. */
export const NodeContext = {
  hostConnected: 'host.connected',
  hostDisconnected: 'host.disconnected',
  hostBusy: 'host.busy',
  /** Added for hosts that the user typed in: they can be forgotten. */
  typedSuffix: '.typed',
  group: 'group',
  inventory: 'inventory.all',
  inventoryKind: 'inventory.kind',
  inventoryRow: 'inventory.row',
  programSuffix: '.program',
  mapSuffix: '.map',
  /** Added for what a run of this window, or a kept one, holds: it can be stopped. */
  stoppableSuffix: '.stoppable',
  /** Added for what others have there, and what can be taken away. */
  takeableSuffix: '.takeable',
  runLive: 'run.live',
  runPaused: 'run.paused',
  runBusy: 'run.busy',
  runEnded: 'run.ended',
  /** A recording: there is no host behind it. */
  runReplay: 'run.replay',
  /** Ended because the connection was lost. */
  runLost: 'run.lost',
  /** Ended here, and kept on its host. */
  runLeft: 'run.left',
  /** Added for live runs that outlive the window. */
  keptSuffix: '.kept',
  kept: 'kept',
  snippet: 'snippet',
  pointGroup: 'points.group',
  pointBinary: 'points.binary',
  point: 'point',
} as const;

export const taskKinds = ['build', 'verify', 'test'] as const;
export type TaskKind = (typeof taskKinds)[number];

/** Attributes of a `ringside` task, as tasks.json has them. */
export interface TaskAttributes {
  task: TaskKind;
  /** The source, relative to the workspace folder or absolute; may hold variables such as ${file}. */
  file: string;
  /** As in a launch configuration; the host that was chosen for the file when left out. */
  host?: string | string[];
  /** Further arguments of the `ringside` command. */
  args?: string[];
}

/** Attributes of a `ringside` launch configuration. */
export interface LaunchAttributes {
  /** Source or object file. */
  program: string;
  /** "local", an alias, user@host[:port], several separated by commas, or a list. */
  host?: string | string[];
  programs?: string[];
  /** "iface" → "eth0", or "my_prog:iface" → "eth0" for one program. */
  targets?: Record<string, string>;
  set?: Record<string, string | number | boolean>;
  where?: string;
  mapsSeconds?: number;
  /** What the run may cost its hosts; what is left out is the setting's. */
  limits?: { cpuPercent?: number; recordsPerSecond?: number; timeSeconds?: number };
  /** How long the run goes on without the window, such as "2h". */
  keep?: string;
}
