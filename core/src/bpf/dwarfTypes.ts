/** DWARF seen as the same graph of types as BTF, and the local variables of functions. */
import type { BtfEnumValue, BtfMember, BtfType } from './btfTypes.ts';
import type { Dwarf } from './dwarf.ts';
import { Attribute, Tag, type Die } from './dwarfEntries.ts';
import { malformed } from './bytes.ts';
import type { TypeGraph } from './typeGraph.ts';

/** Ids beyond this stand for the inner dimensions of an array of arrays, which DWARF writes as one type. */
const DIMENSION = 2 ** 32;

const Encoding = { boolean: 2, float: 4, signed: 5, signedChar: 6, unsignedChar: 8, utf: 0x10 } as const;

/** Types by the offset of their entry. */
export class DwarfTypes implements TypeGraph {
  readonly dwarf: Dwarf;
  readonly #cache = new Map<number, BtfType>();

  constructor(dwarf: Dwarf) {
    this.dwarf = dwarf;
  }

  type(id: number): BtfType {
    if (id === 0) return { kind: 'void', id: 0, name: '' };
    let type = this.#cache.get(id);
    if (!type) {
      const die = this.dwarf.entry(id % DIMENSION);
      if (!die) throw malformed(`DWARF type ${id} does not exist`);
      type = die.tag === Tag.arrayType ? this.#array(die, id) : this.#decode(die, id);
      this.#cache.set(id, type);
    }
    return type;
  }

  /** Ids of the named structs and unions. */
  composites(): number[] {
    const ids: number[] = [];
    for (const die of this.dwarf.units.flatMap((unit) => unit.root?.children ?? [])) {
      const composite = die.tag === Tag.structureType || die.tag === Tag.unionType;
      if (composite && !this.dwarf.flag(die, Attribute.declaration) && this.dwarf.name(die) !== '')
        ids.push(die.offset);
    }
    return ids;
  }

  /** The id of an entry's type; 0 for void. */
  typeOf(die: Die): number {
    return this.dwarf.reference(die, Attribute.type)?.offset ?? 0;
  }

  #decode(die: Die, id: number): BtfType {
    const common = { id, name: this.dwarf.name(die) };
    const type = this.typeOf(die);
    const size = this.dwarf.number(die, Attribute.byteSize) ?? 0;
    switch (die.tag) {
      case Tag.baseType:
        return this.#base(die, common, size);
      case Tag.pointerType:
        return { ...common, kind: 'ptr', type };
      case Tag.typedef:
        return { ...common, kind: 'typedef', type };
      case Tag.constType:
        return { ...common, kind: 'const', type };
      case Tag.volatileType:
      case Tag.atomicType:
        return { ...common, kind: 'volatile', type };
      case Tag.restrictType:
        return { ...common, kind: 'restrict', type };
      case Tag.structureType:
      case Tag.unionType: {
        const kind = die.tag === Tag.unionType ? 'union' : 'struct';
        if (this.dwarf.flag(die, Attribute.declaration)) return { ...common, kind: 'fwd', union: kind === 'union' };
        return { ...common, kind, size, members: this.#members(die) };
      }
      case Tag.enumerationType:
        return this.#enum(die, common, size);
      case Tag.subroutineType:
        return { ...common, kind: 'func_proto', type, params: this.#params(die) };
      default:
        return { ...common, kind: 'unknown' };
    }
  }

  #base(die: Die, common: { id: number; name: string }, size: number): BtfType {
    const encoding = this.dwarf.number(die, Attribute.encoding) ?? 0;
    if (encoding === Encoding.float) return { ...common, kind: 'float', size };
    return {
      ...common,
      kind: 'int',
      size,
      bits: size * 8,
      bitOffset: 0,
      signed: encoding === Encoding.signed || encoding === Encoding.signedChar,
      char: false, // as clang's BTF has it: the name tells
      bool: encoding === Encoding.boolean,
    };
  }

  #members(die: Die): BtfMember[] {
    const members: BtfMember[] = [];
    for (const child of die.children) {
      if (child.tag !== Tag.member) continue;
      const number = (attribute: number) => this.dwarf.number(child, attribute);
      const bitSize = number(Attribute.bitSize) ?? 0;
      const byteOffset = number(Attribute.dataMemberLocation) ?? 0;
      let bitOffset = number(Attribute.dataBitOffset) ?? byteOffset * 8;
      const fromTop = number(Attribute.bitOffset);
      if (fromTop !== null) {
        // DWARF 3 counts from the most significant bit of the storage unit.
        const unit = (number(Attribute.byteSize) ?? 4) * 8;
        bitOffset = byteOffset * 8 + unit - fromTop - bitSize;
      }
      members.push({ name: this.dwarf.name(child), type: this.typeOf(child), bitOffset, bitSize });
    }
    return members;
  }

  #enum(die: Die, common: { id: number; name: string }, size: number): BtfType {
    const values: BtfEnumValue[] = [];
    for (const child of die.children) {
      if (child.tag !== Tag.enumerator) continue;
      const value = this.dwarf.integer(child, Attribute.constValue) ?? 0;
      values.push({ name: this.dwarf.name(child), value: BigInt(value) });
    }
    return { ...common, kind: 'enum', size, signed: values.some((v) => v.value < 0n), values };
  }

  #params(die: Die): { name: string; type: number }[] {
    return die.children
      .filter((child) => child.tag === Tag.formalParameter)
      .map((child) => ({ name: this.dwarf.name(child), type: this.typeOf(child) }));
  }

  #array(die: Die, id: number): BtfType {
    const dimensions = die.children.filter((child) => child.tag === Tag.subrangeType);
    const depth = Math.floor(id / DIMENSION);
    const last = depth >= dimensions.length - 1;
    const range = dimensions[depth];
    return {
      kind: 'array',
      id,
      name: '',
      type: last ? this.typeOf(die) : id + DIMENSION,
      indexType: 0,
      count: range ? this.#count(range) : 0,
    };
  }

  #count(range: Die): number {
    const count = this.dwarf.number(range, Attribute.count);
    if (count !== null) return Math.max(0, count);
    const upper = this.dwarf.number(range, Attribute.upperBound);
    // A flexible array has no bound, or one of -1 in the width of its index type.
    return upper === null || upper < 0 || upper >= 0xffffffff ? 0 : upper + 1;
  }
}

