import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hostGroups, namedInGroups } from './hostGroups.ts';

const hosts = ['local', 'web-1', 'web-2', 'db.example'];

test('patterns choose among the hosts, in the order of the setting', () => {
  expect(hostGroups({ web: ['web-*'], all: ['*'], db: ['db.example'] }, hosts)).toEqual([
    { name: 'web', hosts: ['web-1', 'web-2'] },
    { name: 'all', hosts },
    { name: 'db', hosts: ['db.example'] },
  ]);
});

test('a dot is a dot', () => {
  expect(hostGroups({ db: ['dbxexample', 'd.*'] }, hosts)).toEqual([{ name: 'db', hosts: [] }]);
});

test('hosts that are named in full need no entry in the ssh config', () => {
  expect(namedInGroups({ a: ['web-*', 'root@10.0.0.5:2222'], b: [''] })).toEqual(['root@10.0.0.5:2222']);
});

test('anything in the setting gives groups', () => {
  expect(hostGroups({ a: 'web-1', b: [1, 'web-1'], c: null }, hosts)).toEqual([{ name: 'b', hosts: ['web-1'] }]);
  fc.assert(
    fc.property(fc.anything(), (setting) => {
      expect(() => [hostGroups(setting, hosts), namedInGroups(setting)]).not.toThrow();
    }),
  );
});
