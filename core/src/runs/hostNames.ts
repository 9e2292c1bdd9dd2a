/**
 * Names for the rows of a run, from the host that they came from: of users and groups, of addresses of the kernel, of
 * stacks in a stack map. Rows are shown at once; what had no name yet is asked for in one go, and kept.
 */
import { setImmediate } from 'node:timers/promises';
import type { HostNames } from '../events/index.ts';
import type { Log } from '../log.ts';
import { nameKinds, noNames, sameFrames, type FoundNames, type NameKind } from '../recording/names.ts';
import type { ConnectedHost } from './hostConnection.ts';
import type { MapDumpBytes } from './hostRun.ts';
import { isKernelAddress, isStackId, noIds, stacksOf, type NamedIds } from './namedIds.ts';

/** What names are asked of. */
export interface NameSource {
  /** The host's agent for questions; the run's own one may not see the kernel's symbols. */
  host(): Promise<Pick<ConnectedHost, 'agent' | 'transport'>>;
  /** The entries of a map of the run. */
  dump(map: string, limit: number): Promise<MapDumpBytes>;
  /** Those of its entries that have these keys. */
  entries(map: string, keys: Uint8Array[]): Promise<MapDumpBytes>;
  /** The host told these to somebody who looks at rows; or a stack that it had told is another one now. */
  onFound?(found: FoundNames): void;
}

/** What lies further behind a symbol is not in it. */
const FARTHEST = 1n << 20n;
const MOST_NAMES = 100_000;
const MOST_STACKS = 100_000;
const ASKED_AT_ONCE = 1_000;
const FRAME_BYTES = 8;

