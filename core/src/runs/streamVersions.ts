/** Streams of a run whose object is replaced: rows whose layout changed keep their own schema under another name. */
import type { RecordInfo, StreamSchema } from '../model/index.ts';

interface Rename {
  from: string;
  to: string;
}

export class StreamVersions {
  /** Those of the new object first; what they replace stands behind them. */
  readonly schemas: StreamSchema[];
  /** To be done before the new version runs, in this order. */
  readonly renames: readonly Rename[];
  /** Maps whose rings cannot go on, because their records are laid out otherwise now. */
  readonly changed: string[];
  private readonly before: StreamSchema[];
  private readonly version: number;

  constructor(before: StreamSchema[], next: StreamSchema[], version: number) {
    this.before = before;
    this.version = version;
    const old = new Map(before.map((schema) => [schema.stream, schema]));
    const isChanged = (schema: StreamSchema): boolean => {
      const known = old.get(schema.stream);
      return known !== undefined && layout(known) !== layout(schema);
    };
    this.changed = next.filter(isChanged).map((s) => s.stream);
    this.renames = this.changed.map((from) => ({ from, to: `${from} (version ${version - 1})` }));
    // The very schema that the rows were decoded with so far, where it still fits.
    const present = next.map((schema) => (isChanged(schema) ? schema : (old.get(schema.stream) ?? schema)));
    const names = new Set(present.map((s) => s.stream));
    const replaced = this.renames.map(({ from, to }) => renamed(old.get(from)!, to));
    this.schemas = [...present, ...before.filter((s) => !names.has(s.stream)), ...replaced];
  }

  /** The way back. `ran`: the new version did on some host, and its rows get a name of their own. */
  undone(ran: boolean): StreamVersions {
    const back = new StreamVersions(this.before, this.before, this.version);
    const away = (ran ? this.changed : []).map((from) => ({ from, to: `${from} (version ${this.version})` }));
    const names = new Map(away.map(({ from, to }) => [from, to]));
    const tried = this.schemas.filter((s) => names.has(s.stream)).map((s) => renamed(s, names.get(s.stream)!));
    const renames = [...away, ...this.renames.map(({ from, to }) => ({ from: to, to: from }))];
    return Object.assign(back, { renames, schemas: [...this.before, ...tried] });
  }
}

function renamed(schema: StreamSchema, stream: string): StreamSchema {
  return { ...schema, stream };
}

/** What a decoder goes by. */
function layout({ records }: StreamSchema): string {
  return JSON.stringify(records.map(({ type, size, tag, fields }: RecordInfo) => [type, size, tag, fields]));
}
