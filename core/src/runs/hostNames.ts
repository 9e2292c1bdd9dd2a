/**
 * Names for the rows of a run, from the host that they came from: of users and groups, of addresses of the kernel, of
 * stacks in a stack map. Rows are shown at once; what had no name yet is asked for in one go, and kept.
 */
import type { HostNames } from '../events/index.ts';
import type { Log } from '../log.ts';
import { nameKinds, noNames, type FoundNames, type NameKind } from '../recording/names.ts';
import type { ConnectedHost } from './hostConnection.ts';
import type { MapDumpBytes } from './hostRun.ts';

/** What names are asked of. */
export interface NameSource {
  /** The host's agent for questions; the run's own one may not see the kernel's symbols. */
  host(): Promise<Pick<ConnectedHost, 'agent' | 'transport'>>;
  /** The entries of a map of the run. */
  dump(map: string, limit: number): Promise<MapDumpBytes>;
  /** The host told these, some of them perhaps once more. */
  onFound?(found: FoundNames): void;
}

/** Where kernels begin, on every architecture with 48 bits of addresses and more. */
const KERNEL = 0xffff_8000_0000_0000n;
/** What lies further behind a symbol is not in it. */
const FARTHEST = 1n << 20n;
const MOST_NAMES = 100_000;
const MOST_STACKS = 100_000;
const ASKED_AT_ONCE = 1_000;
const FRAME_BYTES = 8;

export class RunNames implements HostNames {
  private readonly known = { user: new Map<bigint, string | null>(), group: new Map<bigint, string | null>(), symbol: new Map<bigint, string | null>() }; // prettier-ignore
  private readonly wanted = { user: new Set<bigint>(), group: new Set<bigint>(), symbol: new Set<bigint>() };
  private readonly stacks = new Map<string, Map<number, bigint[] | null>>();
  private readonly wantedStacks = new Map<string, Set<number>>();
  private asking: Promise<void> | undefined;

  constructor(
    private readonly source: NameSource,
    private readonly log: Log,
  ) {}

  user(id: number): string | null {
    return this.name('user', BigInt(id));
  }

  group(id: number): string | null {
    return this.name('group', BigInt(id));
  }

  symbol(address: bigint): string | null {
    return address < KERNEL ? null : this.name('symbol', address);
  }

  stack(map: string, id: number): readonly bigint[] | null {
    const known = this.stacks.get(map)?.get(id);
    if (known !== undefined) return known;
    const wanted = this.wantedStacks.get(map);
    if (wanted) wanted.add(id);
    else this.wantedStacks.set(map, new Set([id]));
    return null;
  }

  private name(kind: NameKind, id: bigint): string | null {
    const name = this.known[kind].get(id);
    if (name === undefined && this.wanted[kind].size < ASKED_AT_ONCE) this.wanted[kind].add(id);
    return name ?? null;
  }

  /** All that the host has told. */
  found(): FoundNames {
    const found = noNames();
    for (const kind of nameKinds)
      for (const [id, name] of this.known[kind]) if (name !== null) found[kind].set(id, name);
    for (const [map, stacks] of this.stacks) {
      const known = [...stacks].flatMap(([id, frames]) => (frames === null ? [] : [[id, frames] as const]));
      found.stacks.set(map, new Map(known));
    }
    return found;
  }

  /** Something was shown without the name that it may have. */
  get missing(): boolean {
    return this.wantedStacks.size > 0 || Object.values(this.wanted).some((ids) => ids.size > 0);
  }

  /** Asks for what is missing. What the host does not tell has no name from then on. Never rejects. */
  async ask(): Promise<void> {
    this.asking ??= this.askAll().finally(() => (this.asking = undefined));
    await this.asking;
  }

  private async askAll(): Promise<void> {
    await Promise.all([
      ...[...this.wantedStacks.keys()].map((map) => this.readStacks(map)),
      this.take('user', (ids, host) => namesOf(host, 'passwd', ids)),
      this.take('group', (ids, host) => namesOf(host, 'group', ids)),
      this.take('symbol', symbolsOf),
    ]);
  }

