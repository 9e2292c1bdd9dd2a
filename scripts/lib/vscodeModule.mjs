// `import * as vscode` in a bundle: VS Code's module is asked for once, and each name is a variable of the bundle. As esbuild
// does it by itself, every source file asks again and copies all names, which is most of the time that activation takes.
import { readFileSync } from 'node:fs';
import { at } from './paths.mjs';

/**
 * The names that the module `vscode` has at run time, in the version whose types are installed.
 * @param {string} types text of @types/vscode/index.d.ts
 * @returns {string[]} each once, sorted
 */
export function runtimeNames(types) {
  const found = types.matchAll(/^\texport (?:namespace|(?:abstract )?class|enum|const|let|function) (\w+)/gm);
  return [...new Set([...found].map(([, name]) => name))].sort();
}

/** @returns {import('esbuild').Plugin} */
export function vscodeModule() {
  const namespace = 'vscode-module';
  return {
    name: namespace,
    setup(build) {
      build.onResolve({ filter: /^vscode$/ }, ({ namespace: from }) =>
        from === namespace ? { path: 'vscode', external: true } : { path: 'vscode', namespace },
      );
      build.onLoad({ filter: /.*/, namespace }, () => {
        const names = runtimeNames(readFileSync(at('node_modules/@types/vscode/index.d.ts'), 'utf8'));
        if (names.length === 0) throw new Error('@types/vscode declares nothing: its form has changed');
        // Pure, so that names that nobody uses are left out.
        const lines = names.map((name) => `export const ${name} = /* @__PURE__ */ (() => vscode.${name})();`);
        return { contents: ["const vscode = require('vscode');", ...lines].join('\n'), resolveDir: at('.') };
      });
    },
  };
}
