/** Writes to a map that is looked at: a member typed into a cell, entries added and deleted, and all of it taken back. */
import type { AgentClient } from '../../agent/client.ts';
import { RingsideError } from '../../errors.ts';
import { compileReader, renderCell } from '../../events/index.ts';
import type { FieldValue, MapChange, MapChanged, RecordField } from '../../model/index.ts';
import { encodeField, encodePerCpu, parseJsonValue, writeField } from '../encode.ts';
import { hasFixedKeys } from './access.ts';
import type { Ref } from './feed.ts';
import type { MapTable } from './table.ts';

/** Writes that can be taken back, and entries of one of them. */
const MOST_UNDO = 100;
const MOST_DELETED = 10_000;
/** Looked up in one request. */
const LOOKUPS = 1000;

interface Operation {
  operation: 'set' | 'add' | 'replace' | 'delete' | 'push' | 'pop';
  key?: Uint8Array;
  value?: Uint8Array;
}

interface Undo {
  /** "count of 10 is 3 again" */
  text: string;
  operations: Operation[];
}

export interface EditsOf {
  agent: () => AgentClient;
  ref: Ref;
  name: string;
  type: string;
}

export class MapEdits {
  readonly #undo: Undo[] = [];

  constructor(private readonly of: EditsOf) {}

  get depth(): number {
    return this.#undo.length;
  }

  /** Errors: bad-value, no-such-key, key-exists, map-full, map-frozen, map-access, usage. */
  async change(table: MapTable, change: MapChange): Promise<MapChanged> {
    const text = await this.#do(table, change);
    return { text, undo: this.#undo.length };
  }

  #do(table: MapTable, change: MapChange): Promise<string> {
    switch (change.do) {
      case 'edit':
        return this.#edit(table, change);
      case 'add':
        return this.#add(table, change.key, change.value);
      case 'delete':
        return this.#delete(table, change.seqs);
      case 'pop':
        return this.#pop(table);
      case 'undo':
        return this.#takeBack();
    }
  }

