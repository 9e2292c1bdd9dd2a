/** One BPF object, its parts read when first asked for. */
import { RingsideError } from '../errors.ts';
import { Btf } from './btf.ts';
import { lineAt, parseBtfExt, type BtfExt, type LineInfo } from './btfExt.ts';
import { malformed } from './bytes.ts';
import { Elf, SectionFlag, SymbolBinding, SymbolType, type ElfSection } from './elf.ts';
import { INSN_BYTES } from './insns.ts';

/** A function with code: a program, or one that programs call. */
export interface BpfFunction {
  name: string;
  section: ElfSection;
  /** Byte offset in its section. */
  offset: number;
  /** Bytes. */
  size: number;
  /** True for what libbpf loads as a program: a global function outside .text. */
  program: boolean;
}

/** Code in this section is only called by programs, never loaded by itself. */
const SUBPROGRAMS = '.text';

export class BpfObject {
  readonly elf: Elf;
  readonly functions: readonly BpfFunction[];
  #btf: Btf | null | undefined;
  #btfExt: BtfExt | null | undefined;
  #variables: Map<string, number> | null = null;
  readonly #starts: Map<string, BpfFunction>;

  private constructor(elf: Elf) {
    this.elf = elf;
    this.functions = findFunctions(elf);
    this.#starts = new Map(this.functions.map((f) => [`${f.section.index}:${f.offset}`, f]));
  }

  /** Errors: `not-elf`, `not-bpf`, `object-malformed`, `legacy-maps`, `object-without-btf`. */
  static parse(bytes: Uint8Array): BpfObject {
    const object = new BpfObject(Elf.parse(bytes));
    refuseUnloadable(object.elf);
    return object;
  }

  /** null when the object was built without -g. */
  get btf(): Btf | null {
    if (this.#btf === undefined) {
      const section = this.elf.section('.BTF');
      this.#btf = section ? Btf.parse(section.data) : null;
    }
    return this.#btf;
  }

  get btfExt(): BtfExt | null {
    if (this.#btfExt === undefined) {
      const section = this.elf.section('.BTF.ext');
      this.#btfExt = section && this.btf ? parseBtfExt(section.data, this.btf) : null;
    }
    return this.#btfExt;
  }

  get programs(): readonly BpfFunction[] {
    return this.functions.filter((f) => f.program);
  }

  /** The licence string; "" when there is none. */
  get license(): string {
    const data = this.elf.section('license')?.data ?? new Uint8Array(0);
    const end = data.indexOf(0);
    return Buffer.from(end < 0 ? data : data.subarray(0, end)).toString('utf8');
  }

  /** The source line of a byte offset in a section with code; null without line info. */
  line(section: ElfSection, offset: number): LineInfo | null {
    return lineAt(this.btfExt?.lines.get(section.name), offset);
  }

  /** The function that holds a byte offset of a section. */
  functionAt(section: ElfSection, offset: number): BpfFunction | null {
    return (
      this.functions.find((f) => f.section === section && offset >= f.offset && offset < f.offset + f.size) ?? null
    );
  }

  /** The function that begins at a byte offset of a section. */
  functionStartingAt(sectionIndex: number, offset: number): BpfFunction | null {
    return this.#starts.get(`${sectionIndex}:${offset}`) ?? null;
  }

  /** Offset of a variable in its section, from its symbol (clang leaves the offsets of BTF's datasecs zero). */
  variableOffset(section: ElfSection, name: string): number | null {
    if (!this.#variables) {
      this.#variables = new Map();
      for (const symbol of this.elf.symbols) {
        if (symbol.type !== SymbolType.section) this.#variables.set(`${symbol.section}:${symbol.name}`, symbol.value);
      }
    }
    return this.#variables.get(`${section.index}:${name}`) ?? null;
  }
}

function findFunctions(elf: Elf): BpfFunction[] {
  const functions: BpfFunction[] = [];
  for (const symbol of elf.symbols) {
    if (symbol.type !== SymbolType.func) continue;
    const section = elf.sections[symbol.section];
    if (!section || (section.flags & SectionFlag.exec) === 0) continue;
    const { value: offset, size } = symbol;
    if (offset % INSN_BYTES !== 0 || size % INSN_BYTES !== 0 || offset + size > section.data.length) {
      throw malformed(`function ${symbol.name} lies outside its section`);
    }
    const program = section.name !== SUBPROGRAMS && symbol.binding !== SymbolBinding.local;
    functions.push({ name: symbol.name, section, offset, size, program });
  }
  return functions.sort((a, b) => a.section.index - b.section.index || a.offset - b.offset);
}

function refuseUnloadable(elf: Elf): void {
  if (elf.section('maps')) {
    throw new RingsideError('legacy-maps', 'This object defines its maps the old way, in SEC("maps").', {
      remedy:
        'libbpf 1.0 dropped it: declare the maps as structs in SEC(".maps") with __uint(type, …) and build it again.',
    });
  }
  if (elf.section('.maps') && !elf.section('.BTF')) {
    throw new RingsideError('object-without-btf', 'This object has maps, but no BTF that describes them.', {
      remedy: 'Build it with -g, and strip it with llvm-strip -g (which keeps BTF) instead of strip.',
    });
  }
}
