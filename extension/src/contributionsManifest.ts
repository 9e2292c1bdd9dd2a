/** Writes the generated parts of package.json: see generate.mjs. Pure data, no vscode at run time. */
import { Command, NodeContext, PanelType, View, debugType, objectEditor, scriptLanguage } from './contributions.ts';
import type { CommandId } from './contributions.ts';
import { configuration, entries, restrictedSettings, without } from './contributionsSettings.ts';
import { problemMatchers, problemPatterns, taskDefinitions } from './contributionsTasks.ts';
import { walkthroughs } from './contributionsWalkthrough.ts';

interface CommandEntry {
  title: string;
  icon?: string;
  enablement?: string;
  /** When the palette shows it; "false" hides it. Default: always. */
  palette?: string;
}

const bpfSource = '(resourceFilename =~ /\\.bpf\\.c$/ || resourcePath in ringside.sources)';
const trusted = 'isWorkspaceTrusted';
const hidden = 'false';

const commands: Record<CommandId, CommandEntry> = {
  [Command.attach]: { title: 'Attach', icon: '$(play)', enablement: trusted, palette: bpfSource },
  [Command.attachTo]: { title: 'Attach to Another Host…', enablement: trusted, palette: bpfSource },
  [Command.verify]: { title: 'Verify on Host', icon: '$(pass)', enablement: trusted, palette: bpfSource },
  [Command.verifyOnHosts]: { title: 'Verify on Several Hosts…', enablement: trusted, palette: bpfSource },
  [Command.chooseHost]: { title: 'Choose Host…', icon: '$(remote)', enablement: trusted, palette: bpfSource },
  [Command.chooseHosts]: { title: 'Choose Several Hosts…', enablement: trusted, palette: bpfSource },
  [Command.showVerdict]: { title: 'Show Verifier Log', palette: hidden },
  [Command.explore]: { title: 'Explore the Verifier’s Path', icon: '$(compass)', palette: bpfSource },
  [Command.openVerifierLog]: { title: 'Open Verifier Log…', icon: '$(compass)' },
  [Command.hostsRefresh]: { title: 'Refresh Hosts', icon: '$(refresh)' },
  [Command.hostEnter]: { title: 'Connect to Host…', icon: '$(add)', enablement: trusted },
  [Command.hostAdd]: { title: 'Add Host to ssh Config…', enablement: trusted },
  [Command.hostConnect]: { title: 'Connect', icon: '$(plug)', enablement: trusted, palette: hidden },
  [Command.hostDisconnect]: { title: 'Disconnect', icon: '$(debug-disconnect)', palette: hidden },
  [Command.hostForget]: { title: 'Forget Host', palette: hidden },
  [Command.hostDoctor]: { title: 'Check What the Host Can Do', icon: '$(checklist)', enablement: trusted },
  [Command.hostRemoveAgent]: { title: 'Remove Agent from Host', enablement: trusted },
  [Command.hostsOpenConfig]: { title: 'Open ssh Config' },
  [Command.groupConnect]: { title: 'Connect All', icon: '$(plug)', enablement: trusted, palette: hidden },
  [Command.groupDoctor]: { title: 'Check What the Group Can Do', icon: '$(checklist)', enablement: trusted },
  [Command.groupAttach]: { title: 'Attach to Group…', icon: '$(play)', enablement: trusted },
  [Command.groupVerify]: { title: 'Verify on Group…', icon: '$(pass)', enablement: trusted },
  [Command.inventoryShow]: { title: 'Show BPF on the Host', icon: '$(list-tree)', enablement: trusted },
  [Command.inventoryRefresh]: { title: 'Refresh BPF on the Host', icon: '$(refresh)', palette: hidden },
  [Command.inventoryMore]: { title: 'Show More', palette: hidden },
  [Command.inventoryStop]: { title: 'Stop What Holds It…', icon: '$(debug-stop)', palette: hidden },
  [Command.inventoryTakeAway]: { title: 'Take Away from the Host…', icon: '$(trash)', palette: hidden },
  [Command.programCode]: { title: 'Translated and Machine Code', icon: '$(file-binary)', palette: bpfSource },
  [Command.mapsShow]: { title: 'Show Maps', icon: '$(database)', enablement: trusted },
  [Command.inventoryCopy]: { title: 'Copy Details', icon: '$(copy)', palette: hidden },
  [Command.runOpen]: { title: 'Open Trace', icon: '$(table)' },
  [Command.runCharts]: { title: 'Open Charts', icon: '$(graph-line)' },
  [Command.runPause]: { title: 'Pause', icon: '$(debug-pause)', palette: hidden },
  [Command.runResume]: { title: 'Resume', icon: '$(debug-continue)', palette: hidden },
  [Command.runLimits]: { title: 'Change Limits…', icon: '$(dashboard)', palette: 'ringside.running' },
  [Command.runRecord]: { title: 'Record or End Recording', icon: '$(record)', palette: 'ringside.running' },
  [Command.runRecordLast]: { title: 'Record, Keeping the Last Minutes…', palette: 'ringside.running' },
  [Command.runGlobals]: { title: 'Restart with Changed Globals…', icon: '$(settings)', palette: 'ringside.running' },
  [Command.runVariable]: { title: 'Change a Variable While It Runs…', palette: 'ringside.running' },
  [Command.runTimeLimit]: { title: 'End in Time…', icon: '$(watch)', palette: 'ringside.running' },
  [Command.runSuspend]: { title: 'Pause or Resume at the Source', palette: 'ringside.running' },
  [Command.redeployOnSave]: { title: 'Toggle Redeploy on Save', enablement: trusted },
  [Command.openRecording]: { title: 'Open Recording…', icon: '$(history)' },
  [Command.runKeep]: { title: 'Keep Running…', icon: '$(pin)', palette: 'ringside.running' },
  [Command.runLeave]: { title: 'Leave Running', icon: '$(debug-disconnect)', palette: 'ringside.keeping' },
  [Command.runStartAgain]: { title: 'Start Again', icon: '$(debug-restart)', enablement: trusted, palette: hidden },
  [Command.runRestart]: { title: 'Restart Run', icon: '$(debug-restart)', enablement: trusted },
  [Command.runStop]: { title: 'Detach', icon: '$(debug-stop)', palette: 'ringside.running' },
  [Command.runForget]: { title: 'Forget Run', icon: '$(close)', palette: hidden },
  [Command.runsStopAll]: { title: 'Detach Everything', icon: '$(stop-circle)', enablement: 'ringside.running' },
  [Command.keptAdopt]: { title: 'Adopt Kept Run', icon: '$(eye)', enablement: trusted },
  [Command.keptEnd]: { title: 'End Kept Run…', icon: '$(debug-stop)', enablement: trusted },
  [Command.keptShow]: { title: 'Show Kept Runs', icon: '$(pinned)' },
  [Command.snippetOpen]: { title: 'View Source', icon: '$(eye)', palette: hidden },
  [Command.snippetCreate]: { title: 'New Program from Gallery…', icon: '$(new-file)' },
  [Command.projectCreate]: {
    title: 'Create Project from This Program…',
    icon: '$(project)',
    enablement: trusted,
    palette: bpfSource,
  },
  [Command.objectShow]: { title: 'Show BPF Object…', icon: '$(file-binary)' },
  [Command.pointsRefresh]: { title: 'Refresh Attach Points', icon: '$(refresh)', palette: hidden },
  [Command.pointsFilter]: { title: 'Filter Attach Points…', icon: '$(filter)' },
  [Command.pointsSearch]: { title: 'Search Attach Points…', icon: '$(search)' },
  [Command.pointsMore]: { title: 'Show More', palette: hidden },
  [Command.pointsBinary]: {
    title: 'Functions and Probes of a Binary…',
    icon: '$(file-binary)',
    enablement: trusted,
  },
  [Command.pointsForget]: { title: 'Close', icon: '$(close)', palette: hidden },
  [Command.pointsInsert]: { title: 'Insert a Program for It', icon: '$(add)', palette: hidden },
  [Command.pointsNew]: { title: 'New File with a Program for It…', icon: '$(new-file)', palette: hidden },
  [Command.overview]: { title: 'Hosts and Runs…' },
  [Command.showLog]: { title: 'Show Log', icon: '$(output)' },
  [Command.openSettings]: { title: 'Open Settings' },
  [Command.openWalkthrough]: { title: 'First Steps' },
  [Command.copyDiagnostics]: { title: 'Copy Diagnostics' },
};

