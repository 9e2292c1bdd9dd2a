/** An engine in this process for the tests of one file, and a folder of their own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { noPrompter } from '../../../core/src/prompt.ts';
import type { Engine } from '../../../core/src/runs/api.ts';
import { createEngine } from '../../../core/src/runs/engine.ts';
import { defaultSshOptions } from '../../../core/src/ssh/options.ts';
import { bpfState, nothing, settled } from './bpf.ts';
import { root } from './cli.ts';

/** What a run is attached with when a test asks for nothing special. */
export const plainSpec = {
  ...{ programs: [], targets: [], set: {}, where: '' },
  ...{ durationSeconds: null, count: null, mapsSeconds: null },
};

/** To be called at the top of a file. After its tests the folder is gone, and the kernel holds what it held before. */
export function engineForTests(name: string): { folder: string; engine: () => Engine } {
  const folder = mkdtempSync(join(tmpdir(), `ringside-${name}-`));
  const before = bpfState();
  let engine: Engine | undefined;
  beforeAll(() => {
    engine = createEngine({
      resourceDir: join(root, 'dist'),
      cacheDir: join(folder, 'cache'),
      compilerPath: '',
      ssh: defaultSshOptions,
      prompter: noPrompter,
    });
  });
  afterAll(async () => {
    await engine?.dispose();
    rmSync(folder, { recursive: true, force: true });
    expect(await settled(before, 5_000)).toEqual(nothing);
  });
  return { folder, engine: () => engine! };
}
