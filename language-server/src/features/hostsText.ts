/** What the chosen hosts do not have in common, as tables: of a struct, of a field, of a helper or kfunc. */
import type { Member } from '../c/types.ts';
import { helperNumber } from '../kernel/kernel.ts';
import { factsOf, type OtherHost, type TypeFacts } from '../kernel/others.ts';
import type { World } from '../kernel/world.ts';
import { bytesText, escape, offsetText } from './texts.ts';

/** Fields that only lie elsewhere are shown up to here: most of task_struct does. */
const MAX_ROWS = 24;
const ABSENT = '–';

interface Column {
  title: string;
  type: TypeFacts | null;
}

const titleOf = (name: string, release: string | null, cached: boolean): string =>
  escape(`${name}${release === null ? '' : ` (${release})`}${cached ? ', cached' : ''}`);

/** The first host, then those of the others whose types are known. */
function columns(name: string, { kernel, others, host, release, cached }: World): Column[] {
  const id = kernel?.find(name) ?? null;
  if (!kernel || id === null) return [];
  const first = { title: titleOf(host ?? 'this machine', release, cached), type: factsOf(kernel, id) };
  const known = others.filter((each): each is OtherHost & { kernel: object } => each.kernel !== null);
  if (known.length === 0) return [];
  return [
    first,
    ...known.map((each) => ({ title: titleOf(each.name, each.release, each.cached), type: each.kernel.type(name) })),
  ];
}

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** "web2 (5.4.0): …" for what could not be read. */
function unknown({ others }: World): string[] {
  const names = others.filter(({ kernel }) => kernel === null).map(({ name }) => escape(name));
  return names.length === 0 ? [] : [`Not known of ${names.join(', ')}.`];
}

/** Sizes, then fields that are added, gone or of another type, then those that lie elsewhere; "" with one host. */
export function differencesText(name: string, world: World): string {
  const all = columns(name, world);
  if (all.length === 0) return '';
  const rows = [...sizeRow(all), ...valueRows(all), ...fieldRows(all)];
  const parts =
    rows.length === 0
      ? [`The same on ${all.map(({ title }) => title).join(', ')}.`]
      : [table(['', ...all.map(({ title }) => title)], rows.slice(0, MAX_ROWS))];
  if (rows.length > MAX_ROWS) parts.push(`${rows.length - MAX_ROWS} more fields differ.`);
  return [...parts, ...unknown(world)].join('\n\n');
}

function sizeRow(all: readonly Column[]): string[][] {
  const sizes = all.map(({ type }) => (type === null ? 'not there' : bytesText(type.size)));
  return new Set(sizes).size === 1 ? [] : [['size', ...sizes]];
}

function valueRows(all: readonly Column[]): string[][] {
  const names = new Set(all.flatMap(({ type }) => [...(type?.values.keys() ?? [])]));
  return [...names].flatMap((name) => {
    const values = all.map(({ type }) => String(type?.values.get(name) ?? ABSENT));
    return new Set(values).size === 1 ? [] : [[`\`${name}\``, ...values]];
  });
}

/** A cell is the offset, with the declaration where that differs too. */
function fieldRows(all: readonly Column[]): string[][] {
  const names = new Set(all.flatMap(({ type }) => [...(type?.fields.keys() ?? [])]));
  const changed: string[][] = [];
  const moved: string[][] = [];
  for (const name of names) {
    const fields = all.map(({ type }) => type?.fields.get(name));
    const there = fields.filter((field) => field !== undefined);
    const isChanged = there.length < fields.length || new Set(there.map(({ declaration }) => declaration)).size > 1;
    const cells = fields.map((field) => {
      if (!field) return ABSENT;
      return isChanged ? `${offsetText(field.bitOffset)}: ${escape(field.declaration)}` : offsetText(field.bitOffset);
    });
    if (isChanged) changed.push([`\`${name}\``, ...cells]);
    else if (new Set(cells).size > 1) moved.push([`\`${name}\``, ...cells]);
  }
  return [...changed, ...moved];
}

/** A field's offset on each host; "" with one host, and for fields of the source's own types. */
export function offsetsText({ name, owner, type }: Member, world: World): string {
  if (type.from !== 'kernel' || !/^(struct|union) \w+$/.test(owner)) return '';
  const all = columns(owner, world);
  if (all.length === 0) return '';
  const rows = all.map(({ title, type: of }) => {
    const field = of?.fields.get(name);
    if (!field) return [title, ABSENT, of === null ? `no ${escape(owner)}` : 'no such field'];
    return [title, offsetText(field.bitOffset), escape(field.declaration)];
  });
  return [table(['host', 'offset', 'declaration'], rows), ...unknown(world)].join('\n\n');
}

/** "in web2 (5.15.0) · **not in db1 (5.4.0)**" of the further hosts whose lists are known. */
export function helperHosts(name: string, { others }: World): string {
  const number = helperNumber(name);
  return presence(others, (kernel) => {
    const known = kernel.type('enum bpf_func_id')?.values;
    return known?.has('BPF_FUNC_map_lookup_elem') ? known.has(number) : null;
  });
}

export function kfuncHosts(name: string, { others }: World): string {
  return presence(others, (kernel) => kernel.hasFunction(name));
}

function presence(
  others: readonly OtherHost[],
  has: (kernel: NonNullable<OtherHost['kernel']>) => boolean | null,
): string {
  return others
    .flatMap(({ name, release, cached, kernel }) => {
      const there = kernel && has(kernel);
      if (there === null) return [];
      const title = titleOf(name, release, cached);
      return [there ? `in ${title}` : `**not in ${title}**`];
    })
    .join(' · ');
}
