import fc from 'fast-check';
import type { StreamLedger } from '@ringside/core/model';
import { expect, it } from 'vitest';
import { lossesOf, sumText } from './losses.ts';

const none: StreamLedger = {
  ...{
    name: 'events',
    produced: 10,
    delivered: 10,
    filtered: 0,
    lostKernel: 0,
    lostAgent: 0,
    lostTransport: 0,
    shown: 0,
  },
};

const at = (stream: StreamLedger, place: string, left: number | null = 0) =>
  lossesOf(stream, { store: { bytes: 4e6, maxBytes: 256e6 } }, left).find((each) => each.place === place);

it('proposes a larger ring only where the kernel lost something or does not tell', () => {
  expect(at(none, 'kernel: buffer full')).toMatchObject({ figure: '0', remedies: [], warn: false });
  expect(at({ ...none, lostKernel: 3 }, 'kernel: buffer full')).toMatchObject({ figure: '3', warn: true });
  const unknown = at({ ...none, lostKernel: null, produced: null }, 'kernel: buffer full')!;
  expect(unknown).toMatchObject({ figure: 'unknown', warn: false });
  expect(unknown.remedies.map(({ remedy }) => remedy)).toEqual(['ring', 'globals']);
});

it('says what has left the store, which is no loss on the way', () => {
  expect(at(none, 'left the store', 4)).toMatchObject({ figure: '4', counts: false, warn: false });
  expect(at(none, 'left the store', null)!.figure).toBe('unknown');
});

it('names the recording only where rows are missing in one', () => {
  expect(at(none, 'not recorded')).toBeUndefined();
  expect(at({ ...none, notRecorded: null, produced: null }, 'not recorded')!.figure).toBe('unknown');
});

it('adds the counting places up to what was produced', () => {
  fc.assert(
    fc.property(fc.tuple(fc.nat(1e6), fc.nat(1e6), fc.nat(1e6), fc.nat(1e6), fc.nat(1e6), fc.nat(1e6)), (parts) => {
      const [delivered, filtered, lostKernel, lostAgent, lostTransport, notRecorded] = parts;
      const produced = parts.reduce((a, b) => a + b);
      const stream = { ...none, produced, delivered, filtered, lostKernel, lostAgent, lostTransport, notRecorded };
      const sum = lossesOf(stream, {}, 5)
        .filter(({ counts }) => counts)
        .reduce((total, { figure }) => total + Number(figure.replaceAll(',', '')), 0);
      expect(sum).toBe(produced);
      expect(sumText(stream)).toContain('all that were produced');
      expect(sumText({ ...stream, produced: produced + 1 })).toContain('1 are not accounted for');
    }),
  );
});

it('says at least how many there were when one figure is unknown', () => {
  expect(sumText({ ...none, produced: null, lostKernel: null })).toBe(
    'At least 10 were produced; how many exactly is unknown.',
  );
});
