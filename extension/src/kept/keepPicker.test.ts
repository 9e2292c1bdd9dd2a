import { expect, test, vi } from 'vitest';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { keepItems } = await import('./keepPicker.ts');

const noon = new Date(2026, 10, 26, 12, 0, 0).getTime();
const fresh = { kept: [] };

test('offers times with the moment at which they end', () => {
  const items = keepItems(fresh, '', noon);
  expect(items.map((item) => [item.label, item.description])).toContainEqual(['1 h', 'until 13:00']);
  expect(items.map((item) => [item.label, item.description])).toContainEqual(['1 day', 'until Nov 27, 12:00']);
  expect(items.every((item) => item.seconds !== 0)).toBe(true);
});

test('takes whatever the command takes', () => {
  expect(keepItems(fresh, ' 90s ', noon)).toMatchObject([
    { label: '90 s', description: 'until 12:01:30', seconds: 90 },
  ]);
  expect(keepItems(fresh, '30d', noon)).toMatchObject([{ seconds: 30 * 86_400 }]);
});

test.each(['soon', '2', '31d', '0s'])('"%s" is an entry that says what is wrong and chooses nothing', (typed) => {
  const [item, ...rest] = keepItems(fresh, typed, noon);
  expect(item!.seconds).toBeUndefined();
  expect(item!.label).toMatch(/is no time|is too long/);
  expect(rest).toEqual([]);
});

test('of a kept run it says until when, and that it need not be', () => {
  const kept = [{ host: 'web-1', run: '0123abcd', expires: String(BigInt(noon + 7_200_000) * 1_000_000n) }];
  const items = keepItems({ kept }, '', noon);
  expect(items[0]!.label).toBe('Now until 14:00, 2 h from now');
  expect(items.at(-1)).toMatchObject({ seconds: 0 });
});
