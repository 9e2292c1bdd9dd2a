/** A project of its own from a program: `ringside project`. Builds it, plans the files, checks that shared types still are what they were. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { localVmlinuxHeader } from '../build/index.ts';
import { temporaryName } from '../build/cache.ts';
import { projectFlags } from '../build/project/index.ts';
import { targetMachine } from '../build/flags.ts';
import { RingsideError, throwIfAborted } from '../errors.ts';
import type { InspectReport, ProjectPlan, ProjectRequest } from '../model/index.ts';
import {
  cFiles,
  commonFiles,
  deriveProject,
  existingFiles,
  goFiles,
  headerCheck,
  headerName,
  projectName,
  refuseNames,
  rustFiles,
  sharedCut,
  systemStubs,
  withLocalHeaders,
  type Cut,
  type LocalHeader,
  type ProjectFile,
  type ProjectModel,
} from '../project/index.ts';
import type { CallOptions } from '../progress.ts';
import { compile, isSource, prepare, type BuildSettings } from './prepare.ts';

const thisMachine = { arch: process.arch === 'arm64' ? 'aarch64' : 'x86_64', kernel: '' };

/**
 * What the project would consist of; nothing is written.
 * @throws RingsideError what `inspect` throws; `usage` for an object, which has no source to go on with
 */
export async function planProject(
  request: ProjectRequest,
  settings: BuildSettings,
  call: CallOptions,
): Promise<ProjectPlan> {
  const file = resolve(request.file);
  if (!isSource(file))
    throw new RingsideError(
      'usage',
      `${basename(file)} is no C source: a project begins with the source of its program.`,
      {
        remedy: 'Name the .bpf.c file that it was built from.',
      },
    );
  const header = (): Promise<string> => localVmlinuxHeader(settings.cacheDir);
  const prepared = await prepare(file, thisMachine, header, settings, call);
  const original = await readFile(file, 'utf8');
  const flags = projectFlags(file, targetMachine(thisMachine.arch));
  const folders = [...flags.includes, join(settings.resourceDir, 'bpf-snippets', 'include')];
  const { source, headers } = await withLocalHeaders(file, original, folders);
  const texts = [source, ...headers.map((one) => one.text)];
  const model = deriveProject({
    name: projectName(basename(file)),
    object: prepared.full,
    report: prepared.report,
    defines: flags.defines.filter((define) => !/^-D__TARGET_ARCH_/.test(define)),
    usesVmlinux: texts.some((text) => /#\s*include\s*["<]([^">]*\/)?vmlinux\.h[">]/.test(text)),
  });
  const parts = { model, source, headers, report: prepared.report };
  const files = request.language === 'c' ? await inC(parts, settings, call) : inOther(parts, request.language);
  throwIfAborted(call.signal);
  const dir = resolve(request.dir);
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { dir, name: model.name, language: request.language, files, existing: await existingFiles(dir, files) };
}

interface Parts {
  model: ProjectModel;
  source: string;
  headers: LocalHeader[];
  report: InspectReport;
}

function inOther({ model, source, headers }: Parts, language: 'go' | 'rust'): ProjectFile[] {
  const own = language === 'go' ? goFiles(model, headers) : rustFiles(model, headers);
  return [...commonFiles(model, language, source, headers), ...own];
}

/** Types move from the source to a header of both sides, if the program compiles to the same records with it. */
async function inC(parts: Parts, settings: BuildSettings, call: CallOptions): Promise<ProjectFile[]> {
  const { model, source, headers } = parts;
  refuseNames(model, source);
  const cut = sharedCut(model, source, headerName(model, headers));
  if (cut) {
    const files = [...commonFiles(model, 'c', cut.source, headers), ...cFiles(model, headers, cut)];
    if (await compilesAlike(parts, files, cut, settings, call)) return files;
  }
  return [...commonFiles(model, 'c', source, headers), ...cFiles(model, headers, null)];
}

async function compilesAlike(
  { model, headers, report }: Parts,
  files: ProjectFile[],
  cut: Cut,
  settings: BuildSettings,
  call: CallOptions,
): Promise<boolean> {
  const folder = temporaryName(join(settings.cacheDir, 'tmp', 'project'));
  const header = headerName(model, headers);
  try {
    const stubs = systemStubs.map((stub) => ({ ...stub, path: `system/${stub.path}` }));
    const check = { path: 'check.c', text: headerCheck(model, header, cut) };
    for (const file of [...files, ...stubs, check]) {
      await mkdir(dirname(join(folder, file.path)), { recursive: true });
      await writeFile(join(folder, file.path), file.text);
    }
    const vmlinux = (): Promise<string> => localVmlinuxHeader(settings.cacheDir);
    const base = { target: thisMachine, header: vmlinux };
    const user = {
      ...base,
      file: join(folder, 'check.c'),
      syntaxOnly: true,
      flags: ['-U__bpf__', '-I', join(folder, 'system')],
    };
    if (!(await compile(user, settings, call)).ok) return false;
    const kernel = { ...base, file: join(folder, `${model.name}.bpf.c`), flags: model.defines };
    const built = await compile(kernel, settings, call);
    if (!built.ok) return false;
    const again = await prepare(built.object, thisMachine, vmlinux, settings, call);
    return JSON.stringify(layout(again.report)) === JSON.stringify(layout(report));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What must be the same: instructions, and where the fields of records lie. */
function layout({ programs, maps, records }: InspectReport): unknown {
  return [programs.map(({ name, instructions }) => [name, instructions]), maps, records];
}
