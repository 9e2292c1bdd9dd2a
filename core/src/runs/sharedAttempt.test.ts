import { expect, it } from 'vitest';
import { SharedAttempt } from './sharedAttempt.ts';

function attempt() {
  let finish!: (value: string) => void;
  let aborted = false;
  const shared = new SharedAttempt<string>(
    ({ signal }) =>
      new Promise((resolve, reject) => {
        finish = resolve;
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(new Error('given up'));
        });
      }),
  );
  return { shared, finish: (value: string) => finish(value), aborted: () => aborted };
}

it('gives all who wait the same result', async () => {
  const { shared, finish } = attempt();
  const both = [shared.join(), shared.join()];
  finish('done');
  expect(await Promise.all(both)).toEqual(['done', 'done']);
});

it('goes on while somebody waits', async () => {
  const { shared, finish, aborted } = attempt();
  const leaving = new AbortController();
  const left = shared.join(leaving.signal);
  const stays = shared.join();
  leaving.abort();
  await expect(left).rejects.toMatchObject({ code: 'cancelled' });
  expect(aborted()).toBe(false);
  finish('done');
  expect(await stays).toBe('done');
});

it('is given up when the last has left', async () => {
  const { shared, aborted } = attempt();
  const leaving = new AbortController();
  const left = shared.join(leaving.signal);
  leaving.abort();
  await expect(left).rejects.toThrow('given up');
  expect(aborted()).toBe(true);
});

it('does not let one in whose request is cancelled already', () => {
  const { shared } = attempt();
  expect(() => shared.join(AbortSignal.abort())).toThrow('Cancelled');
});