const treeItem = (view: string, context: string) => `view == ${view} && viewItem =~ /^${context}/`;
const host = (context: string) => treeItem(View.hosts, context.replaceAll('.', '\\.'));
const run = (context: string) => treeItem(View.runs, context);
/** A map of a host's inventory, or all of them. */
const mapNode = `view == ${View.hosts} && viewItem =~ /^inventory\\.(row|kind).*\\${NodeContext.mapSuffix}$/`;
/** In both views: ended because the connection was lost. */
const lostRun = `viewItem == ${NodeContext.runLost} && view =~ /^ringside\\.(hosts|runs)$/`;
/** In both views: as a kept run, or as a run of this window that was left. */
const keptItem = `viewItem =~ /^(kept|run\\.left)$/ && view =~ /^ringside\\.(hosts|runs)$/`;

const menus = {
  commandPalette: entries(commands)
    .filter(([, entry]) => entry.palette !== undefined)
    .map(([command, entry]) => ({ command, when: entry.palette })),
  'editor/title/run': [
    { command: Command.attach, when: bpfSource, group: 'navigation@1' },
    { command: Command.attachTo, when: bpfSource, group: 'navigation@2' },
  ],
  'editor/title': [
    { command: Command.verify, when: bpfSource, group: 'navigation@1' },
    { command: Command.chooseHost, when: bpfSource, group: 'navigation@2' },
    { command: Command.chooseHosts, when: bpfSource, group: '1_ringside@1' },
  ],
  'editor/context': [
    { command: Command.attach, when: bpfSource, group: '1_ringside@1' },
    { command: Command.verify, when: bpfSource, group: '1_ringside@2' },
    { command: Command.verifyOnHosts, when: bpfSource, group: '1_ringside@3' },
    { command: Command.projectCreate, when: bpfSource, group: '1_ringside@4' },
  ],
  'explorer/context': [
    { command: Command.attach, when: bpfSource, group: '4_ringside@1' },
    { command: Command.verify, when: bpfSource, group: '4_ringside@2' },
    { command: Command.verifyOnHosts, when: bpfSource, group: '4_ringside@3' },
    { command: Command.objectShow, when: 'resourceExtname == .o', group: '4_ringside@1' },
  ],
  'view/title': [
    { command: Command.hostEnter, when: `view == ${View.hosts}`, group: 'navigation@1' },
    { command: Command.hostsRefresh, when: `view == ${View.hosts}`, group: 'navigation@2' },
    { command: Command.keptShow, when: `view == ${View.hosts}`, group: '1_hosts@0' },
    { command: Command.hostAdd, when: `view == ${View.hosts}`, group: '1_hosts@1' },
    { command: Command.hostsOpenConfig, when: `view == ${View.hosts}`, group: '1_hosts@2' },
    { command: Command.showLog, when: `view == ${View.hosts}`, group: '1_hosts@3' },
    { command: Command.runsStopAll, when: `view == ${View.runs} && ringside.running`, group: 'navigation@1' },
    { command: Command.snippetCreate, when: `view == ${View.gallery}`, group: 'navigation@1' },
    { command: Command.pointsSearch, when: `view == ${View.points}`, group: 'navigation@1' },
    { command: Command.pointsFilter, when: `view == ${View.points}`, group: 'navigation@2' },
    { command: Command.pointsRefresh, when: `view == ${View.points}`, group: 'navigation@3' },
    { command: Command.pointsBinary, when: `view == ${View.points}`, group: '1_points@1' },
  ],
  'view/item/context': [
    { command: Command.hostConnect, when: host(NodeContext.hostDisconnected), group: 'inline@1' },
    { command: Command.hostDoctor, when: host(NodeContext.hostConnected), group: 'inline@1' },
    { command: Command.hostDisconnect, when: host(NodeContext.hostConnected), group: 'inline@2' },
    { command: Command.hostConnect, when: host(NodeContext.hostDisconnected), group: '1_host@1' },
    { command: Command.hostDisconnect, when: host(NodeContext.hostConnected), group: '1_host@1' },
    { command: Command.hostDoctor, when: host('host.'), group: '1_host@2' },
    { command: Command.inventoryShow, when: host('host.'), group: '1_host@3' },
    { command: Command.mapsShow, when: host('host.'), group: '1_host@4' },
    { command: Command.groupConnect, when: host(NodeContext.group), group: 'inline@1' },
    { command: Command.groupDoctor, when: host(NodeContext.group), group: 'inline@2' },
    { command: Command.groupConnect, when: host(NodeContext.group), group: '1_group@1' },
    { command: Command.groupAttach, when: host(NodeContext.group), group: '1_group@2' },
    { command: Command.groupVerify, when: host(NodeContext.group), group: '1_group@3' },
    { command: Command.groupDoctor, when: host(NodeContext.group), group: '1_group@4' },
    { command: Command.inventoryRefresh, when: host('inventory.(all|kind)'), group: 'inline@1' },
    { command: Command.inventoryRefresh, when: host('inventory.(all|kind)'), group: '1_inventory@1' },
    { command: Command.hostRemoveAgent, when: host(NodeContext.inventory), group: '2_inventory@1' },
    { command: Command.inventoryCopy, when: host(NodeContext.inventoryRow), group: '1_inventory@1' },
    { command: Command.mapsShow, when: mapNode, group: 'inline@1' },
    { command: Command.mapsShow, when: mapNode, group: '1_inventory@0' },
    {
      command: Command.programCode,
      when: host(
        `${NodeContext.inventoryRow}(${NodeContext.stoppableSuffix})?(${NodeContext.takeableSuffix})?${NodeContext.programSuffix}`,
      ),
      group: '1_inventory@0',
    },
    {
      command: Command.inventoryStop,
      when: host(`${NodeContext.inventoryRow}${NodeContext.stoppableSuffix}`),
      group: 'inline@1',
    },
    {
      command: Command.inventoryStop,
      when: host(`${NodeContext.inventoryRow}${NodeContext.stoppableSuffix}`),
      group: '1_inventory@2',
    },
    {
      command: Command.inventoryTakeAway,
      when: host(`${NodeContext.inventoryRow}${NodeContext.takeableSuffix}`),
      group: '1_inventory@3',
    },
    { command: Command.runStartAgain, when: lostRun, group: 'inline@2' },
    { command: Command.runStartAgain, when: lostRun, group: '1_run@1' },
    { command: Command.hostRemoveAgent, when: host('host.'), group: '2_host@1' },
    { command: Command.hostForget, when: `view == ${View.hosts} && viewItem =~ /\\.typed$/`, group: '2_host@2' },
    { command: Command.runPause, when: run(NodeContext.runLive), group: 'inline@1' },
    { command: Command.runResume, when: run(NodeContext.runPaused), group: 'inline@1' },
    { command: Command.runLimits, when: run('run\\.(live|paused)'), group: '1_run@1' },
    { command: Command.runRecord, when: run('run\\.(live|paused)'), group: '1_run@5' },
    { command: Command.runRecordLast, when: run('run\\.(live|paused)'), group: '1_run@6' },
    { command: Command.runGlobals, when: run('run\\.(live|paused)'), group: '2_control@1' },
    { command: Command.runVariable, when: run('run\\.(live|paused)'), group: '2_control@2' },
    { command: Command.runTimeLimit, when: run('run\\.(live|paused)'), group: '2_control@3' },
    { command: Command.runSuspend, when: run('run\\.(live|paused)'), group: '2_control@4' },
    { command: Command.runKeep, when: run('run\\.(live|paused)'), group: '1_run@2' },
    { command: Command.runLeave, when: run('run\\.(live|paused)\\.kept'), group: '1_run@3' },
    { command: Command.keptAdopt, when: keptItem, group: 'inline@1' },
    { command: Command.keptEnd, when: keptItem, group: 'inline@3' },
    { command: Command.keptAdopt, when: keptItem, group: '1_kept@1' },
    { command: Command.keptEnd, when: keptItem, group: '1_kept@2' },
    { command: Command.runRestart, when: run('run\\.(live|paused|ended)'), group: 'inline@2' },
    { command: Command.runStop, when: run('run\\.(live|paused|busy)'), group: 'inline@3' },
    { command: Command.runOpen, when: run('run\\.'), group: 'inline@4' },
    { command: Command.runCharts, when: run('run\\.'), group: '2_look@1' },
    { command: Command.mapsShow, when: run('run\\.'), group: '2_look@2' },
    { command: Command.runForget, when: run('run\\.(ended|left|lost)'), group: 'inline@5' },
    { command: Command.pointsInsert, when: treeItem(View.points, `${NodeContext.point}$`), group: 'inline@1' },
    { command: Command.pointsNew, when: treeItem(View.points, `${NodeContext.point}$`), group: 'inline@2' },
    { command: Command.pointsInsert, when: treeItem(View.points, `${NodeContext.point}$`), group: '1_point@1' },
    { command: Command.pointsNew, when: treeItem(View.points, `${NodeContext.point}$`), group: '1_point@2' },
    {
      command: Command.pointsForget,
      when: treeItem(View.points, NodeContext.pointBinary.replace('.', '\\.')),
      group: 'inline@1',
    },
    { command: Command.snippetOpen, when: treeItem(View.gallery, NodeContext.snippet), group: 'inline@1' },
    { command: Command.snippetCreate, when: treeItem(View.gallery, NodeContext.snippet), group: 'inline@2' },
  ],
};

