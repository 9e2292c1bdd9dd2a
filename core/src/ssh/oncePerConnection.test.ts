import { expect, it } from 'vitest';
import { RingsideError } from '../errors.ts';
import { silentLog } from '../log.ts';
import { OncePerConnection } from './oncePerConnection.ts';

interface Case {
  checks: number;
  failures: RingsideError[];
  verify(key: string): Promise<boolean>;
}

function connection(verdict: () => Promise<{ remember: () => Promise<void> }>): Case {
  const state: Case = {
    checks: 0,
    failures: [],
    verify: (key) => new Promise((answer) => once.verify(Buffer.from(key), answer)),
  };
  const checker = {
    verify: () => {
      state.checks++;
      return verdict();
    },
  };
  const once = new OncePerConnection({ name: 'web' }, Promise.resolve(checker), undefined, silentLog, (error) => {
    state.failures.push(error);
  });
  return state;
}

it('a key is decided upon once, however often the connection rekeys', async () => {
  const trusted = connection(() => Promise.resolve({ remember: () => Promise.resolve() }));
  for (let rekey = 0; rekey < 5; rekey++) expect(await trusted.verify('key')).toBe(true);
  expect(trusted).toMatchObject({ checks: 1, failures: [] });
});

it('another key at a rekey is refused without a question', async () => {
  const trusted = connection(() => Promise.resolve({ remember: () => Promise.resolve() }));
  expect(await trusted.verify('key')).toBe(true);
  expect(await trusted.verify('another')).toBe(false);
  expect(trusted.checks).toBe(1);
  expect(trusted.failures).toMatchObject([{ code: 'host-key-mismatch' }]);
});

it('a refused key gives its own error', async () => {
  const refused = connection(() => Promise.reject(new RingsideError('host-key-unknown', 'no')));
  expect(await refused.verify('key')).toBe(false);
  expect(refused.failures).toMatchObject([{ code: 'host-key-unknown' }]);
});
