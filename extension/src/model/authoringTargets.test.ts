import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AuthoringTarget } from '@ringside/core/model';
import { aHostState } from '../test/inventoryBuilders.ts';
import { FakeEngine } from '../test/fakeEngine.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');
const { AuthoringTargets } = await import('./authoringTargets.ts');

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  mock.window.activeTextEditor = undefined;
});

const program = mock.Uri.file('/w/a.bpf.c');
const show = (uri: mock.Uri | undefined): void => {
  mock.window.activeTextEditor = uri && { document: { uri } };
  mock.activeEditorChanged.fire(mock.window.activeTextEditor);
};

const targetOf = (host: string, given: Partial<AuthoringTarget> = {}): AuthoringTarget => ({
  ...{ host, kernel: '6.1.0', arch: 'x86_64', cached: false },
  ...{ vmlinuxHeader: `/cache/${host}.h`, btf: null, targets: null },
  ...given,
});

/** What the language server is told, in short: "web-1 + old-1, db-1". */
async function make(choose: Record<string, readonly string[]> = {}) {
  const fake = new FakeEngine().works();
  fake.answers.authoring = (host) => targetOf(host);
  const context = fakeContext(fake);
  for (const [path, [host, ...others]] of Object.entries(choose))
    await context.chosenHosts.set(mock.Uri.file(path) as never, host!, others);
  const told: string[] = [];
  const targets = new AuthoringTargets(context, (target, others) => {
    const rest = others.map(({ host }) => host).join(', ');
    told.push(`${target === null ? 'none' : target.host}${rest && ` + ${rest}`}`);
  });
  /** What is told from here on, when all that was to be waited for has passed. */
  const after = async (act: () => unknown): Promise<string[]> => {
    told.length = 0;
    await act();
    await vi.runAllTimersAsync();
    return [...told];
  };
  const asked = (): unknown[] => fake.called('authoring').map(([host]) => host);
  return { fake, context, targets, told, after, asked };
}