const viewsWelcome = [
  {
    view: View.hosts,
    when: '!isWorkspaceTrusted',
    contents:
      'This window is in Restricted Mode: programs are not built and hosts are not reached.\n[Manage Workspace Trust](command:workbench.trust.manage)',
  },
  {
    view: View.runs,
    when: 'isWorkspaceTrusted',
    contents: `Nothing is attached. Open a .bpf.c file and press Attach (F5), or start from the gallery.\n[New Program from Gallery](command:${Command.snippetCreate})\n[First Steps](command:${Command.openWalkthrough})`,
  },
  { view: View.gallery, contents: 'This build of Ringside has no gallery.' },
];

const launchProperties = {
  program: { type: 'string', description: 'The .bpf.c source, or a compiled BPF object.', default: '${file}' },
  host: {
    type: ['string', 'array'],
    items: { type: 'string' },
    description:
      '"local", an alias of the ssh config, or user@host[:port]; several as a list or separated by commas. Asked for when left out.',
    default: 'local',
  },
  programs: {
    type: 'array',
    items: { type: 'string' },
    description: 'Names of the programs to attach; all of the file when left out.',
  },
  targets: {
    type: 'object',
    additionalProperties: { type: 'string' },
    description:
      'What programs attach to where SEC() does not say it: "iface": "eth0", or "my_program:iface": "eth0" for one program.',
  },
  set: {
    type: 'object',
    additionalProperties: { type: ['string', 'number', 'boolean'] },
    description: 'Values of global variables, set before the program is loaded.',
  },
  where: { type: 'string', description: 'Only events for which this is true, e.g. pid == 4242 && comm ~ "^nginx".' },
  mapsSeconds: { type: 'number', minimum: 0.1, description: 'Dump the maps every so many seconds.' },
  limits: {
    type: 'object',
    description:
      'What the run may cost its hosts, in place of the settings: above it the host detaches it. 0 is no limit.',
    additionalProperties: false,
    properties: {
      cpuPercent: { type: 'integer', minimum: 0, description: 'Of one processor, for one program, over two seconds.' },
      recordsPerSecond: { type: 'integer', minimum: 0, description: 'Of one stream, over two seconds.' },
      timeSeconds: { type: 'integer', minimum: 0, description: 'Without anybody who watches.' },
    },
  },
  keep: {
    type: 'string',
    pattern: '^\\d{1,7} ?(s|m|min|h|d)$',
    patternErrorMessage: 'A time like 90s, 45m, 2h or 3d; 30 days at most.',
    defaultSnippets: [{ label: '2h', body: '2h' }],
    description:
      'How long the run goes on by itself when the window closes or the connection is lost, such as "2h"; 30 days at most. It ends with the window when left out.',
  },
};

