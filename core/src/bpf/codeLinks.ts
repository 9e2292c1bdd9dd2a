/** Which function of an object an instruction leads to: by its relocation, or where there is none by its distance. */
import { RelocationType, type ElfRelocation, type ElfSection } from './elf.ts';
import { INSN_BYTES, type Insn } from './insns.ts';
import type { BpfFunction, BpfObject } from './object.ts';

export class CodeLinks {
  readonly #relocations = new Map<ElfSection, Map<number, ElfRelocation>>();

  constructor(private readonly object: BpfObject) {}

  /** The relocation of an instruction. */
  relocation(fn: BpfFunction, insn: Insn): ElfRelocation | undefined {
    let bySection = this.#relocations.get(fn.section);
    if (!bySection) {
      const relocations = this.object.elf.relocations(fn.section).filter((r) => r.type !== RelocationType.none);
      bySection = new Map(relocations.map((r) => [r.offset, r]));
      this.#relocations.set(fn.section, bySection);
    }
    return bySection.get(fn.offset + insn.index * INSN_BYTES);
  }

  /** The function that a local call calls; null when there is none. */
  callee(fn: BpfFunction, insn: Insn): BpfFunction | null {
    const relocation = this.relocation(fn, insn);
    const at = fn.offset + (insn.index + 1 + insn.imm) * INSN_BYTES;
    if (!relocation) return this.object.functionStartingAt(fn.section.index, at);
    const target = relocation.symbol.value + (insn.imm + 1) * INSN_BYTES;
    return this.object.functionStartingAt(relocation.symbol.section, target);
  }

  /** The function whose address ld_imm64 loads (a callback); null when it loads something else. */
  addressed(fn: BpfFunction, insn: Insn): BpfFunction | null {
    const relocation = this.relocation(fn, insn);
    if (!relocation) return null;
    return this.object.functionStartingAt(relocation.symbol.section, relocation.symbol.value + insn.imm);
  }
}
