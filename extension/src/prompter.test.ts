import { beforeEach, describe, expect, it, vi } from 'vitest';
import type * as vscode from 'vscode';
import type { GuardQuestion } from '@ringside/core/rpc';
import { NativePrompter } from './prompter.ts';

const shown =
  vi.fn<
    (
      message: string,
      options: vscode.MessageOptions,
      ...items: vscode.MessageItem[]
    ) => Promise<vscode.MessageItem | undefined>
  >();
vi.mock('vscode', () => ({
  window: { showWarningMessage: (...args: Parameters<typeof shown>) => shown(...args) },
}));

const finding = {
  rule: 'ssh-interface',
  program: 'drop',
  target: 'eth0',
  reason: 'drop on eth0 can cut your ssh connection.',
  cutting: true,
};
const question = (kind: GuardQuestion['kind']): GuardQuestion => ({
  kind,
  run: 'drop',
  host: 'web-1',
  findings: [finding],
  ...(kind === 'keep' && { withinMs: 25_000 }),
});

describe('confirmGuard', () => {
  beforeEach(() => shown.mockReset());

  it('shows every finding in a modal with one button, and takes nothing else for a yes', async () => {
    const prompter = new NativePrompter();
    for (const [answer, expected] of [
      [{ title: 'Attach Anyway' }, true],
      [undefined, false],
    ] as const) {
      shown.mockResolvedValueOnce(answer);
      expect(await prompter.confirmGuard(question('attach'))).toBe(expected);
    }
    const [message, options, ...buttons] = shown.mock.calls[0]!;
    expect(message).toBe('Attach drop to web-1? It can do harm there.');
    expect(options).toMatchObject({ modal: true, detail: expect.stringContaining(finding.reason) as string });
    expect(options.detail).toMatch(/\[ssh-interface, may cut your connection\][^]*asked about once more/);
    expect(buttons).toEqual([{ title: 'Attach Anyway' }]);
  });

  it('says nothing of the connection where none is at stake', async () => {
    shown.mockResolvedValueOnce(undefined);
    await new NativePrompter().confirmGuard({ ...question('attach'), findings: [{ ...finding, cutting: false }] });
    expect(shown.mock.calls[0]![1].detail).not.toMatch(/may cut|once more/);
  });

  it('asks whether the connection is alive, with the time that the host gives', async () => {
    const prompter = new NativePrompter();
    shown.mockResolvedValueOnce({ title: 'Leave Attached' }).mockResolvedValueOnce({ title: 'Detach Now' });
    expect(await prompter.confirmGuard(question('keep'))).toBe(true);
    expect(await prompter.confirmGuard(question('keep'))).toBe(false);
    const [message, options, ...buttons] = shown.mock.calls[0]!;
    expect(message).toContain('Does your connection still work?');
    expect(options.detail).toContain('in 25 seconds');
    expect(buttons).toEqual([{ title: 'Leave Attached' }, { title: 'Detach Now', isCloseAffordance: true }]);
  });

  it('is a no when the question is withdrawn', async () => {
    const abort = new AbortController();
    shown.mockReturnValueOnce(new Promise(() => undefined));
    const answer = new NativePrompter().confirmGuard(question('keep'), abort.signal);
    abort.abort();
    expect(await answer).toBe(false);
  });
});

it.each([
  ['web-1', 22, 'The host web-1 is not'],
  ['web-1', 2222, 'The host web-1:2222 is not'],
  ['dev@web-1:2222', 2222, 'The host dev@web-1:2222 is not'],
])('the port of %s (%i) is said once', async (host, port, text) => {
  shown.mockReset().mockResolvedValue(undefined);
  const key = { keyType: 'ssh-ed25519', fingerprint: 'SHA256:x', randomart: '' };
  expect(await new NativePrompter().confirmHostKey({ host, port, ...key })).toBe('no');
  expect(shown.mock.calls[0]![0]).toContain(text);
});
