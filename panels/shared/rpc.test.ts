import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PendingRequests, RequestError } from './rpc.ts';

const error = { code: 'internal', message: 'no', remedy: '', detail: '', links: [] } as const;

describe('PendingRequests', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('gives each reply to its own request, whatever the order', async () => {
    const requests = new PendingRequests(1000);
    const ids: number[] = [];
    const first = requests.request<string>((id) => ids.push(id));
    const second = requests.request<string>((id) => ids.push(id));
    requests.settle(ids[1]!, 'two');
    requests.settle(ids[0]!, 'one');
    expect(await first).toBe('one');
    expect(await second).toBe('two');
    expect(requests.size).toBe(0);
  });

  it('ignores replies that nobody waits for', async () => {
    const requests = new PendingRequests(1000);
    let id = 0;
    const asked = requests.request<number>((given) => (id = given));
    requests.settle(id + 1, 'other');
    requests.fail(id + 2, { ...error, links: [] });
    requests.settle(id, 1);
    requests.settle(id, 2);
    expect(await asked).toBe(1);
  });

  it('rejects with the error of the host', async () => {
    const requests = new PendingRequests(1000);
    const asked = requests.request((id) => requests.fail(id, { ...error, links: [] }));
    await expect(asked).rejects.toMatchObject({ why: 'failed', message: 'no', data: { code: 'internal' } });
  });

  it('rejects when no answer comes in time, and ignores the late one', async () => {
    const requests = new PendingRequests(1000);
    let id = 0;
    const asked = requests.request((given) => (id = given));
    const rejected = expect(asked).rejects.toMatchObject({ why: 'timeout' });
    vi.advanceTimersByTime(1001);
    await rejected;
    requests.settle(id, 'late');
    expect(requests.size).toBe(0);
  });

  it('rejects what is open and what comes later on dispose', async () => {
    const requests = new PendingRequests(1000);
    const open = expect(requests.request(() => undefined)).rejects.toBeInstanceOf(RequestError);
    requests.dispose();
    await open;
    const send = vi.fn();
    await expect(requests.request(send)).rejects.toMatchObject({ why: 'disposed' });
    expect(send).not.toHaveBeenCalled();
  });
});
