/** The maps of a run, read on demand and typed by BTF: events for the CLI, rows for the panel. */
import { BpfObject, mapTypes, type MapTypes } from '../bpf/index.ts';
import { column, decodeMapEntries, leaves, renderCell, type MapEntry } from '../events/index.ts';
import { RingsideError } from '../errors.ts';
import type { Column, FieldValue, MapInfo, RowDetail, RowsPage, RowsQuery, RunEvent } from '../model/index.ts';
import type { HostRun, MapDumpBytes } from './hostRun.ts';
import type { PreparedObject } from './prepare.ts';

/** Prefix of the stream name under which a map's entries stand in a panel. */
export const MAP_STREAM = 'map:';
const MAX_ENTRIES = 10_000;
/** A dump younger than this answers the next question too. */
const FRESH_MS = 200;

/** Maps that hold entries which a lookup can read. */
const readable = new Set([
  'hash',
  'array',
  'percpu_hash',
  'percpu_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'stack_trace',
]);
/** libbpf's own maps for globals: ".rodata", "prog.bss" …; and the loss counters that the ledger shows. */
const internal = (map: MapInfo): boolean =>
  map.name.startsWith('.') || /\.(rodata|data|bss|kconfig)/.test(map.name) || map.name.endsWith('_lost_samples');

interface Entry extends MapEntry {
  host: string;
}

/** What a host gave of a map. */
export interface HostDump {
  host: HostRun;
  map: string;
  dump: MapDumpBytes;
}

interface Dump {
  at: number;
  entries: Entry[];
  read: HostDump[];
}

/** What of a run a MapWatch needs. */
export interface MapSource {
  readonly prepared: PreparedObject | undefined;
  readonly hostRuns: readonly HostRun[];
  /** A map was read on a host. */
  onDump?(host: HostRun, map: string, dump: MapDumpBytes): void;
}

export class MapWatch {
  private readonly dumps = new Map<string, Dump>();
  private readonly reading = new Map<string, Promise<Dump>>();
  private readonly typesByMap = new Map<string, MapTypes>();

  constructor(private readonly source: MapSource) {}

  /** The object was replaced: its maps may have other types. */
  forget(): void {
    this.dumps.clear();
    this.typesByMap.clear();
  }

  private readable(): MapInfo[] {
    return (this.source.prepared?.report.maps ?? []).filter((m) => readable.has(m.type));
  }

  /** Names of the maps that a person would want to see. */
  names(): string[] {
    return this.readable()
      .filter((m) => !internal(m))
      .map((m) => m.name);
  }

  /** A `map` event per map and host, and what they were made of. */
  async events(): Promise<{ events: RunEvent[]; read: HostDump[] }> {
    const events: RunEvent[] = [];
    const all: HostDump[] = [];
    for (const map of this.names()) {
      const { entries, read } = await this.read(map);
      all.push(...read);
      for (const { name: host } of this.source.hostRuns) {
        const own = entries.filter((e) => e.host === host).map(({ key, value }) => ({ key, value }));
        events.push({ type: 'map', host, map, entries: own });
      }
    }
    return { events, read: all };
  }

  /** Reads every map anew; of those that cannot be read the last entries stay. */
  async readAll(): Promise<void> {
    for (const dump of this.dumps.values()) dump.at = -Infinity;
    await Promise.allSettled(this.names().map((map) => this.read(map)));
  }

  /** The newest entries; while the run is over, those of the last read. */
  private async read(map: string): Promise<Dump> {
    const known = this.dumps.get(map);
    if (known && performance.now() - known.at < FRESH_MS) return known;
    let reading = this.reading.get(map);
    if (!reading) {
      reading = this.readNow(map).finally(() => this.reading.delete(map));
      this.reading.set(map, reading);
    }
    return reading;
  }

  private async readNow(map: string): Promise<Dump> {
    const hosts = this.source.hostRuns.filter((h) => h.readable);
    const known = this.dumps.get(map);
    if (hosts.length === 0) {
      if (known) return known;
      throw new RingsideError('not-recorded', `The entries of ${map} were not read while the run was attached.`, {
        remedy: 'Look at the map while it runs, or attach with --maps SECONDS.',
      });
    }
    const types = this.types(map);
    const lists = await Promise.all(hosts.map((h) => this.readHost(h, map, types)));
    const dump = {
      at: performance.now(),
      entries: lists.flatMap(({ entries }) => entries),
      read: lists.map(({ read }) => read),
    };
    this.dumps.set(map, dump);
    return dump;
  }