  async #edit(table: MapTable, { seq, column, text }: MapChange & { do: 'edit' }): Promise<string> {
    const { layout } = table;
    const member = layout.memberOf(column);
    if (member === null || !layout.editable) throw new RingsideError('usage', `${column} cannot be written.`);
    const key = rowKey(table, seq);
    // Only this member changes: the others are as the host has them now, not as they were at the last look.
    const before = await this.#value(key, layout.valueBytes);
    const after = before.slice();
    this.#write(table, member, column, text, after);
    const operation = hasFixedKeys(this.of.type) ? 'set' : 'replace';
    await this.#send([{ operation, key, value: after }]);
    const of = keyName(table, key);
    const [was, is] = [before, after].map((bytes) => memberText(member, bytes, layout.slot));
    this.#remember(`${column}${of} is ${was} again`, [{ operation, key, value: before }]);
    return `${column}${of} is ${is} now; it was ${was}.`;
  }

  #write(
    { layout }: MapTable,
    { field, cpu }: { field: RecordField; cpu: number | null },
    column: string,
    text: string,
    after: Uint8Array,
  ): void {
    // What is typed into a text is the text, also where it looks like a number.
    const quoted = /^\s*"/.test(text);
    const value: FieldValue = field.kind === 'chars' && !quoted ? text : parseJsonValue(text);
    const { perCpu } = layout.typing;
    const at = (cpu ?? 0) * layout.slot;
    // Behind a shorter text nothing of the one before may stay.
    if (field.kind === 'chars') after.fill(0, at + field.offset, at + field.offset + field.size);
    if (perCpu === 0 || cpu !== null) writeField(field, value, column, after, at);
    else if (value === 0) for (let i = 0; i < perCpu; i++) writeField(field, 0, column, after, i * layout.slot);
    else
      throw new RingsideError(
        'bad-value',
        `${column} is the sum of ${perCpu} CPUs: only 0 can be written to all of them.`,
        {
          remedy: 'Split it by CPU, and type into the column of one.',
        },
      );
  }

  async #add(table: MapTable, keyText: string, valueText: string): Promise<string> {
    const { layout } = table;
    const { typing, keySize } = layout;
    const json = parseJsonValue(valueText);
    const value =
      typing.perCpu > 0
        ? encodePerCpu(typing.value, json, typing.perCpu, 'value')
        : encodeField(typing.value, json, 'value');
    if (keySize === 0) {
      await this.#send([{ operation: 'push', value }]);
      // What goes into a queue comes out at its other end.
      if (this.of.type === 'stack') this.#remember('the last value is out again', [{ operation: 'pop' }]);
      return `Put ${valueText} into ${this.of.name}.`;
    }
    const key = encodeField(typing.key, parseJsonValue(keyText), 'key');
    const fixed = hasFixedKeys(this.of.type);
    await this.#send([{ operation: fixed ? 'set' : 'add', key, value }]);
    const of = keyName(table, key);
    this.#remember(`the entry${of} is gone again`, [{ operation: 'delete', key }]);
    return `Added the entry${of}.`;
  }

  async #delete(table: MapTable, seqs: readonly number[]): Promise<string> {
    if (seqs.length > MOST_DELETED)
      throw new RingsideError('usage', `${seqs.length} entries are more than are deleted at once (${MOST_DELETED}).`);
    const keys = seqs.filter((seq) => table.alive[seq] === 1).map((seq) => table.key(seq).slice());
    if (keys.length === 0) throw new RingsideError('no-such-key', 'These entries are not there any more.');
    const values = await this.#values(keys, table.layout.valueBytes);
    const failed = await this.#send(
      keys.map((key) => ({ operation: 'delete', key })),
      true,
    );
    const gone = keys.flatMap((key, i) => {
      const value = values.get(hex(key));
      return failed.has(i) || value === undefined ? [] : [{ key, value }];
    });
    const operation = hasFixedKeys(this.of.type) ? ('set' as const) : ('add' as const);
    const what = gone.length === 1 ? `the entry${keyName(table, gone[0]!.key)}` : `${gone.length} entries`;
    const again = gone.length === 1 ? 'is there again' : 'are there again';
    if (gone.length > 0)
      this.#remember(
        `${what} ${again}`,
        gone.map((entry) => ({ operation, ...entry })),
      );
    const left = failed.size === 0 ? '' : ` ${failed.size} could not be deleted: ${[...failed.values()][0]!.message}`;
    return `Deleted ${what}.${left}`;
  }

  async #pop(table: MapTable): Promise<string> {
    const { agent, ref } = this.of;
    const value = { map: ref, operations: [{ operation: 'pop' }] };
    const written = await agent().request({ case: 'writeMap', value }, 'mapWritten');
    const outcome = written.outcomes[0];
    if (outcome?.error) throw agent().errorFrom(outcome.error);
    const bytes = outcome?.value ?? new Uint8Array(0);
    const field = { ...table.layout.typing.value, name: 'value' };
    const text = memberText({ field, cpu: null }, bytes, 0);
    // A queue would put it at its other end.
    if (this.of.type === 'stack') this.#remember(`${text} is in again`, [{ operation: 'push', value: bytes }]);
    return `Took ${text} out of ${this.of.name}.`;
  }

  async #takeBack(): Promise<string> {
    const last = this.#undo.at(-1);
    if (last === undefined) throw new RingsideError('usage', 'There is nothing to take back.');
    // Once: a write that cannot be taken back now would stand before those that can.
    this.#undo.pop();
    await this.#send(last.operations);
    return `Taken back: ${last.text}.`;
  }

  #remember(text: string, operations: Operation[]): void {
    this.#undo.push({ text, operations });
    if (this.#undo.length > MOST_UNDO) this.#undo.shift();
  }

  async #value(key: Uint8Array, valueBytes: number): Promise<Uint8Array> {
    const value = (await this.#values([key], valueBytes)).get(hex(key));
    if (value === undefined)
      throw new RingsideError('no-such-key', `This entry of ${this.of.name} is not there any more.`);
    return value;
  }

  async #values(keys: readonly Uint8Array[], valueBytes: number): Promise<Map<string, Uint8Array>> {
    const { agent, ref } = this.of;
    const found = new Map<string, Uint8Array>();
    for (let at = 0; at < keys.length; at += LOOKUPS) {
      const value = { map: ref, keys: keys.slice(at, at + LOOKUPS) };
      const page = await agent().request({ case: 'readMap', value }, 'mapPage');
      const bytes = page.blob === 0 ? new Uint8Array(0) : agent().takeBlob(page.blob);
      const keySize = keys[0]!.length;
      for (let entry = 0; entry + keySize + valueBytes <= bytes.length; entry += keySize + valueBytes) {
        const key = bytes.subarray(entry, entry + keySize);
        found.set(hex(key), bytes.slice(entry + keySize, entry + keySize + valueBytes));
      }
    }
    return found;
  }

  /** `some`: what could not be done is told by its place; else it is thrown. */
  async #send(operations: Operation[], some = false): Promise<Map<number, RingsideError>> {
    const { agent, ref } = this.of;
    const value = { map: ref, operations };
    const written = await agent().request({ case: 'writeMap', value }, 'mapWritten');
    const failed = new Map<number, RingsideError>();
    written.outcomes.forEach((outcome, i) => {
      if (outcome.error) failed.set(i, agent().errorFrom(outcome.error));
    });
    const [first] = failed.values();
    if (first !== undefined && (!some || failed.size === operations.length)) throw first;
    return failed;
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function rowKey(table: MapTable, seq: number): Uint8Array {
  if (table.alive[seq] !== 1) throw new RingsideError('no-such-key', 'This entry is not there any more.');
  return table.key(seq).slice();
}

/** " of 10.0.0.1"; "" for maps without keys. */
function keyName({ layout }: MapTable, key: Uint8Array): string {
  const field = { ...layout.typing.key, name: 'key' };
  return key.length === 0 ? '' : ` of ${memberText({ field, cpu: null }, key, 0)}`;
}

function memberText(
  { field, cpu }: { field: RecordField; cpu: number | null },
  bytes: Uint8Array,
  slot: number,
): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = renderCell(field, compileReader(field)(view, (cpu ?? 0) * slot, bytes.length));
  return text === '' ? '""' : text;
}
