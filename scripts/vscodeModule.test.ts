import { readFileSync } from 'node:fs';
import { compileFunction } from 'node:vm';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { at } from './lib/paths.mjs';
import { runtimeNames, vscodeModule } from './lib/vscodeModule.mjs';

/** What a bundle of these files says when it runs in an editor whose module is `api`. */
async function run(
  sources: Record<string, string>,
  api: object,
): Promise<{ asked: number; said: unknown[]; code: string }> {
  const result = await build({
    stdin: {
      contents: Object.keys(sources)
        .map((name) => `import './${name}';`)
        .join('\n'),
      resolveDir: '/',
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    plugins: [
      vscodeModule(),
      {
        name: 'sources',
        setup(setup) {
          setup.onResolve({ filter: /^\.\// }, ({ path }) => ({ path: path.slice(2), namespace: 'sources' }));
          setup.onLoad({ filter: /.*/, namespace: 'sources' }, ({ path }) => ({ contents: sources[path]! }));
        },
      },
    ],
  });
  let asked = 0;
  const said: unknown[] = [];
  const code = result.outputFiles[0]!.text;
  const require = (name: string): object => {
    expect(name).toBe('vscode');
    asked += 1;
    return api;
  };
  const start = compileFunction(code, ['require', 'say', 'module']) as (...given: unknown[]) => void;
  start(require, (what: unknown) => said.push(what), { exports: {} });
  return { asked, said, code };
}

describe('the module vscode in a bundle', () => {
  it('is asked for once, however many files import it', async () => {
    const file = "import * as vscode from 'vscode'; say(vscode.window.name);";
    const api = { window: { name: 'first' } };
    const { asked, said } = await run(
      { a: file, b: file, c: "import { window } from 'vscode'; say(window === globalThis);" },
      api,
    );
    expect(asked).toBe(1);
    expect(said).toEqual(['first', 'first', false]);
  });

  it('gives what the editor has now, and leaves out what nobody uses', async () => {
    const api = { window: { activeTextEditor: undefined as string | undefined } };
    const file = "import * as vscode from 'vscode'; say(() => vscode.window.activeTextEditor);";
    const { said, code } = await run({ a: file }, api);
    api.window.activeTextEditor = 'later';
    expect((said[0] as () => unknown)()).toBe('later');
    expect(code).not.toContain('TreeItem');
  });

  it('has every name of the installed types', () => {
    const names = runtimeNames(readFileSync(at('node_modules/@types/vscode/index.d.ts'), 'utf8'));
    for (const name of ['version', 'window', 'Uri', 'TreeItem', 'DiagnosticSeverity', 'l10n', 'env'])
      expect(names).toContain(name);
    expect(names).not.toContain('TextDocument');
  });
});
