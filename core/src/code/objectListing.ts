/** A BPF object as a document: programs, maps, variables, code with its source, types, relocations, sections. */
import {
  BpfObject,
  CallKind,
  decodeInsns,
  helperFacts,
  INSN_BYTES,
  inspectObject,
  kernelText,
  Opcode,
  RelocationType,
  type BpfFunction,
  type Btf,
  type ElfRelocation,
  type Insn,
} from '../bpf/index.ts';
import { malformed } from '../bpf/bytes.ts';
import { visibleText } from '../events/index.ts';
import type { InspectReport } from '../model/index.ts';
import { coreRelocationText } from './coreRelocation.ts';
import type { CodeListing } from './listing.ts';

/** More types than this are those of a kernel, not of a program. */
const MOST_TYPES = 2000;
const MOST_LINES = 400_000;

/** Errors: `not-elf`, `not-bpf`, `object-malformed`, `legacy-maps`, `object-without-btf`. */
export function listObject(bytes: Uint8Array, name: string): CodeListing {
  try {
    return new Writer(bytes, name).write();
  } catch (error) {
    // What a damaged object makes the readers stumble over is damage.
    if (error instanceof RangeError) throw malformed('its parts contradict each other');
    throw error;
  }
}

class Writer {
  private readonly lines: string[] = [];
  private readonly places: CodeListing['places'] = new Map();
  private readonly object: BpfObject;
  private readonly report: InspectReport;
  private readonly helpers = new Map<number, string>();

  constructor(
    private readonly bytes: Uint8Array,
    private readonly name: string,
  ) {
    this.object = BpfObject.parse(bytes);
    this.report = inspectObject(bytes);
    for (const { id, name: helper } of helperFacts()) this.helpers.set(id, helper);
  }

  write(): CodeListing {
    this.head();
    this.programs();
    this.maps();
    this.globals();
    this.records();
    this.code();
    this.relocations();
    this.types();
    this.sections();
    const text = this.lines.map((line) => visibleText(line.replaceAll('\t', '    '))).join('\n');
    return { text: `${text}\n`, places: this.places };
  }

  private title(text: string, count: number): void {
    this.lines.push('', `${text.toUpperCase()} (${count})`);
    if (text !== 'Code') this.lines.push('');
  }

  private head(): void {
    const { license, sha256, capabilities } = this.report;
    this.lines.push(
      `${this.name} · ${this.bytes.length.toLocaleString('en-US')} bytes`,
      `licence ${license === '' ? 'none: helpers for GPL programs are refused' : `"${license}"`}`,
      `needs ${capabilities.join(', ') || 'no capabilities'} (before Linux 5.8: CAP_SYS_ADMIN)`,
      `sha256 ${sha256}`,
    );
    if (!this.object.btf) this.lines.push('no BTF: types and lines of the source are not known (build with -g)');
  }

  private programs(): void {
    const { programs } = this.report;
    this.title('Programs', programs.length);
    for (const each of programs) {
      this.lines.push(`  ${each.name}  SEC("${each.section}")`);
      const at = each.source ? ` · ${shortName(each.source.file)}:${each.source.line}` : '';
      if (each.source) this.places.set(this.lines.length, each.source);
      this.lines.push(
        `      ${each.type} · ${each.instructions} instructions${each.autoload ? '' : ' · loaded on request'}${at}`,
      );
      const target = each.target ?? (each.needsTarget.length > 0 ? `to be chosen: ${each.needsTarget.join(', ')}` : '');
      if (target !== '') this.lines.push(`      attaches to ${each.target === null ? `(${target})` : target}`);
      if (each.features.length > 0) this.lines.push(`      needs ${each.features.join(', ')}`);
      if (each.variants.length > 0) this.lines.push(`      for the same hook: ${each.variants.join(', ')}`);
    }
  }