export interface LocalVariable {
  name: string;
  /** Id in the DwarfTypes graph. */
  type: number;
  line: number;
  parameter: boolean;
  /** The entry that says where its value is. */
  entry: Die;
}

/** A function, or one inlined into it, with the variables that are visible at a place of its code. */
export interface LocalScope {
  function: string;
  variables: LocalVariable[];
  /** Where an inlined function was called; null for a function of its own. */
  call: { line: number; column: number } | null;
}

/** The functions that DWARF describes, by name. */
export class DwarfFunctions {
  readonly #dwarf: Dwarf;
  readonly #types: DwarfTypes;
  readonly #byName = new Map<string, Die[]>();

  constructor(types: DwarfTypes) {
    const { dwarf } = types;
    this.#dwarf = dwarf;
    this.#types = types;
    for (const die of dwarf.units.flatMap((unit) => unit.root?.children ?? [])) {
      if (die.tag !== Tag.subprogram) continue;
      const name = nameOf(dwarf, die);
      const others = this.#byName.get(name);
      if (others) others.push(die);
      else this.#byName.set(name, [die]);
    }
  }

  /**
   * The scopes around an instruction: innermost inlined function first, the function itself last. `offset` is in bytes
   * in the function's section. Empty when DWARF does not know the function.
   */
  scopesAt(name: string, offset: number): LocalScope[] {
    const die = this.#byName.get(name)?.find((d) => covers(this.#dwarf, d, offset));
    if (!die) return [];
    const scopes: LocalScope[] = [];
    collect(this.#dwarf, this.#types, die, offset, { function: name, variables: [], call: null }, scopes);
    return scopes;
  }

  /** Every variable of the function around an instruction, in scope there or not: a call that compilers made of two is in no block. */
  variablesAround(name: string, offset: number): LocalVariable[] {
    const die = this.#byName.get(name)?.find((d) => covers(this.#dwarf, d, offset));
    const variables: LocalVariable[] = [];
    const work = die ? [die] : [];
    for (let next = work.pop(); next !== undefined; next = work.pop()) {
      for (const child of next.children) {
        if (child.tag === Tag.variable || child.tag === Tag.formalParameter)
          variables.push(variable(this.#dwarf, this.#types, child));
        else if (child.tag === Tag.lexicalBlock || child.tag === Tag.inlinedSubroutine) work.push(child);
      }
    }
    return variables;
  }
}

function collect(
  dwarf: Dwarf,
  types: DwarfTypes,
  die: Die,
  offset: number,
  scope: LocalScope,
  out: LocalScope[],
): void {
  // An explicit stack would say nothing more: clang's scopes nest as deep as the source does.
  for (const child of die.children) {
    if (child.tag === Tag.variable || child.tag === Tag.formalParameter) {
      scope.variables.push(variable(dwarf, types, child));
    } else if (child.tag === Tag.lexicalBlock) {
      if (dwarf.ranges(child).length === 0 || covers(dwarf, child, offset))
        collectBlock(dwarf, types, child, offset, scope, out);
    } else if (child.tag === Tag.inlinedSubroutine && covers(dwarf, child, offset)) {
      const call = {
        line: dwarf.number(child, Attribute.callLine) ?? 0,
        column: dwarf.number(child, Attribute.callColumn) ?? 0,
      };
      collect(dwarf, types, child, offset, { function: nameOf(dwarf, child), variables: [], call }, out);
    }
  }
  out.push(scope);
}

/** A block's variables belong to the function that it stands in. */
function collectBlock(
  dwarf: Dwarf,
  types: DwarfTypes,
  die: Die,
  offset: number,
  scope: LocalScope,
  out: LocalScope[],
): void {
  const inner: LocalScope = { function: scope.function, variables: [], call: null };
  const scopes: LocalScope[] = [];
  collect(dwarf, types, die, offset, inner, scopes);
  scope.variables.unshift(...inner.variables);
  out.push(...scopes.filter((s) => s !== inner));
}

function variable(dwarf: Dwarf, types: DwarfTypes, die: Die): LocalVariable {
  const origin = dwarf.reference(die, Attribute.abstractOrigin) ?? die;
  return {
    name: dwarf.name(origin),
    type: types.typeOf(origin),
    line: dwarf.number(origin, Attribute.declLine) ?? 0,
    parameter: die.tag === Tag.formalParameter,
    entry: die,
  };
}

function nameOf(dwarf: Dwarf, die: Die): string {
  const origin = dwarf.reference(die, Attribute.abstractOrigin) ?? die;
  return dwarf.string(origin, Attribute.linkageName) || dwarf.name(origin);
}

function covers(dwarf: Dwarf, die: Die, offset: number): boolean {
  return dwarf.ranges(die).some(([from, to]) => offset >= from && offset < to);
}