describe('which hosts the language server is told of', () => {
  test('is nobody’s question before there is a program: no engine is asked', async () => {
    const { asked, after, targets } = await make();
    expect(await after(() => targets.follow())).toEqual([]);
    expect(asked()).toEqual([]);
  });

  test('a program without a chosen host is for this machine; with one, for that', async () => {
    const { asked, after, context, targets } = await make();
    show(program);
    expect(await after(() => targets.follow())).toEqual(['none']);
    expect(asked()).toEqual([]);
    expect(await after(() => context.chosenHosts.set(program as never, 'web-1'))).toEqual(['web-1']);
  });

  test('the first one is told before the others are known, then all of them', async () => {
    const { after, asked, targets } = await make({ '/w/a.bpf.c': ['web-1', 'old-1', 'db-1'] });
    show(program);
    expect(await after(() => targets.follow())).toEqual(['web-1', 'web-1 + old-1, db-1']);
    expect(asked()).toEqual(['web-1', 'old-1', 'db-1']);
  });

  test('a host that was never here, or that cannot be asked, takes nothing from the others', async () => {
    const { after, context, fake, targets } = await make({ '/w/a.bpf.c': ['web-1', 'new-1', 'bad-1', 'db-1'] });
    fake.answers.authoring = (host) => {
      if (host === 'bad-1') throw new Error('unreachable');
      return host === 'new-1' ? null : targetOf(host);
    };
    show(program);
    expect(await after(() => targets.follow())).toEqual(['web-1', 'web-1 + db-1']);
    expect(context.logged.join()).toContain('unreachable');
  });

  test('hosts that are no longer chosen are forgotten', async () => {
    const { after, context, targets } = await make({ '/w/a.bpf.c': ['web-1', 'old-1'] });
    show(program);
    await after(() => targets.follow());
    expect(await after(() => context.chosenHosts.set(program as never, 'web-1', []))).toEqual(['web-1']);
    expect(await after(() => context.chosenHosts.set(program as never, 'db-1', ['old-1']))).toEqual([
      'db-1',
      'db-1 + old-1',
    ]);
  });

  test('a host that connects or goes is asked again; one that the program is not for is not', async () => {
    const { after, asked, fake, targets } = await make({ '/w/a.bpf.c': ['web-1', 'old-1'] });
    show(program);
    await after(() => targets.follow());
    // Of the other one holds what was known, until it is known anew.
    const both = ['web-1 + old-1', 'web-1 + old-1'];
    expect(await after(() => fake.emit('host', aHostState('web-1', 'ready')))).toEqual(both);
    expect(await after(() => fake.emit('host', aHostState('web-1', 'ready')))).toEqual([]);
    expect(await after(() => fake.emit('host', aHostState('old-1', 'ready')))).toEqual(both);
    expect(await after(() => fake.emit('host', aHostState('else-1', 'ready')))).toEqual([]);
    expect(await after(() => fake.emit('host', aHostState('old-1', 'disconnected')))).toEqual(both);
    expect(asked()).toHaveLength(8);
  });

  test('a host that has just connected is left alone for a moment; one that is not here is answered from memory at once', async () => {
    const { asked, fake, targets } = await make({ '/w/a.bpf.c': ['web-1'] });
    show(program);
    targets.follow();
    await vi.advanceTimersByTimeAsync(0);
    expect(asked()).toEqual(['web-1']);
    fake.emit('host', aHostState('web-1', 'ready'));
    await vi.advanceTimersByTimeAsync(2900);
    expect(asked()).toEqual(['web-1']);
    await vi.advanceTimersByTimeAsync(200);
    expect(asked()).toEqual(['web-1', 'web-1']);
  });

  test('a further host of which nothing is known any more is told of no more', async () => {
    const { after, fake, targets } = await make({ '/w/a.bpf.c': ['web-1', 'old-1'] });
    show(program);
    await after(() => targets.follow());
    fake.answers.authoring = (host) => (host === 'old-1' ? null : targetOf(host));
    expect(await after(() => fake.emit('host', aHostState('web-1', 'ready')))).toEqual(['web-1 + old-1', 'web-1']);
  });

  test('each program has its own; what is no program changes nothing', async () => {
    const { after, targets } = await make({ '/w/a.bpf.c': ['web-1'], '/w/b.bpf.c': ['db-1', 'old-1'] });
    show(program);
    await after(() => targets.follow());
    expect(await after(() => show(mock.Uri.file('/w/b.bpf.c')))).toEqual(['db-1', 'db-1 + old-1']);
    expect(await after(() => show(mock.Uri.file('/w/readme.md')))).toEqual([]);
    expect(await after(() => show(undefined))).toEqual([]);
    // The one that was chosen last is the guess for a program that has none.
    expect(await after(() => show(mock.Uri.file('/w/c.bpf.c')))).toEqual(['db-1']);
  });

  test('an answer that was overtaken is not told', async () => {
    const { after, fake, targets } = await make({ '/w/a.bpf.c': ['slow-1'], '/w/b.bpf.c': ['db-1'] });
    let answer: (target: AuthoringTarget) => void = () => undefined;
    fake.answers.authoring = (host) =>
      host === 'slow-1' ? new Promise((resolve) => (answer = resolve)) : targetOf(host);
    show(program);
    await after(() => targets.follow());
    expect(await after(() => show(mock.Uri.file('/w/b.bpf.c')))).toEqual(['db-1']);
    expect(await after(() => answer(targetOf('slow-1')))).toEqual([]);
  });

  test('a first host that fails is asked again at the next chance, and what is known stays until then', async () => {
    const { after, context, fake, targets } = await make({ '/w/a.bpf.c': ['web-1'] });
    show(program);
    await after(() => targets.follow());
    fake.answers.authoring = () => {
      throw new Error('gone');
    };
    expect(await after(() => fake.emit('host', aHostState('web-1', 'ready')))).toEqual([]);
    expect(context.logged.join()).toContain('gone');
    fake.answers.authoring = (host) => targetOf(host, { cached: true });
    expect(await after(() => show(program))).toEqual(['web-1']);
  });

  test('a first host that cannot be asked keeps the others from nothing', async () => {
    const { after, fake, targets } = await make({ '/w/a.bpf.c': ['new-1', 'db-1'] });
    fake.answers.authoring = (host) => (host === 'new-1' ? null : targetOf(host));
    show(program);
    expect(await after(() => targets.follow())).toEqual(['none', 'none + db-1']);
  });

  test('nothing is asked or told any more when the window goes', async () => {
    const { after, asked, context, targets } = await make({ '/w/a.bpf.c': ['web-1'] });
    show(program);
    targets.follow();
    targets.dispose();
    expect(await after(() => context.chosenHosts.set(program as never, 'db-1'))).toEqual([]);
    expect(asked()).toEqual([]);
  });
});
