/** What a person downloads and what VS Code loads. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dist, root, run } from './environment.ts';
import type { Bench } from './main.ts';

export const sizeBench: Bench = {
  summary: 'bytes of the VSIX and of the extension bundle',
  async run(say) {
    say('packaging');
    await run(process.execPath, [join(root, 'scripts', 'package.mjs')], { cwd: root, maxBuffer: 64 << 20 });
    const vsix = (await readdir(root))
      .filter((f) => f.endsWith('.vsix'))
      .sort()
      .at(-1);
    if (!vsix) throw new Error('npm run package made no VSIX');
    return [
      {
        figure: 'vsix_bytes',
        unit: 'B',
        better: 'lower',
        samples: [(await stat(join(root, vsix))).size],
        goal: 12e6,
        note: 'with the agents for x86_64 and arm64',
      },
      {
        figure: 'extension_bundle_bytes',
        unit: 'B',
        better: 'lower',
        samples: [(await stat(join(dist, 'extension.js'))).size],
      },
    ];
  },
};
