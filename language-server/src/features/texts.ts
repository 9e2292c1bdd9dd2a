/** What is told of helpers, functions, types, maps and constants, as Markdown. */
import { helperAllowed, helperFact, mapFact, mapMemory, type HelperPrototype, type MapShape } from '@ringside/core/bpf';
import type { Analysis } from '../analysis.ts';
import type { CMap } from '../c/model.ts';
import type { Types } from '../c/types.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { World } from '../kernel/world.ts';
import { sizeOf } from '../checks/maps.ts';
import { helperHosts } from './hostsText.ts';

export const code = (text: string): string => `\`\`\`c\n${text}\n\`\`\``;

/** Text from a host or a header: shown, never read as Markdown that does something. */
export const escape = (text: string): string => text.replace(/[\\`*_{}[\]()#+!<>|]/g, '\\$&');

export function hostName({ host, release, cached }: World): string {
  if (host === null) return "this machine's kernel";
  return `${host}${release === null ? '' : ` (${release})`}${cached ? ', as last seen (cached)' : ''}`;
}

export function helperSignature({ name, returns, parameters }: HelperPrototype): string {
  const list = parameters.map((parameter) => parameter.text).join(', ');
  return `${returns}${returns.endsWith('*') ? '' : ' '}${name}(${list || 'void'})`;
}

export function helperText(prototype: HelperPrototype, world: World, programType: string | null): string {
  const fact = helperFact(prototype.name);
  const parts = [code(helperSignature(prototype))];
  if (fact) {
    parts.push(
      [`Since Linux ${fact.since}`, fact.gplOnly ? 'GPL programs only' : '', ...availability(fact.name, world)]
        .filter(Boolean)
        .join(' · '),
    );
    if (programType !== null) {
      const allowed = helperAllowed(fact, programType, world.release);
      if (allowed !== undefined)
        parts.push(`${allowed ? 'Allowed' : '**Not allowed**'} in programs of type ${programType}.`);
    }
    const types = [...fact.newer];
    parts.push(types.length >= 29 ? 'All program types.' : `Program types: ${types.join(', ') || 'none'}.`);
  }
  // libbpf's text is reStructuredText, whose emphasis Markdown shares.
  const [first = ''] = prototype.description.split('\n\n');
  parts.push(`libbpf's header: ${first.replace(/\s+/g, ' ').replace(/</g, '\\<')}`);
  if (prototype.result !== '')
    parts.push(`Returns: ${prototype.result.split('\n\n')[0]!.replace(/\s+/g, ' ').replace(/</g, '\\<')}`);
  return parts.join('\n\n');
}

function availability(name: string, world: World): string[] {
  if (!world.kernel?.constants.has('BPF_FUNC_map_lookup_elem')) return [];
  const first = world.kernel.hasHelper(name) ? `in ${hostName(world)}` : `**not in ${hostName(world)}**`;
  return [first, helperHosts(name, world)];
}

const MAX_LINES = 40;

/** A struct of the kernel with offsets, sizes and holes. */
export function kernelTypeText(kernel: Kernel, id: number, world: World): string | null {
  const { btf } = kernel;
  const type = btf.resolve(id);
  if (type.kind === 'enum' || type.kind === 'enum64') {
    const lines = type.values.slice(0, MAX_LINES).map(({ name, value }) => `\t${name} = ${value},`);
    if (type.values.length > MAX_LINES) lines.push(`\t/* ${type.values.length - MAX_LINES} more */`);
    return `${code(`enum ${type.name} {\n${lines.join('\n')}\n}`)}\n\n${type.size} bytes · ${escape(hostName(world))}`;
  }
  if (type.kind !== 'struct' && type.kind !== 'union') return null;
  const lines: string[] = [];
  let end = 0;
  let holes = 0;
  let lost = 0;
  for (const member of type.members) {
    const size = member.bitSize > 0 ? member.bitSize : btf.sizeOf(member.type) * 8;
    const from = Math.ceil(end / 8) * 8;
    if (type.kind === 'struct' && member.bitSize === 0 && member.bitOffset > from) {
      holes++;
      lost += (member.bitOffset - from) / 8;
      lines.push(`\t/* hole of ${(member.bitOffset - from) / 8} bytes */`);
    }
    const bits = member.bitSize > 0 ? ` : ${member.bitSize}` : '';
    const declaration = member.name === '' ? btf.cName(member.type) : btf.cDeclaration(member.type, member.name);
    lines.push(`\t${declaration}${bits};  /* ${offsetText(member.bitOffset)} ${member.bitSize > 0 ? '' : size / 8} */`);
    end = Math.max(end, member.bitOffset + size);
  }
  const shown =
    lines.length > MAX_LINES ? [...lines.slice(0, MAX_LINES), `\t/* ${lines.length - MAX_LINES} more lines */`] : lines;
  const summary = [
    `${type.size} bytes`,
    `${type.members.length} members`,
    holesText(holes, lost),
    paddingText(type.size - Math.ceil(end / 8)),
  ].filter(Boolean);
  const head = `${type.kind} ${type.name === '' ? '{…}' : type.name}`;
  return `${code(`${head} {  /* offset, size */\n${shown.join('\n')}\n}`)}\n\n${summary.join(' · ')} · ${escape(hostName(world))}`;
}

function holesText(holes: number, bytes: number): string {
  return holes === 0 ? 'no holes' : `${holes === 1 ? 'a hole' : `${holes} holes`} of ${bytes} bytes`;
}
function paddingText(bytes: number): string {
  return bytes > 0 ? `${bytes} bytes of padding` : '';
}

export function offsetText(bits: number): string {
  return bits % 8 === 0 ? String(bits / 8) : `${Math.floor(bits / 8)}:${bits % 8}`;
}

/** A map's layout, and its memory as the kernel counts it. */
export function mapText(map: CMap, types: Types, { source }: Analysis): string {
  const type = map.fields.get('type')?.value ?? '';
  const fact = mapFact(type);
  const keySize = sizeOf(map, 'key', types);
  const valueSize = sizeOf(map, 'value', types);
  const entries = map.fields.get('max_entries');
  const count = entries ? types.value(entries.value) : null;
  const flags = map.fields.get('map_flags');
  const rows = [
    keySize === null ? '' : `key ${map.fields.get('key')?.value ?? ''} (${keySize} bytes)`,
    valueSize === null ? '' : `value ${map.fields.get('value')?.value ?? ''} (${valueSize} bytes)`,
    count === null ? '' : fact?.name.endsWith('ringbuf') ? `${count} bytes` : `at most ${count} entries`,
    flags ? flags.value : '',
  ].filter(Boolean);
  const parts = [
    code(source.text.slice(map.bodyStart, map.bodyEnd).replace(/^\{/, 'struct {') + ` ${map.name} SEC(".maps");`),
  ];
  if (fact) parts.push(`**${fact.name}**: ${fact.what}`);
  if (rows.length > 0) parts.push(escape(rows.join(' · ')));
  const memory =
    fact && count !== null && count <= 0xffffffffn
      ? mapMemory(shape(fact.name, keySize, valueSize, Number(count), types, flags?.value))
      : null;
  if (memory !== null)
    parts.push(
      `Kernel memory when full: about ${bytesText(memory)}${fact!.name.includes('percpu') ? ', and the values of every further CPU' : ''}.`,
    );
  return parts.join('\n\n');
}

function shape(
  type: string,
  key: number | null,
  value: number | null,
  entries: number,
  types: Types,
  flags: string | undefined,
): MapShape {
  const bits = flags === undefined ? null : types.value(flags);
  return { type, keySize: key ?? 0, valueSize: value ?? 0, maxEntries: entries, flags: Number(bits ?? 0n), extra: 0 };
}

export function bytesText(bytes: number): string {
  if (bytes < 10_000) return `${bytes} bytes`;
  return bytes < 10_000_000 ? `${Math.round(bytes / 1024)} KiB` : `${Math.round(bytes / 1024 / 1024)} MiB`;
}
