/** The files of a project: put together, looked for, written. Nothing that exists is ever overwritten. */
import { lstat, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RingsideError } from '../errors.ts';
import type { LocalHeader } from './localHeaders.ts';
import type { ProjectLanguage, ProjectModel } from './model.ts';
import { readmeText } from './readme.ts';

export interface ProjectFile {
  /** Relative to the project, with "/". */
  path: string;
  text: string;
}

const ignored: Record<ProjectLanguage, (name: string) => string[]> = {
  c: (name) => ['/build/', `/${name}`],
  go: (name) => ['/vmlinux.h', '/bpf_*.go', '/bpf_*.o', `/${name}`],
  rust: () => ['/target/', '/vmlinux.h'],
};

/** What every project has, whatever its language. */
export function commonFiles(
  model: ProjectModel,
  language: ProjectLanguage,
  source: string,
  headers: readonly LocalHeader[],
): ProjectFile[] {
  return [
    { path: `${model.name}.bpf.c`, text: source.endsWith('\n') ? source : `${source}\n` },
    ...headers.map((header) => ({ path: header.name, text: header.text })),
    { path: 'README.md', text: readmeText(model, language) },
    { path: '.gitignore', text: `${ignored[language](model.name).join('\n')}\n` },
  ];
}

/** Which of the files are there already, or cannot come to be because something else is in the way. */
export async function existingFiles(dir: string, files: readonly ProjectFile[]): Promise<string[]> {
  const there = await Promise.all(files.map((file) => exists(join(dir, file.path))));
  return files.filter((_, i) => there[i]).map((file) => file.path);
}

async function exists(path: string): Promise<boolean> {
  const found = await lstat(path).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  });
  return found !== null;
}

/**
 * Writes all of them or none: what was written is taken back when one fails.
 * @throws RingsideError `file-exists`, `not-writable`
 */
export async function writeProject(dir: string, files: readonly ProjectFile[]): Promise<void> {
  const [first] = await existingFiles(dir, files);
  if (first !== undefined)
    throw new RingsideError('file-exists', `${join(dir, first)} exists already.`, {
      remedy: 'Choose another folder: nothing is overwritten.',
    });
  const written: string[] = [];
  try {
    for (const file of files) {
      const path = join(dir, file.path);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, file.text, { flag: 'wx' });
      written.push(path);
    }
  } catch (error) {
    await Promise.all(written.map((path) => rm(path, { force: true })));
    throw new RingsideError('not-writable', `The project cannot be written to ${dir}.`, {
      remedy: 'Choose a folder that you may write to.',
      cause: error,
    });
  }
}
