/** What a person downloads, what VS Code loads, and how long that takes. */
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { benchEditor } from './benchEditor.ts';
import { dist, root, run, sleep } from './environment.ts';
import type { Bench } from './main.ts';

const STARTS = 3;
const REST_MS = 4000;
const PROGRAM = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n\nchar LICENSE[] SEC("license") = "GPL";\n';

export const sizeBench: Bench = {
  summary: 'bytes of the VSIX and of the extension bundle; how long the extension takes to become active',
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
      {
        figure: 'activation_ms',
        unit: 'ms',
        better: 'lower',
        samples: await activations(say),
        goal: 50,
        note: 'loading its code and activate(), as VS Code itself measures and shows it',
      },
    ];
  },
};

/**
 * Milliseconds of the extension's own time: a program is opened in a VS Code that has come to rest. Beside VS Code's own start
 * it would be the processors' time that is measured.
 */
async function activations(say: (text: string) => void): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const bench = await benchEditor({ 'readme.txt': 'no program yet\n' });
    try {
      const { workbench, editor, folder } = bench;
      await sleep(REST_MS);
      await writeFile(join(folder, 'first.bpf.c'), PROGRAM);
      await workbench.open('first.bpf.c');
      await sleep(REST_MS);
      await workbench.keys('Developer: Show Running Extensions');
      const row = editor.page.locator('.runtime-extensions-editor .monaco-list-row').filter({ hasText: 'Ringside' });
      const text = await row.locator('.activation-time').first().innerText();
      const milliseconds = /(\d+)\s*ms/.exec(text)?.[1];
      if (milliseconds === undefined) throw new Error(`VS Code says no time of activation: ${JSON.stringify(text)}`);
      say(text);
      found.push(Number(milliseconds));
    } finally {
      await bench.stop();
    }
  }
  return found;
}
