/**
 * Builds programs against the vmlinux.h that we write for a kernel and against bpftool's, and compares what comes out:
 * the place of every field of every type, and the instructions.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BpfObject, Btf } from '../../../core/src/bpf/index.ts';
import { buildObject, warmUp, writeVmlinuxHeader } from '../../../core/src/build/index.ts';

export interface HeaderComparison {
  /** Programs that build with both. */
  built: number;
  /** Programs that build with neither, for the same reason. */
  refused: string[];
  /** Named structs and unions whose layout was compared. */
  records: number;
  differences: string[];
  programs: ComparedProgram[];
}

export interface ComparedProgram {
  file: string;
  /** What clang says against it with either header; "" when it builds with both, null when they are not of one mind. */
  refused: string | null;
  records: number;
  /** Of its functions, whose instructions were compared. */
  functions: number;
  differences: string[];
}

export interface ComparedKernel {
  btf: Uint8Array;
  /** `uname -m` */
  arch: string;
  /** For headers and objects; the caller removes it. */
  folder: string;
  /** The folder with `resources/`. */
  resourceDir: string;
}

interface Side {
  header: string;
  cacheDir: string;
}

export async function compareHeaders(kernel: ComparedKernel, programs: readonly string[]): Promise<HeaderComparison> {
  const { btf, folder } = kernel;
  const raw = join(folder, 'btf');
  mkdirSync(folder, { recursive: true });
  writeFileSync(raw, btf);
  const bpftool = execFileSync('bpftool', ['btf', 'dump', 'file', raw, 'format', 'c'], { maxBuffer: 64 << 20 });
  const ours = side(folder, 'ours', writeVmlinuxHeader(Btf.parse(btf)));
  const theirs = side(folder, 'bpftool', bpftool);
  await Promise.all([ours, theirs].map((each) => warmUp(optionsOf(kernel, each, programs[0]!))));
  const compared: ComparedProgram[] = [];
  for (const file of programs)
    compared.push(compare(file, await build(kernel, ours, file), await build(kernel, theirs, file)));
  return {
    built: compared.filter(({ refused }) => refused === '').length,
    refused: compared.filter(({ refused }) => refused).map(({ file, refused }) => `${file}: ${refused}`),
    records: compared.reduce((sum, { records }) => sum + records, 0),
    differences: compared.flatMap(({ file, differences }) => differences.map((text) => `${file}: ${text}`)),
    programs: compared,
  };
}

function side(folder: string, name: string, text: string | Uint8Array): Side {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'vmlinux.h'), text);
  return { header: join(place, 'vmlinux.h'), cacheDir: join(place, 'cache') };
}

function optionsOf({ arch, resourceDir }: ComparedKernel, { header, cacheDir }: Side, file: string) {
  return { file, vmlinuxHeader: header, cacheDir, resourceDir, arch };
}

/** The object, or what clang says against the program, without the places in the header. */
async function build(kernel: ComparedKernel, of: Side, file: string): Promise<BpfObject | string> {
  const outputPath = join(of.cacheDir, `${basename(file)}.o`);
  const { ok, diagnostics } = await buildObject({ ...optionsOf(kernel, of, file), outputPath });
  if (ok) return BpfObject.parse(readFileSync(outputPath));
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  return errors.map(({ message, line }) => `${line}: ${message}`).join('; ');
}

function compare(file: string, ours: BpfObject | string, theirs: BpfObject | string): ComparedProgram {
  if (typeof ours === 'string' || typeof theirs === 'string') {
    const nothing = { file, records: 0, functions: 0 };
    if (ours === theirs) return { ...nothing, refused: ours as string, differences: [] };
    const words = typeof ours === 'string' ? `ours: ${ours}` : `bpftool's: ${theirs as string}`;
    return { ...nothing, refused: null, differences: [words] };
  }
  const differences: string[] = [];
  const [mine, other] = [layouts(ours.btf!), layouts(theirs.btf!)];
  for (const name of new Set([...mine.keys(), ...other.keys()])) {
    const [a, b] = [mine.get(name) ?? 'is not there', other.get(name) ?? 'is not there'];
    if (a !== b) differences.push(`${name}: ours ${a}, bpftool's ${b}`);
  }
  for (const { name, section } of ours.functions) {
    const twin = theirs.functions.find((each) => each.name === name);
    if (!twin || !Buffer.from(section.data).equals(Buffer.from(twin.section.data)))
      differences.push(`${name}: other instructions`);
  }
  return { file, refused: '', records: mine.size, functions: ours.functions.length, differences };
}

/** Size, and place of each field, of the named records; what both headers fill gaps with has no name of the kernel's. */
function layouts(btf: Btf): Map<string, string> {
  const found = new Map<string, string>();
  for (let id = 1; id < btf.typeCount; id++) {
    const type = btf.type(id);
    if ((type.kind !== 'struct' && type.kind !== 'union') || type.name === '') continue;
    found.set(`${type.kind} ${type.name}`, `${type.size} { ${fields(btf, id, 0).join(' ')} }`);
  }
  return found;
}

function fields(btf: Btf, id: number, base: number): string[] {
  const type = btf.type(id);
  if (type.kind !== 'struct' && type.kind !== 'union') return [];
  return type.members.flatMap(({ name, bitOffset, bitSize, type: of }) => {
    if (/^__(fill|pad)\d+$/.test(name)) return [];
    const at = base + bitOffset;
    const inner = btf.type(of);
    const isNested = (inner.kind === 'struct' || inner.kind === 'union') && inner.name === '';
    const own = name === '' ? [] : [`${name}@${at}${bitSize > 0 ? `:${bitSize}` : ''}`];
    return isNested ? [...own, ...fields(btf, of, at)] : own;
  });
}

/** The programs of a checkout that are meant to build. */
export function repositoryPrograms(root: string): string[] {
  const folders = [
    ...readdirSync(join(root, 'bpf-snippets'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(root, 'bpf-snippets', name)),
    join(root, 'test/fixtures/programs'),
  ];
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.bpf.c'))
      .sort()
      .map((name) => join(folder, name)),
  );
}
