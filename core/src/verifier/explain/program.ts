/** What is known of the program besides its log: source places, variables, functions; from BTF, DWARF and the source. */
import {
  accessSize,
  decodeInsns,
  Dwarf,
  DwarfFunctions,
  DwarfTypes,
  INSN_BYTES,
  InsnClass,
  resolveType,
  typeName,
  typeSize,
  type BpfObject,
  type LineInfo,
  type LocalScope,
  type LocalVariable,
  type VariableLocation,
} from '../../bpf/index.ts';
import type { VerifierLog } from '../log/index.ts';
import { functionOfInsn, lineOfInsn, programLayout, type LaidOutFunction } from '../programLayout.ts';
import { SourceFile } from './sourceText.ts';

/** What is needed to find source lines: the object as it was built and the program's function name. */
export interface ProgramSource {
  object: BpfObject;
  program: string;
  /** Its ELF section, as "xdp" or "tc". */
  section?: string | undefined;
  /** The text of a source file by the name that line information has for it; null when it is not there. */
  readSource?: ((file: string) => string | null) | undefined;
}

export interface Place {
  file: string;
  line: number;
  column: number;
  /** Exclusive, on the same line; equal to `column` when the line's text is not known. */
  endColumn: number;
  /** The line's text; "" when it is not known. */
  text: string;
}

export const nowhere: Place = { file: '', line: 0, column: 0, endColumn: 0, text: '' };

export interface Variable {
  name: string;
  /** Of the DWARF type graph. */
  type: number;
  line: number;
}

export class Program {
  readonly source: ProgramSource | null;
  readonly layout: LaidOutFunction[];
  readonly #log: VerifierLog;
  #types: DwarfTypes | null | undefined;
  #functions: DwarfFunctions | null = null;
  readonly #files = new Map<string, SourceFile | null>();
  readonly #scopes = new Map<number, LocalScope[]>();
  readonly #frames = new Map<LaidOutFunction, number>();

  constructor(log: VerifierLog, source: ProgramSource | null) {
    this.#log = log;
    this.source = source;
    this.layout = source ? programLayout(source.object, source.program) : [];
  }

  /** DWARF's types; null when the object has none that can be read. */
  get types(): DwarfTypes | null {
    if (this.#types === undefined) {
      this.#types = null;
      try {
        const dwarf = this.source && Dwarf.parse(this.source.object.elf);
        if (dwarf) {
          this.#types = new DwarfTypes(dwarf);
          this.#functions = new DwarfFunctions(this.#types);
        }
      } catch {
        this.#types = null;
      }
    }
    return this.#types;
  }

  place(insn: number): Place {
    const info = this.source ? lineOfInsn(this.source.object, this.layout, insn) : null;
    if (info && info.line > 0) return this.#ofLine(info);
    const comment = this.#log.source(this.#log.lastStepOf(insn));
    if (comment?.file && comment.line)
      return { file: comment.file, line: comment.line, column: 1, endColumn: 1, text: comment.text };
    return this.ofProgram();
  }

  /** The program's first line, for what concerns all of it. */
  ofProgram(): Place {
    const info = this.source ? lineOfInsn(this.source.object, this.layout, 0) : null;
    return info && info.line > 0 ? this.#ofLine(info) : nowhere;
  }

  /** The first line of a function of the loaded program; null when it has none of that name. */
  ofFunction(name: string): Place | null {
    const entry = this.layout.find((l) => l.function.name === name);
    const info = entry && this.source ? lineOfInsn(this.source.object, this.layout, entry.start) : null;
    return info && info.line > 0 ? this.#ofLine(info) : null;
  }

