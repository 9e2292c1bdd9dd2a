/** What programs can attach to on the kernel that is written for, as lists to go through, to search, and to begin from. */
import {
  functionSignature,
  lsmSignature,
  rawTracepointSignature,
  type Signature,
  type SignatureArgument,
} from '@ringside/core/bpf';
import { NameList } from '../kernel/kernel.ts';
import type { World } from '../kernel/world.ts';
import type {
  FoundPoint,
  PointArgument,
  PointDetails,
  PointKind,
  PointsAnswer,
  PointsParams,
  PointStart,
  SearchAnswer,
} from '@ringside/core/model';
import { skeletonOf, tracepointStruct } from './skeleton.ts';

export const pointKinds: readonly PointKind[] = ['tracepoint', 'function', 'raw_tp', 'lsm', 'iter', 'struct_ops'];

/** Lists up to this long are shown as they are. */
const FLAT = 100;
/** Smaller groups than this are gathered in one. */
const SMALL = 10;
export const OTHERS = '…';

const none = new NameList([]);

/** Names as sections spell them: "sched/sched_switch", "tcp_congestion_ops/ssthresh". */
export function namesOf(kind: PointKind, world: World): NameList {
  const { kernel, points } = world;
  switch (kind) {
    case 'tracepoint':
      return points.tracepointNames;
    case 'function':
      return points.kprobes ?? kernel?.functions ?? none;
    case 'raw_tp':
      return kernel?.events ?? none;
    case 'lsm':
      return kernel?.hooks ?? none;
    case 'iter':
      return kernel?.iterators ?? none;
    case 'struct_ops':
      return kernel ? members(world) : none;
  }
}

const knownMembers = new WeakMap<World, NameList>();

function members(world: World): NameList {
  let list = knownMembers.get(world);
  if (!list) {
    const { btf } = world.kernel!;
    const names = world.kernel!.structOps.names.flatMap((name) => {
      const id = world.kernel!.find(`struct ${name}`);
      const fields = id === null ? [] : (world.kernel!.fields(id) ?? []);
      const isFunction = (type: number): boolean => {
        const pointer = btf.resolve(type);
        return pointer.kind === 'ptr' && btf.resolve(pointer.type).kind === 'func_proto';
      };
      return fields.filter((field) => isFunction(field.type)).map((field) => `${name}/${field.name}`);
    });
    knownMembers.set(world, (list = new NameList(names)));
  }
  return list;
}

type Groups = ReadonlyMap<string, readonly string[]>;
const grouped = new WeakMap<NameList, Groups>();

function groupsOf(kind: PointKind, list: NameList): Groups {
  let groups = grouped.get(list);
  if (!groups) grouped.set(list, (groups = makeGroups(kind, list)));
  return groups;
}

function makeGroups(kind: PointKind, { names }: NameList): Groups {
  const bySlash = kind === 'tracepoint' || kind === 'struct_ops';
  if (!bySlash && names.length <= FLAT) return new Map();
  const found = new Map<string, string[]>();
  for (const name of names) {
    // "__tcp_transmit_skb" stands with "tcp_…".
    const key = bySlash ? name.slice(0, name.indexOf('/')) : (/^_*([A-Za-z0-9]+)/.exec(name)?.[1] ?? name);
    const group = found.get(key);
    if (group) group.push(name);
    else found.set(key, [name]);
  }
  if (bySlash) return found;
  const others: string[] = [];
  for (const [key, group] of found) {
    if (group.length >= SMALL) continue;
    others.push(...group);
    found.delete(key);
  }
  const sorted = new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
  if (others.length > 0) sorted.set(OTHERS, others.sort());
  return sorted;
}

/** One level of the tree: kinds, groups of a kind, or names; with a text only what holds it. */
export function listPoints({ kind, group, text, first, limit }: PointsParams, world: World): PointsAnswer {
  const head = { host: world.host, kernel: world.release, cached: world.cached };
  if (kind === null) {
    const kinds = pointKinds.map((each) => ({ name: each, count: count(each, text, world) }));
    return { ...head, groups: kinds, names: [], total: kinds.length };
  }
  const list = namesOf(kind, world);
  const groups = groupsOf(kind, list);
  const holds = (name: string): boolean => text === '' || name.includes(text);
  if (group === null && groups.size > 0) {
    const found = [...groups]
      .map(([name, names]) => ({ name, count: text === '' ? names.length : names.filter(holds).length }))
      .filter((each) => each.count > 0);
    return { ...head, groups: found, names: [], total: found.length };
  }
  const names = (group === null ? list.names : (groups.get(group) ?? [])).filter(holds);
  return { ...head, groups: [], names: names.slice(first, first + limit), total: names.length };
}

