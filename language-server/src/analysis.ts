/** Sources as they are now, read once for each version, with the headers of the project that they include. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CModel } from './c/model.ts';
import { parse, type Source } from './c/parse.ts';
import { Types } from './c/types.ts';
import type { World } from './kernel/world.ts';

export interface Analysis {
  uri: string;
  file: string;
  version: number;
  source: Source;
  types: Types;
  /** The source's own model, then those of its headers. */
  models: readonly CModel[];
  /** Where each of the models was read from. */
  files: readonly string[];
  world: World;
}

export interface AnalysedDocument {
  uri: string;
  file: string;
  version: number;
  text: string;
}

const MAX_HEADER = 256 << 10;
const MAX_HEADERS = 32;
const MAX_DEPTH = 4;
/** Of files that were included at some time. */
const MAX_KEPT = 256;

interface KeptHeader {
  mtimeMs: number;
  size: number;
  model: CModel;
}

export class Analyser {
  private readonly known = new Map<string, Analysis>();
  private readonly headers = new Map<string, KeptHeader>();

  analyse(document: AnalysedDocument, world: World): Analysis {
    const before = this.known.get(document.uri);
    if (before?.version === document.version && before.world === world) return before;
    const isSame = before?.version === document.version;
    const source = isSame ? before.source : parse(document.text);
    const models = [source.model];
    const files = [document.file];
    this.include(source.model, document.file, { models, files }, new Set(), 0);
    const analysis = {
      uri: document.uri,
      file: document.file,
      version: document.version,
      source,
      models,
      files,
      world,
      types: new Types(models, world),
    };
    this.known.set(document.uri, analysis);
    return analysis;
  }

  forget(uri: string): void {
    this.known.delete(uri);
  }

  /** Headers on the disk have changed: everything is read again when it is asked for. */
  forgetAll(): void {
    this.known.clear();
  }

  private include(
    model: CModel,
    file: string,
    read: { models: CModel[]; files: string[] },
    seen: Set<string>,
    depth: number,
  ): void {
    const { models, files } = read;
    if (depth >= MAX_DEPTH) return;
    for (const { path, quoted } of model.includes) {
      // The kernel's types come from BTF, libbpf's helpers from their own table.
      if (!quoted || path === 'vmlinux.h' || path.startsWith('bpf/') || models.length > MAX_HEADERS) continue;
      for (const candidate of [
        join(dirname(file), path),
        join(dirname(file), 'include', path),
        join(dirname(file), '../include', path),
      ]) {
        if (seen.has(candidate)) break;
        const header = this.header(candidate);
        if (header === null) continue;
        seen.add(candidate);
        models.push(header);
        files.push(candidate);
        this.include(header, candidate, read, seen, depth + 1);
        break;
      }
    }
  }

  private header(path: string): CModel | null {
    try {
      const { mtimeMs, size, isFile } = statOf(path);
      if (!isFile || size > MAX_HEADER) return null;
      const kept = this.headers.get(path);
      if (kept?.mtimeMs === mtimeMs && kept.size === size) return kept.model;
      const { model } = parse(readFileSync(path, 'utf8'));
      if (this.headers.size >= MAX_KEPT) this.headers.clear();
      this.headers.set(path, { mtimeMs, size, model });
      return model;
    } catch {
      return null; // not there: clang says so
    }
  }
}

function statOf(path: string): { mtimeMs: number; size: number; isFile: boolean } {
  const stats = statSync(path);
  return { mtimeMs: stats.mtimeMs, size: stats.size, isFile: stats.isFile() };
}
