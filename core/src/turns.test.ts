import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Turns } from './turns.ts';

it('lets so many work at a time, all of them in the end, whoever fails', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.array(fc.boolean(), { maxLength: 30 }), async (most, fails) => {
      const turns = new Turns(most);
      let now = 0;
      let highest = 0;
      const done = await Promise.allSettled(
        fails.map((fail, index) =>
          turns.take(async () => {
            highest = Math.max(highest, ++now);
            await new Promise((resolve) => setImmediate(resolve));
            now--;
            if (fail) throw new Error('it fails');
            return index;
          }),
        ),
      );
      expect(highest).toBe(Math.min(most, fails.length));
      expect(done.map(({ status }) => status === 'rejected')).toEqual(fails);
    }),
    { numRuns: 50 },
  );
});
