/** The settings with their types, defaults and descriptions: package.json and docs/settings.md are made from them. */
import { Setting } from './contributions.ts';
import type { SettingId, SettingValues } from './contributions.ts';

export interface SettingEntry<V> {
  type: 'string' | 'boolean' | 'number' | 'array' | 'object';
  items?: { type: 'string' };
  additionalProperties?: { type: 'array'; items: { type: 'string' } };
  default: V;
  scope: 'application' | 'machine' | 'machine-overridable' | 'window' | 'resource';
  markdownDescription: string;
  enum?: V[];
  markdownEnumDescriptions?: string[];
  minimum?: number;
  maximum?: number;
  /** A command, a path or a host: never taken from a workspace that is not trusted. */
  restricted?: boolean;
}

export const settings: { [K in SettingId]: SettingEntry<SettingValues[K]> } = {
  [Setting.clangPath]: {
    type: 'string',
    default: '',
    scope: 'machine-overridable',
    restricted: true,
    markdownDescription:
      'The clang (14 or newer, with the BPF target) that builds programs. Empty: Ringside looks for `clang`, versioned clangs and `zig`, in this order. A change is used from the next window reload on.',
  },
  [Setting.clangdEnabled]: {
    type: 'boolean',
    default: true,
    scope: 'window',
    markdownDescription:
      'Let clangd answer what is not particular to BPF: definition, references, rename, formatting, the rest of completion. It gets the flags, headers and kernel types that programs are built with. Not used while the clangd extension is active, which does the same.',
  },
  [Setting.clangdPath]: {
    type: 'string',
    default: '',
    scope: 'machine-overridable',
    restricted: true,
    markdownDescription:
      'The clangd to run. Empty: Ringside looks for `clangd`, then for versioned ones. It is started with the first BPF program that is opened.',
  },
  [Setting.sshConfigFile]: {
    type: 'string',
    default: '',
    scope: 'application',
    restricted: true,
    markdownDescription: 'The ssh config that hosts are read from. Empty: the files that `ssh` itself reads.',
  },
  [Setting.sshTransport]: {
    type: 'string',
    default: 'auto',
    scope: 'application',
    restricted: true,
    enum: ['auto', 'ssh2', 'openssh'],
    markdownEnumDescriptions: [
      'The built-in client, or `ssh` itself where the host needs it (certificates, security keys).',
      'Always the built-in client.',
      'Always the `ssh` command of this machine.',
    ],
    markdownDescription: 'How hosts are reached.',
  },
  [Setting.sudo]: {
    type: 'string',
    default: 'auto',
    scope: 'application',
    restricted: true,
    enum: ['auto', 'never', 'always'],
    markdownEnumDescriptions: [
      'Only when the user on the host may not load BPF programs.',
      'Never: the login user must have the rights.',
      'Always, even when it seems not to be needed.',
    ],
    markdownDescription:
      'When the agent is started through `sudo`. A sudo password is asked for, kept in memory and never stored.',
  },
  [Setting.readOnlyHosts]: {
    type: 'array',
    items: { type: 'string' },
    default: [],
    scope: 'application',
    restricted: true,
    markdownDescription:
      'Hosts that are only looked at, such as `prod-*`: nothing is loaded, attached or written there. `*` stands for any text.',
  },
  [Setting.hostGroups]: {
    type: 'object',
    additionalProperties: { type: 'array', items: { type: 'string' } },
    default: {},
    scope: 'machine-overridable',
    restricted: true,
    markdownDescription:
      'Groups of hosts in the *Hosts* view, such as `{ "web": ["web-*", "root@10.0.0.5"] }`: a name, and the hosts by name or pattern (`*` stands for any text). What is done with a group is done on all of its hosts.',
  },
  [Setting.ephemeral]: {
    type: 'boolean',
    default: false,
    scope: 'application',
    markdownDescription: 'Remove the agent from the host when the connection ends, so that nothing is left there.',
  },
  [Setting.verifyOnSave]: {
    type: 'boolean',
    default: true,
    scope: 'resource',
    markdownDescription:
      "Ask the chosen host's verifier on every save of a BPF program (a `.bpf.c` file, or a C file with sections). Needs a host to be chosen for the file; the program is loaded and dropped again, nothing is attached.",
  },
  [Setting.redeployOnSave]: {
    type: 'boolean',
    default: false,
    scope: 'resource',
    markdownDescription:
      'Put the new version into the live runs of a program when its source, or a header of the project that it includes, is saved by hand: maps, streams and rows stay. A version that does not build, or that the verifier rejects, changes nothing. What VS Code saves by itself (`files.autoSave`) does not count.',
  },
  [Setting.codeLens]: {
    type: 'boolean',
    default: true,
    scope: 'resource',
    markdownDescription:
      'Show *Attach*, *Verify* and the last verdict above each `SEC()` program; while it runs, how often it runs, what each run takes and its share of a processor.',
  },
  [Setting.mapHints]: {
    type: 'boolean',
    default: true,
    scope: 'resource',
    markdownDescription:
      'Show beside each map definition how full the map is, once a second, while the program of the file runs. Needs `editor.inlayHints.enabled`.',
  },
  [Setting.storeMegabytes]: {
    type: 'number',
    default: 256,
    minimum: 8,
    maximum: 16384,
    scope: 'window',
    markdownDescription:
      'Megabytes of events that a run keeps. When it is full, the oldest events leave first and are counted.',
  },
  [Setting.limitCpuPercent]: {
    type: 'number',
    default: 30,
    minimum: 0,
    maximum: 100_000,
    scope: 'machine-overridable',
    restricted: true,
    markdownDescription:
      'How much of one processor, in percent, one program may take over two seconds. Above it the host detaches the run by itself. 0: no limit.',
  },
  [Setting.limitRecordsPerSecond]: {
    type: 'number',
    default: 2_000_000,
    minimum: 0,
    maximum: 4_294_967_295,
    scope: 'machine-overridable',
    restricted: true,
    markdownDescription:
      'How many records a second one stream of a run may carry. Above it the host detaches the run by itself. 0: no limit.',
  },
  [Setting.limitMinutesUnwatched]: {
    type: 'number',
    default: 15,
    minimum: 0,
    maximum: 10_080,
    scope: 'machine-overridable',
    restricted: true,
    markdownDescription:
      'Minutes after which a run that nobody looks at is detached by its host. While its panel is seen the time begins anew. 0: no limit.',
  },
  [Setting.openPanel]: {
    type: 'boolean',
    default: true,
    scope: 'window',
    markdownDescription: 'Open the trace panel when a program was attached.',
  },
  [Setting.recordingFolder]: {
    type: 'string',
    default: '',
    scope: 'machine-overridable',
    restricted: true,
    markdownDescription:
      'Folder for recordings; `~` is your home. Empty: `recordings` in the first folder of the workspace, without one `ringside-recordings` in your home.',
  },
  [Setting.recordingMapsSeconds]: {
    type: 'number',
    default: 5,
    minimum: 0,
    maximum: 86_400,
    scope: 'window',
    markdownDescription:
      'Seconds between the snapshots of all maps that a recording keeps. 0: only when it begins and when it ends.',
  },
  [Setting.logLevel]: {
    type: 'string',
    default: 'info',
    scope: 'application',
    enum: ['error', 'warn', 'info', 'debug'],
    markdownEnumDescriptions: ['Failures only.', 'Failures and what looks wrong.', 'What was done.', 'Everything.'],
    markdownDescription: "How much of the engine's work is written to the *Ringside* output channel.",
  },
};

export const entries = <K extends string, V>(record: Record<K, V>) => Object.entries(record) as [K, V][];

/** A copy without the property that is ours and not the manifest's. */
export const without = (value: object, name: string): object =>
  Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));

export function configuration() {
  const properties: Record<string, object> = {};
  entries<SettingId, SettingEntry<unknown>>(settings).forEach(([id, entry], order) => {
    properties[id] = { ...without(entry, 'restricted'), order };
  });
  return { title: 'Ringside', properties };
}

/** What a workspace that is not trusted may not set. */
export const restrictedSettings = (): SettingId[] =>
  entries<SettingId, SettingEntry<unknown>>(settings)
    .filter(([, entry]) => entry.restricted)
    .map(([id]) => id);
