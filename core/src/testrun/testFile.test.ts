import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RingsideError } from '../errors.ts';
import { JsonSyntaxError, lineColumn, parseJsonTree, plainValue } from './jsonTree.ts';
import { returnName } from './returnValues.ts';
import { isBroken, parseTestFile, sourceOfTests, testFileOf } from './testFile.ts';

const noCapture = () => Promise.reject(new RingsideError('internal', 'no capture is read here'));
const parse = (text: string) => parseTestFile('/p/a.bpf.test.json', text, noCapture);

describe('JSON with places', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      // Integers beyond 2^53 keep their digits here, as JSON.parse does not.
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        fc.pre(!/\d{16}/.test(JSON.stringify(value)));
        const text = JSON.stringify(value, null, indent);
        expect(plainValue(parseJsonTree(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('refuses what JSON.parse refuses, at a place within the text', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.nat(),
        fc.constantFrom('', ',', '"', '}', '\\', '0x1', 'tru'),
        (value, at, put) => {
          const whole = JSON.stringify(value);
          const cut = at % (whole.length + 1);
          const text = whole.slice(0, cut) + put;
          let accepted = true;
          try {
            JSON.parse(text);
          } catch {
            accepted = false;
          }
          try {
            parseJsonTree(text);
            expect(accepted).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(JsonSyntaxError);
            expect(accepted).toBe(false);
            expect((error as JsonSyntaxError).at).toBeLessThanOrEqual(text.length);
          }
        },
      ),
    );
  });

  it('keeps long integers, and says what JSON does not have', () => {
    expect(plainValue(parseJsonTree('[18446744073709551615, -1, 1.5e3]'))).toEqual(['18446744073709551615', -1, 1500]);
    expect(() => parseJsonTree('{"a":1,"a":2}')).toThrow(/twice/);
    expect(() => parseJsonTree('[1] // no')).toThrow(/comments/);
    expect(() => parseJsonTree('0x10')).toThrow(/hexadecimal/);
    expect(() => parseJsonTree('['.repeat(100))).toThrow(/deep/);
    expect(lineColumn('ab\ncd', 4)).toEqual({ line: 2, column: 2 });
  });
});

const test = (more: string) => `{"tests":[{"name":"t","program":"p"${more}}]}`;