const debuggers = [
  {
    type: debugType,
    label: 'Ringside (eBPF)',
    languages: ['c'],
    configurationAttributes: { launch: { required: ['program'], properties: launchProperties } },
    initialConfigurations: [
      { type: debugType, request: 'launch', name: 'Attach to local', program: '${file}', host: 'local' },
    ],
    configurationSnippets: [
      {
        label: 'Ringside: attach the current file',
        description: 'Builds the .bpf.c file in the editor and attaches it to a host.',
        body: {
          type: debugType,
          request: 'launch',
          name: 'Attach to ${1:local}',
          program: '^"\\${file}"',
          host: '${1:local}',
        },
      },
      {
        label: 'Ringside: attach to a network interface',
        description: 'For XDP and tc programs, which need an interface.',
        body: {
          type: debugType,
          request: 'launch',
          name: 'Attach to ${1:eth0} of ${2:local}',
          program: '^"\\${file}"',
          host: '${2:local}',
          targets: { iface: '${1:eth0}' },
        },
      },
    ],
  },
];

const contributes = {
  commands: entries(commands).map(([command, entry]) => ({
    command,
    ...without(entry, 'palette'),
    category: 'Ringside',
  })),
  menus,
  viewsContainers: { activitybar: [{ id: View.container, title: 'Ringside', icon: 'extension/media/ringside.svg' }] },
  views: {
    [View.container]: [
      { id: View.hosts, name: 'Hosts', icon: 'extension/media/ringside.svg', contextualTitle: 'Ringside' },
      { id: View.runs, name: 'Runs', icon: 'extension/media/ringside.svg', contextualTitle: 'Ringside' },
      {
        id: View.gallery,
        name: 'Gallery',
        icon: 'extension/media/ringside.svg',
        contextualTitle: 'Ringside',
        visibility: 'collapsed',
      },
      {
        id: View.points,
        name: 'Attach Points',
        icon: 'extension/media/ringside.svg',
        contextualTitle: 'Ringside',
        visibility: 'collapsed',
      },
    ],
  },
  viewsWelcome,
  configuration: configuration(),
  debuggers,
  languages: [
    {
      id: scriptLanguage,
      aliases: ['bpftrace'],
      extensions: ['.bt'],
      firstLine: '^#!.*\\bbpftrace\\b',
      configuration: 'extension/media/languages/bpftrace.json',
    },
  ],
  grammars: [
    {
      language: scriptLanguage,
      scopeName: 'source.bpftrace',
      path: 'extension/media/languages/bpftrace.tmLanguage.json',
    },
  ],
  customEditors: [
    {
      viewType: PanelType.recording,
      displayName: 'Ringside Recording',
      selector: [{ filenamePattern: '*.ringside' }],
      priority: 'default',
    },
    {
      viewType: objectEditor,
      displayName: 'BPF Object',
      selector: [{ filenamePattern: '*.bpf.o' }],
      priority: 'default',
    },
  ],
  jsonValidation: [{ fileMatch: '*.bpf.test.json', url: './dist/resources/schemas/bpf-test.schema.json' }],
  taskDefinitions,
  problemPatterns,
  problemMatchers,
  walkthroughs,
};

