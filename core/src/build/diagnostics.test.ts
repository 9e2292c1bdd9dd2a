import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDiagnostics } from './diagnostics.ts';

const fixtures = join(import.meta.dirname, '../../../test/fixtures/clang');
const read = (name: string) => readFileSync(join(fixtures, name), 'utf8');

/** Parses a recorded output as if clang had run in /src. */
function parseRecorded(name: string) {
  const [base] = name.split('-clang');
  return parseDiagnostics(read(name), {
    mainFile: `/src/${base!}.bpf.c`,
    cwd: '/src',
    readSource: (file) =>
      file.startsWith('/src/sample') || file.startsWith('/src/backend') ? read(file.slice(5)) : null,
  });
}

describe.each(['14', '19', '22'])('output of clang %s', (version) => {
  const found = parseRecorded(`sample-clang-${version}.txt`);
  const place = (start: string) => {
    const { file, line, column, endLine, endColumn, severity, code } = found.find((d) => d.message.startsWith(start))!;
    return { at: `${file}:${line}:${column}-${endLine}:${endColumn}`, severity, code };
  };

  it('is the recorded list of diagnostics', async () => {
    await expect(`${JSON.stringify(found, null, 2)}\n`).toMatchFileSnapshot(
      join(fixtures, `sample-clang-${version}.golden.json`),
    );
  });

  it('ends ranges at the ends of tokens, counted in UTF-16 units', () => {
    // Before this member stand a tab, two umlauts (2 bytes, 1 unit) and an owl (4 bytes, 2 units).
    expect(place("no member named 'pidd'").at).toBe('/src/sample.bpf.c:8:43-8:47');
    expect(place("use of undeclared identifier 'undeclared_thing'").at).toBe('/src/sample.bpf.c:8:69-8:85');
    expect(place("no member named 'nofield'").at).toBe('/src/sample.bpf.c:5:63-5:74');
    expect(place("'missing.h' file not found").at).toBe('/src/sample.bpf.c:15:10-15:21');
    expect(place("expected ';' after return").at).toBe('/src/sample.bpf.c:11:16-11:17');
  });

  it('knows the option of a warning', () => {
    expect(place('using the result of an assignment')).toEqual({
      at: '/src/sample.bpf.c:10:8-10:9',
      severity: 'warning',
      code: '-Wparentheses',
    });
  });

  it('says which #include led to a header', () => {
    const header = found.find((d) => d.file === '/src/sample.h' && d.severity === 'error');
    expect(header).toMatchObject({ line: 3, column: 2, endColumn: 11 });
    expect(header!.includedFrom).toEqual([{ file: '/src/sample.bpf.c', line: 2 }]);
  });

  it("places the back end's errors at the function or the call", () => {
    const backend = parseRecorded(`backend-clang-${version}.txt`);
    expect(backend.every((d) => d.severity === 'error')).toBe(true);
    expect(backend.map((d) => d.line).sort()).toEqual([2, 6, 8]);
    expect(backend.find((d) => d.line === 2)!.message).toMatch(/BPF stack limit/);
  });
});

describe('parseDiagnostics', () => {
  const parse = (output: string) =>
    parseDiagnostics(output, { mainFile: '/p/a.bpf.c', cwd: '/p', readSource: () => null });

  it('gives what names no file to the main file', () => {
    expect(parse("clang: error: unknown argument: '-fnope'\n")).toEqual([
      {
        ...{ file: '/p/a.bpf.c', line: 1, column: 1, endLine: 1, endColumn: 1 },
        ...{ severity: 'error', message: "unknown argument: '-fnope'", code: '', source: 'clang' },
      },
    ]);
    expect(parse('<unknown>:0: error: x')).toHaveLength(1);
    expect(parse('fatal error: error in backend: Cannot select')[0]!.message).toBe('error in backend: Cannot select');
  });

  it('names the warning behind an error that -Werror made', () => {
    expect(parse("a.bpf.c:3:4: error: unused variable 'x' [-Werror,-Wunused-variable]")[0]).toMatchObject({
      severity: 'error',
      code: '-Wunused-variable',
    });
  });

  it('keeps further lines of a message with it', () => {
    expect(parse('a.bpf.c:1:1: error: first\nsecond\n2 errors generated.\n')[0]!.message).toBe('first\nsecond');
  });

  it('reads paths with spaces and colons', () => {
    const [d] = parse('C:\\my dir\\a:b.bpf.c:3:4:{3:4-3:9}: warning: w [-Wx]');
    expect(d).toMatchObject({ line: 3, column: 4, endColumn: 9, code: '-Wx' });
    expect(d!.file).toContain('my dir');
  });

  it('never fails, whatever a compiler prints', () => {
    const line = fc.oneof(
      fc.string(),
      fc.tuple(fc.string(), fc.nat(), fc.nat(), fc.string()).map(([f, l, c, m]) => `${f}:${l}:${c}: error: ${m}`),
      fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `a.c:${a}:${b}:{${b}:${a}-${a}:${b}}: warning: x [-Wy]`),
    );
    fc.assert(
      fc.property(fc.array(line), fc.string(), (lines, source) => {
        const options = { mainFile: '/p/a.c', cwd: '/p', readSource: () => source };
        for (const d of parseDiagnostics(lines.join('\n'), options)) {
          expect(d.line).toBeGreaterThanOrEqual(1);
          expect(d.column).toBeGreaterThanOrEqual(1);
        }
      }),
    );
  });
});
