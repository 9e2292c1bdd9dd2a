/** BPF instructions in the notation of the kernel (kernel/bpf/disasm.c): what verifier logs and bpftool show. */
import { CallKind, InsnClass, Opcode, type Insn } from './insns.ts';

/** What an instruction refers to, where its bytes alone do not tell: undefined = as its numbers say. */
export interface InsnNames {
  /** Behind `call`: "bpf_map_lookup_elem#1", "pc+5". */
  call?(insn: Insn): string | undefined;
  /** What ld_imm64 loads: "map[id:7]". */
  imm64?(insn: Insn): string | undefined;
}

const alu = ['+=', '-=', '*=', '/=', '|=', '&=', '<<=', '>>=', 'neg', '%=', '^=', '=', 's>>=', 'endian'];
const jump = ['goto', '==', '>', '>=', '&', '!=', 's>', 's>=', 'call', 'exit', '<', '<=', 's<', 's<='];
const sizes = ['u32', 'u16', 'u8', 'u64'];
const signedSizes = ['s32', 's16', 's8', 's64'];
const atomicNames: Readonly<Record<number, string>> = { 0x00: 'add', 0x40: 'or', 0x50: 'and', 0xa0: 'xor' };

const Operation = { div: 3, neg: 8, mod: 9, mov: 11, end: 13 } as const;
const Mode = { imm: 0x00, abs: 0x20, ind: 0x40, mem: 0x60, memsx: 0x80, nospec: 0xc0, atomic: 0xc0 } as const;
const Atomic = { fetch: 1, xchg: 0xe1, cmpxchg: 0xf1, loadAcquire: 0x100, storeRelease: 0x110 } as const;

const plus = (value: number): string => (value < 0 ? String(value) : `+${value}`);
const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;
const fromRegister = (insn: Insn): boolean => (insn.code & 8) !== 0;

/** "(b7) r1 = 0": one line of a listing, without its number. */
export function kernelText(insn: Insn, names: InsnNames = {}): string {
  return `(${insn.code.toString(16).padStart(2, '0')}) ${body(insn, names)}`;
}

function body(insn: Insn, names: InsnNames): string {
  switch (insn.code & 7) {
    case InsnClass.alu:
    case InsnClass.alu64:
      return arithmetic(insn);
    case InsnClass.stx:
      return storeRegister(insn);
    case InsnClass.st:
      if ((insn.code & 0xe0) === Mode.mem) return `${place(insn, insn.dst)} = ${insn.imm}`;
      return (insn.code & 0xe0) === Mode.nospec ? 'nospec' : unknown(insn);
    case InsnClass.ldx:
      return load(insn);
    case InsnClass.ld:
      return loadSpecial(insn, names);
    default:
      return jumpText(insn, names);
  }
}

const unknown = (insn: Insn): string => `BUG_${insn.code.toString(16).padStart(2, '0')}`;

function arithmetic(insn: Insn): string {
  const { code, dst, src, off, imm } = insn;
  const wide = (code & 7) === InsnClass.alu64;
  const operation = code >> 4;
  const r = wide ? 'r' : 'w';
  if (operation === Operation.end)
    return `r${dst} = ${wide ? 'bswap' : fromRegister(insn) ? 'be' : 'le'}${imm} r${dst}`;
  if (operation === Operation.neg) return `${r}${dst} = -${r}${dst}`;
  const moves = operation === Operation.mov && fromRegister(insn);
  if (moves && wide && off === 1) return `r${dst} = addr_space_cast(r${src}, ${imm >>> 16}, ${imm & 0xffff})`;
  if (moves && wide && off === -1) return `r${dst} = &(void __percpu *)(r${src})`;
  const divides = (operation === Operation.div || operation === Operation.mod) && off === 1;
  const name = alu[operation];
  if (name === undefined) return unknown(insn);
  const sign = `${divides ? 's' : ''}${name}`;
  if (!fromRegister(insn)) return `${r}${dst} ${sign} ${imm}`;
  return `${r}${dst} ${sign} ${moves && (off === 8 || off === 16 || off === 32) ? `(s${off})` : ''}${r}${src}`;
}

