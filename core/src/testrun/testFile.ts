/** NAME.bpf.test.json: what it asks, checked, with the place of everything that can turn out to be wrong later. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { RingsideError, type ErrorCode } from '../errors.ts';
import { CaptureError, capturedPacket } from './packet/capture.ts';
import { buildPacket, hexBytes, PacketError } from './packet/language.ts';
import { JsonSyntaxError, lineColumn, parseJsonTree, plainValue, type JsonNode, type JsonValue } from './jsonTree.ts';

/** In the test file, from 1. */
export interface TestPlace {
  line: number;
  column: number;
}

/** A value with its place. */
export interface Placed<T> {
  value: T;
  place: TestPlace;
}

export interface MapEntrySpec {
  /** null for maps without keys. */
  key: JsonValue | null;
  /** undefined: no entry may have the key. */
  value: JsonValue | undefined;
  place: TestPlace;
}

export interface TestExpectation {
  /** A number, or a name such as XDP_DROP. */
  returns: Placed<number | string> | null;
  /** The packet afterwards, all of it. */
  packet: Placed<Uint8Array> | null;
  /** "ipv4.ttl" → text of its value. */
  fields: Placed<{ path: string; text: string }>[];
  /** Bytes at a place of the packet. */
  bytes: Placed<{ offset: number; bytes: Uint8Array }>[];
  context: Placed<JsonValue> | null;
  globals: Placed<{ name: string; value: JsonValue }>[];
  maps: { name: string; place: TestPlace; entries: MapEntrySpec[] }[];
  records: { name: string; place: TestPlace; records: Placed<JsonValue>[] }[];
  /** Texts that bpf_printk must have said, in this order. */
  prints: Placed<string>[];
}

export interface TestCase {
  name: string;
  place: TestPlace;
  /** Behind its last character. */
  end: TestPlace;
  program: string;
  /** Further programs that are loaded with it, for tail calls and freplace. */
  load: string[];
  repeat: number;
  packet: Uint8Array | null;
  context: Placed<JsonValue> | null;
  globals: Placed<{ name: string; value: JsonValue }>[];
  maps: { name: string; place: TestPlace; entries: MapEntrySpec[] }[];
  expect: TestExpectation;
}

/** A test that cannot be run, because of what stands in the file. */
export interface BrokenTest {
  name: string;
  place: TestPlace;
  end: TestPlace;
  program: string;
  error: RingsideError;
}

export interface TestFile {
  path: string;
  tests: (TestCase | BrokenTest)[];
}

export const isBroken = (test: TestCase | BrokenTest): test is BrokenTest => 'error' in test;

/** Files beyond this are no tests that someone wrote. */
const MOST_BYTES = 16 << 20;
const MOST_CAPTURE = 256 << 20;
const MOST_REPEATS = 10_000_000;

/** Errors: file-not-found, too-large, test-malformed for what makes the whole file unusable. */
export async function readTestFile(path: string): Promise<TestFile> {
  const bytes = await readWhole(
    path,
    MOST_BYTES,
    () =>
      new RingsideError('file-not-found', `${path} cannot be read.`, {
        remedy: 'Write the tests of NAME.bpf.c to NAME.bpf.test.json beside it.',
      }),
  );
  return parseTestFile(path, new TextDecoder().decode(bytes), (file) =>
    readWhole(
      file,
      MOST_CAPTURE,
      () => new CaptureError(`${file} cannot be read.`, 'The path counts from the test file.'),
    ),
  );
}

async function readWhole(path: string, most: number, missing: () => Error): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch {
    throw missing();
  }
  if (bytes.length > most) throw new RingsideError('too-large', `${path} has more than ${most >> 20} MiB.`);
  return bytes;
}