describe('a test file', () => {
  it('is read whole', async () => {
    const file = await parse(
      test(`,
        "load": ["q"], "repeat": 3, "globals": {"port": 443}, "context": {"ifindex": 1},
        "maps": {"m": [{"key": 1, "value": {"n": 2}}]},
        "packet": "eth/ip/udp",
        "expect": {
          "return": "XDP_PASS", "packet": {"hex": "00 11"}, "fields": {"ipv4.ttl": 63}, "bytes": {"0x0e": "45"},
          "globals": {"seen": 1}, "maps": {"m": [{"key": 2, "absent": true}]},
          "records": {"events": [{"pid": 1}]}, "prints": ["hello"]
        }`),
    );
    expect(file.tests).toHaveLength(1);
    expect(file.tests[0]).toMatchObject({
      ...{ name: 't', program: 'p', load: ['q'], repeat: 3, place: { line: 1, column: 11 } },
      globals: [{ value: { name: 'port', value: 443 }, place: { line: 2, column: 49 } }],
      maps: [{ name: 'm', entries: [{ key: 1, value: { n: 2 } }] }],
      expect: {
        returns: { value: 'XDP_PASS', place: { line: 6, column: 21 } },
        fields: [{ value: { path: 'ipv4.ttl', text: '63' } }],
        bytes: [{ value: { offset: 14, bytes: Uint8Array.of(0x45) } }],
        maps: [{ entries: [{ key: 2, value: undefined }] }],
        prints: [{ value: 'hello' }],
      },
    });
  });

  /** The text without its mark ¦, and where that stood. */
  const marked = (text: string) => {
    const { line, column } = lineColumn(text, text.indexOf('¦'));
    return { text: text.replace('¦', ''), place: `/p/a.bpf.test.json:${line}:${column}:` };
  };

  it.each([
    ['{"tests": ¦1}', /list/],
    ['{¦"test": []}', /no member "test"/],
    ['{"tests": [¦}', /value belongs/],
    ['¦{}', /needs "tests"/],
  ])('%s is refused as a whole', async (with_, message) => {
    const { text, place } = marked(with_);
    const error = (await parse(text).catch((e: unknown) => e)) as RingsideError;
    expect(error).toMatchObject({ code: 'test-malformed' });
    expect(error.message).toContain(place);
    expect(error.message).toMatch(message);
  });

  it.each([
    [',"packet":"eth/¦ipx"', 'packet-malformed', /no layer/],
    [',"packet":"eth/\\"a\\"/¦ipx"', 'packet-malformed', /no layer/],
    [',"packet":{"hex":¦"4"}', 'packet-malformed', /hexadecimal/],
    [',"packet":¦{"hex":"45","number":2}', 'test-malformed', /three things/],
    [',"packet":¦7', 'test-malformed', /object/],
    [',"repeat":¦0', 'test-malformed', /from 1/],
    [',¦"expects":{}', 'test-malformed', /no member "expects"/],
    [',"expect":{"return":¦1.5}', 'test-malformed', /whole number/],
    [',"expect":{"bytes":{¦"x":"00"}}', 'test-malformed', /no place/],
    [',"maps":{"m":[¦{"key":1}]}', 'test-malformed', /has a value/],
    [',"expect":{"maps":{"m":[¦{"absent":true}]}}', 'test-malformed', /has a key/],
  ])('%s breaks its test alone, and says where', async (with_, code, message) => {
    const { text, place } = marked(test(with_));
    const [broken] = (await parse(text)).tests;
    if (!broken || !isBroken(broken)) throw new Error('it was taken');
    expect(broken.error).toMatchObject({ code });
    expect(broken.error.message).toContain(place);
    expect(broken.error.message).toMatch(message);
  });

  it('names that two tests have are told', async () => {
    const { tests } = await parse('{"tests":[{"name":"t","program":"p"},{"name":"t","program":"p"}]}');
    expect(tests.map((t) => [t.name, isBroken(t)])).toEqual([
      ['t', false],
      ['t (2)', true],
    ]);
  });

  it('takes any JSON without failing in another way', async () => {
    const members = fc.dictionary(
      fc.constantFrom(
        'name',
        'program',
        'packet',
        'expect',
        'maps',
        'globals',
        'repeat',
        'return',
        'hex',
        'key',
        'value',
      ),
      fc.letrec((tie) => ({
        node: fc.oneof(
          fc.jsonValue({ maxDepth: 1 }),
          fc.dictionary(fc.constantFrom('m', 'key', 'return', 'maps'), tie('node')),
        ),
      })).node,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(members, { maxLength: 3 }), async (tests) => {
        const file = await parse(JSON.stringify({ tests }));
        expect(file.tests).toHaveLength(tests.length);
        for (const one of file.tests) if (isBroken(one)) expect(one.error.code).toMatch(/malformed$/);
      }),
    );
  });

  it('stands beside its program', () => {
    expect(testFileOf('/a/b.bpf.c')).toBe('/a/b.bpf.test.json');
    expect(testFileOf('/a/b.o')).toBe('/a/b.bpf.test.json');
    expect(sourceOfTests('/a/b.bpf.test.json')).toBe('/a/b.bpf.c');
  });
});

it('return values have their names', () => {
  expect(returnName('xdp', 1)).toBe('XDP_DROP');
  expect(returnName('sched_cls', 0xffffffff)).toBe('TC_ACT_UNSPEC');
  expect(returnName('socket_filter', 0)).toBeNull();
});
