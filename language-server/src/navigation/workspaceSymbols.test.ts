import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CancellationToken, SymbolKind } from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { rank, WorkspaceSymbols } from './workspaceSymbols.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-symbols-'));
  for (const name of ['src', 'node_modules', '.git']) mkdirSync(join(folder, name));
  const files = {
    'src/one.bpf.c': 'SEC("xdp")\nint count_packets(void *ctx)\n{\n\treturn 0;\n}\n',
    'src/one.h': 'enum verdict { VERDICT_PASS, VERDICT_DROP = SOME_MACRO };\ntypedef struct f { int pid; } packet_t;\n',
    'src/vmlinux.h': 'struct packet_type { int a; };\n',
    'src/main.c': 'int packets;\n',
    'node_modules/two.bpf.c': 'int packets_of_others;\n',
    '.git/three.bpf.c': 'int packets_of_git;\n',
    'binary.bpf.c': '\0int packets;\n',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let open: TextDocument[] = [];
const symbols = new WorkspaceSymbols(() => open);

async function find(query: string): Promise<string[]> {
  const found = await symbols.find(query, CancellationToken.None);
  return found.map(({ name, containerName, location }) => {
    const { line, character } = location.range.start;
    return `${name}${containerName === undefined ? '' : ` of ${containerName}`} ${location.uri.split('/').at(-1)}:${line + 1}:${character + 1}`;
  });
}

it('finds what programs and their headers define, not what others made', async () => {
  symbols.setFolders([pathToFileURL(folder).href, 'vscode-remote://elsewhere/p']);
  expect(await find('packet')).toEqual(['packet_t one.h:2:31', 'count_packets one.bpf.c:2:5']);
  expect(await find('vdrop')).toEqual(['VERDICT_DROP one.h:1:30']);
  expect(await find('pid')).toEqual(['pid of struct f one.h:2:24']);
  const [typedef] = await symbols.find('packet_t', CancellationToken.None);
  expect(typedef?.kind).toBe(SymbolKind.Class);
});

it('finds macros of programs and headers, but not what guards a header', async () => {
  const macros =
    '#ifndef LIMITS_H\n#define LIMITS_H\n#define LIMIT_BYTES (1 <<\\\n 12)\n#  define LIMIT_OF(what)  what\n#endif\n';
  writeFileSync(join(folder, 'src/limits.h'), macros);
  symbols.setFolders([pathToFileURL(folder).href]);
  expect(await find('limit')).toEqual(['LIMIT_BYTES limits.h:3:9', 'LIMIT_OF limits.h:5:11']);
  const kinds = (await symbols.find('limit_', CancellationToken.None)).map(({ kind }) => kind);
  expect(kinds).toEqual([SymbolKind.Constant, SymbolKind.Function]);
  for (const line of ['#ifndef A\n#define A 1\n#endif\n', '#if !defined(A)\n# define B\n#endif\n', '#define C\n']) {
    open = [TextDocument.create(pathToFileURL(join(folder, 'src/open.bpf.c')).href, 'c', 1, line)];
    const name = /define ([ABC])/.exec(line)![1]!;
    expect(
      (await find(name)).filter((each) => each.includes('open')),
      line,
    ).toHaveLength(1);
  }
  open = [];
});

it('what is open is read from the editor, and what was saved is read anew', async () => {
  const uri = pathToFileURL(join(folder, 'src/one.bpf.c')).href;
  open = [TextDocument.create(uri, 'c', 1, 'int typed_packets;\n')];
  expect(await find('packets')).toEqual(['typed_packets one.bpf.c:1:5']);
  open = [];
  writeFileSync(join(folder, 'src/one.bpf.c'), 'int saved_packets;\n');
  expect(await find('packets')).toEqual(['saved_packets one.bpf.c:1:5']);
});

it('a folder that leaves the workspace takes its symbols with it', async () => {
  const other = join(folder, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'far.bpf.c'), 'int far_away;\n');
  symbols.setFolders([pathToFileURL(join(folder, 'src')).href]);
  expect(await find('far_away')).toEqual([]);
  symbols.changeFolders([pathToFileURL(other).href], []);
  expect(await find('far_away')).toEqual(['far_away far.bpf.c:1:5']);
  symbols.changeFolders([], [pathToFileURL(other).href]);
  expect(await find('far_away')).toEqual([]);
});

it('a question that is taken back ends, and a folder that is not there is none', async () => {
  symbols.setFolders([pathToFileURL(join(folder, 'nowhere')).href]);
  expect(await find('')).toEqual([]);
  symbols.setFolders([pathToFileURL(folder).href]);
  expect(await symbols.find('', CancellationToken.Cancelled)).toEqual([]);
});

it('the name itself comes before its beginning, a part and its letters', () => {
  expect(
    ['events', 'events_lost', 'lost_events', 'every_net_test', 'other'].map((name) => rank(name, 'events')),
  ).toEqual([0, 1, 2, 3, null]);
  expect(rank('Events', 'EV')).toBe(1);
});
