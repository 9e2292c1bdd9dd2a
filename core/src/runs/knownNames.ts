/** Names that are known without a host: what stands in a recording. Bounded. */
import type { HostNames } from '../events/index.ts';
import { nameKinds, stackBytes, type FoundNames } from '../recording/names.ts';

/** Bytes of a host's names, about as they are in memory: more than a reader takes from a recording of ours. */
const MOST_BYTES = 128 << 20;
const nameBytes = (name: string): number => 28 + name.length;

export class KnownNames implements HostNames {
  /** Names that there was no room to take. */
  leftOut = 0;
  private bytes = 0;
  private readonly names = {
    user: new Map<bigint, string>(),
    group: new Map<bigint, string>(),
    symbol: new Map<bigint, string>(),
  };
  private readonly stacks = new Map<string, Map<number, BigUint64Array>>();

  constructor(private readonly mostBytes = MOST_BYTES) {}

  /** Takes these, in place of what it knew of the same numbers. */
  add(found: FoundNames): void {
    for (const kind of nameKinds)
      for (const [id, name] of found[kind]) {
        const known = this.names[kind].get(id);
        if (this.hasRoom(nameBytes(name) - (known === undefined ? 0 : nameBytes(known))))
          this.names[kind].set(id, name);
      }
    for (const [map, stacks] of found.stacks) {
      const own = this.stacks.get(map) ?? new Map<number, BigUint64Array>();
      this.stacks.set(map, own);
      for (const [id, frames] of stacks) {
        const known = own.get(id);
        if (this.hasRoom(stackBytes(frames.length) - (known === undefined ? 0 : stackBytes(known.length))))
          own.set(id, BigUint64Array.from(frames));
      }
    }
  }

  private hasRoom(bytes: number): boolean {
    if (this.bytes + bytes > this.mostBytes) {
      this.leftOut++;
      return false;
    }
    this.bytes += bytes;
    return true;
  }

  user(id: number): string | null {
    return this.names.user.get(BigInt(id)) ?? null;
  }

  group(id: number): string | null {
    return this.names.group.get(BigInt(id)) ?? null;
  }

  symbol(address: bigint): string | null {
    return this.names.symbol.get(address) ?? null;
  }

  stack(map: string, id: number): readonly bigint[] | null {
    const frames = this.stacks.get(map)?.get(id);
    return frames === undefined ? null : [...frames];
  }
}
