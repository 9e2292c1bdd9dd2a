import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  helperCapabilities,
  mapCapabilities,
  objectCapabilities,
  sectionCapabilities,
  typeCapabilities,
} from './capabilities.ts';
import { inspectObject } from './inspect.ts';
import { sectionForms } from './sections.ts';
import { goldenObject } from './testObjects.ts';

/** The agent's table, as its source has it. */
const source = readFileSync(
  new URL('../../../host-agent/crates/agent/src/privilege/table.rs', import.meta.url),
  'utf8',
);
const capability = (word: string): string => `CAP_${word.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()}`;
const shorthand: Record<string, string> = { TRACING: 'Bpf, Perfmon', NETWORK: 'Bpf, NetAdmin' };

/** The entries of one constant: key → names. */
function rustTable(name: string): Record<string, string[]> {
  const [, body] = new RegExp(`pub const ${name}: [^=]*= &\\[\\n([^]*?)\\n\\];`).exec(source)!;
  const entries = body!.matchAll(/^ {4}\("?([\w.]+)"?, (?:&\[([^\]]*)\]|(\w+))\),/gm);
  return Object.fromEntries(
    [...entries].map(([, key, list, word]) => {
      const words = list ?? shorthand[word!] ?? word!;
      return [key!, words.split(', ').map(capability)];
    }),
  );
}
const lists = (table: Readonly<Record<string, string | readonly string[]>>): Record<string, string[]> =>
  Object.fromEntries(Object.entries(table).map(([key, value]) => [key, [value].flat()]));

describe('capabilities', () => {
  it.each([
    ['TYPES', typeCapabilities, 32],
    ['SECTIONS', sectionCapabilities, 6],
    ['HELPERS', helperCapabilities, 13],
    ['MAPS', mapCapabilities, 6],
  ] as const)("are those of the agent's table: %s", (name, table, entries) => {
    const agent = rustTable(name);
    expect(Object.keys(agent)).toHaveLength(entries);
    expect(lists(table)).toEqual(agent);
  });

  it('are known for every type that a section can have', () => {
    for (const { type, pattern } of sectionForms) expect(typeCapabilities, pattern).toHaveProperty(type);
  });

  it('of an object are those of the programs that load by themselves, and of its maps', () => {
    const tracing = { capabilities: ['CAP_BPF', 'CAP_PERFMON'], autoload: true };
    const network = { capabilities: ['CAP_BPF', 'CAP_NET_ADMIN'], autoload: false };
    expect(objectCapabilities([tracing, network], ['hash'])).toEqual(['CAP_BPF', 'CAP_PERFMON']);
    expect(objectCapabilities([network], [])).toEqual(['CAP_BPF', 'CAP_NET_ADMIN']);
    expect(objectCapabilities([tracing], ['sockmap'])).toEqual(['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN']);
  });

  it('are told of objects, with what their helpers ask for', () => {
    // It prints.
    expect(inspectObject(goldenObject('exec.bpf')).capabilities).toEqual(['CAP_BPF', 'CAP_PERFMON', 'CAP_SYSLOG']);
    const wrappers = inspectObject(goldenObject('wrappers.bpf'));
    for (const { capabilities } of wrappers.programs) expect(capabilities).toContain('CAP_BPF');
  });
});
