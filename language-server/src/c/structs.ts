/** The fields of structs and unions, with those nested in them. */
import { closing, readDeclarator, readSpecifier, splitAtCommas, type Specifier } from './declarators.ts';
import { Kind, type Token } from './lexer.ts';
import type { CStruct, CVariable } from './model.ts';

/** Deeper ones are nobody's. */
const MAX_NESTED = 16;
const MAX_STRUCTS = 256;

/** A struct with those nested in it; the fields of nested ones without a name are its own. */
export function readStruct(
  tokens: readonly Token[],
  open: number,
  close: number,
  head: Omit<CStruct, 'fields' | 'flattened'>,
  depth = 0,
): CStruct[] {
  const fields: CVariable[] = [];
  const own: CStruct = { ...head, fields, flattened: false };
  const found: CStruct[] = [own];
  for (let at = open + 1; at < close;) {
    const before = at;
    let end = at;
    let brace: [number, number] | null = null;
    for (; end < close && tokens[end]!.text !== ';'; end++) {
      if (tokens[end]!.text !== '{') continue;
      const inner = closing(tokens, end, close);
      brace ??= [end, inner];
      end = inner;
    }
    const keyword = tokens[at]!;
    if (
      brace !== null &&
      (keyword.text === 'struct' || keyword.text === 'union') &&
      found.length < MAX_STRUCTS &&
      depth < MAX_NESTED
    ) {
      const named = tokens[at + 1]!;
      const name =
        named.kind === Kind.identifier && at + 1 < brace[0]
          ? `${keyword.text} ${named.text}`
          : `${keyword.text} {…}#${keyword.start}`;
      const inner = { ...head, name, start: keyword.start, end: tokens[brace[1]]!.end };
      const nested = readStruct(tokens, brace[0], brace[1], inner, depth + 1);
      found.push(...nested);
      if (brace[1] + 1 >= end) {
        fields.push(...nested[0]!.fields);
        own.flattened = true;
      }
      const specifier = { base: name, isStatic: false, isExtern: false, next: 0, qualifiers: '' };
      addFields(tokens, brace[1] + 1, end, specifier, fields);
    } else if (brace === null) {
      const specifier = readSpecifier(tokens, at, end);
      if (specifier !== null) addFields(tokens, specifier.next, end, specifier, fields);
    }
    at = Math.max(end + 1, before + 1);
  }
  return found;
}

function addFields(
  tokens: readonly Token[],
  from: number,
  to: number,
  specifier: Specifier,
  fields: CVariable[],
): void {
  for (const [start, end] of splitAtCommas(tokens, from, to)) {
    const declared = readDeclarator(tokens, start, end, specifier);
    if (declared === null) continue;
    const { name, type } = declared;
    fields.push({
      name,
      type: declared.bitField ? { ...type, dims: [...type.dims], qualifiers: 'bitfield' } : type,
      start: declared.start,
    });
  }
}
