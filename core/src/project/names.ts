/** Names that come from C, in words that each language takes. */
const cKeywords = words(
  'auto break case char const continue default do double else enum extern float for goto if inline int long register ' +
    'restrict return short signed sizeof static struct switch typedef union unsigned void volatile while main',
);
const rustKeywords = words(
  'as async await break const continue dyn else enum extern false fn for if impl in let loop match mod move mut pub ref ' +
    'return static struct trait true type unsafe use where while abstract become box do final gen macro override priv try ' +
    'typeof unsized virtual yield union',
);
/** Those that `r#` does not help. */
const rustNever = words('self Self super crate _');
/** What a crate cannot be called, or should not: libraries, and what cargo keeps for itself. */
const crateNames = words(
  'test core std alloc proc_macro build deps examples incremental libc clap anyhow ctrlc libbpf_rs',
);

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '));
}

/** A C identifier: what an identifier cannot hold becomes "_". */
export function identifier(text: string): string {
  const cleaned = text.replace(/\W/g, '_');
  if (cleaned === '') return '_';
  return /^\d/.test(cleaned) || cKeywords.has(cleaned) ? `_${cleaned}` : cleaned;
}

/** Name of a project for its source: "my-probe.bpf.c" is my_probe. */
export function projectName(fileName: string): string {
  const name = identifier(fileName.replace(/\.c$/, '').replace(/\.bpf$/, '')).replace(/^_+(?=[a-zA-Z])/, '');
  return /^[A-Za-z]/.test(name) && !cKeywords.has(name) ? name : `probe_${name.replace(/^_+/, '')}`.replace(/_$/, '');
}

/** A word for the command line: min_duration_ms is min-duration-ms. */
export function flagName(name: string): string {
  return name.replace(/^_+|_+$/g, '').replace(/_+/g, '-') || 'value';
}

/** PascalCase, as Go exports it and Rust names types. */
export function pascal(name: string): string {
  const joined = name
    .replace(/^(struct|union|enum) /, '')
    .split(/[^A-Za-z0-9]+/)
    .filter((part) => part !== '')
    .map((part) => part[0]!.toUpperCase() + part.slice(1))
    .join('');
  return /^[A-Z]/.test(joined) ? joined : `X${joined}`;
}

/** A field of a Rust struct. */
export function rustField(name: string): string {
  if (rustNever.has(name)) return `${name}_`;
  return rustKeywords.has(name) ? `r#${name}` : name;
}

export function crateName(name: string): string {
  return rustKeywords.has(name) || rustNever.has(name) || crateNames.has(name) ? `${name}_probe` : name;
}

/** Hands out each name once; a second one gets a number. */
export class Unique {
  readonly #taken: Set<string>;
  constructor(reserved: Iterable<string> = []) {
    this.#taken = new Set(reserved);
  }

  take(name: string, separator = ''): string {
    let unique = name;
    for (let i = 2; this.#taken.has(unique); i++) unique = `${name}${separator}${i}`;
    this.#taken.add(unique);
    return unique;
  }
}
