/** The program that belongs to a section: its function, with the arguments that the kernel passes, typed. */
import {
  functionSignature,
  lsmSignature,
  parseSection,
  rawTracepointSignature,
  sectionContext,
  type Signature,
  type SignatureArgument,
} from '@ringside/core/bpf';
import type { World } from '../kernel/world.ts';

/** Arguments that a kprobe can read. */
const MAX_KPROBE = 5;

export interface Skeleton {
  /** "int BPF_KPROBE(handle_vfs_read, struct file *file)": without the body. */
  head: string;
  name: string;
  returns: string;
}

/** Made once for each section: a list is asked for again with every letter. */
const made = new WeakMap<World, Map<string, Skeleton | null>>();
const MAX_MADE = 5000;

/** null for sections that libbpf does not know. */
export function skeletonOf(section: string, world: World): Skeleton | null {
  let known = made.get(world);
  if (!known || known.size > MAX_MADE) made.set(world, (known = new Map<string, Skeleton | null>()));
  let skeleton = known.get(section);
  if (skeleton === undefined) known.set(section, (skeleton = makeSkeleton(section, world)));
  return skeleton;
}

function makeSkeleton(section: string, world: World): Skeleton | null {
  const { form, target } = parseSection(section);
  if (form === null) return null;
  const { shape, returns } = sectionContext(form);
  const name = programName(target ?? form.pattern.replace('+', ''));
  if (shape.kind === 'context') {
    const struct = contextStruct(form.target, target, shape.struct, world);
    const type = struct === null ? 'void *ctx' : `struct ${struct} *ctx`;
    return { head: `int ${name}(${type})`, name, returns };
  }
  const list = macroArguments(form.attach, target, world).map(declare);
  return { head: `int ${shape.macro}(${[name, ...list].join(', ')})`, name, returns };
}

/** A name for the function: "syscalls:sys_enter_openat" → handle_sys_enter_openat. */
function programName(target: string): string {
  const word = target
    .split(/[:/]/)
    .at(-1)!
    .replace(/\W+/g, '_')
    .replace(/^_+|_+$/g, '');
  return word === '' ? 'handle' : `handle_${word}`;
}

function contextStruct(form: string, target: string | null, fixed: string | null, world: World): string | null {
  if (form === 'iter') return target !== null && world.kernel?.iterators.has(target) ? `bpf_iter__${target}` : null;
  if (form === 'tracepoint' && target !== null) return tracepointStruct(target, world);
  return fixed;
}

/** The struct whose fields are the tracepoint's: of its own name, of the system calls, or of the class it belongs to. */
export function tracepointStruct(target: string, world: World): string | null {
  const { kernel, points } = world;
  if (!kernel) return null;
  const [category, event = ''] = target.split(':');
  if (category === 'syscalls')
    return event.startsWith('sys_exit') ? 'trace_event_raw_sys_exit' : 'trace_event_raw_sys_enter';
  const own = `trace_event_raw_${event}`;
  if (kernel.find(`struct ${own}`) !== null) return own;
  const fields = points.tracepoints.get(target)?.filter((field) => !field.name.startsWith('common_'));
  if (!fields?.length) return null;
  const wanted = fields.map((field) => `${field.name}@${field.offset}`).join();
  for (const name of kernel.structs.names) {
    if (!name.startsWith('struct trace_event_raw_')) continue;
    const members = kernel.fields(kernel.find(name)!) ?? [];
    const plain = members.filter((member) => member.name !== 'ent' && member.name !== '__data');
    const text = plain.map((member) => `${member.name.replace(/^__data_loc_/, '')}@${member.bitOffset / 8}`).join();
    if (text === wanted) return name.slice('struct '.length);
  }
  return null;
}

function macroArguments(attach: string, target: string | null, world: World): SignatureArgument[] {
  const btf = world.kernel?.btf;
  if (!btf || target === null) return [];
  const func = (): Signature | null => functionSignature(btf, target);
  const result = (signature: Signature | null): SignatureArgument[] => {
    return signature && signature.returns !== '' ? [{ name: 'ret', type: signature.returns, size: 8 }] : [];
  };
  switch (attach) {
    case 'tp_btf':
      return rawTracepointSignature(btf, target)?.arguments ?? [];
    case 'fentry':
    case 'fsession':
      return plain(func());
    case 'fexit':
    case 'fmod_ret':
      return [...plain(func()), ...result(func())];
    case 'lsm':
    case 'lsm_cgroup':
      return plain(lsmSignature(btf, target));
    case 'kprobe':
    case 'kprobe.session':
      return plain(func()).slice(0, MAX_KPROBE);
    case 'kretprobe':
      return result(func());
    case 'kretsyscall':
      return [{ name: 'ret', type: 'long', size: 8 }];
    case 'ksyscall':
      return plain(functionSignature(btf, `__do_sys_${target}`));
    case 'struct_ops':
      return structOpsMember(target, world);
    default:
      return [];
  }
}

function plain(signature: Signature | null): SignatureArgument[] {
  return (signature?.arguments ?? []).filter((argument) => argument.name !== '...');
}

/** The first interface that has a member of that name says what it is called with. */
function structOpsMember(member: string, { kernel }: World): SignatureArgument[] {
  if (!kernel) return [];
  for (const name of kernel.structOps.names) {
    const id = kernel.find(`struct ${name}`);
    const field = id === null ? undefined : kernel.fields(id)?.find((each) => each.name === member);
    const pointer = field && kernel.btf.resolve(field.type);
    const proto = pointer?.kind === 'ptr' ? kernel.btf.resolve(pointer.type) : null;
    if (proto?.kind !== 'func_proto') continue;
    return proto.params.map((param, index) => ({
      name: param.name || `arg${index + 1}`,
      type: kernel.btf.cName(param.type),
      size: kernel.btf.sizeOf(param.type),
    }));
  }
  return [];
}

/** "char[16]" and a name → "char name[16]". */
export function declare({ name, type }: { name: string; type: string }): string {
  if (type.includes('(*)')) return type.replace('(*)', `(*${name})`);
  const array = /^(.*?)(\[.*\])$/.exec(type);
  if (array) return `${array[1]!} ${name}${array[2]!}`;
  return type.endsWith('*') ? `${type}${name}` : `${type} ${name}`;
}

/** Text in a snippet: what has a meaning there is escaped. */
export function snippetText(text: string): string {
  return text.replace(/[\\$}]/g, '\\$&');
}
