import { expect, test } from 'vitest';
import { linkedCrates, packageFolders } from './lib/licences.mjs';

test('packages among the inputs of a bundle, scoped and nested', () => {
  const inputs = [
    'core/src/index.ts',
    'node_modules/ssh2/lib/client.js',
    'node_modules/ssh2/lib/server.js',
    'node_modules/@bufbuild/protobuf/dist/index.js',
    'node_modules/a/node_modules/b/index.js',
  ];
  expect(packageFolders(inputs)).toEqual([
    'node_modules/@bufbuild/protobuf',
    'node_modules/a/node_modules/b',
    'node_modules/ssh2',
  ]);
});

test('only what is linked counts: no build dependency, no procedural macro and nothing behind one', () => {
  const crate = (name: string, kind = 'lib') => ({ id: name, name, targets: [{ kind: [kind] }] });
  const normal = (pkg: string) => ({ pkg, dep_kinds: [{ kind: null }] });
  const metadata = {
    packages: [
      crate('agent', 'bin'),
      crate('prost'),
      crate('derive', 'proc-macro'),
      crate('syn'),
      crate('cc'),
      crate('libc'),
    ],
    resolve: {
      nodes: [
        { id: 'agent', deps: [normal('prost'), { pkg: 'cc', dep_kinds: [{ kind: 'build' }] }] },
        { id: 'prost', deps: [normal('derive'), normal('libc')] },
        { id: 'derive', deps: [normal('syn')] },
      ],
    },
  };
  expect(linkedCrates(metadata, 'agent').map((entry: { name: string }) => entry.name)).toEqual([
    'agent',
    'prost',
    'libc',
  ]);
});
