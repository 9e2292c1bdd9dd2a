import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CancellationTokenSource } from 'vscode-languageserver';
import { Clangd, type Child, type CompileCommand } from './clangd.ts';

/** A clangd that answers, or does not, as the test says. */
class FakeChild implements Child {
  readonly ready = Promise.resolve({ capabilities: {} });
  readonly ended: Promise<string>;
  doing = 'starting';
  heard = Date.now();
  hasEnded = false;
  told: { method: string; params: never }[] = [];
  answer: () => Promise<unknown> = () => Promise.resolve('answer');
  die!: (how: string) => void;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.die = (how) => {
        this.hasEnded = true;
        resolve(how);
      };
    });
  }
  notify(method: string, params: object): void {
    this.told.push({ method, params: params as never });
  }
  async request<T>(): Promise<T> {
    const answer = await Promise.race([this.answer(), this.ended.then((how) => Promise.reject(new Error(how)))]);
    this.heard = Date.now();
    return answer as T;
  }
  kill(): void {
    this.die('signal SIGKILL');
  }
  end(): Promise<void> {
    this.die('exit code 0');
    return Promise.resolve();
  }
}

const uri = 'file:///p/a.bpf.c';
const other = 'file:///p/b.bpf.c';
const never = (): Promise<never> => new Promise(() => undefined);

function made(command: (uri: string) => Promise<CompileCommand> = flagsOf(['-DA'])) {
  const children: FakeChild[] = [];
  const documents = new Map([
    [uri, { version: 1, text: 'one' }],
    [other, { version: 1, text: 'two' }],
  ]);
  const log = vi.fn();
  const start = () => {
    children.push(new FakeChild());
    return children.at(-1)!;
  };
  const document = (of: string) => documents.get(of) ?? null;
  const clangd = new Clangd({ start, document, command, log });
  return { clangd, children, documents, log };
}
function flagsOf(args: string[]) {
  return (of: string) => Promise.resolve({ file: new URL(of).pathname, cwd: '/p', arguments: args });
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);
function source() {
  const made = new CancellationTokenSource();
  return { token: made.token, cancel: () => made.cancel() };
}
const methods = ({ told }: FakeChild): string[] => told.map((each) => each.method);

