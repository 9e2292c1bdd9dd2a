/** The gallery: small programs to start from, in `bpf-snippets` beside the bundles. */
import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { RingsideError } from './errors.ts';

/** A program of the gallery: its manifest (bpf-snippets/manifest.schema.json) with its folder's name. */
export interface Template {
  name: string;
  title: string;
  description: string;
  /** File name of the source within the template's folder. */
  source: string;
  needs: { kernel: string; features: string[] };
  /** Targets unless the user chooses others: "iface" → "lo". */
  targets: Record<string, string>;
  /** What is shown first. */
  defaultView: { stream: string } | { map: string };
  /** Columns that matter, in order. */
  columns: string[];
}

export interface CreatedProgram {
  /** Where the program is now, absolute. */
  dir: string;
  /** Path of the source, absolute. */
  source: string;
  /** What was made, relative to `dir`. */
  files: string[];
}

/** Reads a manifest that someone wrote. @throws RingsideError `bad-value` that names the member. */
export function parseManifest(name: string, json: string): Template {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw broken(name, `it is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (!isRecord(value)) throw broken(name, 'it is no object');
  const manifest = value;
  const text = (key: string): string => {
    const member = manifest[key];
    return typeof member === 'string' && member !== '' ? member : fail(`"${key}" must be a text`);
  };
  const fail = (why: string): never => {
    throw broken(name, why);
  };
  const source = text('source');
  if (!/^\w+\.bpf\.c$/.test(source)) fail('"source" must be the name of a .bpf.c file in the same folder');
  const { needs, targets, defaultView, columns } = manifest;
  if (!isRecord(needs) || typeof needs['kernel'] !== 'string' || !isTexts(needs['features'])) {
    return fail('"needs" must have "kernel" and "features"');
  }
  if (!isRecord(targets) || !isTexts(Object.values(targets))) return fail('"targets" must be texts by key');
  const view = isRecord(defaultView) ? readView(defaultView) : null;
  if (view === null) return fail('"defaultView" must be { "stream": NAME } or { "map": NAME }');
  if (!isTexts(columns)) return fail('"columns" must be a list of names');
  return {
    name,
    title: text('title'),
    description: text('description'),
    source,
    needs: { kernel: needs['kernel'], features: needs['features'] },
    targets: targets as Record<string, string>,
    defaultView: view,
    columns,
  };
}

function readView({ stream, map }: Record<string, unknown>): Template['defaultView'] | null {
  if (typeof stream === 'string' && map === undefined) return { stream };
  return typeof map === 'string' && stream === undefined ? { map } : null;
}

/**
 * Every program of the gallery, by name.
 * @param resourceDir the folder that holds `bpf-snippets` (dist/ of the checkout or the installed extension)
 */
export async function listTemplates(resourceDir: string): Promise<Template[]> {
  const gallery = join(resourceDir, 'bpf-snippets');
  const entries = await readdir(gallery, { withFileTypes: true }).catch((error: unknown) => {
    throw new RingsideError('file-not-found', `The gallery is not at ${gallery}.`, {
      remedy: 'Build Ringside again (npm run build), or install it again.',
      cause: error,
    });
  });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const manifests = await Promise.all(folders.sort().map((name) => readManifest(gallery, name)));
  return manifests.filter((manifest) => manifest !== null);
}

/** The manifest of a folder; null for folders without one (include, snippets). */
async function readManifest(gallery: string, name: string): Promise<Template | null> {
  const path = join(gallery, name, 'manifest.json');
  const json = await readFile(path, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  });
  return json === null ? null : parseManifest(name, json);
}

/**
 * Copies a program of the gallery to a folder of the user's: source, manifest, lost.h, its tests where it has some, and a launch configuration, so
 * that F5 attaches it. Nothing that exists is overwritten, and nothing is written when a file is in the way.
 * @throws RingsideError `unknown-template`, `file-exists`, `not-writable`
 */
export async function createFromTemplate(resourceDir: string, name: string, dir: string): Promise<CreatedProgram> {
  const templates = await listTemplates(resourceDir);
  const template = templates.find((candidate) => candidate.name === name);
  if (template === undefined) {
    throw new RingsideError('unknown-template', `The gallery has no "${name}".`, {
      remedy: `It has ${templates.map((candidate) => candidate.name).join(', ')}.`,
    });
  }
  const gallery = join(resourceDir, 'bpf-snippets');
  const target = resolve(dir);
  const copies = [
    { from: join(gallery, name, template.source), to: template.source },
    { from: join(gallery, 'include', 'lost.h'), to: 'lost.h' },
  ];
  const tests = template.source.replace(/\.c$/, '.test.json');
  if (await exists(join(gallery, name, tests))) copies.push({ from: join(gallery, name, tests), to: tests });
  const launch = join('.vscode', 'launch.json');
  const files = [...copies.map((copy) => copy.to), 'manifest.json', launch];
  for (const file of files) await refuseExisting(join(target, file));
  try {
    await mkdir(join(target, '.vscode'), { recursive: true });
    for (const { from, to } of copies) await copyFile(from, join(target, to));
    await writeFile(join(target, 'manifest.json'), manifestJson(template), { flag: 'wx' });
    await writeFile(join(target, launch), launchJson(template), { flag: 'wx' });
  } catch (error) {
    if (hasCode(error, 'EACCES') || hasCode(error, 'EPERM') || hasCode(error, 'EROFS') || hasCode(error, 'ENOTDIR')) {
      throw new RingsideError('not-writable', `Nothing can be written to ${target}.`, {
        remedy: 'Choose another folder: ringside new TEMPLATE DIR.',
        cause: error,
      });
    }
    throw error;
  }
  return { dir: target, source: join(target, template.source), files };
}

async function exists(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return null;
    throw error;
  });
  return found !== null;
}

async function refuseExisting(path: string): Promise<void> {
  if (!(await exists(path))) return;
  throw new RingsideError('file-exists', `${path} exists already.`, {
    remedy: 'Choose another folder, or remove the file first.',
  });
}

/** The manifest alone, without the reference to the gallery's schema, which is not there any more. */
function manifestJson(template: Template): string {
  const manifest: Partial<Template> = { ...template };
  delete manifest.name;
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** F5 attaches the program to this machine, with the template's targets. */
function launchJson(template: Template): string {
  const configuration = {
    type: 'ringside',
    request: 'launch',
    name: `Attach ${template.name}`,
    program: `\${workspaceFolder}/${template.source}`,
    host: 'local',
    ...(Object.keys(template.targets).length > 0 ? { targets: template.targets } : {}),
  };
  return `${JSON.stringify({ version: '0.2.0', configurations: [configuration] }, null, 2)}\n`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function broken(name: string, why: string): RingsideError {
  return new RingsideError('bad-value', `The manifest of ${name} is broken: ${why}.`, {
    remedy: 'bpf-snippets/manifest.schema.json says what stands in a manifest.',
  });
}
