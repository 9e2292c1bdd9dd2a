/** CO-RE relocations in words: "byte offset of struct task_struct.tgid". */
import type { Btf, CoreRelocation } from '../bpf/index.ts';

/** enum bpf_core_relo_kind */
const kinds = [
  ...['byte offset of', 'byte size of', 'existence of', 'signedness of', 'left shift of', 'right shift of'],
  ...['local id of', 'target id of', 'existence of type', 'size of type', 'existence of', 'value of', 'match of type'],
];
const ENUM_KINDS = [10, 11];
const MOST_STEPS = 64;

export function coreRelocationText(btf: Btf, { type, access, kind }: CoreRelocation): string {
  const what = kinds[kind] ?? `relocation of kind ${kind} for`;
  return `${what} ${kind >= 6 && kind <= 9 ? nameOf(btf, type) : pathOf(btf, type, access, kind)}`;
}

function nameOf(btf: Btf, type: number): string {
  return btf.cName(type);
}

function pathOf(btf: Btf, type: number, access: string, kind: number): string {
  const steps = access.split(':').map(Number);
  const root = btf.resolve(type);
  if (ENUM_KINDS.includes(kind)) {
    const values = root.kind === 'enum' || root.kind === 'enum64' ? root.values : [];
    return `${nameOf(btf, type)} ${values[steps[0] ?? 0]?.name ?? access}`;
  }
  let path = nameOf(btf, type) + (steps[0] ? `[${steps[0]}]` : '');
  let current = type;
  for (const step of steps.slice(1, MOST_STEPS)) {
    const inner = btf.resolve(current);
    if (inner.kind === 'array') {
      path += `[${step}]`;
      current = inner.type;
      continue;
    }
    const member = inner.kind === 'struct' || inner.kind === 'union' ? inner.members[step] : undefined;
    if (!member) return `${path} (${access})`;
    // Members without a name are gone through; the one that is meant follows.
    if (member.name !== '') path += `.${member.name}`;
    current = member.type;
  }
  return path;
}
