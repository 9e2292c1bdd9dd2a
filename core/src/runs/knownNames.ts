/** Names that are known without a host: what stands in a recording, or is to be written to one. Bounded. */
import type { HostNames } from '../events/index.ts';
import { MOST_NAME_LENGTH, nameBytes, nameKinds, noNames, stackBytes, type FoundNames } from '../recording/names.ts';

/** Bytes that the names of a host take in a recording, also those that were replaced since. */
const MOST_BYTES = 16 << 20;

export class KnownNames implements HostNames {
  /** There was no room for all that was found. */
  full = false;
  private bytes = 0;
  private readonly names = {
    user: new Map<bigint, string>(),
    group: new Map<bigint, string>(),
    symbol: new Map<bigint, string>(),
  };
  private readonly stacks = new Map<string, Map<number, BigUint64Array>>();

  constructor(private readonly mostBytes = MOST_BYTES) {}

  /** Takes what it does not know yet, or knows otherwise, and returns that. */
  add(found: FoundNames): FoundNames {
    const added = noNames();
    for (const kind of nameKinds) {
      for (const [id, name] of found[kind]) {
        if (name === '' || name.length > MOST_NAME_LENGTH || this.names[kind].get(id) === name) continue;
        if (!this.hasRoom(nameBytes(name))) continue;
        this.names[kind].set(id, name);
        added[kind].set(id, name);
      }
    }
    for (const [map, stacks] of found.stacks) this.addStacks(map, stacks, added);
    return added;
  }

  private addStacks(map: string, stacks: ReadonlyMap<number, readonly bigint[]>, added: FoundNames): void {
    if (map === '' || map.length > MOST_NAME_LENGTH) return;
    const own = this.stacks.get(map) ?? new Map<number, BigUint64Array>();
    this.stacks.set(map, own);
    const fresh = new Map<number, readonly bigint[]>();
    for (const [id, frames] of stacks) {
      const known = own.get(id);
      const same = known?.length === frames.length && frames.every((frame, i) => frame === known[i]);
      if (same || !this.hasRoom(stackBytes(frames.length))) continue;
      own.set(id, BigUint64Array.from(frames));
      fresh.set(id, frames);
    }
    if (fresh.size > 0) added.stacks.set(map, fresh);
  }

  private hasRoom(bytes: number): boolean {
    if (this.bytes + bytes > this.mostBytes) this.full = true;
    else this.bytes += bytes;
    return !this.full;
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