/** `capture` gives the bytes of a capture file by its absolute path. */
export async function parseTestFile(
  path: string,
  text: string,
  capture: (file: string) => Promise<Uint8Array>,
): Promise<TestFile> {
  let root: JsonNode;
  try {
    root = parseJsonTree(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const { line, column } = lineColumn(text, error.at);
    throw new RingsideError('test-malformed', `${path}:${line}:${column}: ${error.message}`, {
      remedy: 'Correct the JSON there.',
      links: [`${path}:${line}`],
    });
  }
  const reader = new TestReader(path, text, capture);
  return { path, tests: await reader.tests(root) };
}

type Members = ReadonlyMap<string, JsonNode>;

class TestReader {
  readonly #captures = new Map<string, Promise<Uint8Array>>();

  constructor(
    private readonly path: string,
    private readonly text: string,
    private readonly capture: (file: string) => Promise<Uint8Array>,
  ) {}

  place(at: number): TestPlace {
    return lineColumn(this.text, at);
  }

  fail(at: number, message: string, remedy: string, code: ErrorCode = 'test-malformed'): RingsideError {
    const { line, column } = this.place(at);
    return new RingsideError(code, `${this.path}:${line}:${column}: ${message}`, {
      remedy,
      links: [`${this.path}:${line}`],
    });
  }

  async tests(root: JsonNode): Promise<(TestCase | BrokenTest)[]> {
    const { tests } = this.object(root, 'the test file', ['tests'], ['$schema']);
    const nodes = this.array(tests!, '"tests"');
    const names = new Set<string>();
    const all: (TestCase | BrokenTest)[] = [];
    for (const [i, node] of nodes.entries()) {
      const test = await this.test(node, i);
      if (names.has(test.name)) {
        const error = this.fail(node.at, `Two tests are called "${test.name}".`, 'Give each a name of its own.');
        all.push({ name: `${test.name} (${i + 1})`, place: test.place, end: test.end, program: test.program, error });
      } else all.push(test);
      names.add(test.name);
    }
    return all;
  }

  private async test(node: JsonNode, index: number): Promise<TestCase | BrokenTest> {
    const rough = roughly(node, index);
    const where = { place: this.place(node.at), end: this.place(node.end) };
    try {
      return { ...(await this.checked(node)), ...where };
    } catch (error) {
      return { ...rough, ...where, error: RingsideError.from(error) };
    }
  }

  private async checked(node: JsonNode): Promise<Omit<TestCase, 'place' | 'end'>> {
    const optional = ['load', 'globals', 'maps', 'packet', 'context', 'repeat', 'expect'];
    const members = this.members(node, 'a test', ['name', 'program'], optional);
    const get = (name: string): JsonNode | undefined => members.get(name);
    const name = this.string(get('name')!, '"name"');
    if (name.trim() === '') throw this.fail(get('name')!.at, 'The name is empty.', 'Say what the test shows.');
    const repeat = get('repeat') === undefined ? 1 : this.whole(get('repeat')!, '"repeat"', 1, MOST_REPEATS);
    return {
      name,
      program: this.string(get('program')!, '"program"'),
      load: get('load') === undefined ? [] : this.array(get('load')!, '"load"').map((n) => this.string(n, 'a program')),
      repeat,
      packet: get('packet') === undefined ? null : await this.packet(get('packet')!),
      context: this.placed(get('context')),
      globals: this.globals(get('globals')),
      maps: this.maps(get('maps'), false),
      expect: await this.expectation(get('expect')),
    };
  }

  private async expectation(node: JsonNode | undefined): Promise<TestExpectation> {
    const names = ['return', 'packet', 'fields', 'bytes', 'context', 'globals', 'maps', 'records', 'prints'];
    const members: Members = node === undefined ? new Map() : this.members(node, '"expect"', [], names);
    const get = (name: string): JsonNode | undefined => members.get(name);
    const packet = get('packet');
    return {
      returns: this.returns(get('return')),
      packet: packet === undefined ? null : { value: await this.packet(packet), place: this.place(packet.at) },
      fields: this.fields(get('fields')),
      bytes: this.bytes(get('bytes')),
      context: this.placed(get('context')),
      globals: this.globals(get('globals')),
      maps: this.maps(get('maps'), true),
      records: this.records(get('records')),
      prints: this.list(get('prints'), '"prints"').map((n) => ({
        value: this.string(n, 'a print'),
        place: this.place(n.at),
      })),
    };
  }

  private placed(node: JsonNode | undefined): Placed<JsonValue> | null {
    return node === undefined ? null : { value: plainValue(node), place: this.place(node.at) };
  }

  private returns(node: JsonNode | undefined): Placed<number | string> | null {
    if (node === undefined) return null;
    if (node.kind === 'string') return { value: node.value, place: this.place(node.at) };
    return { value: this.whole(node, '"return"', -(2 ** 31), 2 ** 32 - 1), place: this.place(node.at) };
  }

  private fields(node: JsonNode | undefined): TestExpectation['fields'] {
    if (node === undefined) return [];
    return this.entries(node, '"fields"').map(({ name, at, value }) => {
      if (value.kind !== 'string' && value.kind !== 'number')
        throw this.fail(value.at, 'A field of a packet is a number or a text.', 'Like "ipv4.ttl": 63.');
      return { value: { path: name, text: String(value.value) }, place: this.place(at) };
    });
  }

  private bytes(node: JsonNode | undefined): TestExpectation['bytes'] {
    if (node === undefined) return [];
    return this.entries(node, '"bytes"').map(({ name, at, value }) => {
      const offset = /^(\d{1,5}|0x[0-9a-f]{1,4})$/i.test(name) ? Number(name) : null;
      if (offset === null)
        throw this.fail(at, `"${name}" is no place of a packet.`, 'Like "bytes": { "14": "45 00" }.');
      const bytes = hexBytes(this.string(value, 'bytes'));
      if (bytes === null || bytes.length === 0) throw this.notHex(value.at);
      return { value: { offset, bytes }, place: this.place(at) };
    });
  }

  private notHex(at: number): RingsideError {
    return this.fail(at, 'These are no hexadecimal digits of whole bytes.', 'Like "45 00 00 1c".', 'packet-malformed');
  }

  private globals(node: JsonNode | undefined): TestCase['globals'] {
    if (node === undefined) return [];
    return this.entries(node, '"globals"').map(({ name, at, value }) => ({
      value: { name, value: plainValue(value) },
      place: this.place(at),
    }));
  }

  private maps(node: JsonNode | undefined, absent: boolean): TestCase['maps'] {
    if (node === undefined) return [];
    return this.entries(node, '"maps"').map(({ name, at, value }) => ({
      name,
      place: this.place(at),
      entries: this.array(value, `the entries of map ${name}`).map((entry) => this.mapEntry(entry, absent)),
    }));
  }

  private mapEntry(node: JsonNode, mayBeAbsent: boolean): MapEntrySpec {
    const members = this.members(node, 'an entry', [], ['key', 'value', ...(mayBeAbsent ? ['absent'] : [])]);
    const [key, value, absent] = [members.get('key'), members.get('value'), members.get('absent')];
    if (absent !== undefined && (absent.kind !== 'literal' || absent.value !== true))
      throw this.fail(absent.at, '"absent" can only be true.', 'Leave it out where the entry is expected.');
    if ((value === undefined) === (absent === undefined))
      throw this.fail(
        node.at,
        'An entry has a value.',
        mayBeAbsent ? 'Give "value", or "absent": true where no entry may have the key.' : 'Give "key" and "value".',
      );
    if (absent !== undefined && key === undefined)
      throw this.fail(node.at, 'An absent entry has a key.', 'Give "key".');
    return {
      key: key === undefined ? null : plainValue(key),
      value: value === undefined ? undefined : plainValue(value),
      place: this.place(node.at),
    };
  }

  private records(node: JsonNode | undefined): TestExpectation['records'] {
    if (node === undefined) return [];
    return this.entries(node, '"records"').map(({ name, at, value }) => ({
      name,
      place: this.place(at),
      records: this.array(value, `the records of ${name}`).map((record) => ({
        value: plainValue(record),
        place: this.place(record.at),
      })),
    }));
  }

  /** A text of the packet language, {"hex": "…"} or {"pcap": FILE, "number": N}. */
  private async packet(node: JsonNode): Promise<Uint8Array> {
    if (node.kind === 'string') {
      try {
        return buildPacket(node.value);
      } catch (error) {
        if (!(error instanceof PacketError)) throw error;
        throw this.fail(node.place(error.at), error.message, error.remedy, 'packet-malformed');
      }
    }
    const { hex, pcap, number } = this.object(node, 'a packet', [], ['hex', 'pcap', 'number']);
    if ((hex === undefined) === (pcap === undefined) || (number !== undefined && pcap === undefined))
      throw this.fail(
        node.at,
        'A packet is one of three things.',
        'Give "eth/ip/tcp…", {"hex": "45 00 …"} or {"pcap": "file.pcap", "number": 1}.',
      );
    if (hex !== undefined) {
      const bytes = hexBytes(this.string(hex, '"hex"'));
      if (bytes === null) throw this.notHex(hex.at);
      return bytes;
    }
    return this.captured(pcap!, number === undefined ? 1 : this.whole(number, '"number"', 1, 2 ** 32));
  }

  private async captured(node: JsonNode, number: number): Promise<Uint8Array> {
    const file = resolve(dirname(this.path), this.string(node, '"pcap"'));
    try {
      let bytes = this.#captures.get(file);
      if (!bytes) this.#captures.set(file, (bytes = this.capture(file)));
      const packet = capturedPacket(await bytes, number);
      if (packet.linkType !== 1)
        throw new CaptureError(
          `Packet ${number} was captured on a link of type ${packet.linkType}, not Ethernet.`,
          'The kernel takes packets with their Ethernet header: capture on an Ethernet interface, or use the packet language.',
        );
      return Uint8Array.from(packet.bytes);
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      throw this.fail(node.at, error.message, error.remedy, 'capture-malformed');
    }
  }

  // ---- shapes ------------------------------------------------------------------------------------------------------

  private members(node: JsonNode, what: string, required: readonly string[], optional: readonly string[]): Members {
    const entries = this.entries(node, what);
    const known = [...required, ...optional];
    for (const { name, at } of entries)
      if (!known.includes(name))
        throw this.fail(at, `${capital(what)} has no member "${name}".`, `It takes ${known.join(', ')}.`);
    const members = new Map(entries.map(({ name, value }) => [name, value]));
    for (const name of required)
      if (!members.has(name)) throw this.fail(node.at, `${capital(what)} needs "${name}".`, `Add "${name}".`);
    return members;
  }

  private object(
    node: JsonNode,
    what: string,
    required: readonly string[],
    optional: readonly string[],
  ): Readonly<Partial<Record<string, JsonNode>>> {
    return Object.fromEntries(this.members(node, what, required, optional));
  }

  private entries(node: JsonNode, what: string) {
    if (node.kind === 'object') return node.members;
    throw this.fail(node.at, `${capital(what)} must be an object.`, 'Put it between { and }.');
  }

  private array(node: JsonNode, what: string): JsonNode[] {
    if (node.kind === 'array') return node.items;
    throw this.fail(node.at, `${capital(what)} must be a list.`, 'Put it between [ and ].');
  }

  private list(node: JsonNode | undefined, what: string): JsonNode[] {
    return node === undefined ? [] : this.array(node, what);
  }

  private string(node: JsonNode, what: string): string {
    if (node.kind === 'string') return node.value;
    throw this.fail(node.at, `${capital(what)} must be a text.`, 'Put it between ".');
  }

  private whole(node: JsonNode, what: string, least: number, most: number): number {
    if (node.kind === 'number' && typeof node.value === 'number' && Number.isInteger(node.value))
      if (node.value >= least && node.value <= most) return node.value;
    throw this.fail(node.at, `${capital(what)} must be a whole number from ${least} to ${most}.`, 'Correct it.');
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** What a broken test is called in lists. */
function roughly(node: JsonNode, index: number): { name: string; program: string } {
  const text = (name: string): string => {
    const member = node.kind === 'object' ? node.members.find((m) => m.name === name)?.value : undefined;
    return member?.kind === 'string' ? member.value : '';
  };
  return { name: text('name').trim() || `Test ${index + 1}`, program: text('program') };
}

/** The test file of a source or an object: NAME.bpf.test.json beside NAME.bpf.c, NAME.bpf.o or NAME.o. */
export function testFileOf(file: string): string {
  return `${file.replace(/(\.bpf)?\.(c|o)$/, '')}.bpf.test.json`;
}

/** The source that a test file is about. */
export function sourceOfTests(file: string): string {
  return `${file.replace(/\.test\.json$/, '')}.c`;
}

export const isTestFile = (file: string): boolean => file.endsWith('.bpf.test.json');
