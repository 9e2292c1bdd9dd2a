/** What client and server say to each other beyond the Language Server Protocol. */
import type { FoundPoint, PointsParams } from '@ringside/core/model';

/** `initializationOptions` of the client. */
export interface InitializationOptions {
  /** The folder that holds `resources/libbpf`: dist/. */
  resourceDir: string;
  cacheDir: string;
  /** The user's setting; "" = discover. */
  compilerPath: string;
  /** False in a window whose workspace is not trusted: then no compiler runs. */
  trusted: boolean;
  /** Milliseconds between the last keystroke and a check; default 150. */
  debounceMs?: number;
  /** False where clangd serves the editor: what any C tool knows (fields behind an arrow, helpers' names) is left to it. */
  genericC?: boolean;
  /** clangd as a child for generic C, when it is found; left out where another clangd serves the editor. */
  clangd?: ClangdOptions;
}

export interface ClangdOptions {
  /** The user's setting; "" = discover. */
  path: string;
  /** How long something of ours waits for clangd's; default 400 ms. */
  besideOursMs?: number;
}

/**
 * Notification client → server: the kernel that programs are written for has changed. All open programs are checked
 * again against it.
 */
export const targetNotification = 'ringside/target';

export interface TargetParams {
  /** Path of the target's vmlinux.h; null = this machine's kernel, as before any notification. */
  vmlinuxHeader: string | null;
  /** `uname -m` of the target; null = this machine's. */
  arch: string | null;
  /** The host's name; null = this machine's kernel. */
  host?: string | null;
  /** `uname -r` of the target. */
  kernel?: string | null;
  /** Path of the kernel's raw BTF in the cache; null = this machine's. */
  btf?: string | null;
  /** Path of the list of attach points in the cache (core/src/runs/authoring.ts writes it); null = not known. */
  targets?: string | null;
  /** True when the host is not connected and all of this is from before. */
  cached?: boolean;
  /** Further hosts that the program is for: what they lack of what it uses is told. */
  others?: OtherTarget[];
}

/** Notification client → server: a verdict is being waited for, or no more. What nobody waits for gives way meanwhile. */
export const busyNotification = 'ringside/busy';

export interface BusyParams {
  busy: boolean;
}

export function isBusyParams(value: unknown): value is BusyParams {
  return typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)['busy'] === 'boolean';
}

export interface OtherTarget {
  host: string;
  kernel: string;
  /** As in TargetParams; null where it is not known. */
  btf: string | null;
  targets: string | null;
  cached: boolean;
}

/** More are nobody's to look through in a table. */
export const MOST_OTHERS = 32;

/** Values from the other side of the connection are checked, not believed. */
export function isInitializationOptions(value: unknown): value is InitializationOptions {
  if (typeof value !== 'object' || value === null) return false;
  const { resourceDir, cacheDir, compilerPath, trusted, debounceMs, genericC, clangd } = value as Record<
    string,
    unknown
  >;
  return (
    typeof resourceDir === 'string' &&
    typeof cacheDir === 'string' &&
    typeof compilerPath === 'string' &&
    typeof trusted === 'boolean' &&
    (debounceMs === undefined || (typeof debounceMs === 'number' && debounceMs >= 0)) &&
    (genericC === undefined || typeof genericC === 'boolean') &&
    (clangd === undefined || isClangdOptions(clangd))
  );
}

function isClangdOptions(value: unknown): value is ClangdOptions {
  if (typeof value !== 'object' || value === null) return false;
  const { path, besideOursMs } = value as Record<string, unknown>;
  return typeof path === 'string' && (besideOursMs === undefined || typeof besideOursMs === 'number');
}

export function isTargetParams(value: unknown): value is TargetParams {
  if (typeof value !== 'object' || value === null) return false;
  const { vmlinuxHeader, arch, host, kernel, btf, targets, cached, others } = value as Record<string, unknown>;
  const optional = [host, kernel, btf, targets].every((each) => each === undefined || isStringOrNull(each));
  const isFlag = cached === undefined || typeof cached === 'boolean';
  const areHosts =
    others === undefined || (Array.isArray(others) && others.length <= MOST_OTHERS && others.every(isOther));
  return isStringOrNull(vmlinuxHeader) && isStringOrNull(arch) && optional && isFlag && areHosts;
}

function isOther(value: unknown): value is OtherTarget {
  if (typeof value !== 'object' || value === null) return false;
  const { host, kernel, btf, targets, cached } = value as Record<string, unknown>;
  return (
    typeof host === 'string' &&
    typeof kernel === 'string' &&
    isStringOrNull(btf) &&
    isStringOrNull(targets) &&
    typeof cached === 'boolean'
  );
}

function isStringOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

/** Request client → server: one level of the tree of attach points. */
export const pointsRequest = 'ringside/points';
/** Request: attach points of all kinds whose names hold a text. */
export const pointSearchRequest = 'ringside/pointSearch';
/** Request: one attach point, its arguments and how a program there begins; null when the kernel has none. */
export const pointRequest = 'ringside/point';
/** Request: how a program of any section begins; null when libbpf does not know the section. */
export const startRequest = 'ringside/start';

const pointKinds: readonly unknown[] = ['tracepoint', 'function', 'raw_tp', 'lsm', 'iter', 'struct_ops'];
/** More at once helps nobody, and would make the answer slow. */
const MOST_POINTS = 1000;

const isLimit = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) > 0 && Number(value) <= MOST_POINTS;

export function isPointsParams(value: unknown): value is PointsParams {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, group, text, first, limit } = value as Record<string, unknown>;
  return (
    (kind === null || pointKinds.includes(kind)) &&
    isStringOrNull(group) &&
    typeof text === 'string' &&
    Number.isInteger(first) &&
    Number(first) >= 0 &&
    isLimit(limit)
  );
}

export function isSearchParams(value: unknown): value is { text: string; limit: number } {
  if (typeof value !== 'object' || value === null) return false;
  const { text, limit } = value as Record<string, unknown>;
  return typeof text === 'string' && isLimit(limit);
}

export function isFoundPoint(value: unknown): value is FoundPoint {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, name } = value as Record<string, unknown>;
  return pointKinds.includes(kind) && typeof name === 'string';
}
