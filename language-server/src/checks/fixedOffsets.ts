/** Offsets that are fixed when the program is built, of fields that lie elsewhere on another host. */
import type { Analysis } from '../analysis.ts';
import { closing, splitAtCommas } from '../c/declarators.ts';
import { Kind } from '../c/lexer.ts';
import type { CStruct } from '../c/model.ts';
import { includeFor } from '../features/actions/coreRead.ts';
import type { LeanKernel, OtherHost } from '../kernel/others.ts';
import type { Finding } from './codes.ts';

type Known = OtherHost & { kernel: LeanKernel };

export function fixedOffsets(analysis: Analysis, hosts: readonly Known[]): Finding[] {
  return [...ownStructs(analysis, hosts), ...offsetofs(analysis, hosts)];
}

/** "12 on web2, 16 on db1"; empty where all agree. */
function elsewhere(hosts: readonly Known[], type: string, field: string, own: number): string {
  return hosts
    .flatMap(({ name, kernel }) => {
      const bits = kernel.type(type)?.fields.get(field)?.bitOffset;
      return bits === undefined || bits === own ? [] : [`${bits / 8} on ${name}`];
    })
    .slice(0, 4)
    .join(', ');
}

const hostOf = ({ world }: Analysis): string => world.host ?? "this machine's kernel";

/** Kernel structs that the source writes down itself, as the first host has them. */
function ownStructs(analysis: Analysis, hosts: readonly Known[]): Finding[] {
  const { source, types, world } = analysis;
  const findings: Finding[] = [];
  for (const struct of source.model.structs.values()) {
    if (!/^struct \w+$/.test(struct.name) || isRelocated(source.text, struct)) continue;
    const id = world.kernel!.find(struct.name);
    const kernel = id === null ? null : new Map(world.kernel!.fields(id)?.map((each) => [each.name, each.bitOffset]));
    const members = types.members({ from: 'source', type: { base: struct.name, pointers: 0, dims: [] } }) ?? [];
    // Written for this kernel: any other struct only has the same name.
    if (!kernel || members.length === 0 || !members.every(({ name, bitOffset }) => kernel.get(name) === bitOffset))
      continue;
    for (const [index, { name, bitOffset }] of members.entries()) {
      const others = elsewhere(hosts, struct.name, name, bitOffset!);
      if (others === '') continue;
      const { start } = struct.fields[index]!;
      const message = `${name} is read at offset ${bitOffset! / 8}, where ${hostOf(analysis)} has it: it is at ${others}`;
      const text = ' __attribute__((preserve_access_index))';
      const fix = {
        title: 'Let CO-RE relocate the struct: preserve_access_index',
        edits: [{ start: struct.end, end: struct.end, text }],
      };
      findings.push({ code: 'fixed-offset', start, end: start + name.length, message, fixes: [fix] });
    }
  }
  return findings;
}

function isRelocated(text: string, { start, end }: CStruct): boolean {
  const line = text.slice(end).split(';', 1)[0]!;
  return (
    /preserve_access_index/.test(text.slice(start, end) + line) ||
    /#pragma clang attribute push[^\n]*preserve_access_index/.test(text.slice(0, start))
  );
}

/** offsetof(struct task_struct, comm) */
function offsetofs(analysis: Analysis, hosts: readonly Known[]): Finding[] {
  const { source, world, models } = analysis;
  const { tokens } = source;
  return tokens.flatMap((token, at): Finding[] => {
    if (token.kind !== Kind.identifier || !/^(__builtin_)?offsetof$/.test(token.text) || tokens[at + 1]?.text !== '(')
      return [];
    const close = closing(tokens, at + 1, tokens.length);
    const [type, field, ...rest] = splitAtCommas(tokens, at + 2, close);
    if (!type || !field || rest.length > 0 || type[1] - type[0] !== 2 || field[1] - field[0] !== 1) return [];
    const name = `${tokens[type[0]]!.text} ${tokens[type[0] + 1]!.text}`;
    const of = tokens[field[0]]!.text;
    if (models.some((model) => model.structs.has(name))) return [];
    const id = world.kernel!.find(name);
    const own = id === null ? undefined : world.kernel!.fields(id)?.find((each) => each.name === of)?.bitOffset;
    const others = own === undefined ? '' : elsewhere(hosts, name, of, own);
    if (others === '') return [];
    const [start, end] = [token.start, tokens[close]!.end];
    const text = `bpf_core_field_offset(${name}, ${of})`;
    const fix = { title: `Ask the host's own kernel: ${text}`, edits: [...includeFor(analysis), { start, end, text }] };
    const message = `${of} is at ${own! / 8} on ${hostOf(analysis)}, but at ${others}: offsetof is fixed when the program is built`;
    return [{ code: 'fixed-offset', start, end, message, fixes: [fix] }];
  });
}
