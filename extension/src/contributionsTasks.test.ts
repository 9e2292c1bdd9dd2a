import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { diagnosticLine } from '../../cli/src/commands/build.ts';
import { problemMatchers, problemPatterns } from './contributionsTasks.ts';

const [pattern] = problemPatterns;

/** What VS Code makes of the output: a problem for each line that the pattern knows. */
function problems(output: string): (string | undefined)[][] {
  return output.split('\n').flatMap((line) => {
    const found = new RegExp(pattern!.regexp).exec(line);
    return found ? [[1, 2, 3, 4, 5, 6].map((group) => found[group])] : [];
  });
}

const golden = (path: string): string => readFileSync(new URL(`../../test/fixtures/${path}`, import.meta.url), 'utf8');

const compiled = [
  [
    '/home/me/probes/faulty.bpf.c',
    '8',
    '6',
    'error',
    "incompatible pointer to integer conversion initializing 'int' with an expression of type 'char[5]'",
    '-Wint-conversion',
  ],
  ['/home/me/probes/faulty.bpf.c', '9', '9', 'error', "use of undeclared identifier 'missing'", undefined],
];

test('what `ringside build` prints of a faulty source becomes its problems', () => {
  expect(problems(golden('tasks/build.txt'))).toEqual(compiled);
});

test('what `ringside verify` prints of it does too, each once', () => {
  expect(problems(golden('tasks/verify-does-not-compile.txt'))).toEqual(compiled);
});

test.each([
  ['packet-unchecked', ['./packet-unchecked.bpf.c', '10', '11', 'error', 'packet-out-of-bounds']],
  ['record-not-submitted', ['./record-not-submitted.bpf.c', '23', '3', 'error', 'unreleased-reference']],
  ['null-in-callee', ['./null-in-callee.bpf.c', '17', '5', 'error', 'null-pointer']],
])('a verdict about %s is one problem, where the verifier stopped, with our code', (name, expected) => {
  const found = problems(golden(`rejected/kernels/7.3-${name}.printed.txt`));
  expect(found.map(([file, line, column, severity, , code]) => [file, line, column, severity, code])).toEqual([
    expected,
  ]);
  expect(found[0]![4]).toMatch(/^[A-Z][\w ]+: .*The verifier says: \S.*[^\]]$/);
});

test('clang’s own lines are read, in a Makefile’s output too', () => {
  const output = `clang -g -O2 -target bpf -c a.bpf.c -o a.bpf.o
In file included from a.bpf.c:3:
C:\\probes\\a.bpf.c:12:3: fatal error: 'no.h' file not found
a.bpf.c:3:7: note: previous definition is here
1 error generated.`;
  expect(problems(output)).toEqual([
    ['C:\\probes\\a.bpf.c', '12', '3', 'error', "'no.h' file not found", undefined],
    ['a.bpf.c', '3', '7', 'note', 'previous definition is here', undefined],
  ]);
});

test('whatever a diagnostic says, it is read as it was printed', () => {
  const path = fc
    .stringMatching(/^[^\s:|[\]\\]([^:\r\n]{0,40}[^\s:])?$/)
    .filter((text) => !/[\u2028\u2029]/.test(text));
  const message = fc.stringMatching(/^[!-Z^-~][ -Z^-~]{0,60}$/).map((text) => `${text}.`);
  const place = fc.integer({ min: 1, max: 1_000_000 });
  const code = fc.option(fc.stringMatching(/^[a-z-]{1,20}$/), { nil: '' });
  const severity = fc.constantFrom('error' as const, 'warning' as const, 'note' as const);
  fc.assert(
    fc.property(path, place, place, severity, message, code, (file, line, column, severity, message, code) => {
      const printed = diagnosticLine({
        ...{ file, line, column, endLine: line, endColumn: column, severity, message, code },
        source: 'clang',
      });
      expect(problems(printed)).toEqual([[file, `${line}`, `${column}`, severity, message, code || undefined]]);
    }),
  );
});

test('the matchers use the pattern, and problems of one do not take away those of the other', () => {
  for (const matcher of problemMatchers) expect(matcher.pattern).toBe(`$${pattern!.name}`);
  expect(new Set(problemMatchers.map(({ owner }) => owner)).size).toBe(problemMatchers.length);
});