/** The generated top-level keys of package.json. */
export const manifest = {
  icon: 'extension/media/icon.png',
  categories: ['Debuggers', 'Programming Languages', 'Visualization'],
  keywords: ['ebpf', 'bpf', 'tracing', 'kernel', 'libbpf'],
  // Sources, clang and the ssh config that belongs to them are where the workspace is.
  extensionKind: ['workspace'],
  activationEvents: [
    'workspaceContains:**/*.bpf.c',
    'workspaceContains:**/*.bpf.test.json',
    'onLanguage:c',
    `onLanguage:${scriptLanguage}`,
    `onDebugResolve:${debugType}`,
    `onDebugInitialConfigurations`,
    ...Object.values(PanelType)
      .filter((type) => type !== PanelType.recording)
      .map((type) => `onWebviewPanel:${type}`),
    // Links that open the verifier explorer.
    'onUri',
  ],
  capabilities: {
    untrustedWorkspaces: {
      supported: 'limited',
      description:
        'In Restricted Mode Ringside shows programs, but it builds nothing, reaches no host and attaches nothing.',
      restrictedConfigurations: restrictedSettings(),
    },
    virtualWorkspaces: { supported: false, description: 'The compiler needs the sources as files.' },
  },
  contributes,
};

/** package.json's text with the generated keys replaced; other keys keep their place. */
export function applyManifest(packageJson: string): string {
  const parsed = JSON.parse(packageJson) as Record<string, unknown>;
  return JSON.stringify({ ...parsed, ...manifest }, undefined, 2) + '\n';
}
