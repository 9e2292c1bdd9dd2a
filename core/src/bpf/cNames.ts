/** C spelling of BTF types. */
import { malformed } from './bytes.ts';
import { isModifier, type BtfType } from './btfTypes.ts';

interface TypeSource {
  type(id: number): BtfType;
}

const MAX_DEPTH = 256;

/**
 * The declaration of `inner` with the type `id`; "" gives the bare type name. C declarators grow from the inside out:
 * pointers to the left, arrays and parameter lists to the right, with parentheses where a pointer binds weaker.
 */
export function declaration(source: TypeSource, id: number, inner: string, depth = 0): string {
  if (depth > MAX_DEPTH) throw malformed(`BTF type ${id} refers to itself`);
  const type = source.type(id);
  const inside = (target: number, text: string) => declaration(source, target, text, depth + 1);
  if (type.kind === 'ptr') {
    const target = strip(source, type.type);
    const binds = target.kind === 'array' || target.kind === 'func_proto';
    return inside(type.type, binds ? `(*${inner})` : `*${inner}`);
  }
  if (type.kind === 'array') return inside(type.type, `${inner}[${type.count}]`);
  if (type.kind === 'func_proto') return inside(type.type, `${inner}(${parameters(source, type, depth)})`);
  if (type.kind === 'const' || type.kind === 'volatile' || type.kind === 'restrict') {
    // A qualified pointer carries its qualifier right of the star; anything else left of the type.
    if (source.type(type.type).kind !== 'ptr') return `${type.kind} ${inside(type.type, inner)}`;
    return inside(type.type, inner === '' ? ` ${type.kind}` : ` ${type.kind} ${inner}`);
  }
  if (type.kind === 'type_tag') return inside(type.type, inner);
  if (type.kind === 'var' || type.kind === 'func') return inside(type.type, inner === '' ? type.name : inner);
  return join(baseName(type), inner);
}

function parameters(source: TypeSource, proto: BtfType & { kind: 'func_proto' }, depth: number): string {
  if (proto.params.length === 0) return 'void';
  return proto.params
    .map((p, i) =>
      p.type === 0 && i === proto.params.length - 1 ? '...' : declaration(source, p.type, p.name, depth + 1),
    )
    .join(', ');
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
