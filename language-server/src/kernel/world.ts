/** The kernel that programs are written for, as far as it is known: its types, its attach points, libbpf's helpers. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Btf, parseHelperHeader, type HelperPrototype } from '@ringside/core/bpf';
import { Kernel, NameList } from './kernel.ts';
import type { OtherHost, OtherHosts } from './others.ts';
import type { TargetParams } from '../protocol.ts';

export interface TracepointField {
  name: string;
  type: string;
  offset: number | null;
  size: number | null;
}

/** What a host lists, in a file beside its BTF in the cache. */
export interface AttachPoints {
  /** By CATEGORY:NAME; fields empty where they are not known. */
  tracepoints: ReadonlyMap<string, readonly TracepointField[]>;
  /** CATEGORY/NAME, as sections spell them. */
  tracepointNames: NameList;
  /** Functions that kprobes can be put on; null when the host could not list them. */
  kprobes: NameList | null;
  /** True when the list of tracepoints is the host's own and whole. */
  complete: boolean;
}

export interface World {
  /** null while no kernel is known. */
  kernel: Kernel | null;
  points: AttachPoints;
  helpers: ReadonlyMap<string, HelperPrototype>;
  /** Name of the host, or null for this machine's kernel. */
  host: string | null;
  /** `uname -r`, where it is known. */
  release: string | null;
  /** True when the host is not connected now: what is known is from before. */
  cached: boolean;
  /** Further hosts that the program is for. */
  others: readonly OtherHost[];
}

export const nowhere: World = {
  kernel: null,
  points: { tracepoints: new Map(), tracepointNames: new NameList([]), kprobes: null, complete: false },
  ...{ helpers: new Map(), host: null, release: null, cached: false, others: [] },
};

const LOCAL_BTF = '/sys/kernel/btf/vmlinux';
const LOCAL_EVENTS = '/sys/kernel/tracing/events';
/** Far above any kernel's; what is larger is not read. */
const MAX_BTF = 256 << 20;

export async function readHelpers(resourceDir: string): Promise<ReadonlyMap<string, HelperPrototype>> {
  const path = join(resourceDir, 'resources/libbpf/bpf/bpf_helper_defs.h');
  return parseHelperHeader(await readFile(path, 'utf8'));
}

/** Errors: what reading files gives, and `object-malformed` for BTF that cannot be read. */
export async function readWorld(target: TargetParams, helpers: World['helpers'], hosts?: OtherHosts): Promise<World> {
  const isLocal = target.btf === undefined || target.btf === null;
  // A host without BTF is not this machine: nothing is known of its types.
  const file = isLocal ? (target.host === undefined || target.host === null ? LOCAL_BTF : null) : target.btf!;
  const bytes =
    file === null
      ? null
      : await readFile(file).catch((error: unknown) => {
          if (isLocal) return null;
          throw error;
        });
  const kernel = bytes === null || bytes.length > MAX_BTF ? null : new Kernel(Btf.parse(bytes));
  const points = target.targets ? parsePoints(await readFile(target.targets, 'utf8')) : await localPoints(isLocal);
  const { host = null, kernel: release = null, cached = false } = target;
  const first = { path: file, btf: kernel?.btf ?? null };
  const others = (await hosts?.read(target.others ?? [], first)) ?? [];
  return { kernel, points, helpers, host, release, cached, others };
}

/** This machine's tracepoints, as far as its files may be read: offered, but their absence proves nothing. */
async function localPoints(wanted: boolean): Promise<AttachPoints> {
  const names: string[] = [];
  if (wanted) {
    for (const category of await directories(LOCAL_EVENTS)) {
      for (const event of await directories(join(LOCAL_EVENTS, category))) names.push(`${category}/${event}`);
    }
  }
  return { ...nowhere.points, tracepointNames: new NameList(names) };
}

async function directories(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/** The file comes from the extension's own cache, which anything may have damaged. */
export function parsePoints(text: string): AttachPoints {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error('the list of attach points is no object');
  const { tracepoints, kprobes } = value as Record<string, unknown>;
  const found = new Map<string, readonly TracepointField[]>();
  for (const each of Array.isArray(tracepoints) ? (tracepoints as unknown[]) : []) {
    const { name, fields } = (each ?? {}) as Record<string, unknown>;
    if (typeof name === 'string') found.set(name, Array.isArray(fields) ? fields.filter(isField) : []);
  }
  const list = Array.isArray(kprobes) ? (kprobes as unknown[]).filter((name) => typeof name === 'string') : null;
  return {
    tracepoints: found,
    tracepointNames: new NameList([...found.keys()].map((name) => name.replace(':', '/'))),
    kprobes: list === null || list.length === 0 ? null : new NameList(list),
    complete: found.size > 0,
  };
}

function isField(value: unknown): value is TracepointField {
  if (typeof value !== 'object' || value === null) return false;
  const { name, type, offset, size } = value as Record<string, unknown>;
  const isNumber = (n: unknown) => n === null || typeof n === 'number';
  return typeof name === 'string' && typeof type === 'string' && isNumber(offset) && isNumber(size);
}
