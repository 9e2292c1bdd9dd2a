import { beforeEach, expect, it, vi } from 'vitest';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));

let installed: string[];
const updates: unknown[][] = [];
const root = { name: 'probes', uri: mock.Uri.file('/w/probes') };
const { CppToolsRepair, falseAlarms } = await import('./cppTools.ts');

const at = (line: number, source: string, severity = mock.DiagnosticSeverity.Error): mock.Diagnostic => {
  const diagnostic = new mock.Diagnostic(new mock.Range(line, 0, line, 5), 'wrong', severity);
  diagnostic.source = source;
  return diagnostic;
};
const file = mock.Uri.file('/w/probes/a.bpf.c');
const collection = mock.languages.createDiagnosticCollection('cpp');

function repair(memento = new mock.MemoryMemento()) {
  const made = new CppToolsRepair({ errors: { log: vi.fn() }, extension: { workspaceState: memento } } as never);
  return { consider: (uri = file) => made.consider({ uri } as never), memento };
}

beforeEach(() => {
  installed = ['ms-vscode.cpptools'];
  updates.length = 0;
  mock.shown.length = 0;
  mock.dialogs.answer = () => undefined;
  Object.assign(mock.workspace, {
    getWorkspaceFolder: (uri: mock.Uri) => (uri.fsPath.startsWith('/w/probes/') ? root : undefined),
    getConfiguration: (section: string, folder: typeof root) => ({
      update: (...args: unknown[]) => {
        updates.push([section, folder.name, ...args]);
        return Promise.resolve();
      },
    }),
  });
  Object.assign(mock.extensions, {
    getExtension: (id: string) => (installed.includes(id) ? {} : undefined),
  });
  collection.set(file, [at(1, 'C/C++'), at(2, 'C/C++')]);
});

it('counts errors of the C/C++ extension where the compiler has none', () => {
  const { Warning } = mock.DiagnosticSeverity;
  const count = (...all: mock.Diagnostic[]) => falseAlarms(all as never);
  expect(count()).toBe(0);
  expect(count(at(1, 'C/C++'), at(2, 'C/C++'), at(3, 'C/C++', Warning))).toBe(2);
  expect(count(at(1, 'C/C++'), at(1, 'clang'), at(2, 'C/C++'), at(4, 'clang'))).toBe(1);
  expect(count(at(1, 'clang'), at(2, 'ringside'))).toBe(0);
  // As that extension makes them: numbers for its marks, names for its code analysis, which the setting leaves on.
  const coded = (code: unknown) => Object.assign(at(1, 'C/C++'), { code });
  expect(count(coded(20))).toBe(1);
  expect(count(coded('clang-diagnostic-error'), coded({ value: 'clang-diagnostic-error', target: file }))).toBe(0);
});

it('says what it would change, and changes that on a click', async () => {
  mock.dialogs.answer = (_text, [first]) => first;
  await repair().consider();
  expect(mock.shown).toHaveLength(1);
  expect(mock.shown[0]!.text).toContain('marks 2 errors in probes/a.bpf.c');
  expect(mock.shown[0]!.text).toContain('"C_Cpp.errorSquiggles": "disabled" to .vscode/settings.json of probes');
  expect(updates).toEqual([
    ['C_Cpp', 'probes', 'errorSquiggles', 'disabled', mock.ConfigurationTarget.WorkspaceFolder],
  ]);
});

it('asks once in a window, and never again in a folder where it is declined', async () => {
  const first = repair();
  await first.consider();
  await first.consider();
  expect(mock.shown).toHaveLength(1);
  mock.dialogs.answer = (_text, buttons) => buttons[1];
  await repair(first.memento).consider();
  expect(mock.shown).toHaveLength(2);
  await repair(first.memento).consider();
  expect(mock.shown).toHaveLength(2);
  expect(updates).toEqual([]);
});

it.each([
  ['the extension is not there', () => (installed = []), file],
  ['the compiler says the same', () => collection.set(file, [at(1, 'C/C++'), at(1, 'clang')]), file],
  ['nothing is marked', () => collection.set(file, []), file],
  ['the file is no program', () => undefined, mock.Uri.file('/w/probes/main.c')],
  ['it is in no folder', () => undefined, mock.Uri.file('/x/a.bpf.c')],
])('does not ask when %s', async (_why, arrange, uri) => {
  collection.set(uri, [at(1, 'C/C++')]);
  arrange();
  await repair().consider(uri);
  expect(mock.shown).toEqual([]);
});
