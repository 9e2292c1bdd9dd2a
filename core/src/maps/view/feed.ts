/** Where the entries of a map that is looked at come from: deltas by the host, or whole reads of what has no keys. */
import type { AgentClient } from '../../agent/client.ts';
import type { StorageOwner } from '../../agent/generated/agent_pb.ts';
import { RingsideError } from '../../errors.ts';
import type { MapAccess, RecordField } from '../../model/index.ts';
import type { CallOptions } from '../../progress.ts';
import type { MapTyping } from '../hostTypes.ts';
import { RowLayout } from './layout.ts';
import type { Delta } from './table.ts';

/** Bytes that the table of one map may take here. */
const MOST_TABLE_BYTES = 256 << 20;
/** Values of storage maps that are shown. */
const MOST_OWNERS = 10_000;

/** A map as the agent is asked for it. */
export interface Ref {
  ref: { case: 'id'; value: number } | { case: 'loaded'; value: { objectId: number; map: string } };
}

export interface Polled extends Delta {
  /** That the map has; null = nobody knows. */
  entries: number | null;
}

export interface Feed {
  readonly layout: RowLayout;
  poll(call: CallOptions): Promise<Polled>;
  close(): Promise<void>;
}

export interface FeedOf {
  agent: AgentClient;
  ref: Ref;
  name: string;
  typing: MapTyping;
  keySize: number;
  valueSize: number;
  editable: boolean;
}

/** Time between two looks at a small map; one that takes long is looked at for a fifth of the time. */
export const LEAST_EVERY_MS = 1000;
const MOST_EVERY_MS = 60_000;
const REST = 5;

/** Milliseconds from a look that took so long to the next one. */
export function everyMsAfter(tookMs: number): number {
  return Math.min(MOST_EVERY_MS, Math.max(LEAST_EVERY_MS, Math.round((tookMs * REST) / 500) * 500));
}

/** Begins to look at a map, in the way that its kind allows. */
export function openFeed(of: FeedOf, access: MapAccess, call: CallOptions): Promise<Feed> {
  const whole = access === 'next' || access === 'positions' || access === 'owners';
  return whole ? Promise.resolve(openReads(of, access)) : openWatch(of, call);
}

/** Deltas: the first answer is the whole map, each later one what changed since. */
async function openWatch(of: FeedOf, call: CallOptions): Promise<Feed> {
  const { agent, ref, name, typing, keySize, editable } = of;
  const layout = new RowLayout(name, typing, keySize, sentBytes(of), editable);
  const limit = Math.max(1, Math.floor(MOST_TABLE_BYTES / layout.stride));
  const opened = await agent.request({ case: 'watchMap', value: { map: ref, limit } }, 'watchOpened', call);
  const { watch } = opened;
  if (opened.keySize !== keySize || opened.valueBytes !== layout.valueBytes) {
    await closeWatch(agent, watch);
    throw new RingsideError('unknown-map', `Map ${name} is another one now: its entries have another size.`);
  }
  return {
    layout,
    poll: async (how) => {
      const delta = await agent.request({ case: 'pollWatch', value: { watch } }, 'mapDelta', how);
      // Both are taken before anything is waited for: a blob that nobody takes stays.
      const changed = delta.changedBlob === 0 ? new Uint8Array(0) : agent.takeBlob(delta.changedBlob);
      const deleted = delta.deletedBlob === 0 ? new Uint8Array(0) : agent.takeBlob(delta.deletedBlob);
      return { changed, deleted, emptied: false, time: delta.timeNs, entries: Number(delta.entries) };
    },
    close: () => closeWatch(agent, watch),
  };
}

/** Bytes of one value as the host sends it: a slot for each possible CPU where it is a per-CPU map. */
function sentBytes({ typing, valueSize }: FeedOf): number {
  return typing.perCpu > 0 ? Math.ceil(valueSize / 8) * 8 * typing.perCpu : valueSize;
}

async function closeWatch(agent: AgentClient, watch: number): Promise<void> {
  if (agent.closed) return;
  await agent.request({ case: 'closeWatch', value: { watch } }, 'empty').catch(() => undefined);
}

/** What is read as a whole each time: the next value of a queue, the positions of a ring, values by their owners. */
function openReads(of: FeedOf, access: 'next' | 'positions' | 'owners'): Feed {
  const { agent, ref, name, typing, valueSize } = of;
  const key = access === 'owners' ? OWNER : null;
  const keySize = key?.size ?? 0;
  const valueBytes = access === 'positions' ? 24 : valueSize;
  const layout = new RowLayout(name, { ...typing, key: key ?? typing.key, perCpu: 0 }, keySize, valueBytes, false);
  let known = new Map<string, Uint8Array>();
  return {
    layout,
    poll: async (call) => {
      const value = { map: ref, limit: MOST_OWNERS };
      const page = await agent.request({ case: 'readMap', value }, 'mapPage', call);
      const bytes = page.blob === 0 ? new Uint8Array(0) : agent.takeBlob(page.blob);
      if (page.entries > 0 && page.valueBytes !== valueBytes)
        throw new RingsideError('protocol', `Values of ${valueBytes} bytes came with ${page.valueBytes}.`);
      const now = new Map<string, Uint8Array>();
      for (let i = 0; i < page.entries; i++) {
        const entry = new Uint8Array(keySize + valueBytes);
        const owner = page.owners[i];
        if (owner) entry.set(ownerBytes(owner));
        entry.set(bytes.subarray(i * valueBytes, (i + 1) * valueBytes), keySize);
        now.set(hex(entry.subarray(0, keySize)), entry);
      }
      const changed = [...now].filter(([name, entry]) => !same(known.get(name), entry)).map(([, entry]) => entry);
      const deleted = [...known].filter(([name]) => !now.has(name)).map(([, entry]) => entry.subarray(0, keySize));
      known = now;
      const entries = access === 'owners' ? now.size : null;
      const emptied = keySize === 0 && now.size === 0;
      return { changed: Buffer.concat(changed), deleted: Buffer.concat(deleted), emptied, time: page.timeNs, entries };
    },
    close: () => Promise.resolve(),
  };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const same = (a: Uint8Array | undefined, b: Uint8Array): boolean => a !== undefined && Buffer.compare(a, b) === 0;

const member = (name: string, kind: RecordField['kind'], offset: number, size: number): RecordField => ({
  name,
  type: kind === 'chars' ? `char[${size}]` : '__u32',
  offset,
  bits: 0,
  size,
  kind,
  format: 'plain',
});
/** Whose a value of a storage map is, in place of a key. */
const OWNER: RecordField = {
  ...member('key', 'struct', 0, 280),
  type: 'owner',
  fields: [
    member('pid', 'uint', 0, 4),
    member('fd', 'uint', 4, 4),
    member('command', 'chars', 8, 16),
    member('path', 'chars', 24, 256),
  ],
};

function ownerBytes({ pid, fd, command, path }: StorageOwner): Uint8Array {
  const bytes = new Uint8Array(280);
  new DataView(bytes.buffer).setUint32(0, pid, true);
  new DataView(bytes.buffer).setUint32(4, fd, true);
  new TextEncoder().encodeInto(command, bytes.subarray(8, 24));
  new TextEncoder().encodeInto(path, bytes.subarray(24, 280));
  return bytes;
}
