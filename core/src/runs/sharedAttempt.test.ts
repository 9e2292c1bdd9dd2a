import { expect, it } from 'vitest';
import { AttemptSlot, SharedAttempt } from './sharedAttempt.ts';

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

it('who comes while one that was given up is on its way out gets another, after it', async () => {
  const slot = new AttemptSlot<string>();
  const order: string[] = [];
  let leave!: () => void;
  const slow = async ({ signal }: { signal: AbortSignal }): Promise<string> => {
    await new Promise<void>((resolve) => (leave = resolve));
    order.push('first ended');
    signal.throwIfAborted();
    return 'first';
  };
  const giving = new AbortController();
  const first = slot.share(slow).join(giving.signal);
  giving.abort(new Error('given up'));
  const work = (): Promise<string> => {
    order.push('second begun');
    return Promise.resolve('second');
  };
  const [second, third] = [slot.share(work).join(), slot.share(work).join()];
  leave();
  await expect(first).rejects.toThrow();
  expect(await Promise.all([second, third])).toEqual(['second', 'second']);
  expect(order).toEqual(['first ended', 'second begun']);
  expect(slot.present).toBeUndefined();
});
