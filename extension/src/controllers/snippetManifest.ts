import { basename, join } from 'node:path';

/** What the gallery needs of a program's manifest; the rest is for tests and the CLI. */
export interface Snippet {
  /** Folder name: "execsnoop". */
  name: string;
  title: string;
  description: string;
  /** Path of the source. */
  source: string;
}

/** Reads a manifest; throws with the reason when it is not one. The source must lie in the manifest's own folder. */
export function parseSnippet(folder: string, value: unknown): Snippet {
  if (typeof value !== 'object' || value === null) throw new Error('The manifest is not an object.');
  const name = basename(folder);
  const fields = value as Record<string, unknown>;
  const { title } = fields;
  if (typeof title !== 'string' || title === '') throw new Error('The manifest has no title.');
  const description = typeof fields['description'] === 'string' ? fields['description'] : '';
  const source = fields['source'] ?? `${name}.bpf.c`;
  if (typeof source !== 'string' || basename(source) !== source) throw new Error('"source" must be a file name.');
  return { name, title, description, source: join(folder, source) };
}
