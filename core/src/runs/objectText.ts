/** An object file as a document to read. */
import { open } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { MAX_OBJECT_BYTES } from '../bpf/index.ts';
import { listObject } from '../code/index.ts';
import type { CodeListing } from '../code/listing.ts';
import { RingsideError } from '../errors.ts';

/** Errors: file-not-found, not-elf, not-bpf, object-malformed, legacy-maps, object-without-btf. */
export async function objectText(file: string): Promise<CodeListing> {
  const path = resolve(file);
  return listObject(await readObject(path), basename(path));
}

async function readObject(path: string): Promise<Uint8Array> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw new RingsideError('file-not-found', `${path} cannot be read: ${(error as Error).message}`);
  });
  try {
    const stats = await handle.stat();
    // A pipe or a device would be read for ever.
    if (!stats.isFile()) throw new RingsideError('not-elf', `${path} is no file.`);
    if (stats.size > MAX_OBJECT_BYTES)
      throw new RingsideError('object-malformed', `${path} is larger than any BPF object: ${stats.size} bytes.`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