const sizeOf = (insn: Insn, names = sizes): string => names[(insn.code >> 3) & 3]!;
const pointer = (insn: Insn, register: number): string => `(${sizeOf(insn)} *)(r${register} ${plus(insn.off)})`;
const place = (insn: Insn, register: number): string => `*${pointer(insn, register)}`;

function storeRegister(insn: Insn): string {
  const { code, dst, src, imm } = insn;
  if ((code & 0xe0) === Mode.mem) return `${place(insn, dst)} = r${src}`;
  if ((code & 0xe0) !== Mode.atomic) return unknown(insn);
  const wide = sizeOf(insn) === 'u64' ? '64' : '';
  const name = atomicNames[imm & ~Atomic.fetch];
  if (imm === Atomic.cmpxchg) return `r0 = atomic${wide}_cmpxchg(${pointer(insn, dst)}, r0, r${src})`;
  if (imm === Atomic.xchg) return `r${src} = atomic${wide}_xchg(${pointer(insn, dst)}, r${src})`;
  if (imm === Atomic.loadAcquire) return `r${dst} = load_acquire(${pointer(insn, src)})`;
  if (imm === Atomic.storeRelease) return `store_release(${pointer(insn, dst)}, r${src})`;
  if (name === undefined) return unknown(insn);
  if ((imm & Atomic.fetch) !== 0) return `r${src} = atomic${wide}_fetch_${name}(${pointer(insn, dst)}, r${src})`;
  return `lock ${place(insn, dst)} ${alu[imm >> 4]!} r${src}`;
}

function load(insn: Insn): string {
  const mode = insn.code & 0xe0;
  if (mode === Mode.mem) return `r${insn.dst} = ${place(insn, insn.src)}`;
  if (mode !== Mode.memsx) return unknown(insn);
  return `r${insn.dst} = *(${sizeOf(insn, signedSizes)} *)(r${insn.src} ${plus(insn.off)})`;
}

function loadSpecial(insn: Insn, names: InsnNames): string {
  if (insn.imm64 !== null) return `r${insn.dst} = ${names.imm64?.(insn) ?? `0x${insn.imm64.toString(16)}`}`;
  const mode = insn.code & 0xe0;
  if (mode === Mode.abs) return `r0 = *(${sizeOf(insn)} *)skb[${insn.imm}]`;
  if (mode === Mode.ind) return `r0 = *(${sizeOf(insn)} *)skb[r${insn.src} + ${insn.imm}]`;
  return unknown(insn);
}

/** JMP|JA|X of indirect jumps, and the bounded jump whose count the kernel keeps. */
const GOTO_REGISTER = 0x0d;
const MAY_GOTO = 0xe5;

function jumpText(insn: Insn, names: InsnNames): string {
  const { code, dst, src, off, imm } = insn;
  switch (code) {
    case Opcode.exit:
      return 'exit';
    case Opcode.call:
      return `call ${names.call?.(insn) ?? callText(insn)}`;
    case Opcode.callRegister:
      return `callx r${dst}`;
    case Opcode.ja:
      return `goto pc${plus(off)}`;
    case Opcode.jaLong:
      return `gotol pc${plus(imm)}`;
    case GOTO_REGISTER:
      return `gotox r${dst}`;
    case MAY_GOTO:
      return `may_goto pc${plus(off)}`;
  }
  const r = (code & 7) === InsnClass.jmp32 ? 'w' : 'r';
  const sign = jump[code >> 4];
  if (sign === undefined || /^[a-z]+$/.test(sign)) return unknown(insn);
  return `if ${r}${dst} ${sign} ${fromRegister(insn) ? `${r}${src}` : hex(imm)} goto pc${plus(off)}`;
}

function callText({ src, imm }: Insn): string {
  return src === CallKind.local ? `pc${plus(imm)}` : `unknown#${imm}`;
}
