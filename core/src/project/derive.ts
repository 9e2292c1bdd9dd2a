/** From a compiled program to the model of its project. */
import {
  BpfObject,
  isPerCpuMap,
  mapTypes,
  parseSection,
  readGlobals,
  typeField,
  type GlobalVariable,
} from '../bpf/index.ts';
import type { InspectReport, MapInfo, ProgramInfo, RecordField, RecordInfo } from '../model/index.ts';
import {
  SCALAR,
  type Hook,
  type HookKind,
  type Knob,
  type ProjectModel,
  type Shape,
  type Stream,
  type StreamRecord,
  type Table,
  type TargetKey,
  type TargetOption,
} from './model.ts';
import { systemTags } from './c/systemNames.ts';
import { flagName, identifier, Unique } from './names.ts';

export interface ProjectSource {
  /** A C identifier. */
  name: string;
  /** The object with its DWARF, and its report. */
  object: Uint8Array;
  report: InspectReport;
  defines: string[];
  usesVmlinux: boolean;
}

export function deriveProject(source: ProjectSource): ProjectModel {
  const { name, report, defines, usesVmlinux } = source;
  const object = BpfObject.parse(source.object);
  const shapes = new Shapes();
  const streams = report.maps
    .filter((map) => map.type === 'ringbuf' || map.type === 'perf_event_array')
    .map((map) => streamOf(map, report.records, shapes));
  const flags = new Unique(['help', 'version']);
  const { hooks, options } = hooksOf(report.programs, flags);
  return {
    name,
    license: report.license,
    hooks,
    streams,
    tables: streams.length > 0 ? [] : report.maps.filter(isShown).map((map) => tableOf(object, map, shapes)),
    knobs: knobsOf(object, report, flags),
    options,
    defines,
    usesVmlinux,
    globals: sharedGlobals(object).map(({ field }) => field),
  };
}

/** Gives each type one shape, and shapes of different types different names. */
class Shapes {
  readonly #known = new Map<string, Shape>();
  /** Those of the functions that print parts of any shape are taken. */
  readonly #names = new Unique(['text', 'bytes', 'address', ...systemTags]);

