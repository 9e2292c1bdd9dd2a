import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Analyser } from '../analysis.ts';
import { nowhere, readWorld, type World } from '../kernel/world.ts';
import { check, checkKinds, type CheckCode } from './index.ts';

const root = join(import.meta.dirname, '../../..');

/** Mistakes that are there on purpose: tests of what a host says to them. */
const onPurpose: Readonly<Record<string, readonly CheckCode[]>> = {
  'host-agent/tests/objects/kinds.bpf.c': ['no-such-tracepoint'],
  'host-agent/tests/objects/partly.bpf.c': ['helper-not-allowed', 'unknown-section'],
  'host-agent/tests/objects/impossible_map.bpf.c': ['map-key-size'],
  'test/fixtures/clang/backend.bpf.c': ['stack-too-large'],
  'test/fixtures/verifier/helper-not-allowed.bpf.c': ['helper-not-allowed'],
  'test/fixtures/verifier/gpl-only.bpf.c': ['gpl-only-helper'],
};

/** Without test/fixtures/rejected: those load nowhere, and what is said of them is right. */
function* programs(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !['node_modules', 'dist', 'target', '.cache', '.git', 'rejected'].includes(entry.name))
      yield* programs(path);
    else if (entry.isFile() && entry.name.endsWith('.bpf.c')) yield path;
  }
}

function findings(world: World): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const analyser = new Analyser();
  for (const path of ['bpf-snippets', 'host-agent/tests', 'test'].flatMap((each) => [...programs(join(root, each))])) {
    const document = { uri: path, file: path, version: 1, text: readFileSync(path, 'utf8') };
    const codes = check(analyser.analyse(document, world)).filter(({ code }) => checkKinds[code].severity !== 'hint');
    found.set(relative(root, path), [...new Set(codes.map(({ code }) => code))].sort());
  }
  return found;
}

describe('the programs of the repository', () => {
  it('get no warning on this kernel but where a mistake is on purpose', async () => {
    const world = await readWorld({ vmlinuxHeader: null, arch: null }, nowhere.helpers);
    expect(world.kernel, 'this machine has BTF').not.toBeNull();
    const found = findings(world);
    expect(found.size).toBeGreaterThan(90);
    const told = [...found].filter(([, codes]) => codes.length > 0);
    // Tracepoints are known only where tracefs may be read.
    const hasEvents = world.points.tracepointNames.names.length > 0;
    const wanted = Object.entries(onPurpose).filter(([, codes]) => hasEvents || !codes.includes('no-such-tracepoint'));
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(wanted));
  });

  it.each(['5.15.0', '6.1.0', '6.12.1', '7.3.4'])('get none about helpers and maps on kernel %s either', (release) => {
    const told = [...findings({ ...nowhere, host: 'old', release })].filter(
      ([path, codes]) => codes.length > 0 && !(path in onPurpose),
    );
    expect(told).toEqual([]);
  });
});
