/** Any map of a host: found by id, name or pin; read, written and watched with the types that the host knows. */
import type { AgentClient } from '../agent/client.ts';
import type { MapEntry, MapPage, StorageOwner as PbOwner } from '../agent/generated/agent_pb.ts';
import { decodeMapEntries, jsonInteger, visibleText, type MapLayout } from '../events/index.ts';
import { RingsideError } from '../errors.ts';
import type {
  FieldValue,
  MapChanges,
  MapEntriesPage,
  MapEntryItem,
  MapItem,
  MapLines,
  MapName,
  MapSetMode,
  StorageOwner,
  TypedMap,
} from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import { encodeField, encodePerCpu, parseJsonValue } from './encode.ts';
import { HostTypes, type MapTyping } from './hostTypes.ts';
import { listMaps, mapItem } from './inventory.ts';
import { entryWriter, type EntryFrame } from './jsonText.ts';

/** Entries of one page: large enough that the round trips do not count, small enough for bounded memory. */
const PAGE_ENTRIES = 50_000;
/** The kernel keeps 15 characters of a map's name. */
const KERNEL_NAME = 15;

interface Found {
  item: MapItem;
  entry: MapEntry;
  typing: MapTyping;
}

interface PageBytes {
  page: MapPage;
  bytes: Uint8Array;
}

/** How a key on the command line is meant: by key, or by the owner of a storage map. */
interface Address {
  key?: Uint8Array;
  ownerPid?: number;
  ownerFd?: number;
  ownerPath?: string;
}

export class HostMaps {
  private readonly types: HostTypes;

  constructor(private readonly agent: AgentClient) {
    this.types = new HostTypes(agent);
  }

  async describe(name: MapName, call: CallOptions): Promise<TypedMap> {
    const { item, typing } = await this.find(name, call);
    return { map: item, key: item.keySize === 0 ? null : typing.key, value: typing.value, perCpu: typing.perCpu };
  }

  /** Errors: `unknown-map`, `usage` for a name that several maps have. */
  private async find(name: MapName, call: CallOptions): Promise<Found> {
    const id = await this.resolve(name, call);
    const list = await this.agent.request({ case: 'listMaps', value: { ids: [id] } }, 'mapList', call);
    const entry = list.maps[0];
    if (!entry) throw unknownMap(name, []);
    return { entry, item: mapItem(entry, list.ownersKnown), typing: await this.types.of(entry, call) };
  }

  private async resolve(name: MapName, call: CallOptions): Promise<number> {
    if (/^\d+$/.test(name)) return Number(name);
    const maps = await listMaps(this.agent, [], call);
    if (name.startsWith('/')) {
      const pinned = maps.find((map) => map.pins.includes(name));
      if (!pinned) throw unknownMap(name, []);
      return pinned.id;
    }
    const named = maps.filter((map) => map.name === name.slice(0, KERNEL_NAME));
    if (named.length > 1)
      throw new RingsideError('usage', `${named.length} maps of this host are called ${name}.`, {
        remedy: `Give an id: ${named.map((map) => `${map.id} (${ownersText(map)})`).join(', ')}.`,
      });
    if (!named[0]) throw unknownMap(name, maps);
    return named[0].id;
  }

  private async page(
    id: number,
    cursor: Uint8Array,
    limit: number,
    keys: Uint8Array[],
    call: CallOptions,
  ): Promise<PageBytes> {
    const value = { map: { ref: { case: 'id' as const, value: id } }, cursor, limit, keys };
    const page = await this.agent.request({ case: 'readMap', value }, 'mapPage', call);
    const bytes = page.blob === 0 ? new Uint8Array(0) : this.agent.takeBlob(page.blob);
    return { page, bytes };
  }

  async entries(name: MapName, cursor: string | null, limit: number, call: CallOptions): Promise<MapEntriesPage> {
    const { item, typing } = await this.find(name, call);
    const from = Buffer.from(cursor ?? '', 'base64');
    const { page, bytes } = await this.page(item.id, from, limit, [], call);
    const next = page.next.length === 0 ? null : Buffer.from(page.next).toString('base64');
    return { entries: itemsOf(page, bytes, typing), next, restarted: page.restarted };
  }