  shape(type: string, fallback: string, size: number, fields: RecordField[]): Shape {
    const key = JSON.stringify([type, size, fields]);
    const readable = fields.map(readableField);
    let shape = this.#known.get(key);
    if (!shape) {
      const plain = /^(?:(?:struct|union|enum) )?(\w+)$/.exec(type)?.[1];
      const named = plain !== undefined && fields[0]?.name !== SCALAR ? plain : fallback;
      shape = { type, name: this.#names.take(identifier(named), '_'), size, fields: readable };
      this.#known.set(key, shape);
    }
    return shape;
  }

  ofField(field: RecordField, fallback: string): Shape {
    const isStruct = (field.kind === 'struct' || field.kind === 'union') && field.fields !== undefined;
    return isStruct
      ? this.shape(field.type, fallback, field.size, field.fields!)
      : this.shape(field.type, fallback, field.size, [{ ...field, name: SCALAR }]);
  }
}

/** Numbers of a size that no language has (__int128, long double) are bytes to all of them. */
function readableField(field: RecordField): RecordField {
  const { kind, size, bits, fields, element } = field;
  const isNumber = kind === 'int' || kind === 'uint' || kind === 'enum' || kind === 'pointer' || kind === 'bool';
  const odd =
    (isNumber && bits === 0 && ![1, 2, 4, 8].includes(size)) || (kind === 'float' && size !== 4 && size !== 8);
  const unread = (kind === 'array' && !element) || ((kind === 'struct' || kind === 'union') && !fields);
  if (odd || unread) return { ...field, kind: 'bytes', format: 'hex' };
  return {
    ...field,
    ...(fields && { fields: fields.map(readableField) }),
    ...(element && { element: readableField(element) }),
  };
}

function streamOf(map: MapInfo, records: RecordInfo[], shapes: Shapes): Stream {
  const known = records.filter((record) => record.map === map.name && record.fields.length > 0 && record.type !== '');
  return {
    map: map.name,
    kind: map.type === 'ringbuf' ? 'ring' : 'perf',
    records: known.map((record): StreamRecord => {
      const tagged = record.tag && record.fields.find((field) => field.name === record.tag!.field);
      return {
        shape: shapes.shape(record.type, `${map.name}_record`, record.size, record.fields),
        tag: tagged ? { offset: tagged.offset, size: tagged.size, value: record.tag!.value } : null,
      };
    }),
  };
}

const shownTypes = new Set(['hash', 'array', 'lru_hash', 'percpu_hash', 'percpu_array', 'lru_percpu_hash', 'lpm_trie']);

function isShown(map: MapInfo): boolean {
  return shownTypes.has(map.type) && !map.name.startsWith('.') && map.keySize > 0 && map.valueSize > 0;
}

function tableOf(object: BpfObject, map: MapInfo, shapes: Shapes): Table {
  const { key, value } = mapTypes(object, map.name);
  return {
    map: map.name,
    key: shapes.ofField(key, `${map.name}_key`),
    value: shapes.ofField(value, `${map.name}_value`),
    perCpu: isPerCpuMap(map.type),
    isArray: map.type.endsWith('array'),
  };
}

const BTF_STATIC = 0;

/** Variables that other files can name, too: those of a skeleton. */
function sharedGlobals(object: BpfObject): { variable: GlobalVariable; field: RecordField }[] {
  const { btf } = object;
  if (!btf) return [];
  return readGlobals(object)
    .filter(({ name }) => {
      const declared = btf.findByNameKind(name, 'var');
      const type = declared === null ? null : btf.type(declared);
      return type?.kind === 'var' && type.linkage !== BTF_STATIC;
    })
    .map((variable) => ({ variable, field: typeField(btf, variable.name, variable.type) }));
}

function knobsOf(object: BpfObject, report: InspectReport, flags: Unique): Knob[] {
  return sharedGlobals(object).flatMap(({ variable, field }): Knob[] => {
    const kind = variable.constVolatile ? knobKind(field) : null;
    if (kind === null) return [];
    const shown = report.globals.find((global) => global.name === variable.name)?.value ?? null;
    return [
      {
        name: variable.name,
        flag: flags.take(flagName(variable.name), '-'),
        section: variable.section,
        ...place(variable),
        kind,
        type: field.type,
        initial: shown === null ? '' : String(shown),
      },
    ];
  });
}

const place = ({ offset, size }: GlobalVariable) => ({ offset, size });

function knobKind(field: RecordField): Knob['kind'] | null {
  if (field.kind === 'bool') return 'bool';
  if (field.kind === 'int' || field.kind === 'enum' || field.kind === 'char') return field.size <= 8 ? 'int' : null;
  if (field.kind === 'uint' || field.kind === 'ipv4') return field.size <= 8 ? 'uint' : null;
  return field.kind === 'chars' && field.size > 1 ? 'chars' : null;
}

const optionHelp: Record<TargetKey, string> = {
  iface: 'network interface',
  direction: 'ingress or egress',
  cgroup: 'folder of a control group, such as /sys/fs/cgroup',
  binary: 'program or library',
  symbol: 'function in it',
  pid: 'process id, -1 for all',
  provider: 'provider of the probe',
  probe: 'name of the probe',
  func: 'function of the kernel',
  event: 'tracepoint, CATEGORY:NAME',
  freq: 'samples a second on each processor',
  netns: 'network namespace, a file',
};

const optionsOfKind: Record<HookKind, readonly TargetKey[]> = {
  auto: [],
  none: [],
  xdp: ['iface'],
  tc: ['iface', 'direction'],
  cgroup: ['cgroup'],
  uprobe: ['binary', 'symbol', 'pid'],
  usdt: ['binary', 'provider', 'probe', 'pid'],
  perf_event: ['freq'],
  kprobe: ['func'],
  tracepoint: ['event'],
  raw_tp: ['event'],
  netns: ['netns'],
};

const defaults: Partial<Record<TargetKey, string>> = {
  pid: '-1',
  freq: '49',
  netns: '/proc/self/ns/net',
  direction: 'ingress',
};

/** One flag for all programs where one value suits all; for what names one place, a flag for each program that needs it. */
const ownFlag = new Set<TargetKey>(['symbol', 'provider', 'probe', 'func', 'event']);

function hooksOf(programs: ProgramInfo[], flags: Unique): { hooks: Hook[]; options: TargetOption[] } {
  const kinds = programs.map((program) => hookKind(program));
  const options = new Map<string, TargetOption>();
  const asked = (key: TargetKey): number => kinds.filter((kind) => optionsOfKind[kind].includes(key)).length;
  const option = (key: TargetKey, program: ProgramInfo): TargetOption => {
    const own = ownFlag.has(key) && asked(key) > 1;
    const id = own ? `${program.name}:${key}` : key;
    const wanted = own ? `${flagName(program.name)}-${key}` : key;
    const known = options.get(id);
    if (known) return known;
    const initial = program.given[key] ?? (key === 'binary' ? givenBinary(program) : null) ?? defaults[key] ?? null;
    const made = { flag: flags.take(wanted, '-'), key, initial, help: optionHelp[key] };
    options.set(id, made);
    return made;
  };
  const hooks = programs.map((program, i): Hook => {
    const kind = kinds[i]!;
    const keys = optionsOfKind[kind].filter((key) => key !== 'direction' || fixedDirection(program.attach) === null);
    return {
      program: program.name,
      section: program.section,
      attach: program.attach,
      target: program.target,
      kind,
      options: Object.fromEntries(keys.map((key) => [key, option(key, program)])),
    };
  });
  return { hooks, options: [...options.values()] };
}

/** SEC("uprobe/PATH") names the file alone. */
const givenBinary = ({ target }: ProgramInfo): string | null => target?.split(':')[0] ?? null;

/** Of tc/ingress and tc/egress; null where a flag tells. */
export function fixedDirection(attach: string): 'ingress' | 'egress' | null {
  return attach === 'tcx/ingress' ? 'ingress' : attach === 'tcx/egress' ? 'egress' : null;
}

function hookKind({ attach, type, section, needsTarget, autoload }: ProgramInfo): HookKind {
  if (!autoload) return 'none';
  const missing = needsTarget.length > 0;
  switch (attach) {
    case 'xdp':
      return 'xdp';
    case 'tc':
    case 'tcx/ingress':
    case 'tcx/egress':
      return type === 'sched_cls' ? 'tc' : 'none';
    case 'perf_event':
      return 'perf_event';
    case 'sk_lookup':
    case 'flow_dissector':
      return 'netns';
    case 'uprobe':
    case 'uretprobe':
      return missing ? 'uprobe' : 'auto';
    case 'usdt':
      return missing ? 'usdt' : 'auto';
    case 'kprobe':
    case 'kretprobe':
      return missing ? 'kprobe' : 'auto';
    case 'tracepoint':
      return missing ? 'tracepoint' : 'auto';
    case 'raw_tp':
      return missing ? 'raw_tp' : 'auto';
  }
  if (needsTarget.includes('cgroup') && type !== 'lsm') return 'cgroup';
  return !missing && parseSection(section).form?.libbpfAttaches === true ? 'auto' : 'none';
}