  #ofLine(info: LineInfo): Place {
    const text = this.source?.object.btf?.name(info.textOffset) ?? '';
    const column = utf16Column(text, Math.max(1, info.column));
    const endColumn = Math.max(column, text.trimEnd().length + 1);
    return { file: info.file, line: info.line, column, endColumn, text };
  }

  /** The map or global variable whose address an instruction loads, by the object's relocation; null for none. */
  symbolOf(insn: number): { name: string; section: string } | null {
    const entry = functionOfInsn(this.layout, insn);
    if (!entry || !this.source) return null;
    const { elf } = this.source.object;
    const found = elf.relocations(entry.function.section).find((r) => r.offset === this.#offset(entry, insn));
    const section = found && elf.sections[found.symbol.section]?.name;
    return found && section !== undefined ? { name: found.symbol.name, section } : null;
  }

  /** Name of the function that an instruction was written in: the innermost inlined one. */
  functionOf(insn: number): string {
    return this.scopes(insn)[0]?.function ?? functionOfInsn(this.layout, insn)?.function.name ?? '';
  }

  /** Inlined functions around an instruction, innermost first, the real function last. */
  scopes(insn: number): LocalScope[] {
    const known = this.#scopes.get(insn);
    if (known) return known;
    const entry = functionOfInsn(this.layout, insn);
    let scopes: LocalScope[] = [];
    if (entry && this.types) {
      try {
        scopes = this.#functions!.scopesAt(entry.function.name, this.#offset(entry, insn));
      } catch {
        scopes = [];
      }
    }
    this.#scopes.set(insn, scopes);
    return scopes;
  }

  #offset(entry: LaidOutFunction, insn: number): number {
    return entry.function.offset + (insn - entry.start) * INSN_BYTES;
  }

  /** The variable that a register holds before an instruction. */
  variableIn(register: number, insn: number): Variable | null {
    return this.#variable(insn, (at) => at.kind === 'register' && at.register === register);
  }

  /** The variable whose bytes lie at an offset from the frame pointer, and how far into it the offset is. */
  variableAt(offset: number, insn: number): (Variable & { into: number; size: number }) | null {
    const entry = functionOfInsn(this.layout, insn);
    if (!entry || !this.types) return null;
    const bottom = -this.#frameBytes(entry);
    for (const variable of this.scopes(insn).flatMap((s) => s.variables)) {
      const at = this.#location(variable, insn, entry);
      if (at?.kind !== 'stack') continue;
      const from = bottom + at.offset;
      const size = this.size(variable.type);
      if (offset >= from && offset < from + size) return { ...variable, into: offset - from, size };
    }
    return null;
  }

  #variable(insn: number, matches: (at: VariableLocation) => boolean): Variable | null {
    const entry = functionOfInsn(this.layout, insn);
    if (!entry || !this.types) return null;
    for (const variable of this.scopes(insn).flatMap((s) => s.variables)) {
      const at = this.#location(variable, insn, entry);
      if (at && matches(at) && variable.name !== '') return variable;
    }
    return null;
  }

  #location(variable: LocalVariable, insn: number, entry: LaidOutFunction): VariableLocation | null {
    const pc = this.#offset(entry, insn);
    try {
      const entries = this.types!.dwarf.locations(variable.entry);
      return entries.find((e) => pc >= e.from && pc < e.to)?.location ?? null;
    } catch {
      return null;
    }
  }

  /** DWARF counts from the lowest byte of the frame, which BPF does not name: it is the lowest that the code uses. */
  #frameBytes(entry: LaidOutFunction): number {
    let bytes = this.#frames.get(entry);
    if (bytes === undefined) this.#frames.set(entry, (bytes = this.#lowest(entry)));
    return bytes;
  }

  #lowest(entry: LaidOutFunction): number {
    const { section, offset, size } = entry.function;
    let lowest = 0;
    let copied = -1;
    for (const insn of decodeInsns(section.data.subarray(offset, offset + size))) {
      const cls = insn.code & 7;
      const base = cls === InsnClass.ldx ? insn.src : insn.dst;
      if (accessSize(insn) > 0 && base === 10) lowest = Math.min(lowest, insn.off);
      if (insn.code === 0xbf) copied = insn.src === 10 ? insn.dst : copied === insn.dst ? -1 : copied;
      else if (insn.code === 0x07 && insn.dst === copied) lowest = Math.min(lowest, insn.imm);
    }
    return Math.ceil(-lowest / 8) * 8;
  }

  size(type: number): number {
    try {
      return this.types ? typeSize(this.types, type) : 0;
    } catch {
      return 0;
    }
  }

  typeName(type: number): string {
    try {
      return this.types ? typeName(this.types, type) : '';
    } catch {
      return '';
    }
  }

  /** Elements of an array type; null for what is none. */
  elements(type: number): number | null {
    try {
      const resolved = this.types && resolveType(this.types, type);
      return resolved?.kind === 'array' ? resolved.count : null;
    } catch {
      return null;
    }
  }

  /** A variable of that name that is visible at an instruction. */
  visible(name: string, insn: number): Variable | null {
    return (
      this.scopes(insn)
        .flatMap((s) => s.variables)
        .find((v) => v.name === name) ?? null
    );
  }

  /** The source file of a place, when its text is at hand and still says what was compiled. */
  file(place: Place): SourceFile | null {
    let file = this.#files.get(place.file);
    if (file === undefined) {
      const text = this.source?.readSource?.(place.file) ?? null;
      file = text === null ? null : new SourceFile(place.file, text);
      this.#files.set(place.file, file);
    }
    if (!file || (place.text !== '' && file.line(place.line).trim() !== place.text.trim())) return null;
    return file;
  }
}

/** Columns of line information count bytes; editors count UTF-16 units. */
function utf16Column(text: string, byteColumn: number): number {
  return (
    Buffer.from(text, 'utf8')
      .subarray(0, byteColumn - 1)
      .toString('utf8').length + 1
  );
}
