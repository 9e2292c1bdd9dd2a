/** Values of per-CPU maps added up. Sums are wider than what they are of: many CPUs' counters of 32 bits overflow one. */
import { bigReader, compileReader, fieldBytes, isSigned, leaves } from '../../events/index.ts';
import type { RecordField } from '../../model/index.ts';

export interface SumType {
  /** The value as it is when added up. */
  field: RecordField;
  /** Members that cannot be added (texts, addresses, names): the first CPU's stand for all. */
  apart: ReadonlySet<string>;
  /** Writes the sum of the CPUs' values, which lie `slot` bytes apart. */
  write(from: DataView, at: number, slot: number, cpus: number, to: DataView, sumAt: number): void;
}

type Step = (from: DataView, at: number, slot: number, cpus: number, to: DataView, sumAt: number) => void;

export function sumType(value: RecordField): SumType {
  const steps: Step[] = [];
  const apart = new Set<string>();
  let end = 0;
  const place = (size: number): number => {
    const at = Math.ceil(end / 8) * 8;
    end = at + size;
    return at;
  };
  const summed = (field: RecordField, path: string): RecordField => {
    if ((field.kind === 'struct' || field.kind === 'union') && field.fields !== undefined && field.kind === 'struct') {
      const fields = field.fields.map((member) => summed(member, member.name === '' ? path : `${path}.${member.name}`));
      return { ...field, offset: 0, fields };
    }
    const { element, count } = field;
    if (field.kind === 'array' && element && count !== undefined && count > 0 && isCount(element)) {
      const offset = place(count * 8);
      for (let i = 0; i < count; i++) {
        const one = { ...element, offset: field.offset + i * element.size + element.offset };
        steps.push(adder(one, offset + i * 8));
      }
      return { ...field, offset, size: count * 8, element: wide(element, 0) };
    }
    if (isCount(field)) {
      const offset = place(8);
      steps.push(adder(field, offset));
      return wide(field, offset);
    }
    for (const leaf of leaves({ ...field, name: '' }, '')) apart.add(leaf.path === '' ? path : `${path}.${leaf.path}`);
    const bytes = Math.max(field.size, fieldBytes(field));
    const offset = place(bytes);
    steps.push(copier(field.offset, bytes, offset));
    return moved(field, offset - field.offset);
  };
  const field = summed({ ...value }, 'value');
  const size = Math.max(8, Math.ceil(end / 8) * 8);
  return {
    field: { ...field, size: field.kind === 'struct' ? size : field.size },
    apart,
    write: (from, at, slot, cpus, to, sumAt) => {
      for (const step of steps) step(from, at, slot, cpus, to, sumAt);
    },
  };
}

function isCount(field: RecordField): boolean {
  if (field.kind === 'float') return field.size === 8 || field.size === 4;
  return (field.kind === 'int' || field.kind === 'uint') && field.format !== 'ktime';
}

function wide(field: RecordField, offset: number): RecordField {
  const plain: RecordField = { ...field, offset, bits: 0, size: 8, bigEndian: false };
  delete plain.bitOffset;
  if (plain.format === 'be') plain.format = 'plain';
  return plain;
}

function adder(field: RecordField, offset: number): Step {
  if (field.kind === 'float') {
    const read = compileReader(field);
    return (from, at, slot, cpus, to, sumAt) => {
      let sum = 0;
      for (let cpu = 0; cpu < cpus; cpu++) sum += Number(read(from, at + cpu * slot, at + (cpu + 1) * slot));
      to.setFloat64(sumAt + offset, sum, true);
    };
  }
  const read = bigReader(field);
  const signed = isSigned(field);
  return (from, at, slot, cpus, to, sumAt) => {
    let sum = 0n;
    for (let cpu = 0; cpu < cpus; cpu++) sum += read(from, at + cpu * slot);
    if (signed) to.setBigInt64(sumAt + offset, sum, true);
    else to.setBigUint64(sumAt + offset, sum, true);
  };
}

function copier(offset: number, bytes: number, sumOffset: number): Step {
  return (from, at, _slot, _cpus, to, sumAt) => {
    for (let i = 0; i < bytes; i++) to.setUint8(sumAt + sumOffset + i, from.getUint8(at + offset + i));
  };
}

function moved(field: RecordField, by: number): RecordField {
  const one = { ...field, offset: field.offset + by };
  return field.fields ? { ...one, fields: field.fields.map((member) => moved(member, by)) } : one;
}
