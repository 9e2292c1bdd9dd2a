/** Map definitions: what their type needs, sizes that the kernel insists on. */
import { isPerCpuMap, mapFact, mapFacts, ringBytes, type MapFact } from '@ringside/core/bpf';
import type { Analysis } from '../analysis.ts';
import type { CMap, CMapField } from '../c/model.ts';
import type { Types } from '../c/types.ts';
import type { Finding, Fix } from './codes.ts';
import { nearest } from './nearest.ts';

/** PCPU_MIN_UNIT_SIZE: the kernel allocates no larger piece of memory per CPU. */
const MAX_PER_CPU = 32 * 1024;
const PAGE = 4096n;

export function checkMaps({ source, types }: Analysis): Finding[] {
  return source.model.maps.filter((map) => map.name !== '').flatMap((map) => checkMap(map, types, source.text));
}

function checkMap(map: CMap, types: Types, text: string): Finding[] {
  const type = map.fields.get('type');
  const name = { start: map.start, end: map.end };
  if (!type) {
    if (map.opaque) return [];
    const fix = addLine(map, '__uint(type, BPF_MAP_TYPE_HASH);', text);
    return [
      { code: 'map-without-type', ...name, message: `${map.name} has no __uint(type, BPF_MAP_TYPE_…)`, fixes: [fix] },
    ];
  }
  const fact = mapFact(type.value);
  if (!fact) return unknownType(type, types);
  const missing = map.opaque ? [] : [...missingFields(map, fact, text), ...missingFlag(map, fact, types, text)];
  const findings = [...missing, ...extraFields(map, fact, text)];
  const keySize = sizeOf(map, 'key', types);
  const valueSize = sizeOf(map, 'value', types);
  if (fact.keyBytes > 0 && keySize !== null && keySize !== fact.keyBytes) {
    findings.push(wrongSize(map, 'key', fact, fact.keyBytes, keySize));
  }
  const isFree = isXskmapValue(fact, valueSize) || isRecordOfPerfBuffer(map, fact);
  if (fact.valueBytes > 0 && valueSize !== null && valueSize !== fact.valueBytes && !isFree) {
    findings.push(wrongSize(map, 'value', fact, fact.valueBytes, valueSize));
  }
  if (isPerCpuMap(fact.name) && valueSize !== null && Math.ceil(valueSize / 8) * 8 > MAX_PER_CPU) {
    const field = map.fields.get('value') ?? map.fields.get('value_size')!;
    const message = `A value of ${map.name} has ${valueSize} bytes; per CPU at most ${MAX_PER_CPU} are possible`;
    findings.push({ code: 'per-cpu-value', start: field.valueStart, end: field.valueEnd, message, fixes: [] });
  }
  findings.push(...ringSize(map, fact, types));
  return findings;
}

/** Programs define these with values of other sizes too, which libbpf and the kernel take. */
function isXskmapValue(fact: MapFact, size: number | null): boolean {
  return fact.name === 'xskmap' && size === 4;
}

/** Says what it carries, for tools; it is taken out of what is sent (core/src/bpf/ringTypes.ts). */
function isRecordOfPerfBuffer(map: CMap, fact: MapFact): boolean {
  return fact.name === 'perf_event_array' && map.fields.get('value')?.macro === '__type';
}

function unknownType(type: CMapField, types: Types): Finding[] {
  // A constant of the project, of a newer kernel, or a number.
  if (types.value(type.value) !== null || !type.value.startsWith('BPF_MAP_TYPE_')) return [];
  const near = nearest(
    type.value,
    [...mapFacts()].map((fact) => fact.constant),
  );
  const question = near.length === 0 ? '' : `; did you mean ${near[0]!}?`;
  const fixes = near.map((constant): Fix => {
    return { title: `Change to ${constant}`, edits: [{ start: type.valueStart, end: type.valueEnd, text: constant }] };
  });
  const message = `There is no map type ${type.value}${question}`;
  return [{ code: 'unknown-map-type', start: type.valueStart, end: type.valueEnd, message, fixes }];
}

function has(map: CMap, part: 'key' | 'value'): CMapField | undefined {
  return map.fields.get(part) ?? map.fields.get(`${part}_size`);
}

function missingFields(map: CMap, fact: MapFact, text: string): Finding[] {
  const findings: Finding[] = [];
  const missing = (field: string, line: string) => {
    const message = `${map.name} is ${aMap(fact)} and needs ${field === 'max_entries' ? 'max_entries' : `a ${field}`}`;
    findings.push({
      code: 'map-missing-field',
      start: map.start,
      end: map.end,
      message,
      fixes: [addLine(map, line, text)],
    });
  };
  if (fact.key === 'yes' && !has(map, 'key')) missing('key', '__type(key, __u32);');
  if (fact.value === 'yes' && !has(map, 'value') && !map.fields.has('values'))
    missing('value', '__type(value, __u64);');
  // Loaders set the number of entries of many maps themselves; a ring without a size is always 0 bytes.
  if (fact.entries === 'yes' && fact.name.endsWith('array') && fact.key === 'yes' && !map.fields.has('max_entries')) {
    if (!fact.name.startsWith('prog_')) missing('max_entries', '__uint(max_entries, 1);');
  }
  return findings;
}