  /** All entries as JSON lines, page by page; the next page is on its way while one is written. */
  async *lines(name: MapName, frame: EntryFrame, call: CallOptions): AsyncGenerator<MapLines> {
    const { item, typing } = await this.find(name, call);
    const read = (cursor: Uint8Array) => this.page(item.id, cursor, PAGE_ENTRIES, [], call);
    const following = (page: MapPage): Promise<PageBytes> | undefined => {
      const next = page.next.length === 0 ? undefined : read(page.next);
      // Whoever waits for it hears of a failure; nobody may be waiting yet.
      next?.catch(() => undefined);
      return next;
    };
    let coming: Promise<PageBytes> | undefined = read(new Uint8Array(0));
    let write: ReturnType<typeof entryWriter> | undefined;
    try {
      for (;;) {
        const answer: PageBytes = await coming;
        const { page, bytes } = answer;
        coming = following(page);
        write ??= page.content === 'entries' ? entryWriter(layoutOf(page, typing), frame) : undefined;
        const lines = write ? write(bytes) : itemLines(itemsOf(page, bytes, typing), frame);
        yield { lines, entries: page.entries, restarted: page.restarted };
        if (!coming) return;
      }
    } finally {
      // Its bytes would wait for ever for someone to take them.
      await coming?.catch(() => undefined);
    }
  }

  /** Error: `no-such-key`. */
  async get(name: MapName, key: string | null, call: CallOptions): Promise<MapEntryItem> {
    const found = await this.find(name, call);
    const keyless = found.item.keySize === 0;
    const member = found.item.type === 'bloom_filter';
    if (found.item.type === 'arena') return this.arenaPage(found, key, call);
    if (keyless && !member && key !== null) throw noKeys(found.item);
    const address: Address = keyless ? {} : this.address(found, needed(key, 'KEY'));
    const value = member ? this.encode(found, parseJsonValue(needed(key, 'VALUE'))) : undefined;
    const bytes = await this.write(found, { operation: 'get', ...address, ...(value && { value }) }, call);
    const decoded = decodeValue(found.typing, bytes);
    if (keyless) return { value: decoded };
    return address.key
      ? { key: decodeKey(found.typing, address.key), value: decoded }
      : { owner: ownerItem(address), value: decoded };
  }

