/** What an object holds, told offline: `ringside inspect`. */
import { createHash } from 'node:crypto';
import type { InspectReport, ProgramInfo, RecordField } from '../model/index.ts';
import { RingsideError } from '../errors.ts';
import { malformed } from './bytes.ts';
import { capabilitiesOf, objectCapabilities } from './capabilities.ts';
import { bytesField, typeField } from './fields.ts';
import { describeGlobal, readGlobals } from './globals.ts';
import { ProgramGuards } from './guards.ts';
import { INSN_BYTES } from './insns.ts';
import { describeMap, readMaps } from './maps.ts';
import { isPerCpuMap } from './mapTypes.ts';
import { BpfObject, type BpfFunction } from './object.ts';
import { inferRecords } from './records.ts';
import { featuresOf, variantsOf } from './needs.ts';
import { withoutRingTypes } from './ringTypes.ts';
import { programSection, type ProgramSection } from './programSection.ts';

export interface InspectOptions {
  /** Find record types in DWARF when the object has it; default true. */
  dwarf?: boolean;
  /** Say what the rings and perf buffers carry; default true. Where no record is shown it is half of the work. */
  records?: boolean;
}

/** The report of `ringside inspect`. Errors: `not-elf`, `not-bpf`, `object-malformed`, `legacy-maps`, `object-without-btf`. */
export function inspectObject(bytes: Uint8Array, options: InspectOptions = {}): InspectReport {
  return guard(() => {
    const object = BpfObject.parse(bytes);
    const btf = object.btf;
    const maps = readMaps(object);
    const sections = object.programs.map((program) => programSection(object, program));
    const used = maps.map((map) => map.type);
    const guards = new ProgramGuards(object, maps);
    const programs = object.programs.map((program, i) => ({
      ...describeProgram(object, program, sections[i]!),
      variants: variantsOf(sections, i).map((other) => object.programs[other]!.name),
      features: featuresOf(sections[i]!, used),
      guards: guards.of(program, sections[i]!.type, sections[i]!.attach),
    }));
    return {
      license: object.license,
      sha256: createHash('sha256').update(withoutRingTypes(bytes, object)).digest('hex'),
      capabilities: objectCapabilities(programs, used),
      programs,
      maps: maps.map((map) => describeMap(btf, map)),
      globals: btf ? readGlobals(object).map((variable) => describeGlobal(btf, variable)) : [],
      records: options.records === false ? [] : inferRecords(object, maps, options.dwarf ?? true),
    };
  });
}

function describeProgram(
  object: BpfObject,
  program: BpfFunction,
  section: ProgramSection,
): Omit<ProgramInfo, 'variants' | 'features' | 'guards'> {
  const line = object.line(program.section, program.offset);
  return {
    name: program.name,
    section: program.section.name,
    type: section.type,
    attach: section.attach,
    target: section.target,
    needsTarget: section.needsTarget,
    given: section.keys,
    inferred: section.inferred,
    capabilities: capabilitiesOf(object, program, section),
    instructions: program.size / INSN_BYTES,
    autoload: section.autoload,
    source: line ? { file: line.file, line: line.line } : null,
  };
}

export interface MapTypes {
  key: RecordField;
  value: RecordField;
  /** The dump holds one value per possible CPU, each rounded up to 8 bytes. */
  perCpu: boolean;
}

/**
 * How the entries of a map read: one field for the key and one for a value (of one CPU). Types that the object does not
 * name are bytes. Error: `unknown-map` when the object has no such map.
 */
export function mapTypes(object: BpfObject, mapName: string): MapTypes {
  return guard(() => {
    const maps = readMaps(object);
    const map = maps.find((m) => m.name === mapName);
    if (!map) {
      throw new RingsideError('unknown-map', `The object has no map ${mapName}.`, {
        remedy: `It has ${maps.map((m) => m.name).join(', ') || 'none'}.`,
      });
    }
    const field = (name: string, type: number, size: number) =>
      object.btf && type !== 0 ? typeField(object.btf, name, type) : bytesField(name, size);
    return {
      key: field('key', map.keyType, map.keySize),
      value: field('value', map.valueType, map.valueSize),
      perCpu: isPerCpuMap(map.type),
    };
  });
}

/** Whatever a damaged object makes the readers stumble over (a stack too deep, a length too large) is damage, no fault of ours. */
function guard<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw malformed('its types are nested too deep or too large');
    throw error;
  }
}
