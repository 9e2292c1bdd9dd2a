/** Compiles the matrix's programs once, on this machine; CO-RE makes them fit the kernels. */
import { readdir } from 'node:fs/promises';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultSshOptions } from '../../../core/src/ssh/options.ts';
import { noPrompter } from '../../../core/src/prompt.ts';
import { createEngine } from '../../../core/src/runs/engine.ts';
import { root } from '../../integration/support/cli.ts';

/** Path of the object by the name of its source. */
export type Objects = Record<string, string>;

export const sources = join(root, 'host-agent', 'tests', 'objects', 'kinds');

export async function buildObjects(cacheDir: string): Promise<Objects> {
  const engine = createEngine({
    resourceDir: join(root, 'dist'),
    cacheDir,
    compilerPath: '',
    ssh: defaultSshOptions,
    prompter: noPrompter,
  });
  const out = join(cacheDir, 'matrix');
  await mkdir(out, { recursive: true });
  const objects: Objects = {};
  try {
    for (const file of (await readdir(sources)).filter((name) => name.endsWith('.bpf.c'))) {
      const name = file.slice(0, -'.bpf.c'.length);
      const built = await engine.build({ file: join(sources, file), output: join(out, `${name}.bpf.o`) });
      if (!built.ok) throw new Error(built.diagnostics.map((d) => `${d.file}:${d.line}: ${d.message}`).join('\n'));
      objects[name] = built.object;
    }
  } finally {
    await engine.dispose();
  }
  return objects;
}