describe('Clangd', () => {
  it('starts with the first program and says its flags before its text', async () => {
    const { clangd, children } = made();
    expect(children).toEqual([]);
    clangd.open(uri);
    await settle();
    expect(methods(children[0]!)).toEqual(['workspace/didChangeConfiguration', 'textDocument/didOpen']);
    expect(children[0]!.told[0]!.params).toEqual({
      settings: {
        compilationDatabaseChanges: {
          '/p/a.bpf.c': {
            workingDirectory: '/p',
            compilationCommand: ['clang', '-DA', '-x', 'c', '/p/a.bpf.c'],
          },
        },
      },
    });
    clangd.open(other);
    await settle();
    expect(children).toHaveLength(1);
  });

  it('tells a changed text before it asks about it, and not otherwise', async () => {
    const { clangd, children, documents } = made();
    clangd.open(uri);
    documents.set(uri, { version: 2, text: 'more' });
    await settle();
    documents.set(uri, { version: 3, text: 'most' });
    const before = children[0]!.told.length;
    expect(await clangd.ask('textDocument/hover', uri, {})).toBe('answer');
    expect(children[0]!.told.slice(before).map((each) => each.params)).toEqual([
      expect.objectContaining({ contentChanges: [{ text: 'most' }], textDocument: { uri, version: 3 } }),
    ]);
    await clangd.ask('textDocument/hover', uri, {});
    expect(children[0]!.told).toHaveLength(before + 1);
  });

  describe('what the editor asks by itself', () => {
    const header = '#include "vmlinux.h"\nint x;';
    const automatic = { automatic: true };
    async function opened() {
      const all = made();
      all.documents.set(uri, { version: 1, text: header });
      all.clangd.open(uri);
      await settle(5000);
      const edit = (version: number, text: string): void => {
        all.documents.set(uri, { version, text });
        all.clangd.changed();
      };
      const changes = (): number => methods(all.children[0]!).filter((m) => m === 'textDocument/didChange').length;
      return { ...all, edit, changes };
    }

    it('is answered at once where no header has to be read anew', async () => {
      const { clangd, edit, changes } = await opened();
      edit(2, `${header}\nint y;`);
      expect(await clangd.ask('textDocument/documentSymbol', uri, {}, automatic)).toBe('answer');
      expect(changes()).toBe(1);
    });

    it('waits else until nothing has been typed for two seconds', async () => {
      const { clangd, edit, changes } = await opened();
      edit(2, `#define A 1\n${header}`);
      const asked = clangd.ask('textDocument/documentSymbol', uri, {}, automatic);
      await settle(1500);
      edit(3, `#define A 12\n${header}`);
      await settle(1900);
      expect(changes()).toBe(0);
      await settle(200);
      expect(await asked).toBe('answer');
      expect(changes()).toBe(1);
    });

    it('waits for the verdict that somebody waits for, but not for ever', async () => {
      const { clangd, edit, changes } = await opened();
      edit(2, `#define A 1\n${header}`);
      clangd.setBusy(true);
      const asked = clangd.ask('textDocument/inlayHint', uri, {}, automatic);
      await settle(10_000);
      expect(changes()).toBe(0);
      clangd.setBusy(false);
      await settle(1900);
      expect(changes()).toBe(0);
      await settle(200);
      expect(await asked).toBe('answer');
      edit(3, `#define A 2\n${header}`);
      clangd.setBusy(true);
      const never = clangd.ask('textDocument/inlayHint', uri, {}, automatic);
      await settle(31_000);
      expect(await never).toBe('answer');
    });

    it('does not hold up what a person asks, and is answered with that', async () => {
      const { clangd, edit, changes } = await opened();
      edit(2, `#define A 1\n${header}`);
      clangd.setBusy(true);
      const asked = clangd.ask('textDocument/documentSymbol', uri, {}, automatic);
      expect(await clangd.ask('textDocument/hover', uri, {})).toBe('answer');
      expect(changes()).toBe(1);
      await settle(200);
      expect(await asked).toBe('answer');
    });

    it('is not told any more when the editor has taken the question back', async () => {
      const { clangd, edit, changes } = await opened();
      edit(2, `#define A 1\n${header}`);
      const { token, cancel } = source();
      const asked = clangd.ask('textDocument/documentSymbol', uri, {}, { automatic: true, token });
      cancel();
      await settle();
      expect(await asked).toBeNull();
      await settle(5000);
      expect(changes()).toBe(0);
    });
  });

  it('takes the flags of the newest kernel, whatever the order of the answers', async () => {
    const answers: ((command: CompileCommand) => void)[] = [];
    const { clangd, children } = made(() => new Promise((resolve) => answers.push(resolve)));
    const flags = (name: string) => ({ file: '/p/a.bpf.c', cwd: '/p', arguments: [name] });
    clangd.open(uri);
    await settle();
    clangd.retarget();
    answers[0]!(flags('-Dold'));
    await settle();
    answers[1]!(flags('-Dnew'));
    await settle();
    const said = JSON.stringify(children[0]!.told);
    expect(said).toContain('-Dnew');
    expect(said).not.toContain('-Dold');
  });

  it('is started again after a crash, later each time, knows everything again, and gives up in the end', async () => {
    const { clangd, children, log } = made();
    clangd.open(uri);
    clangd.open(other);
    await settle();
    children[0]!.answer = never;
    const asked = clangd.ask('textDocument/completion', uri, {});
    await settle();
    children[0]!.die('signal SIGSEGV');
    await settle();
    expect(log).toHaveBeenCalledWith(
      `clangd ended during textDocument/completion of ${uri} with signal SIGSEGV\nit is started again in 1 s`,
    );
    expect(await clangd.ask('textDocument/hover', uri, {})).toBeNull();
    await settle(999);
    expect(children).toHaveLength(1);
    await settle(1);
    expect(methods(children[1]!).filter((method) => method === 'textDocument/didOpen')).toHaveLength(2);
    expect(await asked).toBeNull();
    for (const [index, wait] of [4000, 15_000, 60_000].entries()) {
      children[index + 1]!.die('exit code 1');
      await settle(wait - 1);
      expect(children).toHaveLength(index + 2);
      await settle(1);
      expect(children).toHaveLength(index + 3);
    }
    children[4]!.die('exit code 1');
    await settle(600_000);
    expect(children).toHaveLength(5);
    expect(log).toHaveBeenLastCalledWith(expect.stringContaining('it is not started again'));
    // Not even for the next program, which would only see the next crash.
    clangd.close(other);
    clangd.open(other);
    expect(children).toHaveLength(5);
  });

  it('forgets crashes that are long past', async () => {
    const { clangd, children } = made();
    clangd.open(uri);
    for (let i = 0; i < 6; i++) {
      await settle(200_000);
      children.at(-1)!.die('exit code 1');
      await settle(1000);
    }
    expect(children).toHaveLength(7);
  });

  it('ends one that hangs, and starts another', async () => {
    const { clangd, children, log } = made();
    clangd.open(uri);
    await settle();
    children[0]!.answer = never;
    const asked = clangd.ask('textDocument/hover', uri, {});
    await settle(45_000);
    expect(await asked).toBeNull();
    expect(children[0]!.hasEnded).toBe(false);
    await settle(15_000);
    expect(children[0]!.hasEnded).toBe(true);
    expect(log).toHaveBeenCalledWith('clangd has not answered for 60 s: it is ended');
    await settle(1000);
    expect(await clangd.ask('textDocument/hover', uri, {})).toBe('answer');
  });

  it('waits no longer than it may', async () => {
    const { clangd, children } = made();
    clangd.open(uri);
    await settle();
    children[0]!.answer = never;
    const asked = clangd.ask('textDocument/completion', uri, {}, { within: 400 });
    await settle(400);
    expect(await asked).toBeNull();
  });

  it('ends when no program has been open for a minute, and comes back for the next', async () => {
    const { clangd, children, log } = made();
    clangd.open(uri);
    await settle();
    clangd.close(uri);
    expect(methods(children[0]!)).toContain('textDocument/didClose');
    await settle(59_000);
    clangd.open(other);
    await settle(120_000);
    expect(children[0]!.hasEnded).toBe(false);
    clangd.close(other);
    await settle(60_000);
    expect(children[0]!.hasEnded).toBe(true);
    expect(log).not.toHaveBeenCalledWith(expect.stringContaining('ended during'));
    clangd.open(uri);
    await settle();
    expect(children).toHaveLength(2);
  });

  it('is silent about a program that it may not read, and about one that is closed', async () => {
    const { clangd, children, documents } = made();
    documents.delete(other);
    clangd.open(other);
    await settle();
    expect(children[0]!.told).toEqual([]);
    expect(await clangd.ask('textDocument/hover', uri, {})).toBeNull();
  });

  it('is gone with the server, and not started again', async () => {
    const { clangd, children } = made();
    clangd.open(uri);
    await settle();
    await clangd.dispose();
    expect(children[0]!.hasEnded).toBe(true);
    await settle(120_000);
    expect(children).toHaveLength(1);
  });
});
