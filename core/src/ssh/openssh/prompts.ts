/** What OpenSSH asks through SSH_ASKPASS, read from its English words: ssh tells a program no more than the text. */
import type { SecretQuestion } from '../../prompt.ts';
import { neutralize } from '../shell.ts';

export type OpenSshPrompt =
  | { kind: 'host-key'; name: string; keyType: string; fingerprint: string; randomart: string; note?: string }
  /** `file`: the key that a passphrase is for. */
  | { kind: 'secret'; secret: SecretQuestion['kind']; prompt: string; file?: string }
  /** Nothing to type: touch the security key. */
  | { kind: 'notice'; text: string }
  /** yes or no, of a kind that we do not know. */
  | { kind: 'confirm'; text: string };

const maxText = 4096;

function hostKeyPrompt(text: string): OpenSshPrompt | undefined {
  const name = /authenticity of host '([^'\n]+)'/.exec(text)?.[1];
  const key = /^(\S+) key fingerprint is:? (SHA256:[A-Za-z0-9+/]+)/m.exec(text);
  if (name === undefined || key === null) return undefined;
  const art = text.split('\n').filter((line) => /^[+|].{17}[+|]$/.test(line));
  const known = /different type are already known/.test(text)
    ? 'This host is known by another kind of key, which it did not offer.'
    : undefined;
  return {
    kind: 'host-key',
    name: neutralize(name.replace(/ \(.*$/, ''), 300),
    keyType: (key[1] ?? '').toLowerCase(),
    fingerprint: key[2] ?? '',
    randomart: art.join('\n'),
    ...(known !== undefined && { note: known }),
  };
}

/** Reads one prompt. `hint` is SSH_ASKPASS_PROMPT: "confirm", "none" (only show it), or empty (an answer is typed). */
export function readPrompt(raw: string, hint: string): OpenSshPrompt {
  const text = neutralize(raw, maxText).trim();
  if (hint === 'none') return { kind: 'notice', text };
  const hostKey = hostKeyPrompt(text);
  if (hostKey) return hostKey;
  if (hint === 'confirm') return { kind: 'confirm', text };
  const passphrase = /^Enter passphrase for (?:key )?'?(.+?)'?:$/.exec(text);
  if (passphrase) {
    const file = passphrase[1] ?? '';
    return { kind: 'secret', secret: 'passphrase', prompt: `Passphrase for key ${file}`, file };
  }
  if (/^Enter PIN for /.test(text)) return { kind: 'secret', secret: 'passphrase', prompt: text.replace(/:$/, '') };
  const password = /^(\S+)'s password:$/.exec(text);
  if (password) return { kind: 'secret', secret: 'password', prompt: `Password for ${password[1] ?? ''}` };
  // The user and host before keyboard-interactive prompts are ssh's own words (8.7 and newer).
  return { kind: 'secret', secret: 'keyboard-interactive', prompt: text.replace(/^\([^)\n]*@[^)\n]*\) /, '') };
}