  private async arenaPage(found: Found, key: string | null, call: CallOptions): Promise<MapEntryItem> {
    const number = parseJsonValue(needed(key, 'PAGE'));
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0)
      throw new RingsideError('bad-value', `${JSON.stringify(number)} is no page of an arena.`, {
        remedy: `Give a page number from 0 to ${found.item.maxEntries - 1}.`,
      });
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(number));
    const answer = await this.page(found.item.id, new Uint8Array(0), 1, [bytes], call);
    const item = itemsOf(answer.page, answer.bytes, found.typing)[0];
    if (!item) throw new RingsideError('no-such-key', `Page ${number} of the arena is not in use.`);
    return item;
  }

  /** Errors: `bad-value`, `no-such-key`, `key-exists`, `map-full`, `map-frozen`, `map-access`. */
  async set(
    name: MapName,
    key: string | null,
    value: string,
    mode: MapSetMode,
    call: CallOptions,
  ): Promise<MapEntryItem> {
    const found = await this.find(name, call);
    const { item, typing } = found;
    if (item.keySize === 0) {
      if (key !== null) throw noKeys(item);
      const bytes = this.encode(found, parseJsonValue(value));
      await this.write(found, { operation: 'push', value: bytes }, call);
      return { value: decodeValue(typing, bytes) };
    }
    const operation = { any: 'set', new: 'add', existing: 'replace' }[mode];
    const address = this.address(found, needed(key, 'KEY'));
    const socket = /^(sockmap|sockhash|reuseport_sockarray|xskmap|cgroup_array)$/.test(item.type);
    const bytes = socket ? new Uint8Array(0) : this.encode(found, parseJsonValue(value));
    const owner = socket ? ownerAddress(parseJsonValue(value), 'value', item) : {};
    await this.write(found, { operation, ...address, ...owner, value: bytes }, call);
    const stored = socket ? parseJsonValue(value) : decodeValue(typing, bytes);
    return address.key
      ? { key: decodeKey(typing, address.key), value: stored }
      : { owner: ownerItem(address), value: stored };
  }

  /** Without a key: the next value of a queue or stack, taken out. */
  async delete(name: MapName, key: string | null, call: CallOptions): Promise<MapEntryItem | null> {
    const found = await this.find(name, call);
    if (found.item.keySize === 0) {
      if (key !== null) throw noKeys(found.item);
      return { value: decodeValue(found.typing, await this.write(found, { operation: 'pop' }, call)) };
    }
    await this.write(found, { operation: 'delete', ...this.address(found, needed(key, 'KEY')) }, call);
    return null;
  }

  private encode({ typing }: Found, value: FieldValue): Uint8Array {
    return typing.perCpu > 0
      ? encodePerCpu(typing.value, value, typing.perCpu, 'value')
      : encodeField(typing.value, value, 'value');
  }

  private address({ item, typing }: Found, key: string): Address {
    const value = parseJsonValue(key);
    if (/_storage$/.test(item.type) && !/cgroup_storage$/.test(item.type)) return ownerAddress(value, 'key', item);
    return { key: encodeField(typing.key, value, 'key') };
  }

  private async write(
    { item }: Found,
    operation: Address & { operation: string; value?: Uint8Array },
    call: CallOptions,
  ): Promise<Uint8Array> {
    const value = { map: { ref: { case: 'id' as const, value: item.id } }, operations: [operation] };
    const written = await this.agent.request({ case: 'writeMap', value }, 'mapWritten', call);
    const outcome = written.outcomes[0];
    if (!outcome) throw new RingsideError('protocol', 'The agent gave no outcome for an operation on a map.');
    if (outcome.error) throw this.agent.errorFrom(outcome.error);
    return outcome.value;
  }

  async watch(name: MapName, limit: number, call: CallOptions): Promise<MapWatcher> {
    const found = await this.find(name, call);
    const value = { map: { ref: { case: 'id' as const, value: found.item.id } }, limit };
    const opened = await this.agent.request({ case: 'watchMap', value }, 'watchOpened', call);
    const layout = { ...found.typing, keySize: opened.keySize, valueBytes: opened.valueBytes };
    return new MapWatcher(this.agent, opened.watch, layout);
  }
}

/** One open watch of a map: the agent remembers what it told. */
export class MapWatcher {
  constructor(
    private readonly agent: AgentClient,
    private readonly watch: number,
    private readonly layout: MapLayout,
  ) {}

  /** The first answer is the whole map, each later one what changed since. */
  async poll(call: CallOptions): Promise<MapChanges> {
    const delta = await this.agent.request({ case: 'pollWatch', value: { watch: this.watch } }, 'mapDelta', call);
    const bytes = (blob: number) => (blob === 0 ? new Uint8Array(0) : this.agent.takeBlob(blob));
    const keys = { ...this.layout, valueBytes: 0, value: null, perCpu: 0 };
    return {
      changed: decodeMapEntries(bytes(delta.changedBlob), this.layout),
      deleted: decodeMapEntries(bytes(delta.deletedBlob), keys).map((entry) => entry.key),
      entries: jsonInteger(delta.entries),
      truncated: delta.truncated,
      time: delta.timeNs.toString(),
    };
  }

  async close(): Promise<void> {
    if (this.agent.closed) return;
    await this.agent.request({ case: 'closeWatch', value: { watch: this.watch } }, 'empty').catch(() => undefined);
  }
}

function layoutOf(page: MapPage, typing: MapTyping): MapLayout {
  return { ...typing, keySize: page.keySize, valueBytes: page.valueBytes };
}

function itemsOf(page: MapPage, bytes: Uint8Array, typing: MapTyping): MapEntryItem[] {
  const layout = layoutOf(page, typing);
  if (page.content === 'entries') return decodeMapEntries(bytes, layout);
  const key = page.content === 'pages' ? PAGE_NUMBER : null;
  const value = page.content === 'pages' ? null : typing.value;
  const entries = decodeMapEntries(bytes, { ...layout, key, value, perCpu: 0 });
  if (page.content === 'pages') return entries;
  return entries.map((entry, i) => {
    const owner = page.owners[i];
    return owner ? { owner: pbOwner(owner), value: entry.value } : { value: entry.value };
  });
}

