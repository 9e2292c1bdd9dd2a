import { describe, expect, it, vi } from 'vitest';
import type { NewHost } from '@ringside/core/model';
import type * as vscode from 'vscode';
import { addHostToConfig, suggestedName } from './addHost.ts';

const asked =
  vi.fn<(message: string, options: vscode.MessageOptions, ...items: string[]) => Promise<string | undefined>>();
vi.mock('vscode', () => ({
  window: {
    showWarningMessage: (...args: Parameters<typeof asked>) => asked(...args),
    showInputBox: ({ title = '' }: vscode.InputBoxOptions) =>
      Promise.resolve(title.includes('1/2') ? 'dev@web' : 'web'),
  },
}));

const plan: NewHost = { file: '/home/dev/.ssh/config', line: 4, alias: 'web', text: 'Host web\n', before: '' };

function engine() {
  return { planHost: vi.fn(() => Promise.resolve(plan)), addHost: vi.fn(() => Promise.resolve()) };
}

describe('adding a host', () => {
  it('shows the lines and their place, and writes after a yes', async () => {
    const calls = engine();
    asked.mockResolvedValueOnce('Add');
    expect(await addHostToConfig(calls)).toBe('web');
    const [message, options] = asked.mock.calls[0] ?? [];
    expect(message).toContain('/home/dev/.ssh/config, before line 4');
    expect(options).toEqual({ modal: true, detail: plan.text });
    expect(calls.planHost).toHaveBeenCalledWith('dev@web', 'web');
    expect(calls.addHost).toHaveBeenCalledWith(plan);
  });

  it('writes nothing without one', async () => {
    const calls = engine();
    asked.mockResolvedValueOnce(undefined);
    expect(await addHostToConfig(calls)).toBeUndefined();
    expect(calls.addHost).not.toHaveBeenCalled();
  });
});

it.each([
  ['ssh -p 22 dev@web-1.example.org', 'web-1'],
  ['dev@web:2222', 'web'],
  ['10.0.0.7', '10.0.0.7'],
  ['root@[fe80::1]:22', 'fe80--1'],
])('%s suggests %s', (command, name) => expect(suggestedName(command)).toBe(name));
