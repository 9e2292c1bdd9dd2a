/** From an object and its source to the files of a project. `vitest -u` writes what test/fixtures/projects has. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { inspectObject } from '../bpf/index.ts';
import {
  cFiles,
  commonFiles,
  deriveProject,
  goFiles,
  headerName,
  projectName,
  refuseNames,
  rustFiles,
  sharedCut,
  type ProjectFile,
  type ProjectLanguage,
  type ProjectModel,
} from './index.ts';

const fixtures = new URL('../../../test/fixtures/', import.meta.url);

/** An object of the fixtures, and the source that it was compiled from. */
const programs: Record<string, { object: string; source: string }> = {
  'bad-names': { object: 'projects/bad-names.bpf.o', source: 'programs/1-bad-names.bpf.c' },
  'taken-names': { object: 'projects/taken-names.bpf.o', source: 'programs/taken_names.bpf.c' },
  nets: { object: 'projects/nets.bpf.o', source: 'programs/nets.bpf.c' },
  tcp: { object: 'objects/tcp.dwarf.bpf.o', source: 'objects/tcp.bpf.c' },
  maps: { object: 'objects/maps.dwarf.bpf.o', source: 'objects/maps.bpf.c' },
  tagged: { object: 'objects/tagged.dwarf.bpf.o', source: 'objects/tagged.bpf.c' },
};

function load(name: string): { model: ProjectModel; source: string } {
  const { object, source } = programs[name]!;
  const bytes = new Uint8Array(readFileSync(new URL(object, fixtures)));
  const text = readFileSync(new URL(source, fixtures), 'utf8');
  const model = deriveProject({
    name: projectName(source.split('/').at(-1)!),
    object: bytes,
    report: inspectObject(bytes),
    defines: name === 'tcp' ? ['-DNAME="a b"'] : [],
    usesVmlinux: text.includes('vmlinux.h'),
  });
  return { model, source: text };
}

function filesOf(name: string, language: ProjectLanguage): ProjectFile[] {
  const { model, source } = load(name);
  if (language === 'go') return [...commonFiles(model, 'go', source, []), ...goFiles(model, [])];
  if (language === 'rust') return [...commonFiles(model, 'rust', source, []), ...rustFiles(model, [])];
  const cut = sharedCut(model, source, headerName(model, []));
  return [...commonFiles(model, 'c', cut?.source ?? source, []), ...cFiles(model, [], cut)];
}

/** Files of a project as one text. */
const tree = (files: ProjectFile[]): string => files.map(({ path, text }) => `===== ${path}\n${text}`).join('');

describe('files of a project', () => {
  it.each([
    ['bad-names', 'c'],
    ['bad-names', 'go'],
    ['bad-names', 'rust'],
    ['taken-names', 'c'],
    ['taken-names', 'go'],
    ['nets', 'c'],
    ['nets', 'go'],
    ['nets', 'rust'],
    ['tcp', 'c'],
    ['tcp', 'go'],
    ['tcp', 'rust'],
    ['maps', 'c'],
    ['maps', 'go'],
    ['maps', 'rust'],
    ['tagged', 'c'],
  ] as const)('those of %s in %s are the ones of test/fixtures/projects', async (name, language) => {
    const golden = fileURLToPath(new URL(`projects/${name}.${language}.txt`, fixtures));
    await expect(tree(filesOf(name, language))).toMatchFileSnapshot(golden);
  });
});

describe('names that C has already', () => {
  const headerOf = (name: string): string => filesOf(name, 'c').find(({ path }) => path.endsWith('.h'))!.text;

  it('a record called as one of the C library keeps its definition; user space reads it by another name', () => {
    const files = filesOf('taken-names', 'c');
    expect(files.find(({ path }) => path.endsWith('.bpf.c'))!.text).toContain('struct option {');
    expect(headerOf('taken-names')).toContain('struct option_2 {\n\t__u32 pid;\n\t__s32 errno_;');
    expect(files.find(({ path }) => path === 'taken_names.c')!.text).toContain('print_option_2(&record)');
  });

  it('types of global variables are in the header that the skeleton follows, static ones are not', () => {
    const header = headerOf('taken-names');
    expect(header).toContain('struct plain {\n\tu16 a;');
    expect(header).toContain('typedef u8 hardware_t[6];');
    expect(header).toMatch(/struct config \{[\s\S]*\} __attribute__\(\(aligned\(8\)\)\);/);
    expect(header).not.toContain('in6_addr');
    expect(load('taken-names').model.globals.map(({ name }) => name)).not.toContain('hidden');
  });

  it('a variable of such a type, and a name that is a macro, are refused with the way out', () => {
    const { model, source } = load('taken-names');
    const variable = (name: string, type: string): ProjectModel => ({
      ...model,
      globals: [{ name, type, offset: 0, bits: 0, size: 4, kind: 'struct', format: 'plain', fields: [] }],
    });
    expect(() => refuseNames(variable('wanted', 'struct option[2]'), source)).toThrow(
      /^struct option, the type of a global variable, has the name of another type/,
    );
    expect(() => refuseNames(variable('errno', 'struct plain'), source)).toThrow(/^errno is a word of C/);
    expect(() => refuseNames(variable('seen', 'struct in6_addr'), source)).not.toThrow();
    expect(() => refuseNames(model, source)).not.toThrow();
  });
});
