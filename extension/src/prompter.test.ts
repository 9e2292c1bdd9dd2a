import { beforeEach, describe, expect, it, vi } from 'vitest';
import type * as vscode from 'vscode';
import type { GuardQuestion } from '@ringside/core/rpc';
import { NativePrompter } from './prompter.ts';

const shown =
  vi.fn<(message: string, options: vscode.MessageOptions, ...items: string[]) => Promise<string | undefined>>();
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
      ['Attach Anyway', true],
      [undefined, false],
    ] as const) {
      shown.mockResolvedValueOnce(answer);
      expect(await prompter.confirmGuard(question('attach'))).toBe(expected);
    }
    const [message, options, ...buttons] = shown.mock.calls[0]!;
    expect(message).toContain('"drop" on web-1');
    expect(options).toMatchObject({ modal: true, detail: expect.stringContaining(finding.reason) as string });
    expect(options.detail).toContain('(ssh-interface, may cut your connection)');
    expect(buttons).toEqual(['Attach Anyway']);
  });

  it('asks whether the connection is alive, with the time that the host gives', async () => {
    const prompter = new NativePrompter();
    shown.mockResolvedValueOnce('Keep').mockResolvedValueOnce('Detach Now');
    expect(await prompter.confirmGuard(question('keep'))).toBe(true);
    expect(await prompter.confirmGuard(question('keep'))).toBe(false);
    const [message, options, ...buttons] = shown.mock.calls[0]!;
    expect(message).toContain('Is your connection alive?');
    expect(options.detail).toContain('in 25 seconds');
    expect(buttons).toEqual(['Keep', 'Detach Now']);
  });

  it('is a no when the question is withdrawn', async () => {
    const abort = new AbortController();
    shown.mockReturnValueOnce(new Promise(() => undefined));
    const answer = new NativePrompter().confirmGuard(question('keep'), abort.signal);
    abort.abort();
    expect(await answer).toBe(false);
  });
});
