import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPrompt, type OpenSshPrompt } from './prompts.ts';

const art = `+--[ED25519 256]--+
|..o.             |
+----[SHA256]-----+`;

describe('prompts of ssh', () => {
  it.each([
    ["Enter passphrase for key '/home/a b/id': ", 'passphrase', 'Passphrase for key /home/a b/id'],
    ['Enter passphrase for /home/a/id: ', 'passphrase', 'Passphrase for key /home/a/id'],
    ['Enter PIN for ED25519-SK key /home/a/id_sk: ', 'passphrase', 'Enter PIN for ED25519-SK key /home/a/id_sk'],
    ["dev@web-1's password: ", 'password', 'Password for dev@web-1'],
    ['(dev@web-1) Verification code: ', 'keyboard-interactive', 'Verification code:'],
    ['Password: ', 'keyboard-interactive', 'Password:'],
  ])('%s', (text, secret, prompt) => {
    const { file, ...read } = readPrompt(text, '') as OpenSshPrompt & { kind: 'secret' };
    expect(read).toEqual({ kind: 'secret', secret, prompt });
    expect(file).toBe(/^Passphrase for key (.*)/.exec(prompt)?.[1]);
  });

  it('of an unknown host, with its picture and a word about other keys', () => {
    const text = `The authenticity of host '[web]:2222 ([10.0.0.1]:2222)' can't be established
but keys of different type are already known for this host.
ED25519 key fingerprint is SHA256:abc+/123.
${art}
Are you sure you want to continue connecting (yes/no/[fingerprint])? `;
    const plain = { kind: 'host-key', name: '[web]:2222', keyType: 'ed25519', fingerprint: 'SHA256:abc+/123', randomart: art };
    expect(readPrompt(text, '')).toMatchObject({ ...plain, note: expect.stringContaining('another kind') as string });
    expect(readPrompt(text.replace(/^but.*\n/m, '').replace('is SHA', 'is: SHA'), '')).toEqual(plain);
  });

  it('that want a touch, or a yes', () => {
    expect(readPrompt('Confirm user presence for key ED25519-SK', 'none')).toMatchObject({ kind: 'notice' });
    expect(readPrompt('Allow use of key?', 'confirm')).toMatchObject({ kind: 'confirm' });
  });

  it('from a hostile server stay text of bounded length', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.constantFrom('', 'none', 'confirm'), (text, hint) => {
        const prompt = readPrompt(text.repeat(20), hint);
        expect(JSON.stringify(prompt)).not.toMatch(/\\u001b|\\u0007/);
        expect(JSON.stringify(prompt).length).toBeLessThan(40_000);
      }),
    );
  });
}); // prettier-ignore