  private maps(): void {
    const { maps } = this.report;
    this.title('Maps', maps.length);
    for (const { name, type, key, value, keySize, valueSize, maxEntries, flags, bytes } of maps) {
      const size = type.endsWith('ringbuf') ? `${maxEntries} bytes` : `${maxEntries} entries`;
      this.lines.push(
        `  ${name}  ${type} · ${maxEntries === 0 ? 'size set when loading' : size}${flags ? ` · flags 0x${flags.toString(16)}` : ''}`,
      );
      if (keySize > 0) this.lines.push(`      key   ${key?.name ?? 'bytes'} · ${keySize} bytes`);
      if (valueSize > 0) this.lines.push(`      value ${value?.name ?? 'bytes'} · ${valueSize} bytes`);
      if (bytes !== null && bytes > 0)
        this.lines.push(`      about ${bytes.toLocaleString('en-US')} bytes of kernel memory`);
    }
  }

  private globals(): void {
    const { globals } = this.report;
    if (globals.length === 0) return;
    this.title('Global variables', globals.length);
    for (const { name, section, type, size, value, constVolatile } of globals) {
      const start = value === null ? '' : ` = ${JSON.stringify(value)}`;
      this.lines.push(
        `  ${type} ${name}${start}  ${section} · ${size} bytes${constVolatile ? ' · set before loading' : ''}`,
      );
    }
  }

  private records(): void {
    const { records } = this.report;
    if (records.length === 0) return;
    this.title('Records', records.length);
    for (const record of records) {
      this.lines.push(`  ${record.map}: ${record.type || 'bytes'} · ${record.size} bytes`);
      for (const { name, type, offset } of record.fields)
        this.lines.push(`      ${String(offset).padStart(5)}  ${type} ${name}`);
    }
  }

  private code(): void {
    const { functions } = this.object;
    this.title('Code', functions.length);
    for (const fn of functions) {
      if (this.lines.length > MOST_LINES) {
        this.lines.push('', '… the rest of the code is left out: there is too much of it');
        return;
      }
      this.functionCode(fn);
    }
  }

  private functionCode(fn: BpfFunction): void {
    const { object } = this;
    this.lines.push('', `${fn.name}:  ${fn.program ? `SEC("${fn.section.name}")` : 'a function of the object'}`);
    const relocations = new Map<number, ElfRelocation>();
    for (const each of object.elf.relocations(fn.section)) {
      if (each.type !== RelocationType.none) relocations.set(each.offset, each);
    }
    const own = (object.btfExt?.relocations.get(fn.section.name) ?? []).filter(
      ({ offset }) => offset >= fn.offset && offset < fn.offset + fn.size,
    );
    const core = new Map(own.map((each) => [each.offset, each]));
    let last = '';
    for (const insn of decodeInsns(fn.section.data.subarray(fn.offset, fn.offset + fn.size))) {
      const at = fn.offset + insn.index * INSN_BYTES;
      last = this.sourceLine(fn, at, last);
      const relocation = relocations.get(at);
      const text = kernelText(insn, {
        call: () => this.callName(fn, insn, relocation),
        imm64: () => this.loaded(insn, relocation),
      });
      const change = core.get(at);
      const note = change && object.btf ? `  ; CO-RE: ${coreRelocationText(object.btf, change)}` : '';
      this.lines.push(`${String(insn.index).padStart(6)}: ${text}${note}`);
    }
  }

  private sourceLine(fn: BpfFunction, at: number, last: string): string {
    const line = this.object.line(fn.section, at);
    if (!line) return last;
    const place = `${line.file}:${line.line}`;
    if (place === last) return last;
    this.places.set(this.lines.length, { file: line.file, line: line.line });
    const text = this.object.btf?.name(line.textOffset).trim() ?? '';
    const where = `${shortName(line.file)}:${line.line}`;
    this.lines.push(text === '' ? `; ${where}` : `; ${text}  @ ${where}`);
    return place;
  }

  private callName(fn: BpfFunction, insn: Insn, relocation: ElfRelocation | undefined): string | undefined {
    if (insn.code !== Opcode.call) return undefined;
    if (insn.src === CallKind.local) {
      const callee = relocation
        ? (this.object.functionStartingAt(
            relocation.symbol.section,
            relocation.symbol.value + (insn.imm + 1) * INSN_BYTES,
          )?.name ?? relocation.symbol.name)
        : this.object.functionStartingAt(fn.section.index, fn.offset + (insn.index + 1 + insn.imm) * INSN_BYTES)?.name;
      return callee === undefined || callee === '' ? undefined : callee;
    }
    if (relocation) return `${relocation.symbol.name} (kernel function)`;
    const helper = this.helpers.get(insn.imm);
    return helper === undefined ? undefined : `${helper}#${insn.imm}`;
  }

