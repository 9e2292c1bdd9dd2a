import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loginShellCommand, neutralize, quote } from './shell.ts';

/** What runs of a command that a login shell gets from sshd. */
const through = (shell: string, command: string): string =>
  execFileSync(shell, ['-c', loginShellCommand(command)], { encoding: 'utf8' });

describe('quoting', () => {
  it('gives every word back', () => {
    const word = fc.uint8Array({ min: 1, maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
    const words = fc.sample(word, 300);
    const command = `printf '%s\\0' ${words.map(quote).join(' ')}`;
    expect(execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8' }).split('\0').slice(0, -1)).toEqual(words);
  });

  const awkward = `printf '%s|' 'a'"'"'b' "c\\\\d" '!e' "\\$f" 'g
h' 'ü€' '%s' '\\n' "$(printf 'i j')"`;
  const expected = `a'b|c\\d|!e|$f|g\nh|ü€|%s|\\n|i j|`;
  // csh and fish where they are installed: they are why the command is encoded.
  it.each(['/bin/sh', '/bin/bash', '/bin/zsh', '/bin/tcsh', '/usr/bin/fish'].filter((shell) => existsSync(shell)))(
    'any command comes through %s',
    (shell) => {
      expect(through(shell, awkward)).toBe(expected);
      expect(through(shell, 'uname -s')).toBe('Linux\n');
    },
  );

  it('no character that shells disagree about is left between quotes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ min: 1, maxLength: 100 }), (bytes) => {
        const wrapped = loginShellCommand(Buffer.from(bytes).toString('latin1'));
        const quoted = wrapped.split("'").filter((_part, index) => index % 2 === 1);
        for (const part of quoted) expect(part).toMatch(/^(?:[ -&(-[\]-~]|\\0[0-7]{3}|\\n)*$/);
        for (const part of quoted) expect(part.includes('!')).toBe(false);
      }),
    );
  });
});

it('text of a host cannot drive a terminal', () => {
  expect(neutralize('a\u001b[31mb\u0007\tc\nd\u202ee')).toBe('a [31mb \tc\nd e');
  expect(neutralize('x'.repeat(100), 10)).toBe('xxxxxxxxxx…');
});