export class RunNames implements HostNames {
  private readonly known = { user: new Map<bigint, string | null>(), group: new Map<bigint, string | null>(), symbol: new Map<bigint, string | null>() }; // prettier-ignore
  private readonly wanted = noIds();
  private readonly stacks = new Map<string, Map<number, bigint[] | null>>();
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
    return isKernelAddress(address) ? this.name('symbol', address) : null;
  }

  stack(map: string, id: number): readonly bigint[] | null {
    const known = this.stacks.get(map)?.get(id);
    if (known !== undefined) return known;
    if (!isStackId(id)) return null;
    const wanted = stacksOf(this.wanted, map);
    if (wanted.size < ASKED_AT_ONCE) wanted.add(id);
    return null;
  }

  private name(kind: NameKind, id: bigint): string | null {
    const name = this.known[kind].get(id);
    if (name === undefined && this.wanted[kind].size < ASKED_AT_ONCE) this.wanted[kind].add(id);
    return name ?? null;
  }

  /** The users, groups and symbols that the host has told. */
  found(): FoundNames {
    const found = noNames();
    for (const kind of nameKinds)
      for (const [id, name] of this.known[kind]) if (name !== null) found[kind].set(id, name);
    return found;
  }

  /** Something was shown without the name that it may have. */
  get missing(): boolean {
    const { stacks, ...names } = this.wanted;
    return stacks.size > 0 || Object.values(names).some((ids) => ids.size > 0);
  }

  /** Asks for what is missing. What the host does not tell has no name from then on. Never rejects. */
  async ask(): Promise<void> {
    this.asking ??= this.askAll().finally(() => (this.asking = undefined));
    await this.asking;
  }

  private async askAll(): Promise<void> {
    await Promise.all([
      ...[...this.wanted.stacks].map(async ([map, ids]) => {
        this.wanted.stacks.delete(map);
        if (await this.askStacks(map, ids)) return;
        const stacks = this.stacksOf(map);
        for (const id of ids) stacks.set(id, null);
      }),
      ...nameKinds.map(async (kind) => {
        const ids = [...this.wanted[kind]];
        if (ids.length === 0) return;
        await this.askNames(kind, ids);
        for (const id of ids) this.wanted[kind].delete(id);
        this.source.onFound?.({ ...noNames(), [kind]: this.knownOf(kind, ids) });
      }),
    ]);
  }

  /** False: nobody is there to be asked. A host that is not connected may be again. */
  private async askNames(kind: NameKind, ids: bigint[]): Promise<boolean> {
    let host: Awaited<ReturnType<NameSource['host']>> | undefined;
    let found = new Map<bigint, string>();
    try {
      host = await this.source.host();
      found = await finders[kind](ids, host);
    } catch (error) {
      this.log.debug(`No ${kind} names: ${String(error)}`);
    }
    if (host === undefined) return false;
    const known = this.known[kind];
    if (known.size > MOST_NAMES) known.clear();
    for (const id of ids) known.set(id, found.get(id) ?? null);
    return true;
  }

  /** False: the map cannot be read. */
  private async askStacks(map: string, ids: Iterable<number>): Promise<boolean> {
    const stacks = this.stacksOf(map);
    try {
      const found = stacksIn(await this.source.entries(map, Array.from(ids, keyOf)));
      for (const id of ids) stacks.set(id, found.get(id) ?? null);
      return true;
    } catch (error) {
      this.log.debug(`No stacks of ${map}: ${String(error)}`);
      return false;
    }
  }

  /** Reads a whole stack map, as long as it is there: rows are looked at when it is gone, too. */
  async readStacks(map: string): Promise<void> {
    const again = new Map<number, bigint[]>();
    try {
      const stacks = this.stacksOf(map);
      for (const [id, frames] of stacksIn(await this.source.dump(map, MOST_STACKS))) {
        const known = stacks.get(id);
        if (known && !sameFrames(known, frames)) again.set(id, frames);
        stacks.set(id, frames);
      }
      if (again.size > 0) this.source.onFound?.({ ...noNames(), stacks: new Map([[map, again]]) });
    } catch (error) {
      this.log.debug(`No stacks of ${map}: ${String(error)}`);
    }
  }

  private stacksOf(map: string): Map<number, bigint[] | null> {
    const stacks = this.stacks.get(map) ?? new Map<number, bigint[] | null>();
    this.stacks.set(map, stacks);
    return stacks;
  }

  /**
   * Tells what these are called, piece by piece, and what stands on the stacks and how that is called. What is not known is
   * asked for, in at most `mostQuestions` of each kind. Returns what nobody could be asked for. Never rejects.
   */
  async tell(ids: NamedIds, mostQuestions: number, told: (found: FoundNames) => void): Promise<NamedIds> {
    const left = noIds();
    const symbol = new Set(ids.symbol);
    for (const [map, wanted] of ids.stacks) {
      const stacks = this.stacksOf(map);
      const unknown = [...wanted].filter((id) => !stacks.has(id));
      for (let asked = 0; asked < mostQuestions && unknown.length > 0; asked++) {
        if (!(await this.askStacks(map, unknown.slice(0, ASKED_AT_ONCE)))) break;
        unknown.splice(0, ASKED_AT_ONCE);
      }
      if (unknown.length > 0) left.stacks.set(map, new Set(unknown));
      for (const piece of pieces(wanted)) {
        const found = new Map(piece.flatMap((id) => pairOf(id, stacks.get(id))));
        for (const frames of found.values()) for (const frame of frames) if (isKernelAddress(frame)) symbol.add(frame);
        told({ ...noNames(), stacks: new Map([[map, found]]) });
        await setImmediate();
      }
    }
    for (const kind of nameKinds)
      left[kind] = await this.tellNames(kind, kind === 'symbol' ? symbol : ids[kind], mostQuestions, told);
    return left;
  }

  private async tellNames(
    kind: NameKind,
    wanted: ReadonlySet<bigint>,
    mostQuestions: number,
    told: (found: FoundNames) => void,
  ): Promise<Set<bigint>> {
    const unknown = [...wanted].filter((id) => !this.known[kind].has(id));
    for (let asked = 0; asked < mostQuestions && unknown.length > 0; asked++) {
      if (!(await this.askNames(kind, unknown.slice(0, ASKED_AT_ONCE)))) break;
      unknown.splice(0, ASKED_AT_ONCE);
    }
    for (const piece of pieces(wanted)) {
      told({ ...noNames(), [kind]: this.knownOf(kind, piece) });
      await setImmediate();
    }
    return new Set(unknown);
  }

  private knownOf(kind: NameKind, ids: readonly bigint[]): Map<bigint, string> {
    return new Map(ids.flatMap((id) => pairOf(id, this.known[kind].get(id))));
  }
}

const pairOf = <K, V>(id: K, value: V | null | undefined): [K, V][] =>
  value === null || value === undefined ? [] : [[id, value]];

function* pieces<T>(all: Iterable<T>): Generator<T[]> {
  const list = [...all];
  for (let at = 0; at < list.length; at += ASKED_AT_ONCE) yield list.slice(at, at + ASKED_AT_ONCE);
}

/** Of a stack in its map. */
function keyOf(id: number): Uint8Array {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, id, true);
  return key;
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

const finders: Record<
  NameKind,
  (ids: bigint[], host: Awaited<ReturnType<NameSource['host']>>) => Promise<Map<bigint, string>>
> = {
  user: (ids, host) => namesOf(host, 'passwd', ids),
  group: (ids, host) => namesOf(host, 'group', ids),
  symbol: symbolsOf,
};
