import { expect, test, vi } from 'vitest';
import type { Uri } from 'vscode';
import type { Diagnostic, ProgramVerdict } from '@ringside/core/model';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { DiagnosticSets, fixesOf, restOfLine } = await import('./diagnosticSets.ts');

const uri = mock.Uri.file('/w/a.bpf.c');
const source = uri as unknown as Uri;
const finding = (given: Partial<Diagnostic>): Diagnostic => ({
  ...{
    file: '/w/a.bpf.c',
    line: 3,
    column: 5,
    endLine: 3,
    endColumn: 9,
    severity: 'error',
    message: 'm',
    code: '',
    source: 'clang',
  },
  ...given,
});
const compiler = (path: string) => mock.collections.get('ringside-clang')!.get(`file://${path}`) ?? [];
const verifier = (path: string) => mock.collections.get('ringside-verifier')!.get(`file://${path}`) ?? [];

test('notes belong to the finding before them, headers get their own, the next build clears both', () => {
  const sets = new DiagnosticSets();
  sets.setCompiler(source, [
    finding({ message: 'redefinition' }),
    finding({ severity: 'note', file: 'b.h', line: 9, message: 'previous definition is here' }),
    finding({ file: 'b.h', severity: 'warning', code: '-Wunused', message: 'unused' }),
  ]);
  const [first] = compiler('/w/a.bpf.c');
  expect(compiler('/w/a.bpf.c')).toHaveLength(1);
  expect(first!.relatedInformation![0]).toMatchObject({
    message: 'previous definition is here',
    location: { uri: { path: '/w/b.h' }, range: { start: { line: 8 } } },
  });
  expect(compiler('/w/b.h')[0]).toMatchObject({
    severity: 1,
    code: '-Wunused',
    range: { start: { line: 2, character: 4 } },
  });
  sets.setCompiler(source, []);
  expect([...compiler('/w/a.bpf.c'), ...compiler('/w/b.h')]).toEqual([]);
});

test('what the language server says too is not said twice, whoever comes first', () => {
  const sets = new DiagnosticSets();
  const server = mock.languages.createDiagnosticCollection('server');
  const same = () => [new mock.Diagnostic(new mock.Range(2, 0, 2, 1), 'm', 0)];
  server.set(uri, same());
  sets.setCompiler(source, [finding({}), finding({ line: 8, message: 'other' })]);
  expect(compiler('/w/a.bpf.c').map((d) => d.message)).toEqual(['other']);
  server.delete(uri);
  sets.setCompiler(source, [finding({})]);
  expect(compiler('/w/a.bpf.c')).toHaveLength(1);
  server.set(uri, same());
  expect(compiler('/w/a.bpf.c')).toEqual([]);
  mock.collections.delete('server');
});

test("a rejection stands at its line, with the way there, the whole log behind its code and the verifier's fixes", () => {
  const sets = new DiagnosticSets();
  const text = '    e->pid = pid;   ';
  mock.workspace.textDocuments = [
    { uri: source, lineCount: 60, lineAt: () => ({ text, firstNonWhitespaceCharacterIndex: 4 }) },
  ];
  const reason = {
    ...{
      category: 'null-pointer',
      title: '`e` may be NULL here',
      message: 'bpf_ringbuf_reserve() returns NULL.',
      file: '/w/a.bpf.c',
      line: 42,
      column: 1,
    },
    cause: [{ file: '/w/a.bpf.c', line: 41, column: 1, message: 'e is created' }],
    fixes: [{ title: 'Add a check', edits: [] }],
    ...{ kernelSuggestion: '', registers: {} },
  };
  const stats = {
    instructions: 1,
    processed: 1,
    limitPercent: 0,
    totalStates: 0,
    peakStates: 0,
    stackBytes: 0,
    verifyMicros: 0,
  };
  const rejected: ProgramVerdict = { name: 'p', section: 'xdp', verdict: 'rejected', reason, stats };
  const log = mock.Uri.from({ scheme: 'ringside', path: '/log' }) as unknown as Uri;
  sets.setVerdicts(source, 'web-1', [rejected, { ...rejected, name: 'q', verdict: 'accepted', reason: null }], log);
  const [diagnostic] = verifier('/w/a.bpf.c');
  expect(diagnostic).toMatchObject({
    message: '`e` may be NULL here\nbpf_ringbuf_reserve() returns NULL.\n(p, verifier of web-1)',
    source: 'verifier',
    code: { value: 'null-pointer', target: log },
    range: { start: { line: 41, character: 4 }, end: { line: 41, character: 17 } },
    relatedInformation: [{ message: 'e is created', location: { range: { start: { line: 40 } } } }],
  });
  expect(fixesOf.get(diagnostic as never)).toEqual(reason.fixes);
  sets.setVerdicts(source, 'web-1', [{ ...rejected, verdict: 'accepted', reason: null }], log);
  expect(verifier('/w/a.bpf.c')).toEqual([]);
  mock.workspace.textDocuments = [];
});

test.each([
  ['\t*seen += 1;', '+=', '*seen += 1;'],
  ['\tfor (i = 0; i < 4; i++)', '++', 'i++)'],
  ['\tif (a == b) return 1;', '==', '== b) return 1;'],
  ['\ts->hits = now();', 'now', 'now();'],
  ['\tx = *p;', '*p', '*p;'],
  ['int a; s->hits = 1;', '=', 's->hits = 1;'],
])('what is assigned to is marked with the operator that the line information names: %s', (text, at, marked) => {
  const document = { text, firstNonWhitespaceCharacterIndex: text.length - text.trimStart().length };
  mock.workspace.textDocuments = [{ uri: source, lineCount: 1, lineAt: () => document }];
  const { start, end } = restOfLine(source, { file: '', line: 1, column: text.indexOf(at) + 1 });
  expect(text.slice(start.character, end.character)).toBe(marked);
  mock.workspace.textDocuments = [];
});