  private async take(
    kind: NameKind,
    find: (ids: bigint[], host: Awaited<ReturnType<NameSource['host']>>) => Promise<Map<bigint, string>>,
  ): Promise<void> {
    const ids = [...this.wanted[kind]];
    if (ids.length === 0) return;
    let host: Awaited<ReturnType<NameSource['host']>> | undefined;
    let found = new Map<bigint, string>();
    try {
      host = await this.source.host();
      found = await find(ids, host);
    } catch (error) {
      this.log.debug(`No ${kind} names: ${String(error)}`);
    }
    const known = this.known[kind];
    if (known.size > MOST_NAMES) known.clear();
    for (const id of ids) {
      // A host that is not connected may be again.
      if (host) known.set(id, found.get(id) ?? null);
      this.wanted[kind].delete(id);
    }
    const told = ids.flatMap((id) => (found.has(id) ? [[id, found.get(id)!] as const] : []));
    if (told.length > 0) this.source.onFound?.({ ...noNames(), [kind]: new Map(told) });
  }

  /** Reads a stack map, as long as it is there. */
  async readStacks(map: string): Promise<void> {
    const stacks = this.stacks.get(map) ?? new Map<number, bigint[] | null>();
    this.stacks.set(map, stacks);
    const wanted = this.wantedStacks.get(map) ?? [];
    this.wantedStacks.delete(map);
    try {
      const found = stacksIn(await this.source.dump(map, MOST_STACKS));
      for (const [id, frames] of found) stacks.set(id, frames);
      this.source.onFound?.({ ...noNames(), stacks: new Map([[map, found]]) });
    } catch (error) {
      this.log.debug(`No stacks of ${map}: ${String(error)}`);
    }
    for (const id of wanted) if (!stacks.has(id)) stacks.set(id, null);
  }
}

/** The entries of a stack map: a number of 4 bytes, then addresses, zeros behind the outermost. */
export function stacksIn({ bytes, entries, valueBytes }: MapDumpBytes): Map<number, bigint[]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stacks = new Map<number, bigint[]>();
  const size = 4 + valueBytes;
  for (let at = 0; stacks.size < entries && at + size <= bytes.length; at += size) {
    const frames: bigint[] = [];
    for (let i = 0; i + FRAME_BYTES <= valueBytes; i += FRAME_BYTES) {
      const address = view.getBigUint64(at + 4 + i, true);
      if (address === 0n) break;
      frames.push(address);
    }
    stacks.set(view.getUint32(at, true), frames);
  }
  return stacks;
}

/** Names of users or groups by number. getent knows those of directory services too; not every host has it. */
async function namesOf(
  { transport }: Pick<ConnectedHost, 'transport'>,
  database: 'passwd' | 'group',
  ids: bigint[],
): Promise<Map<bigint, string>> {
  const command = `getent ${database} ${ids.join(' ')} 2>/dev/null || cat /etc/${database}`;
  const { stdout } = await transport.run(command, { timeoutMs: 5_000 });
  return namesIn(stdout);
}

/** Names by number in lines of /etc/passwd or /etc/group. */
export function namesIn(text: string): Map<bigint, string> {
  const names = new Map<bigint, string>();
  for (const line of text.split('\n')) {
    const match = /^([^:]+):[^:]*:(\d{1,10}):/.exec(line);
    const id = match && BigInt(match[2]!);
    if (id !== null && !names.has(id)) names.set(id, match![1]!);
  }
  return names;
}

async function symbolsOf(addresses: bigint[], { agent }: Pick<ConnectedHost, 'agent'>): Promise<Map<bigint, string>> {
  const { symbols } = await agent.request({ case: 'symbolize', value: { pid: 0, addresses } }, 'symbolize');
  const names = new Map<bigint, string>();
  addresses.forEach((address, i) => {
    const symbol = symbols[i];
    if (!symbol || symbol.name === '' || symbol.offset >= FARTHEST) return;
    const offset = symbol.offset === 0n ? '' : `+0x${symbol.offset.toString(16)}`;
    names.set(address, `${symbol.name}${offset}${symbol.module === '' ? '' : ` [${symbol.module}]`}`);
  });
  return names;
}