  private async readHost(
    hostRun: HostRun,
    map: string,
    types: MapTypes,
  ): Promise<{ entries: Entry[]; read: HostDump }> {
    const dump = await hostRun.dumpMap(map, MAX_ENTRIES);
    this.source.onDump?.(hostRun, map, dump);
    const info = this.source.prepared!.report.maps.find((m) => m.name === map)!;
    const entries = decodeMapEntries(dump.bytes, {
      key: types.key,
      value: types.value,
      keySize: info.keySize,
      valueBytes: dump.valueBytes,
      perCpu: types.perCpu ? hostRun.host.info.possibleCpus : 0,
    });
    return { entries: entries.map((e) => ({ ...e, host: hostRun.name })), read: { host: hostRun, map, dump } };
  }

  private types(map: string): MapTypes {
    let types = this.typesByMap.get(map);
    if (!types) {
      types = mapTypes(BpfObject.parse(this.source.prepared!.full), map);
      this.typesByMap.set(map, types);
    }
    return types;
  }

  /** The entries of "map:NAME" as rows of the grid. Filters are for records. */
  async page(query: RowsQuery): Promise<RowsPage> {
    const map = query.stream.slice(MAP_STREAM.length);
    if (!this.readable().some((m) => m.name === map))
      throw new RingsideError('usage', `This run has no map "${map}".`, {
        remedy: `Maps: ${this.names().join(', ') || 'none'}.`,
      });
    const { entries } = await this.read(map);
    const types = this.types(map);
    const several = this.source.hostRuns.length > 1;
    const keys = leaves({ ...types.key, name: 'key' }, '');
    const values = leaves({ ...types.value, name: 'value' }, '');
    const columns: Column[] = [
      ...(several ? [{ id: '@host', title: 'host', align: 'left' as const, width: 12, field: null }] : []),
      ...[...keys, ...values].map(({ path, field }) => column(path, field)),
    ];
    const first = query.first < 0 ? Math.max(0, entries.length - query.count) : query.first;
    const rows = entries.slice(first, first + query.count).map((entry, i) => ({
      seq: first + i,
      cells: [
        ...(several ? [entry.host] : []),
        ...keys.map(({ path, field }) => renderCell(field, at(entry.key, path))),
        ...values.map(({ path, field }) => renderCell(field, at(whole(entry.value, types.perCpu), path))),
      ],
    }));
    const notFiltered =
      query.where.trim() === ''
        ? null
        : new RingsideError('usage', 'Filters apply to records, not to maps.', {
            remedy: 'Choose a stream of records, or clear the filter.',
          }).toData();
    return {
      runId: query.runId,
      stream: query.stream,
      where: query.where,
      columns,
      first,
      rows: notFiltered ? [] : rows,
      matching: notFiltered ? 0 : entries.length,
      evicted: 0,
      stored: entries.length,
      delivered: entries.length,
      partial: false,
      filterError: notFiltered,
    };
  }

  detail(stream: string, seq: number): RowDetail | null {
    const map = stream.slice(MAP_STREAM.length);
    const entry = this.dumps.get(map)?.entries[seq];
    if (!entry) return null;
    const fields = (['key', 'value'] as const).map((part) => ({
      path: part,
      type: this.types(map)[part].type,
      value: entry[part],
      text: JSON.stringify(entry[part], null, 2),
      offset: 0,
      size: this.types(map)[part].size,
    }));
    return { seq, time: '0', record: map, fields, hex: '' };
  }
}

/** Per-CPU values stand in the grid as their sum; the detail has each CPU's. */
function whole(value: FieldValue, perCpu: boolean): FieldValue {
  return perCpu && value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value['sum'] ?? null)
    : value;
}

/** The member that a path names; its first step ("key", "value") is the value itself. */
function at(value: FieldValue, path: string): FieldValue {
  let found = value;
  for (const step of path.split('.').slice(1)) {
    if (found === null || typeof found !== 'object' || Array.isArray(found)) return null;
    found = found[step] ?? null;
  }
  return found;
}
