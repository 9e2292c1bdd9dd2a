import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { FakeEngine } from '../test/fakeEngine.ts';
import { aHostState } from '../test/inventoryBuilders.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');
const { hostProblem, pickHost } = await import('./hostPicker.ts');

describe('hostProblem', () => {
  test.each(['web-1', 'dev@web-1', 'dev@10.0.0.1:2222', 'web-1:22', '[::1]:22', 'dev@[fe80::1%eth0]:22', 'a.b.c'])(
    '%s can be typed',
    (host) => {
      expect(hostProblem(host)).toBeUndefined();
    },
  );
  test.each([
    '',
    '-oProxyCommand=x',
    'a b',
    'a,b',
    'web-1:',
    'web-1:0',
    'web-1:65536',
    'web-1:abc',
    '@web-1',
    'dev@',
    'ssh://web-1',
    '::1',
  ])('"%s" cannot', (host) => {
    expect(hostProblem(host)).toBeTypeOf('string');
  });
  test('whatever passes is one word and no option of ssh', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (hostProblem(text) === undefined) expect(text).toMatch(/^[^-\s,][^\s,]*$/);
      }),
    );
  });
});

/** A quick pick that the test types into and takes an item of. */
class FakePick {
  title = '';
  placeholder = '';
  busy = false;
  value = '';
  items: { label: string; host?: string }[] = [];
  selectedItems: unknown[] = [];
  readonly #accepted = new mock.EventEmitter<undefined>();
  readonly #value = new mock.EventEmitter<string>();
  readonly onDidAccept = this.#accepted.event;
  readonly onDidHide = () => ({ dispose: () => undefined });
  readonly onDidChangeValue = this.#value.event;
  show = () => undefined;
  dispose = () => undefined;
  type(text: string): void {
    this.value = text;
    this.#value.fire(text);
  }
  take(host: string): void {
    this.selectedItems = this.items.filter((item) => item.host === host);
    this.#accepted.fire(undefined);
  }
}

describe('the picker', () => {
  const entry = { hostname: 'h', port: 22, user: 'u', proxyJump: null, source: '/c:1' };
  async function picking(preferred?: string) {
    const fake = new FakeEngine();
    fake.answers.hosts = () => ['web-1', 'web-2'].map((alias) => ({ ...entry, alias }));
    const { hosts } = fakeContext(fake);
    await hosts.load();
    const pick = new FakePick();
    Object.assign(mock.window, { createQuickPick: () => pick });
    const chosen = pickHost(hosts, preferred, 'Host');
    const names = () => pick.items.flatMap(({ host }) => host ?? []);
    return { fake, hosts, pick, chosen, names };
  }

  test('connects to what is typed, and remembers it', async () => {
    const { hosts, pick, chosen, names } = await picking();
    pick.type('root@10.0.0.5:2222');
    expect(names()[0]).toBe('root@10.0.0.5:2222');
    pick.take('root@10.0.0.5:2222');
    expect(await chosen).toBe('root@10.0.0.5:2222');
    expect(hosts.get('root@10.0.0.5:2222')).toMatchObject({ typed: true });
  });

  test('offers nothing for what is no host, or stands in the list already', async () => {
    const { pick, names } = await picking();
    for (const text of ['', '-oProxyCommand=x', 'a b', 'web-1']) {
      pick.type(text);
      expect(names()).toEqual(['local', 'web-1', 'web-2']);
    }
  });

  test('shows the chosen one first, then those that were connected last', async () => {
    const { fake, pick, names } = await picking('web-1');
    fake.emit('host', aHostState('web-2', 'ready'));
    pick.type('');
    expect(names()).toEqual(['web-1', 'web-2', 'local']);
  });
});
