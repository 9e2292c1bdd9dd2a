import { beforeEach, describe, expect, test, vi } from 'vitest';
import { DisposableStore } from '../disposable.ts';
import { ExtensionError } from '../errors.ts';
import { aRun } from '../test/builders.ts';
import { FakeEngine } from '../test/fakeEngine.ts';
import { aHostState, aMapItem, aProgramItem } from '../test/inventoryBuilders.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');
const { HostTree } = await import('./hostTree.ts');
type Node = InstanceType<typeof HostTree> extends { getChildren(parent?: infer N): unknown } ? N : never;

beforeEach(() => {
  mock.settings.clear();
  mock.defaults.set('ringside.hostGroups', {}).set('ringside.readOnlyHosts', []);
});

const entry = { hostname: 'h', port: 22, user: 'u', proxyJump: null, source: '/c:1' };

/** A tree of local, web-1, web-2 and db, and its lines as they stand below a node. */
function tree() {
  const fake = new FakeEngine().works();
  fake.answers.hosts = () => ['web-1', 'web-2', 'db'].map((alias) => ({ ...entry, alias }));
  fake.answers.programs = () => [aProgramItem()];
  fake.answers.maps = () => Array.from({ length: 450 }, (_, id) => aMapItem({ id: id + 1, name: `m${id}` }));
  fake.answers.links = () => [];
  const context = fakeContext(fake);
  Object.assign(mock.workspace, { onDidGrantWorkspaceTrust: () => ({ dispose: () => undefined }) });
  const made = new HostTree({ ...context, disposables: new DisposableStore() } as never);
  const lines = async (parent?: Node): Promise<string[]> =>
    (await made.getChildren(parent)).map((node) => {
      const { label, description } = made.getTreeItem(node);
      return `${label as string}${description === undefined || description === '' ? '' : `: ${description as string}`}`;
    });
  const child = async (label: string, parent?: Node): Promise<Node> =>
    (await made.getChildren(parent)).find((node) => made.getTreeItem(node).label === label)!;
  return { fake, context, made, lines, child };
}

describe('groups', () => {
  test('stand first, with how many of them are connected; their hosts stand nowhere else', async () => {
    mock.settings.set('ringside.hostGroups', { web: ['web-*', 'root@10.0.0.9'], none: ['x-*'] });
    const { fake, lines, child } = tree();
    fake.emit('host', aHostState('web-2', 'ready'));
    expect(await lines()).toEqual(['web: 1 of 2 connected', 'none: no host', 'local', 'db']);
    expect((await lines(await child('web'))).map((line) => line.split(':')[0])).toEqual(['web-1', 'web-2']);
  });
});

describe('a connected host', () => {
  test('says kernel, architecture, BTF, privilege and load, and never 0 for a load that is not known', async () => {
    const { fake, lines } = tree();
    fake.emit('host', aHostState('db', 'ready'));
    expect(await lines()).toContain('db: 6.1.0 · x86_64 · BTF · root · load ?');
    mock.settings.set('ringside.readOnlyHosts', ['d*']);
    expect(await lines()).toContain('db: 6.1.0 · x86_64 · BTF · root, read-only · load ?');
  });

  test('has its live and its lost runs below it, then what is BPF there', async () => {
    const { fake, context, lines, child } = tree();
    fake.emit('host', aHostState('db', 'ready'));
    context.runs.update(aRun({ hosts: ['db'] }));
    context.runs.update(aRun({ id: 'old', hosts: ['db'], state: 'ended', endReason: 'interrupt' }));
    expect(await lines(await child('db'))).toEqual(['execsnoop: running', 'BPF on this host']);
  });

  test('is asked for its inventory only when that is unfolded', async () => {
    const { fake, lines, child } = tree();
    fake.emit('host', aHostState('db', 'ready'));
    const inventory = await child('BPF on this host', await child('db'));
    expect(fake.called('programs')).toEqual([]);
    expect(await lines(inventory)).toEqual(['Programs: 1', 'Maps: 450', 'Links: none', 'Pins: none']);
    expect(await lines(await child('Programs', inventory))).toEqual([
      'handle: no process · kprobe · cost unknown · 4.0 KB',
    ]);
  });

  test('shows many rows in parts', async () => {
    const { fake, made, lines, child } = tree();
    fake.emit('host', aHostState('db', 'ready'));
    const maps = await child('Maps', await child('BPF on this host', await child('db')));
    expect(await lines(maps)).toHaveLength(201);
    expect((await lines(maps)).at(-1)).toBe('250 more');
    made.showMore(maps as never);
    expect((await lines(maps)).at(-1)).toBe('50 more');
  });

  test('says why there is no inventory, and how to try again', async () => {
    const { fake, made, lines, child } = tree();
    fake.emit('host', aHostState('db', 'ready'));
    fake.answers.programs = () => Promise.reject(new ExtensionError({ code: 'no-permission', message: 'No right.' }));
    const inventory = await child('BPF on this host', await child('db'));
    expect(await lines(inventory)).toEqual(['No right. ']);
    const [note] = await made.getChildren(inventory);
    expect(made.getTreeItem(note!).command?.command).toBe('ringside.inventory.refresh');
  });
});

test('every node knows its parent, so that it can be revealed', async () => {
  mock.settings.set('ringside.hostGroups', { web: ['web-*'] });
  const { fake, made } = tree();
  fake.emit('host', aHostState('web-1', 'ready'));
  const check = async (parent?: Node): Promise<number> => {
    let seen = 0;
    for (const node of await made.getChildren(parent)) {
      expect(made.getParent(node)).toBe(parent);
      seen += 1 + (await check(node));
    }
    return seen;
  };
  expect(await check()).toBeGreaterThan(200);
});
