/** What is told of the word under the pointer. */
import { parseSection, sectionContext, mapFact } from '@ringside/core/bpf';
import type { Analysis } from '../analysis.ts';
import { Kind, type Token } from '../c/lexer.ts';
import type { CSection } from '../c/model.ts';
import { memberAt } from '../c/members.ts';
import { tokenBefore } from '../c/place.ts';
import type { Member } from '../c/types.ts';
import { differencesText, kfuncHosts, offsetsText } from './hostsText.ts';
import { declare, skeletonOf, tracepointStruct } from './skeleton.ts';
import { typeAt } from './completion.ts';
import { bytesText, code, escape, helperText, hostName, kernelTypeText, mapText, offsetText } from './texts.ts';

export interface HoverText {
  start: number;
  end: number;
  markdown: string;
}

/** null where nothing is known that clang or clangd would not tell. */
export function hover(analysis: Analysis, offset: number, genericC: boolean): HoverText | null {
  const { source } = analysis;
  const section = source.model.sections.find((each) => each.start <= offset && offset <= each.end);
  if (section) return sectionHover(analysis, section);
  const index = tokenBefore(source.tokens, offset + 1);
  const token = source.tokens[index];
  if (token?.kind !== Kind.identifier || token.end < offset) return null;
  const markdown = wordText(analysis, index, token, offset, genericC);
  return markdown === null ? null : { start: token.start, end: token.end, markdown };
}

function sectionHover({ world }: Analysis, section: CSection): HoverText | null {
  const name = section.name.replace(/^\?/, '');
  const { form, target, type } = parseSection(section.name);
  if (form === null) return null;
  const context = sectionContext(form);
  const parts = [`**${escape(form.pattern.replace(/\+$/, ''))}** · program type ${type}`, context.what];
  const skeleton = skeletonOf(name, world);
  if (skeleton) parts.push(code(`SEC("${name}")\n${skeleton.head}`));
  if (form.target === 'tracepoint' && target !== null) parts.push(...tracepointFields(target, world));
  if (form.needs.length > 0) parts.push(`To be chosen when attaching: ${form.needs.join(', ')}.`);
  if (section.name.startsWith('?')) parts.push('Loaded only when it is asked for by name (`?`).');
  parts.push(escape(hostName(world)));
  return { start: section.start, end: section.end, markdown: parts.join('\n\n') };
}

function tracepointFields(target: string, world: Analysis['world']): string[] {
  const fields = world.points.tracepoints.get(target) ?? [];
  const own = fields.filter((field) => !field.name.startsWith('common_'));
  if (own.length > 0) {
    return [code(own.map((field) => `${declare(field)};  /* ${field.offset ?? '?'} */`).join('\n'))];
  }
  const struct = tracepointStruct(target, world);
  const id = struct === null ? null : (world.kernel?.find(`struct ${struct}`) ?? null);
  const text = id === null ? null : kernelTypeText(world.kernel!, id, world);
  return text === null ? [] : [text];
}

function wordText(analysis: Analysis, index: number, token: Token, offset: number, genericC: boolean): string | null {
  const { source, types, world, models } = analysis;
  const { tokens, model } = source;
  const before = tokens[index - 1]?.text;
  if (before === 'struct' || before === 'union' || before === 'enum')
    return typeText(analysis, `${before} ${token.text}`);
  const member = memberAt(analysis.source, types, index);
  if (member !== undefined) {
    if (member === null) return null;
    const hosts = offsetsText(member, world);
    // Another C tool tells the rest.
    return [genericC ? memberText(member, analysis) : '', hosts].filter(Boolean).join('\n\n') || null;
  }
  const helper = world.helpers.get(token.text);
  if (helper) return helperText(helper, world, typeAt(analysis, offset));
  const map = models.flatMap((each) => each.maps).find((each) => each.name === token.text);
  const isShadowed = types.functionAt(offset)?.locals.some((local) => local.name === token.text);
  if (map && !isShadowed)
    return mapText(map, types, model.maps.includes(map) ? analysis : { ...analysis, source: { ...source, text: '' } });
  const fact = mapFact(token.text);
  if (fact) {
    const needs = (['key', 'value', 'entries'] as const).map(
      (part) =>
        `${part === 'entries' ? 'max_entries' : part}: ${{ yes: 'needed', no: 'none', may: 'as wanted' }[fact[part]]}`,
    );
    return [`**${fact.name}** map`, fact.what, needs.join(' · '), fact.flags ? `Needs \`${fact.flags}\`.` : '']
      .filter(Boolean)
      .join('\n\n');
  }
  if (world.kernel?.kfuncs.has(token.text)) return functionText(analysis, token.text);
  return constantText(analysis, token.text) ?? typeText(analysis, token.text);
}

