/** The types by which the maps of a host read: BTF that the host's kernel holds, fetched once. */
import type { AgentClient } from '../agent/client.ts';
import type { MapEntry } from '../agent/generated/agent_pb.ts';
import type { BpfObject } from '../bpf/index.ts';
import { Btf, bytesField, isPerCpuMap, readMaps, typeField, type TypeGraph } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import type { RecordField } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';

/** How the entries of one map lie in memory and read. */
export interface MapTyping {
  key: RecordField;
  value: RecordField;
  /** Possible CPUs for per-CPU maps, else 0. */
  perCpu: number;
}

/** Types of this many programs are kept; those of the kernel always. */
const KEPT = 32;

export class HostTypes {
  private readonly byId = new Map<number, Btf | null>();
  private kernelTypes: Promise<Btf> | undefined;

  constructor(private readonly agent: AgentClient) {}

  /** What map keys and values look like; what nothing describes is bytes. */
  async of(map: MapEntry, call: CallOptions): Promise<MapTyping> {
    const perCpu = isPerCpuMap(map.type) ? this.agent.hello.possibleCpus : 0;
    const known = knownKind(map);
    if (map.btfVmlinuxValueType !== 0) {
      const btf = map.btfVmlinuxId === 0 ? await this.kernel(call) : await this.types(map.btfVmlinuxId, call);
      return { key: known.key, value: typed(btf, 'value', map.btfVmlinuxValueType, known.value), perCpu };
    }
    const btf = map.btfId === 0 ? null : await this.types(map.btfId, call);
    return {
      key: typed(btf, 'key', map.btfKeyType, known.key),
      value: typed(btf, 'value', map.btfValueType, known.value),
      perCpu,
    };
  }

  /** null for types that are gone, or that this reader cannot read: then there are bytes to show. */
  private async types(id: number, call: CallOptions): Promise<Btf | null> {
    const kept = this.byId.get(id);
    if (kept !== undefined) return kept;
    let btf: Btf | null = null;
    try {
      const answer = await this.agent.request({ case: 'getBtfById', value: { id } }, 'btf', call);
      btf =
        answer.blob === 0
          ? await this.kernel(call)
          : Btf.parse(this.agent.takeBlob(answer.blob), answer.split ? await this.kernel(call) : null);
    } catch (error) {
      const { code } = RingsideError.from(error);
      if (code !== 'no-btf' && code !== 'object-malformed' && code !== 'no-permission') throw error;
    }
    if (this.byId.size >= KEPT) this.byId.delete(this.byId.keys().next().value!);
    this.byId.set(id, btf);
    return btf;
  }

  private kernel(call: CallOptions): Promise<Btf> {
    this.kernelTypes ??= this.readKernel(call).catch((error: unknown) => {
      this.kernelTypes = undefined;
      throw error;
    });
    return this.kernelTypes;
  }

  private async readKernel(call: CallOptions): Promise<Btf> {
    const answer = await this.agent.request({ case: 'getBtf', value: {} }, 'btf', call);
    return Btf.parse(this.agent.takeBlob(answer.blob));
  }
}

/** How a map of an object that is loaded reads: by the object's own types, and by what its kind alone says. */
export function objectTyping(object: BpfObject, map: MapKind & { name: string }, cpus: number): MapTyping {
  const perCpu = isPerCpuMap(map.type) ? cpus : 0;
  const known = knownKind(map);
  // Maps of globals are called after their section, behind the object's name.
  const isIt = (name: string) => name === map.name || (name.startsWith('.') && map.name.endsWith(name));
  const declared = readMaps(object).find(({ name }) => isIt(name));
  return {
    key: typed(object.btf, 'key', declared?.keyType ?? 0, known.key),
    value: typed(object.btf, 'value', declared?.valueType ?? 0, known.value),
    perCpu,
  };
}

type MapKind = Pick<MapEntry, 'type' | 'keySize' | 'valueSize'>;

/** What the type of a map alone says of its keys and values. */
function knownKind(map: MapKind): { key: RecordField; value: RecordField } {
  const index = /array|^(devmap|cpumap|xskmap|sockmap|struct_ops)$/.test(map.type) && map.keySize === 4;
  const number = /^(prog_array|array_of_maps|hash_of_maps|sockmap|sockhash|reuseport_sockarray|cpumap|devmap)$/;
  const key = index ? unsigned('key', 4) : bytesField('key', map.keySize);
  if (map.type === 'stack_trace') return { key: unsigned('key', 4), value: addresses(map.valueSize) };
  if (map.type.endsWith('ringbuf')) return { key, value: POSITIONS };
  // The kernel keeps no types of what has no keys: values as large as a number are taken for one.
  const keyless = /^(queue|stack|bloom_filter)$/.test(map.type);
  if ((keyless || number.test(map.type)) && [1, 2, 4, 8].includes(map.valueSize))
    return { key, value: unsigned('value', map.valueSize) };
  return { key, value: bytesField('value', map.valueSize) };
}

function unsigned(name: string, size: number, offset = 0): RecordField {
  return { name, type: `__u${size * 8}`, offset, bits: 0, size, kind: 'uint', format: 'plain' };
}

/** Code addresses, the innermost first. */
function addresses(size: number): RecordField {
  const element: RecordField = { ...unsigned('', 8), kind: 'pointer', format: 'hex' };
  const field: RecordField = { ...unsigned('value', 8), type: `__u64[${size / 8}]`, size, format: 'hex' };
  return size % 8 === 0 ? { ...field, kind: 'array', element, count: size / 8 } : bytesField('value', size);
}

const POSITIONS: RecordField = {
  ...unsigned('value', 8),
  type: 'struct',
  size: 24,
  kind: 'struct',
  fields: [unsigned('consumer', 8, 0), unsigned('producer', 8, 8), unsigned('size', 8, 16)],
};

function typed(btf: Btf | null, name: string, id: number, otherwise: RecordField): RecordField {
  if (!btf || id === 0 || (otherwise.size > 0 && id >= btf.typeCount)) return otherwise;
  const type = btf.type(id);
  if (type.kind !== 'datasec') {
    const field = typeField(btf, name, id);
    // Types that do not fit the map's sizes would read what is not there.
    return field.size === otherwise.size || otherwise === POSITIONS ? fitting(field, otherwise) : otherwise;
  }
  // Globals: the section's variables are members of one value.
  const section = -1;
  const members = type.vars.map((entry) => {
    const variable = btf.type(entry.type);
    const variableType = variable.kind === 'var' ? variable.type : 0;
    return { name: variable.name, type: variableType, bitOffset: entry.offset * 8, bitSize: 0 };
  });
  const struct = { kind: 'struct' as const, id: section, name: type.name, size: otherwise.size, members };
  const graph: TypeGraph = { type: (at) => (at === section ? struct : btf.type(at)) };
  return typeField(graph, name, section);
}

/** A ring's BTF value is its records' type: its positions are none. */
function fitting(field: RecordField, otherwise: RecordField): RecordField {
  return otherwise === POSITIONS ? POSITIONS : field;
}
