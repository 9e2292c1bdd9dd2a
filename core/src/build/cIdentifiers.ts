/** Which C identifier each BTF type gets: C has one name space for tags and one for typedefs and enumerators. */

const keywords = new Set(
  (
    'auto break case char const continue default do double else enum extern float for goto if inline int long register ' +
    'restrict return short signed sizeof static struct switch typedef union unsigned void volatile while _Alignas ' +
    '_Alignof _Atomic _Bool _Complex _Generic _Imaginary _Noreturn _Static_assert _Thread_local asm typeof __int128'
  ).split(' '),
);

const identifier = /^[A-Za-z_]\w*$/;

/** Makes a C identifier of a name; names of C stay, others (Rust's `Option<T>`) lose what C cannot spell. */
export function cIdentifier(name: string): string {
  if (identifier.test(name)) return keywords.has(name) ? `${name}_` : name;
  const cleaned = name.replace(/\W/g, '_');
  return /^\d/.test(cleaned) ? `_${cleaned}` : cleaned;
}

/**
 * Hands out each name once; a second type of that name becomes `name___2`. CO-RE ignores a suffix after three
 * underscores, so that such a type still relocates against the kernel's.
 */
export class NameSpace {
  private readonly used = new Map<string, number>();

  constructor(reserved: Iterable<string> = []) {
    for (const name of reserved) this.used.set(name, 1);
  }

  take(name: string): string {
    const wanted = cIdentifier(name);
    const count = (this.used.get(wanted) ?? 0) + 1;
    this.used.set(wanted, count);
    if (count === 1) return wanted;
    const unique = `${wanted}___${count}`;
    return this.used.has(unique) ? this.take(unique) : (this.used.set(unique, 1), unique);
  }
}
