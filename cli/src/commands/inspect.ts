import { Exit, type InspectReport, type ProgramInfo, type RecordField } from '@ringside/core';
import { exactly } from '../args.ts';
import { bold, dim, table } from '../terminal.ts';
import type { Command } from './index.ts';

export const inspect: Command = {
  usage: 'inspect FILE|OBJECT',
  summary: 'programs, maps, globals and record types of a program, offline',
  options: {},
  async run({ engine, positionals, common, json, text, call, progress }) {
    const [file] = exactly(positionals, ['FILE']);
    const report = await engine.inspect(file!, call);
    progress.clear();
    if (common.json) json(report);
    else text(forPeople(report));
    return Exit.done;
  },
};

function forPeople(r: InspectReport): string {
  const parts = [`licence ${bold(r.license || 'none')}\nsha256 ${r.sha256}`];
  const programs = r.programs.map((p) => [
    p.name,
    p.section,
    p.type,
    [p.target ?? '', p.needsTarget.length > 0 ? `choose: ${p.needsTarget.join(', ')}` : '']
      .filter((text) => text !== '')
      .join('; '),
    String(p.instructions),
    p.autoload ? '' : 'optional',
  ]);
  parts.push(
    table(['PROGRAM', 'SECTION', 'TYPE', 'TARGET', 'INSNS', ''], programs, [false, false, false, false, true]),
  );
  const needs = r.programs.flatMap(needLines);
  if (needs.length > 0)
    parts.push(
      [...needs, dim(`While it runs, its agent keeps ${r.capabilities.join(', ')} and nothing else.`)].join('\n'),
    );
  if (r.maps.length > 0) {
    const maps = r.maps.map((m) => [
      m.name,
      m.type,
      m.key?.name ?? '',
      m.value?.name ?? '',
      String(m.maxEntries),
      m.bytes === null ? 'unknown' : String(m.bytes),
    ]);
    parts.push(
      table(['MAP', 'TYPE', 'KEY', 'VALUE', 'ENTRIES', 'BYTES'], maps, [false, false, false, false, true, true]),
    );
  }
  if (r.globals.length > 0) {
    const globals = r.globals.map((g) => [
      g.name,
      g.section,
      g.type,
      g.value === null ? '' : String(g.value),
      g.constVolatile ? '--set' : '',
    ]);
    parts.push(table(['GLOBAL', 'SECTION', 'TYPE', 'VALUE', ''], globals));
  }
  for (const record of r.records) {
    parts.push(
      `${bold(record.map)}: ${record.type || 'bytes'} ${dim(`(${record.size} bytes, ${record.confidence})`)}\n${fields(record.fields, '  ')}`,
    );
  }
  return parts.join('\n\n');
}

/** What the section of a program leaves to its own user space, which rights it takes, and what stands in for it. */
function needLines({ name, inferred, capabilities, features, variants, guards }: ProgramInfo): string[] {
  const needs = [...capabilities, ...features];
  return [
    `${bold(name)} needs ${needs.length === 0 ? 'to be told what it is' : needs.join(', ')}`,
    ...(guards.length === 0 ? [] : [dim(`  May have to be confirmed (--confirm): ${guards.join(', ')}`)]),
    ...(inferred === '' ? [] : [dim(`  ${inferred}`)]),
    ...(variants.length === 0
      ? []
      : [dim(`  The same hook: ${variants.join(', ')}; the best that the host has is used.`)]),
  ];
}

function fields(list: RecordField[], indent: string): string {
  return list
    .map(
      (f) =>
        `${indent}${dim(String(f.offset).padStart(4))} ${f.type} ${f.name}${f.fields ? `\n${fields(f.fields, `${indent}  `)}` : ''}`,
    )
    .join('\n');
}
