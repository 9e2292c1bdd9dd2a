/** C spelling of BTF types. */
import { malformed } from './bytes.ts';
import { isModifier, type BtfType } from './btfTypes.ts';

interface TypeSource {
  type(id: number): BtfType;
}

const MAX_DEPTH = 256;

/** Types that refer to each other many times over would unfold to more text than anyone reads. */
const MAX_PARTS = 1000;

/**
 * The declaration of `inner` with the type `id`; "" gives the bare type name. C declarators grow from the inside out:
 * pointers to the left, arrays and parameter lists to the right, with parentheses where a pointer binds weaker.
 */
export function declaration(source: TypeSource, id: number, inner: string): string {
  return declare(source, id, inner, { parts: MAX_PARTS }, 0);
}

function declare(source: TypeSource, id: number, inner: string, budget: { parts: number }, depth: number): string {
  if (depth > MAX_DEPTH) throw malformed(`type ${id} refers to itself`);
  if (--budget.parts < 0) return join('…', inner);
  const type = source.type(id);
  const inside = (target: number, text: string) => declare(source, target, text, budget, depth + 1);
  if (type.kind === 'ptr') {
    const target = strip(source, type.type);
    const binds = target.kind === 'array' || target.kind === 'func_proto';
    return inside(type.type, binds ? `(*${inner})` : `*${inner}`);
  }
  if (type.kind === 'array') return inside(type.type, `${inner}[${type.count}]`);
  if (type.kind === 'func_proto') {
    const params = type.params.slice(0, MAX_PARTS).map((p, i) => {
      return p.type === 0 && p.name === '' && i === type.params.length - 1 ? '...' : inside(p.type, p.name);
    });
    return inside(type.type, `${inner}(${params.join(', ') || 'void'})`);
  }
  if (type.kind === 'const' || type.kind === 'volatile' || type.kind === 'restrict') {
    // A qualified pointer carries its qualifier right of the star; anything else left of the type.
    if (source.type(type.type).kind !== 'ptr') return `${type.kind} ${inside(type.type, inner)}`;
    return inside(type.type, inner === '' ? ` ${type.kind}` : ` ${type.kind} ${inner}`);
  }
  if (type.kind === 'type_tag') return inside(type.type, inner);
  if (type.kind === 'var' || type.kind === 'func') return inside(type.type, inner === '' ? type.name : inner);
  return join(baseName(type), inner);
}

function strip(source: TypeSource, id: number): BtfType {
  for (let steps = 0; steps < MAX_DEPTH; steps++) {
    const type = source.type(id);
    if (!isModifier(type) || type.kind === 'typedef') return type;
    id = type.type;
  }
  throw malformed(`BTF type ${id} refers to itself`);
}

function baseName(type: BtfType): string {
  if (type.kind === 'fwd') return `${type.union ? 'union' : 'struct'} ${type.name}`;
  const keyword = type.kind === 'enum64' ? 'enum' : type.kind;
  if (keyword === 'struct' || keyword === 'union' || keyword === 'enum')
    return `${keyword} ${type.name === '' ? '{…}' : type.name}`;
  return type.name === '' ? type.kind : type.name;
}

function join(base: string, inner: string): string {
  return inner === '' || inner.startsWith('[') || inner.startsWith(' ') ? base + inner : `${base} ${inner}`;
}