function extraFields(map: CMap, fact: MapFact, text: string): Finding[] {
  const findings: Finding[] = [];
  for (const part of ['key', 'value'] as const) {
    const field = has(map, part);
    if (fact[part] !== 'no' || !field || /^0$/.test(field.value)) continue;
    // libbpf keeps the types of a ring's records for tools, and gives the kernel sizes of 0.
    if (fact.name.endsWith('ringbuf') && field.macro === '__type') continue;
    if (fact.name === 'arena') continue;
    const message = `${map.name} is ${aMap(fact)}, which has no ${part}`;
    const fix: Fix = { title: `Remove the ${part}`, edits: [wholeLine(field, text)] };
    findings.push({ code: 'map-extra-field', start: field.start, end: field.end, message, fixes: [fix] });
  }
  const entries = map.fields.get('max_entries');
  if (fact.entries === 'no' && entries && !/^0[xX]?0*$/.test(entries.value)) {
    const message = `${map.name} is ${aMap(fact)}, which has no max_entries: it grows by itself`;
    const fix: Fix = { title: 'Remove max_entries', edits: [wholeLine(entries, text)] };
    findings.push({ code: 'map-extra-field', start: entries.start, end: entries.end, message, fixes: [fix] });
  }
  return findings;
}

function missingFlag(map: CMap, fact: MapFact, types: Types, text: string): Finding[] {
  if (fact.flags === '') return [];
  const field = map.fields.get('map_flags');
  if (field?.value.includes(fact.flags)) return [];
  const [value, flag] = [field ? types.value(field.value) : 0n, types.constant(fact.flags)];
  if (value === null || (field && flag === null) || (flag !== null && (value & flag) !== 0n)) return [];
  const fix: Fix = field
    ? { title: `Add ${fact.flags}`, edits: [{ start: field.valueEnd, end: field.valueEnd, text: ` | ${fact.flags}` }] }
    : addLine(map, `__uint(map_flags, ${fact.flags});`, text);
  const message = `${map.name} is ${aMap(fact)} and needs the flag ${fact.flags}`;
  return [{ code: 'map-missing-flag', start: map.start, end: map.end, message, fixes: [fix] }];
}

/** Bytes of key or value; null when not known. */
export function sizeOf(map: CMap, part: 'key' | 'value', types: Types): number | null {
  const typed = map.fields.get(part);
  if (typed) return types.sizeOfText(typed.value);
  const sized = map.fields.get(`${part}_size`);
  const value = sized ? types.value(sized.value) : null;
  return value === null || value > 0x7fffffffn ? null : Number(value);
}

function wrongSize(map: CMap, part: 'key' | 'value', fact: MapFact, wanted: number, size: number): Finding {
  const field = has(map, part)!;
  const text = field.macro === '__type' ? '__u32' : String(wanted);
  const code = part === 'key' ? 'map-key-size' : 'map-value-size';
  const message = `The ${part} of ${aMap(fact)} has ${wanted} bytes; ${field.value} is ${field.macro === '__type' ? size : 'another size'}${field.macro === '__type' ? ' bytes' : ''}`;
  const fix: Fix = {
    title: `Change the ${part} to ${text}`,
    edits: [{ start: field.valueStart, end: field.valueEnd, text }],
  };
  return { code, start: field.valueStart, end: field.valueEnd, message, fixes: [fix] };
}

function ringSize(map: CMap, fact: MapFact, types: Types): Finding[] {
  const field = map.fields.get('max_entries');
  if (!field || !fact.name.endsWith('ringbuf')) return [];
  const size = types.value(field.value);
  if (size === null || size === 0n || (size % PAGE === 0n && (size & (size - 1n)) === 0n)) return [];
  const right = ringBytes(Number(size));
  const text = right % 1024 === 0 ? `${right / 1024} * 1024` : String(right);
  const message = `A ring buffer's size is a power of two of pages; ${size} is none (libbpf makes it ${right})`;
  const fix: Fix = { title: `Change to ${text}`, edits: [{ start: field.valueStart, end: field.valueEnd, text }] };
  return [{ code: 'ring-size', start: field.valueStart, end: field.valueEnd, message, fixes: [fix] }];
}

function aMap({ name }: MapFact): string {
  return `${/^[aeiou]/.test(name) ? 'an' : 'a'} ${name} map`;
}

/** A field with its line, when nothing else stands there. */
function wholeLine({ start, end }: CMapField, text: string): { start: number; end: number; text: string } {
  const before = /\r?\n[ \t]*$/.exec(text.slice(0, start))?.[0].length ?? 0;
  const isAlone = /^[ \t]*(\r?\n|$)/.test(text.slice(end, end + 200));
  return { start: isAlone ? start - before : start, end, text: '' };
}

/** A line behind the last one of the definition, with its indentation. */
function addLine(map: CMap, line: string, text: string): Fix {
  const last = [...map.fields.values()].reduce((end, field) => Math.max(end, field.end), map.bodyStart + 1);
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const first = [...map.fields.values()][0];
  const indent = first ? /[ \t]*$/.exec(text.slice(0, first.start))![0] : '\t';
  return { title: `Add ${line}`, edits: [{ start: last, end: last, text: `${eol}${indent}${line}` }] };
}