  /** What ld_imm64 loads: a map, a variable, a function. */
  private loaded(insn: Insn, relocation: ElfRelocation | undefined): string | undefined {
    if (!relocation) return undefined;
    const { symbol } = relocation;
    const offset = symbol.value + insn.imm;
    const target = this.object.functionStartingAt(symbol.section, offset);
    if (target) return `&${target.name}`;
    const section = this.object.elf.sections[symbol.section];
    if (symbol.name !== '' && symbol.name !== section?.name)
      return `&${symbol.name}${insn.imm > 0 ? `+${insn.imm}` : ''}`;
    const variable = this.object.elf.symbols.find(
      (each) =>
        each.section === symbol.section &&
        each.value <= offset &&
        offset < each.value + Math.max(1, each.size) &&
        each.name !== section?.name &&
        each.name !== '',
    );
    if (variable) return `&${variable.name}${offset > variable.value ? `+${offset - variable.value}` : ''}`;
    return `&${section?.name ?? '?'}+${offset}`;
  }

  private relocations(): void {
    const { btf, btfExt, functions } = this.object;
    if (!btf || !btfExt) return;
    const all = [...btfExt.relocations].flatMap(([section, list]) => list.map((each) => ({ section, each })));
    if (all.length === 0) return;
    this.title('CO-RE relocations', all.length);
    for (const { section, each } of all) {
      const fn = functions.find(
        (one) => one.section.name === section && each.offset >= one.offset && each.offset < one.offset + one.size,
      );
      const place = fn
        ? `${fn.name}+${(each.offset - fn.offset) / INSN_BYTES}`
        : `${section}+${each.offset / INSN_BYTES}`;
      this.lines.push(`  ${place}  ${coreRelocationText(btf, each)}`);
    }
  }

  private types(): void {
    const { btf } = this.object;
    if (!btf) return;
    const found: string[][] = [];
    let left = 0;
    for (let id = 1; id < btf.typeCount; id++) {
      const text = typeLines(btf, id);
      if (text === null) continue;
      if (found.length < MOST_TYPES) found.push(text);
      else left++;
    }
    this.title('BTF types with a name', found.length + left);
    for (const text of found) this.lines.push(...text.map((line) => `  ${line}`));
    if (left > 0) this.lines.push(`  … ${left} more`);
  }

  private sections(): void {
    const { sections } = this.object.elf;
    this.title('Sections', sections.length - 1);
    for (const { index, name, size } of sections.slice(1)) {
      this.lines.push(`  ${String(index).padStart(3)}  ${String(size).padStart(9)}  ${name}`);
    }
  }
}

/** A declaration as C has it, with the offsets of members; null for what has no name of its own. */
function typeLines(btf: Btf, id: number): string[] | null {
  const type = btf.type(id);
  if (type.kind === 'struct' || type.kind === 'union') {
    if (type.name === '') return null;
    const members = type.members.map((member) => {
      const bits = member.bitSize > 0 ? ` : ${member.bitSize}` : '';
      const at = `${Math.floor(member.bitOffset / 8)}${member.bitOffset % 8 === 0 ? '' : `:${member.bitOffset % 8}`}`;
      const declaration = member.name === '' ? btf.cName(member.type) : btf.cDeclaration(member.type, member.name);
      return `\t${declaration}${bits};  /* ${at} */`;
    });
    return [`${type.kind} ${type.name} {`, ...members, `};  /* ${type.size} bytes, type ${id} */`];
  }
  if (type.kind === 'enum' || type.kind === 'enum64') {
    if (type.name === '') return null;
    return [
      `enum ${type.name} {`,
      ...type.values.map(({ name, value }) => `\t${name} = ${value},`),
      `};  /* type ${id} */`,
    ];
  }
  if (type.kind === 'typedef') return [`typedef ${btf.cDeclaration(type.type, type.name)};  /* type ${id} */`];
  if (type.kind === 'func') return [`${btf.cDeclaration(type.type, type.name)};  /* type ${id} */`];
  return null;
}

const shortName = (file: string): string => file.split('/').at(-1)!;
