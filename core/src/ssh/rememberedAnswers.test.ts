import { describe, expect, it } from 'vitest';
import type { Prompter, SecretQuestion } from '../prompt.ts';
import { RememberedAnswers } from './rememberedAnswers.ts';

function person(answers: (string | undefined)[]): Prompter & { asked: number } {
  const prompter = {
    asked: 0,
    confirmHostKey: () => (prompter.asked++, Promise.resolve('once' as const)),
    secret: () => (prompter.asked++, Promise.resolve(answers.shift())),
  };
  return prompter;
}
const question = (kind: SecretQuestion['kind'], attempt = 1, prompt = 'Password'): SecretQuestion => ({
  ...{ kind, attempt, prompt, host: 'web-1', echo: false },
});

describe('answers of one connection', () => {
  it('are given again', async () => {
    const asked = person(['secret']);
    const answers = new RememberedAnswers(asked);
    expect(await answers.secret(question('sudo'))).toBe('secret');
    expect(await answers.secret(question('sudo'))).toBe('secret');
    expect(asked.asked).toBe(1);
  });

  it('are asked for anew when they were refused, and the new one counts', async () => {
    const asked = person(['wrong', 'right']);
    const answers = new RememberedAnswers(asked);
    await answers.secret(question('password'));
    expect(await answers.secret(question('password', 2))).toBe('right');
    expect(await answers.secret(question('password'))).toBe('right');
    expect(asked.asked).toBe(2);
  });

  it('belong to their question', async () => {
    const answers = new RememberedAnswers(person(['a', 'b', 'c']));
    expect(await answers.secret(question('passphrase', 1, 'key one'))).toBe('a');
    expect(await answers.secret(question('passphrase', 1, 'key two'))).toBe('b');
    expect(await answers.secret(question('sudo', 1, 'key one'))).toBe('c');
  });

  it('are not kept when they are good for one time only, or were none', async () => {
    const answers = new RememberedAnswers(person(['111', '222', undefined, 'later']));
    expect(await answers.secret(question('keyboard-interactive'))).toBe('111');
    expect(await answers.secret(question('keyboard-interactive'))).toBe('222');
    expect(await answers.secret(question('sudo'))).toBeUndefined();
    expect(await answers.secret(question('sudo'))).toBe('later');
  });

  it('to a host key hold for that key alone, and are forgotten with the connection', async () => {
    const asked = person([]);
    const answers = new RememberedAnswers(asked);
    const key = { host: 'web-1', port: 22, keyType: 'ssh-ed25519', fingerprint: 'SHA256:a', randomart: '' };
    await answers.confirmHostKey(key);
    await answers.confirmHostKey(key);
    expect(asked.asked).toBe(1);
    await answers.confirmHostKey({ ...key, fingerprint: 'SHA256:b' });
    expect(asked.asked).toBe(2);
    answers.forget();
    await answers.confirmHostKey(key);
    expect(asked.asked).toBe(3);
  });
});
