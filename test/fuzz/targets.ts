/**
 * What the fuzzers feed: the readers of bytes that come from objects, hosts and agents. A target returns whatever the bytes
 * are; anything that it throws is a finding. The whole corpus runs in `npm test` too (corpus.test.ts).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FrameReader, FrameType, MAGIC, type Frame } from '../../core/src/agent/frames.ts';
import { Btf } from '../../core/src/bpf/btf.ts';
import { lineAt, parseBtfExt } from '../../core/src/bpf/btfExt.ts';
import { Elf } from '../../core/src/bpf/elf.ts';
import { inspectObject, mapTypes } from '../../core/src/bpf/inspect.ts';
import { readMaps } from '../../core/src/bpf/maps.ts';
import { BpfObject } from '../../core/src/bpf/object.ts';
import { recordChoices } from '../../core/src/bpf/recordChoice.ts';
import { RingsideError } from '../../core/src/errors.ts';

export interface Target {
  summary: string;
  /** Longest input. */
  longest: number;
  seeds(root: string): Uint8Array[];
  run(bytes: Uint8Array): void;
}

const refusals = new Set(['object-malformed', 'not-elf', 'not-bpf', 'legacy-maps', 'object-without-btf']);

/** Runs a reader; the errors that it names are its right. */
function read(work: () => void, allowed: ReadonlySet<string> = refusals): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof RingsideError) || !allowed.has(error.code)) throw error;
  }
}

const golden = ['exec', 'exit', 'exit.dwarf4', 'open', 'tcp', 'maps', 'wrappers', 'tagged', 'rings'];

function goldenObjects(root: string): Uint8Array[] {
  const folder = join(root, 'test/fixtures/objects');
  const names = golden.flatMap((name) =>
    name.includes('dwarf') ? [`${name}.bpf.o`] : [`${name}.bpf.o`, `${name}.dwarf.bpf.o`],
  );
  return names.map((name) => new Uint8Array(readFileSync(join(folder, name))));
}

const sections = (root: string, name: string): Uint8Array[] =>
  goldenObjects(root).flatMap((object) => Elf.parse(object).section(name)?.data.slice() ?? []);

const object: Target = {
  summary: 'ELF objects: programs, maps, globals, records, DWARF',
  longest: 16 << 10,
  seeds: goldenObjects,
  run: (bytes) => {
    read(() => inspectObject(bytes));
    read(() => {
      const parsed = BpfObject.parse(bytes);
      recordChoices(parsed);
      for (const map of readMaps(parsed)) mapTypes(parsed, map.name);
      for (const { section, offset } of parsed.functions) parsed.line(section, offset);
    });
  },
};

function readTypes(types: Btf): void {
  for (let id = 0; id < types.typeCount; id++) {
    read(() => types.type(id));
    read(() => types.sizeOf(id));
    read(() => types.cName(id));
  }
}

const btf: Target = {
  summary: 'BTF, and a second one on top of it as of a module',
  longest: 8 << 10,
  seeds: (root) => {
    const whole = sections(root, '.BTF');
    const split = (base: Uint8Array, module: Uint8Array): Uint8Array => {
      const bytes = new Uint8Array(2 + base.length + module.length);
      new DataView(bytes.buffer).setUint16(0, base.length, true);
      bytes.set(base, 2);
      bytes.set(module, 2 + base.length);
      return bytes;
    };
    return [...whole.map((bytes) => split(bytes, new Uint8Array(0))), split(whole[0]!, whole[2]!)];
  },
  run: (bytes) => {
    if (bytes.length < 2) return;
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint16(0, true);
    read(() => {
      const base = Btf.parse(bytes.subarray(2, 2 + length));
      readTypes(base);
      if (bytes.length > 2 + length) readTypes(Btf.parse(bytes.subarray(2 + length), base));
    });
  },
};

let types: Btf | undefined;
const btfExt: Target = {
  summary: '.BTF.ext: function, line and CO-RE records',
  longest: 8 << 10,
  seeds: (root) => {
    types = Btf.parse(sections(root, '.BTF')[0]!);
    return sections(root, '.BTF.ext');
  },
  run: (bytes) => {
    read(() => {
      const { lines } = parseBtfExt(bytes, types!);
      for (const records of lines.values()) lineAt(records, 8);
    });
  },
};

/** What a reader made of bytes that came in chunks of this size, as text to compare. */
function framesOf(bytes: Uint8Array, chunk: number): string {
  const found: string[] = [];
  let data: Uint8Array = new Uint8Array(0);
  const reader = new FrameReader(
    {
      dataTarget: (stream, length) => {
        data = new Uint8Array(length);
        return stream % 2 === 0 ? data : undefined;
      },
      dataEnd: (stream) => void found.push(`data ${stream} ${Buffer.from(data).toString('hex')}`),
      frame: ({ type, flags, stream, aux, payload }: Frame) => {
        found.push(`${type} ${flags} ${stream} ${aux} ${Buffer.from(payload).toString('hex')}`);
      },
    },
    true,
  );
  read(
    () => {
      for (let at = 0; at < bytes.length; at += chunk) reader.push(bytes.subarray(at, at + chunk));
      found.push('…');
    },
    new Set(['protocol', 'agent-start']),
  );
  return found.join('\n');
}

const frames: Target = {
  summary: 'frames of the agent, in pieces of any size',
  longest: 4 << 10,
  seeds: () => {
    const frame = (type: number, sequence: number, payload: string): number[] => [
      ...[payload.length, 0, 0, 0, type, 0, 2, 0, sequence, 0, 0, 0, 7, 0, 0, 0],
      ...Buffer.from(payload),
    ];
    const conversation = [FrameType.hello, FrameType.data, FrameType.response, FrameType.ping, FrameType.bye];
    const sent = conversation.flatMap((type, sequence) => frame(type, sequence, 'payload'.repeat(sequence)));
    return [
      Uint8Array.from([3, ...MAGIC, ...sent]),
      Uint8Array.from([1, ...Buffer.from('Last login: never\n'), 0, ...MAGIC, ...sent]),
    ];
  },
  run: (bytes) => {
    const chunk = (bytes[0] ?? 0) + 1;
    const whole = framesOf(bytes.subarray(1), 1 << 20);
    const pieces = framesOf(bytes.subarray(1), chunk);
    if (whole !== pieces)
      throw new Error(`Pieces of ${chunk} bytes are read differently:\n${whole}\n— and —\n${pieces}`);
  },
};

export const targets: Readonly<Record<string, Target>> = {
  'engine-object': object,
  'engine-btf': btf,
  'engine-btf-ext': btfExt,
  'engine-frames': frames,
};
