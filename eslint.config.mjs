// Type-checked lint; the import boundaries of docs/architecture.md are rules here, not good intentions.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Forbids import groups in a folder, with the reason shown to whoever breaks it. */
const boundary = (files, patterns) => ({
  files,
  rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
});

const noVscode = { group: ['vscode'], message: 'Only extension/ may import vscode (docs/architecture.md).' };
const noUpward = {
  group: [
    '@ringside/cli*',
    '@ringside/extension*',
    '@ringside/panels*',
    '@ringside/language-server*',
    '**/extension/src/**',
    '**/panels/**',
    '**/cli/src/**',
    '**/language-server/src/**',
  ],
  message: 'This package may not import a package above it (docs/architecture.md).',
};

export default tseslint.config(
  {
    ignores: ['**/node_modules/', '**/dist/', '.cache/', 'host-agent/', 'core/src/agent/generated/', 'test/fixtures/'],
  },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked.map((c) => ({ ...c, files: ['**/*.ts', '**/*.tsx'] })),
  {
    files: ['**/*.ts', '**/*.tsx'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-console': 'error',
      eqeqeq: ['error', 'always'],
    },
  },
  boundary(['core/src/**/*.ts'], [noVscode, noUpward]),
  boundary(['cli/src/**/*.ts'], [noVscode, { ...noUpward, group: noUpward.group.filter((g) => !g.includes('cli')) }]),
  boundary(
    ['language-server/src/**/*.ts'],
    [noVscode, { ...noUpward, group: noUpward.group.filter((g) => !g.includes('language-server')) }],
  ),
  boundary(
    ['panels/**/*.ts', 'panels/**/*.tsx'],
    [
      noVscode,
      {
        group: ['@ringside/core', '@ringside/core/rpc', 'node:*'],
        message: "Panels know core's model types only (@ringside/core/model).",
      },
      { group: ['@ringside/core/model'], allowTypeImports: true, message: 'Panels import types only from core.' },
    ],
  ),
  boundary(
    ['extension/src/**/*.ts'],
    [
      {
        // A regex, because a group would forbid @ringside/core/rpc, the one way in, along with it.
        regex: '^@ringside/core(/model)?$',
        allowTypeImports: true,
        message: 'The extension host runs no engine: types and the RPC client only.',
      },
      { ...noUpward, group: noUpward.group.filter((g) => !g.includes('extension') && !g.includes('panels')) },
    ],
  ),
  {
    files: ['**/*.test.ts', '**/*.test.tsx', '**/*.itest.ts', 'test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-restricted-imports': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        Buffer: 'readonly',
        fetch: 'readonly',
      },
    },
  },
  { files: ['scripts/**', 'cli/src/**', 'test/**'], rules: { 'no-console': 'off' } },
);
