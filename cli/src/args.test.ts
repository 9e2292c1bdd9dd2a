import { describe, expect, it } from 'vitest';
import { assignments, guardNames, hostList, parse, positiveOption, targets } from './args.ts';

describe('parse', () => {
  it('reads common options, own options, positionals and what follows --', () => {
    const { common, positionals, rest, values } = parse(
      ['a.bpf.c', '--json', '--host', 'web-1', '--sudo', 'never', '--', '-DX=1', '--json'],
      { host: { type: 'string' } },
    );
    expect(positionals).toEqual(['a.bpf.c']);
    expect(rest).toEqual(['-DX=1', '--json']);
    expect(values['host']).toBe('web-1');
    expect(common).toMatchObject({ json: true, ssh: { sudo: 'never', acceptNewHostKey: false } });
  });

  it('refuses unknown options and values with the usage code', () => {
    for (const args of [['--nope'], ['--sudo', 'maybe'], ['--transport', 'telnet'], ['--identity']]) {
      expect(() => parse(args, {})).toThrow(expect.objectContaining({ code: 'usage' }));
    }
  });
});

describe('guardNames', () => {
  it('reads rules with commas and repeated', () => {
    expect(guardNames(['lsm-deny,send-signal', ' lsm-deny'])).toEqual(['lsm-deny', 'send-signal']);
    expect(guardNames([])).toEqual([]);
  });

  it('names the rules when one is unknown', () => {
    for (const wrong of ['everything', 'lsm-deny,', '']) {
      expect(() => guardNames([wrong])).toThrow(
        expect.objectContaining({ code: 'usage', remedy: expect.stringContaining('ssh-interface') as string }),
      );
    }
  });
});

describe('targets', () => {
  it('reads KEY=VALUE with and without a program; the value may hold anything', () => {
    expect(targets(['iface=lo', 'count:freq=99', 'binary=/opt/a=b:c'])).toEqual([
      { program: '', key: 'iface', value: 'lo' },
      { program: 'count', key: 'freq', value: '99' },
      { program: '', key: 'binary', value: '/opt/a=b:c' },
    ]);
  });

  it('names the known keys for an unknown one', () => {
    expect(() => targets(['interface=lo'])).toThrow(
      expect.objectContaining({ code: 'usage', remedy: expect.stringContaining('iface') }),
    );
    expect(() => targets(['lo'])).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('small readers', () => {
  it('splits hosts and drops doubles', () => {
    expect(hostList('a, b,a')).toEqual(['a', 'b']);
    expect(() => hostList(undefined)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('keeps = in values', () => {
    expect(assignments(['a=b=c', 'x='], 'set')).toEqual({ a: 'b=c', x: '' });
    expect(() => assignments(['=1'], 'set')).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('takes numbers above zero only', () => {
    expect(positiveOption({ count: '5' }, 'count', true)).toBe(5);
    expect(positiveOption({}, 'count', true)).toBeUndefined();
    for (const bad of ['0', '-1', '1.5', 'x', '', 'Infinity']) {
      expect(() => positiveOption({ count: bad }, 'count', true)).toThrow(expect.objectContaining({ code: 'usage' }));
    }
  });
});
