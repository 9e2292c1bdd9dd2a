import fc from 'fast-check';
import { expect, it } from 'vitest';
import { knobComments } from './knobComments.ts';

const source = `
/* Only calls of this process;
 * 0 = of every one. */
const volatile __u32 only_pid = 0;
const volatile bool quiet; // no output at all
// Shorter ones
// are left out.
const volatile unsigned long long min_us = 1000;
__u32 print_every = 16; /* every so many */

const volatile char name[16] = "nginx";
int made; /* one */ int other; /* two */
static int use(void) { return only_pid; }
`;

it('finds what stands above a definition or behind it', () => {
  expect(knobComments(source, ['only_pid', 'quiet', 'min_us', 'print_every', 'name', 'absent'])).toEqual({
    only_pid: 'Only calls of this process; 0 = of every one.',
    quiet: 'no output at all',
    min_us: 'Shorter ones are left out.',
    print_every: 'every so many',
    name: '',
    absent: '',
  });
});

it('says something short of any text', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(knobComments(`${text}\nint a;`, ['a'])['a']!.length).toBeLessThanOrEqual(300);
    }),
  );
});
