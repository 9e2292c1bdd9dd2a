/** A loaded program as the kernel rewrote it, with its machine code, by lines of its source. */
import {
  CallKind,
  decodeInsns,
  INSN_BYTES,
  kernelText,
  Opcode,
  type Btf,
  type Insn,
  type InsnNames,
} from '../bpf/index.ts';
import type { CodeFunction, CodeLine } from '../model/index.ts';
import { functionStarts, lineStarts, type LineStart } from './records.ts';

/** As the agent gives it (GetProgramCode). */
export interface RawCode {
  xlated: Uint8Array;
  jited: Uint8Array;
  functionAddresses: readonly bigint[];
  functionBytes: readonly number[];
  funcInfo: Uint8Array;
  funcInfoRecord: number;
  lineInfo: Uint8Array;
  lineInfoRecord: number;
  jitedLines: readonly bigint[];
}

export interface CodeNames {
  btf: Btf | null;
  /** Name of the helper or kernel function behind a call's number; undefined = not known. */
  helper(imm: number): string | undefined;
  /** By id. */
  map(id: number): string | undefined;
}

/** ld_imm64's `src`: what the kernel puts in place of addresses when it shows a program. */
const Pseudo = { mapId: 1, mapValue: 2, mapIndex: 5, mapIndexValue: 6, function: 4 } as const;

export function readCode(raw: RawCode, names: CodeNames): CodeFunction[] {
  const insns = decodeInsns(raw.xlated);
  const known = functionStarts(raw.funcInfo, raw.funcInfoRecord, names.btf);
  // Without function information there is one function, that of the program.
  const starts = known.length > 0 ? known : [{ start: 0, name: '' }];
  const lines = lineStarts(raw.lineInfo, raw.lineInfoRecord, names.btf);
  const texts = insnNames(starts, names);
  const offsets = jitedOffsets(raw);
  return starts.map(({ start, name }, i) => {
    const end = starts[i + 1]?.start ?? Infinity;
    const own = insns.filter(({ index }) => index >= start && index < end);
    const machine = offsets[i];
    return {
      name,
      start,
      address: machine ? addressText(machine.address) : null,
      lines: byLine(own, lines, raw, machine, texts),
    };
  });
}

interface Machine {
  address: bigint;
  bytes: Uint8Array;
}

/** The machine code of each function: it comes one after the other. */
function jitedOffsets({ jited, functionAddresses, functionBytes }: RawCode): (Machine | undefined)[] {
  let at = 0;
  return functionBytes.map((length, i) => {
    const bytes = jited.subarray(at, at + length);
    at += length;
    return bytes.length === 0 ? undefined : { address: functionAddresses[i] ?? 0n, bytes };
  });
}

/** One entry for each run of instructions that line information puts at one place. */
function byLine(
  insns: readonly Insn[],
  lines: readonly LineStart[],
  raw: RawCode,
  machine: Machine | undefined,
  names: InsnNames,
): CodeLine[] {
  const groups: { line: number; insns: Insn[] }[] = [];
  let at = 0;
  for (const insn of insns) {
    while (at < lines.length && lines[at]!.start <= insn.index) at++;
    const last = groups.at(-1);
    if (last?.line === at - 1) last.insns.push(insn);
    else groups.push({ line: at - 1, insns: [insn] });
  }
  const parts = machine ? machineParts(groups, raw, machine) : [];
  return groups.map(({ line, insns: own }, i) => {
    const source = lines[line];
    return {
      source: source ? { file: source.file, line: source.line, column: source.column, text: source.text } : null,
      xlated: own.map((insn) => ({
        index: insn.index,
        text: kernelText(insn, names),
        bytes: hex(raw.xlated.subarray(insn.index * INSN_BYTES, (insn.index + insn.slots) * INSN_BYTES)),
      })),
      jited: parts[i] ?? null,
    };
  });
}

/** A line's machine code begins at its address and ends where the next one begins; the first has the prologue. */
function machineParts(
  groups: readonly { line: number }[],
  { jitedLines }: RawCode,
  { address, bytes }: Machine,
): ({ address: string; bytes: string } | null)[] {
  const end = BigInt(bytes.length);
  const begins = groups.map(({ line }, i) => {
    const begin = i === 0 ? 0n : (jitedLines[line] ?? 0n) - address;
    return begin >= 0n && begin <= end ? begin : null;
  });
  return begins.map((begin, i) => {
    if (begin === null) return null;
    const next = begins.slice(i + 1).find((other) => other !== null && other >= begin) ?? end;
    return { address: addressText(address + begin), bytes: hex(bytes.subarray(Number(begin), Number(next))) };
  });
}

function insnNames(starts: readonly { start: number; name: string }[], names: CodeNames): InsnNames {
  const functionAt = (index: number): string | undefined => starts.find(({ start }) => start === index)?.name;
  return {
    call: (insn) => {
      if (insn.src === CallKind.local) {
        // The kernel keeps the distance in `off` once the functions are compiled one by one.
        const distance = insn.off !== 0 ? insn.off : insn.imm;
        const name = functionAt(insn.index + 1 + distance);
        return `pc${distance < 0 ? '' : '+'}${distance}${name ? `#${name}` : ''}`;
      }
      const name = insn.imm === 0 ? undefined : names.helper(insn.imm);
      return name === undefined ? undefined : `${name}#${insn.imm}`;
    },
    imm64: (insn) => {
      const [low, high] = [insn.imm >>> 0, Number(insn.imm64! >> 32n)];
      const map = (id: number): string => {
        const name = names.map(id);
        return `map[id:${id}${name ? ` ${name}` : ''}]`;
      };
      switch (insn.src) {
        case Pseudo.mapId:
          return map(low);
        case Pseudo.mapValue:
          return `${map(low)}[0]+${high}`;
        case Pseudo.mapIndex:
        case Pseudo.mapIndexValue:
          return `map[idx:${low}]+${high}`;
        case Pseudo.function: {
          const name = functionAt(insn.index + 1 + insn.imm);
          return `subprog[${insn.imm < 0 ? '' : '+'}${insn.imm}]${name ? `#${name}` : ''}`;
        }
        default:
          return undefined;
      }
    },
  };
}

/** Numbers of calls whose names are to be looked up. */
export function helperNumbers(xlated: Uint8Array): number[] {
  const calls = decodeInsns(xlated).filter((insn) => insn.code === Opcode.call && insn.src !== CallKind.local);
  return [...new Set(calls.map((insn) => insn.imm))].filter((imm) => imm !== 0);
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const addressText = (address: bigint): string => `0x${address.toString(16)}`;