function count(kind: PointKind, text: string, world: World): number {
  const { names } = namesOf(kind, world);
  return text === '' ? names.length : names.filter((name) => name.includes(text)).length;
}

/** Of all kinds, those whose names begin with the text before those that hold it. */
export function searchPoints(text: string, limit: number, world: World): SearchAnswer {
  const lists = pointKinds.map((kind) => ({ kind, ...namesOf(kind, world).search(text, limit) }));
  const found: FoundPoint[] = lists.flatMap(({ kind, names }) => names.map((name) => ({ kind, name })));
  const rank = ({ name }: FoundPoint): number => {
    const own = name.slice(name.indexOf('/') + 1);
    return own === text ? 0 : own.startsWith(text) ? 1 : 2;
  };
  found.sort((a, b) => rank(a) - rank(b) || a.name.length - b.name.length || (a.name < b.name ? -1 : 1));
  const more = found.length > limit || lists.some((list) => list.more);
  return { found: found.slice(0, limit), more };
}

/** What a program there is given, and how it begins; null for a name that the kernel does not have. */
export function describePoint(kind: PointKind, name: string, world: World): PointDetails | null {
  if (!namesOf(kind, world).has(name)) return null;
  const own = name.slice(name.indexOf('/') + 1);
  const signature = signatureOf(kind, own, world);
  const args =
    kind === 'tracepoint' ? tracepointFields(name, world) : kind === 'iter' ? iteratorFields(own, world) : null;
  return {
    kind,
    name,
    arguments: args ?? signature?.arguments.map(fieldOf) ?? null,
    returns: signature?.returns ?? null,
    starts: sectionsOf(kind, name, own, world).flatMap((section) => startOf(section, world) ?? []),
  };
}

const fieldOf = ({ name, type, size }: SignatureArgument): PointArgument => ({ name, type, offset: null, size });

function signatureOf(kind: PointKind, name: string, { kernel }: World): Signature | null {
  if (!kernel) return null;
  if (kind === 'function') return functionSignature(kernel.btf, name);
  if (kind === 'lsm') return lsmSignature(kernel.btf, name);
  return kind === 'raw_tp' ? rawTracepointSignature(kernel.btf, name) : null;
}

function tracepointFields(name: string, world: World): PointArgument[] | null {
  const target = name.replace('/', ':');
  const told = (world.points.tracepoints.get(target) ?? []).filter((field) => !field.name.startsWith('common_'));
  if (told.length > 0) return told.map(({ name: field, type, offset, size }) => ({ name: field, type, offset, size }));
  const struct = tracepointStruct(target, world);
  return struct === null ? null : structFields(struct, world, new Set(['ent', '__data']));
}

function iteratorFields(name: string, world: World): PointArgument[] | null {
  return structFields(`bpf_iter__${name}`, world, new Set());
}

function structFields(struct: string, { kernel }: World, without: ReadonlySet<string>): PointArgument[] | null {
  const id = kernel?.find(`struct ${struct}`) ?? null;
  if (id === null) return null;
  const { btf } = kernel!;
  return (kernel!.fields(id) ?? [])
    .filter((field) => !without.has(field.name))
    .map(({ name, type, bitOffset }) => ({
      ...{ name, type: btf.cName(type), offset: Math.floor(bitOffset / 8), size: btf.sizeOf(type) },
    }));
}

function sectionsOf(kind: PointKind, name: string, own: string, { kernel }: World): string[] {
  switch (kind) {
    case 'tracepoint':
      return [`tp/${name}`, ...(kernel?.events.has(own) ? [`tp_btf/${own}`, `raw_tp/${own}`] : [])];
    case 'function': {
      const call = /^__(?:x64|arm64|riscv|s390x)_sys_(\w+)$/.exec(own)?.[1];
      const typed = kernel?.functions.has(own) ? [`fentry/${own}`, `fexit/${own}`] : [];
      return [...(call ? [`ksyscall/${call}`] : []), ...typed, `kprobe/${own}`, `kretprobe/${own}`];
    }
    case 'raw_tp':
      return [`tp_btf/${own}`, `raw_tp/${own}`];
    case 'lsm':
    case 'iter':
    case 'struct_ops':
      return [`${kind}/${own}`];
  }
}

/** A program for any section, as the editor writes it; null for sections that libbpf does not know. */
export function startOf(section: string, world: World): PointStart | null {
  const skeleton = skeletonOf(section, world);
  if (skeleton === null) return null;
  const { head, name, returns } = skeleton;
  return { section, name, text: `SEC("${section}")\n${head}\n{\n\treturn ${returns};\n}\n` };
}
