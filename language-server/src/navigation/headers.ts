/** Where the kernel's types stand in vmlinux.h, and helpers in libbpf's header: searched as text, for both are generated. */

/** Offset of a type's definition, or of its field; null where it is not there. */
export function placeOfType(header: string, type: string, field: string | null): number | null {
  const isTagged = /^(struct|union|enum) /.test(type);
  const start = isTagged ? header.indexOf(`\n${type} {`) : typedefPlace(header, type);
  if (start < 0) return null;
  const at = start + 1;
  if (field === null) return at;
  const end = header.indexOf('\n}', at);
  const body = header.slice(at, end < 0 ? undefined : end);
  const found = new RegExp(`\\b${field}\\b(?=[^;\\n{]*;)`).exec(body);
  return found ? at + found.index : at;
}

function typedefPlace(header: string, name: string): number {
  const found = new RegExp(`\\ntypedef [^\\n]*\\b${name}\\b[^\\n]*;`).exec(header);
  return found?.index ?? -1;
}

/** Of an enumerator: alone in its line, which ends with a comma where a field's ends with a semicolon. */
export function placeOfEnumerator(header: string, name: string): number | null {
  const found = new RegExp(`\\n\\s+${name}(?= = |,)`).exec(header);
  return found ? found.index + found[0].length - name.length : null;
}

export function placeOfHelper(header: string, name: string): number | null {
  const found = new RegExp(`\\(\\s*\\*\\s*(?:const )?${name}\\)`).exec(header);
  return found ? found.index + found[0].indexOf(name) : null;
}