function memberText(member: Member, { world }: Analysis): string {
  const bits = member.bitSize > 0 ? ` : ${member.bitSize}` : '';
  const facts = [
    `in \`${member.owner}\``,
    member.bitOffset === null ? '' : `offset ${offsetText(member.bitOffset)}`,
    member.size === null || member.bitSize > 0 ? '' : bytesText(member.size),
    member.type.from === 'kernel' ? escape(hostName(world)) : '',
  ];
  return `${code(`${member.declaration}${bits};`)}\n\n${facts.filter(Boolean).join(' · ')}`;
}

function typeText({ world, models, types }: Analysis, name: string): string | null {
  // A type of the source hides the kernel's.
  for (const model of models) {
    const struct = model.structs.get(name);
    if (!struct) continue;
    const members = types.members({ from: 'source', type: { base: name, pointers: 0, dims: [] } }) ?? [];
    const lines = members.map(({ declaration, bitOffset, size }) => {
      const place = bitOffset === null ? '' : `  /* ${offsetText(bitOffset)} ${size ?? '?'} */`;
      return `\t${declaration};${place}`;
    });
    const size = types.sizeOf({ base: name, pointers: 0, dims: [] });
    return `${code(`${name} {\n${lines.join('\n')}\n}`)}${size === null ? '' : `\n\n${size} bytes`}`;
  }
  if (!world.kernel || (!name.includes(' ') && !world.kernel.structs.has(name))) return null;
  const id = world.kernel.find(name);
  if (id === null) return null;
  const text = kernelTypeText(world.kernel, id, world);
  if (text !== null) return [text, differencesText(name, world)].filter(Boolean).join('\n\n');
  const { btf } = world.kernel;
  const type = btf.type(id);
  return type.kind === 'typedef'
    ? `${code(`typedef ${btf.cDeclaration(type.type, type.name)};`)}\n\n${btf.sizeOf(id)} bytes`
    : null;
}

function functionText({ world }: Analysis, name: string): string | null {
  const { btf } = world.kernel!;
  const id = btf.findByNameKind(name, 'func');
  const func = id === null ? null : btf.type(id);
  if (func?.kind !== 'func') return null;
  const hosts = [`kfunc of ${escape(hostName(world))}`, kfuncHosts(name, world)].filter(Boolean).join(' · ');
  return `${code(btf.cDeclaration(func.type, name))}\n\n${hosts}`;
}

function constantText({ types, models, world }: Analysis, name: string): string | null {
  const define = models.map((model) => model.defines.get(name)).find((each) => each !== undefined);
  if (define && !define.hasParameters) {
    const value = types.constant(name);
    return code(`#define ${name} ${define.value}`) + (value === null ? '' : `\n\n${numberText(value)}`);
  }
  const own = models.map((model) => model.constants.get(name)).find((each) => each !== undefined);
  const constant = own ?? world.kernel?.constants.get(name);
  if (!constant) return null;
  if (constant.value === null) return `${code(name)}\n\n${escape(constant.of)}`;
  return `${code(`${name} = ${constant.value}`)}\n\n${numberText(constant.value)} · ${escape(constant.of)}${own ? '' : ` · ${escape(hostName(world))}`}`;
}

function numberText(value: bigint): string {
  return value >= 0n ? `${value} (0x${value.toString(16)})` : String(value);
}