const PAGE_NUMBER = {
  name: 'page',
  type: '__u64',
  offset: 0,
  bits: 0,
  size: 8,
  kind: 'uint' as const,
  format: 'plain' as const,
};

function pbOwner(owner: PbOwner): StorageOwner {
  return {
    ...(owner.pid !== 0 && { pid: owner.pid, command: visibleText(owner.command) }),
    ...(owner.fd !== 0 && { fd: owner.fd }),
    ...(owner.path !== '' && { path: visibleText(owner.path) }),
  };
}

function ownerItem(address: Address): StorageOwner {
  return {
    ...(address.ownerPid !== undefined && { pid: address.ownerPid }),
    ...(address.ownerFd !== undefined && { fd: address.ownerFd }),
    ...(address.ownerPath !== undefined && { path: address.ownerPath }),
  };
}

/** `{"pid":1234}`, `{"pid":1234,"fd":5}`, `{"path":"/…"}`; a number alone is a pid, a text a path. */
function ownerAddress(value: FieldValue, what: string, item: MapItem): Address {
  const wrong = () =>
    new RingsideError('bad-value', `${JSON.stringify(value)} names no owner for the ${what} of map ${item.name}.`, {
      remedy:
        'Give {"pid":1234} for a process, {"pid":1234,"fd":5} for a socket, {"path":"/…"} for a cgroup or a file.',
    });
  const whole = (n: FieldValue | undefined): number => {
    if (typeof n !== 'number' || !Number.isInteger(n) || n < 0 || n > 0xffff_ffff) throw wrong();
    return n;
  };
  if (typeof value === 'number') return { ownerPid: whole(value) };
  if (typeof value === 'string' && value.startsWith('/')) return { ownerPath: value };
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrong();
  const { pid, fd, path } = value;
  if (path !== undefined) {
    if (typeof path !== 'string') throw wrong();
    return { ownerPath: path };
  }
  return { ownerPid: whole(pid), ...(fd !== undefined && { ownerFd: whole(fd) }) };
}

function itemLines(items: MapEntryItem[], { before, between, after }: EntryFrame): Uint8Array {
  const json = before.startsWith('{');
  const lines = items.map((item) => {
    if (json) return `${JSON.stringify({ type: 'entry', ...item })}\n`;
    const first = item.key ?? item.owner;
    return (first === undefined ? '' : JSON.stringify(first) + between) + JSON.stringify(item.value) + after;
  });
  // Not a Buffer: those share their memory, and lines change hands between threads.
  return new TextEncoder().encode(lines.join(''));
}

function decodeKey(typing: MapTyping, key: Uint8Array): FieldValue {
  return decodeMapEntries(key, { ...typing, keySize: key.length, valueBytes: 0, value: null, perCpu: 0 })[0]!.key;
}

function decodeValue(typing: MapTyping, value: Uint8Array): FieldValue {
  // One value for all CPUs stands alone; what was read has a slot for each.
  const perCpu = typing.perCpu > 0 && value.length !== typing.value.size ? typing.perCpu : 0;
  const layout = { ...typing, key: null, keySize: 0, valueBytes: value.length, perCpu };
  return value.length === 0 ? null : decodeMapEntries(value, layout)[0]!.value;
}

function needed(text: string | null, what: string): string {
  if (text === null) throw new RingsideError('usage', `${what} is missing.`, { remedy: 'See `ringside map --help`.' });
  return text;
}

function noKeys(item: MapItem): RingsideError {
  return new RingsideError('usage', `Map ${item.name} is a ${item.type}: it has no keys.`, {
    remedy: 'Give the value alone to put one in, and nothing to look at or take the next one.',
  });
}

function ownersText(map: MapItem): string {
  return map.owners?.map((owner) => `${owner.command} ${owner.pid}`).join(', ') || map.pins[0] || 'no owner';
}

function unknownMap(name: string, maps: MapItem[]): RingsideError {
  const names = [...new Set(maps.map((map) => map.name).filter((n) => n !== ''))];
  const list = names.slice(0, 20).join(', ') + (names.length > 20 ? ' …' : '');
  return new RingsideError('unknown-map', `There is no map ${name} on this host.`, {
    remedy: list === '' ? 'List them with `ringside maps HOST`.' : `It has ${list}.`,
  });
}
