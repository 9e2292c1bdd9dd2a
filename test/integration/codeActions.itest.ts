/** What the language server's actions write is right: every result compiles, and the kernel's verifier takes it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Analyser } from '../../language-server/src/analysis.ts';
import { parse } from '../../language-server/src/c/parse.ts';
import { actionsIn } from '../../language-server/src/features/actions/index.ts';
import { readHelpers, readWorld, type World } from '../../language-server/src/kernel/world.ts';
import { actionCases, type ActionCase } from '../../language-server/test/actionCases.ts';
import { engineForTests } from './support/engine.ts';
import { root } from './support/cli.ts';

const { folder, engine } = engineForTests('code-actions');

let world: World;
beforeAll(async () => {
  world = await readWorld({ vmlinuxHeader: null, arch: null }, await readHelpers(join(root, 'dist')));
  expect(world.kernel, 'this machine has BTF').not.toBeNull();
});

/** The source after the action on this machine's kernel; null where the action says that it cannot be done. */
function done(each: ActionCase): string | null {
  const [first, second] = [each.text.indexOf('‸'), each.text.lastIndexOf('‸')];
  const text = each.text.replaceAll('‸', '');
  const file = join(folder, 'case.bpf.c');
  const analysis = new Analyser().analyse({ uri: file, file, version: 1, text }, world);
  const found = actionsIn(analysis, first, second > first ? second - 1 : first);
  const action = found.find(({ title }) => title.includes(each.action));
  expect(action, `${each.name}: offered on this kernel`).toBeDefined();
  if (action!.disabled !== undefined) return null;
  const edits = [...action!.edits].sort((a, b) => b.start - a.start || b.end - a.end);
  return edits.reduce(
    (before, { start, end, text: inserted }) => before.slice(0, start) + inserted + before.slice(end),
    text,
  );
}

/** The source with names of its own, without what the joint source has once: includes and licence. */
function renamed(text: string, index: number): string {
  const { model } = parse(text);
  const structs = [...model.structs.keys()]
    .map((name) => name.replace(/^\w+ /, ''))
    .filter((name) => /^\w+$/.test(name));
  const names = [
    ...model.functions.map(({ name }) => name),
    ...model.maps.map(({ name }) => name),
    ...[...structs, ...model.variables.keys(), ...model.defines.keys()],
  ];
  const plain = text.replaceAll(/^(#include|char LICENSE).*$/gm, '');
  return plain.replaceAll(/\b[A-Za-z_]\w*\b/g, (word) => (names.includes(word) ? `${word}_${index}` : word));
}

const heads = ['"vmlinux.h"', '<bpf/bpf_helpers.h>', '<bpf/bpf_tracing.h>', '<bpf/bpf_core_read.h>'];

describe('what actions write', () => {
  it('compiles, and is accepted by the verifier', { timeout: 120_000 }, async () => {
    const results = actionCases.flatMap((each) => {
      const text = done(each);
      return text === null ? [] : [text];
    });
    expect(results.length).toBeGreaterThan(25);
    for (const text of results.filter((each) => each.includes('BPF_CORE_READ')))
      expect(text).toContain('<bpf/bpf_core_read.h>');
    // All of them in one source: a compile and a verification of its own for each takes ten times as long.
    const file = join(folder, 'actions.bpf.c');
    const includes = heads.map((head) => `#include ${head}\n`).join('');
    const whole = `${includes}char LICENSE[] SEC("license") = "GPL";\n${results.map(renamed).join('\n')}`;
    writeFileSync(file, whole);
    const built = await engine().build({ file });
    const found = built.diagnostics.filter(({ severity }) => severity !== 'note');
    expect(found, whole).toEqual([]);
    const [outcome] = await engine().verify({ file, hosts: ['local'], programs: [], set: {} });
    if (!outcome || !('programs' in outcome)) throw new Error(JSON.stringify(outcome));
    expect(outcome.programs.length).toBeGreaterThan(25);
    const refused = outcome.programs.filter(({ verdict }) => verdict !== 'accepted');
    expect(
      refused.map(({ name, reason }) => [name, reason?.title]),
      whole,
    ).toEqual([]);
  });
});
