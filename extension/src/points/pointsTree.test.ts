import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { PointsAnswer, PointsParams, TargetListing } from '@ringside/core/model';
import { FakeEngine } from '../test/fakeEngine.ts';
import * as mock from '../test/vscodeMock.ts';
import type { BinaryPointNode } from './pointNodes.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');
const { PointHosts } = await import('../model/pointHosts.ts');
const { BinaryNode } = await import('./pointNodes.ts');
const { PointsTree } = await import('./pointsTree.ts');
type Node = InstanceType<typeof BinaryNode> | BinaryPointNode;

const target = (
  name: string,
  given: Partial<TargetListing['targets'][number]> = {},
): TargetListing['targets'][number] => ({
  ...{ name, module: '', arguments: null, returns: null, details: {}, unusable: null },
  ...given,
});

let functions: number;
beforeEach(() => void (functions = 60_000));

/** A tree over a kernel of functions alone, and the host db-1 with what `targets` says of its binaries. */
function make(targets: TargetListing['targets'] = [], total = targets.length) {
  const fake = new FakeEngine();
  fake.answers.targets = (host, { kind }) => ({ host, kind, targets, total });
  const context = fakeContext(fake);
  const points = ({ text }: PointsParams): PointsAnswer => ({
    ...{ host: 'web-1', kernel: '6.1.0', cached: false, names: [], total: 1 },
    groups: [{ name: 'function', count: text === '' ? functions : 0 }],
  });
  const language = { ask: (_method: string, params: unknown) => Promise.resolve(points(params as PointsParams)) };
  const tree = new PointsTree({ ...context, language } as never, new PointHosts(context.engine, context.hosts));
  const rows = async (node?: Node) => (await tree.getChildren(node)).map((each) => tree.getTreeItem(each));
  const lines = async (node?: Node): Promise<string[]> =>
    (await rows(node)).map(({ label, description }) => {
      const [name, more] = [label, description] as [string, string | undefined];
      return more ? `${name}: ${more}` : name;
    });
  return { context, fake, tree, rows, lines };
}

const libc = () => new BinaryNode('db-1', '/lib/libc.so.6', 'uprobe');

describe('binaries in the view of attach points', () => {
  test('stand below the points of the kernel, each with its host', async () => {
    const { lines, tree } = make();
    expect(await lines()).toEqual(['Kernel functions: 60,000', 'Functions and probes of a binary…']);
    tree.open(libc());
    tree.open(new BinaryNode('db-1', '/lib/libc.so.6', 'usdt'));
    expect(await lines()).toEqual([
      'Kernel functions: 60,000',
      'libc.so.6: functions · db-1',
      'libc.so.6: static probes (USDT) · db-1',
      'Functions and probes of a binary…',
    ]);
  });

  test('are listed once, however often they are opened, and go when they are closed', async () => {
    const { rows, tree } = make();
    const first = libc();
    tree.open(first);
    tree.open(libc());
    const ids = (await rows()).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(tree.binaries).toEqual([first]);
    tree.close(first);
    tree.close(first);
    expect(tree.binaries).toEqual([]);
  });

  test('stay where a filter finds nothing in the kernel, and where the kernel tells nothing', async () => {
    const { lines, tree } = make();
    tree.open(libc());
    tree.filter('malloc');
    expect(await lines()).toEqual(['Nothing holds “malloc”.', 'libc.so.6: functions · db-1']);
    tree.filter('');
    functions = 0;
    expect(await lines()).toContain('libc.so.6: functions · db-1');
  });

  test('show their functions, with versions and why one cannot be probed', async () => {
    const { fake, lines, rows, tree } = make([
      target('malloc', { details: { offset: '0x1', version: 'GLIBC_2.2.5' } }),
      target('init', { details: { offset: '0x2' }, unusable: '3 functions have this name: take one by its offset' }),
      target('init', { details: { offset: '0x3' } }),
    ]);
    const node = libc();
    tree.open(node);
    expect(await lines(node)).toEqual([
      'malloc: GLIBC_2.2.5',
      'init: 3 functions have this name: take one by its offset',
      'init',
    ]);
    expect(new Set((await rows(node)).map(({ id }) => id)).size).toBe(3);
    expect(fake.called('targets')).toEqual(
      Array(2).fill(['db-1', { kind: 'uprobe', pattern: '*', binary: '/lib/libc.so.6', limit: 200 }]),
    );
    expect((await tree.getChildren(node))[0]).toMatchObject({
      sections: ['uprobe//lib/libc.so.6:malloc', 'uretprobe//lib/libc.so.6:malloc'],
    });
  });

  test('show static probes with their arguments', async () => {
    const args = [{ name: '', type: '', offset: null, size: 8 }];
    const { lines, tree } = make([target('libc:setjmp', { arguments: args }), target('libc:none', { arguments: [] })]);
    const node = new BinaryNode('db-1', '/lib/libc.so.6', 'usdt');
    const [probe, bare] = (await tree.getChildren(node)) as BinaryPointNode[];
    expect(probe!.sections).toEqual(['usdt//lib/libc.so.6:libc:setjmp']);
    expect(await lines(probe)).toEqual(['argument 1: 8 bytes']);
    expect(tree.getTreeItem(probe!).collapsibleState).toBe(mock.TreeItemCollapsibleState.Collapsed);
    expect(tree.getTreeItem(bare!).collapsibleState).toBe(mock.TreeItemCollapsibleState.None);
    expect(tree.getParent(probe!)).toBe(node);
  });

  test('take a filter for a part of the name, with what patterns mean escaped', async () => {
    const { fake, lines, tree } = make();
    tree.filter('a*[b]');
    expect(await lines(libc())).toEqual(['Nothing of it matches.']);
    expect(fake.called('targets')[0]![1]).toMatchObject({ pattern: '*a\\*\\[b\\]*' });
  });

  test('say that there are more, that there are none, and what their host answers', async () => {
    const { fake, lines } = make([target('a')], 1_201);
    expect(await lines(libc())).toEqual(['a', '1,200 more']);
    fake.answers.targets = (host, { kind }) => ({ host, kind, targets: [], total: 0 });
    expect(await lines(libc())).toEqual(['It has no function symbols.']);
    expect(await lines(new BinaryNode('db-1', '/bin/x', 'usdt'))).toEqual(['It has no static probes.']);
    fake.answers.targets = () => {
      throw new Error('db-1 has no file /bin/x.');
    };
    expect(await lines(new BinaryNode('db-1', '/bin/x', 'usdt'))).toEqual(['db-1 has no file /bin/x.']);
  });
});
