/** Numbers of a host that it may have names for. */
import type { NameKind } from '../recording/names.ts';

export interface NamedIds extends Record<NameKind, Set<bigint>> {
  /** Numbers of stacks by their map. */
  stacks: Map<string, Set<number>>;
}

export const noIds = (): NamedIds => ({ user: new Set(), group: new Set(), symbol: new Set(), stacks: new Map() });

/** The numbers of a map's stacks, to be added to. */
export function stacksOf(ids: NamedIds, map: string): Set<number> {
  const known = ids.stacks.get(map) ?? new Set<number>();
  ids.stacks.set(map, known);
  return known;
}

/** Where kernels begin, on every architecture with 48 bits of addresses and more. */
const KERNEL = 0xffff_8000_0000_0000n;

export const isKernelAddress = (address: bigint): boolean => address >= KERNEL;

/** Keys of stack maps have 32 bits; a number below zero is why there is no stack. */
export const isStackId = (id: number): boolean => id >= 0 && id <= 0xffff_ffff;
