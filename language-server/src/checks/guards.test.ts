import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Analyser } from '../analysis.ts';
import { nowhere } from '../kernel/world.ts';
import { Guards, type AskedKernel } from './guards.ts';

const field = { declaration: '', bitOffset: 0, bitSize: 0, size: 8, shape: 'int' };
const kernel = (fields: string[], values: string[]): AskedKernel => ({
  type: (name) => {
    if (name === 'struct task_struct') {
      return { kind: 'struct', size: 8, fields: new Map(fields.map((each) => [each, field])), values: new Map() };
    }
    if (name !== 'enum bpf_func_id') return null;
    return { kind: 'enum', size: 4, fields: new Map(), values: new Map(values.map((each) => [each, 1n])) };
  },
  hasFunction: () => false,
  hasName: () => false,
});
const newer = kernel(['pid', 'age'], ['BPF_FUNC_loop', 'BPF_FUNC_get']);
const older = kernel(['pid'], ['BPF_FUNC_get']);

const HAS = 'bpf_core_field_exists(struct task_struct, age)';
let version = 0;

function guardsOf(text: string): Guards {
  const document = { uri: 'x.bpf.c', file: '/x.bpf.c', version: ++version, text };
  return new Guards(new Analyser().analyse(document, nowhere));
}

/** For each USE of the source who comes there: "both", "newer", "older" or "none". */
function whoComes(text: string): string[] {
  const guards = guardsOf(text);
  return [...text.matchAll(/\bUSE\b/g)].map(({ index }) => {
    const comes = [newer, older].map((each) => guards.mayRun(each, index, 'something'));
    return comes[0] && comes[1] ? 'both' : comes[0] ? 'newer' : comes[1] ? 'older' : 'none';
  });
}

const program = (body: string, before = ''): string =>
  `${before}SEC("xdp")\nint handle(struct xdp_md *ctx)\n{\n\t${body}\n}\n`;

describe('who comes to a place behind a question', () => {
  it.each<[string, string, string[]]>([
    ['nothing is asked', 'USE;', ['both']],
    ['a condition', `if (${HAS}) USE; USE;`, ['newer', 'both']],
    ['both branches', `if (${HAS}) { USE; } else { USE; }`, ['newer', 'older']],
    ['a negated condition', `if (!${HAS}) USE; else USE;`, ['older', 'newer']],
    ['one that leaves', `if (!${HAS}) return 0; USE;`, ['newer']],
    ['one that leaves from a block', `if (!${HAS}) { USE; goto out; } USE;`, ['older', 'newer']],
    ['one that leaves in its else', `if (${HAS}) USE; else return 1; USE;`, ['newer', 'newer']],
    ['a loop that is gone on with', `for (;;) { if (!(${HAS})) continue; USE; } USE;`, ['newer', 'both']],
    ['chained branches', `if (x) USE; else if (${HAS}) USE; else USE;`, ['both', 'newer', 'older']],
    ['a condition among others', `if (x && ${HAS} && y(USE)) USE; else USE;`, ['newer', 'newer', 'both']],
    ['either of two', `if (${HAS} || USE) USE; else USE;`, ['older', 'both', 'older']],
    ['a value or another', `int a = ${HAS} ? USE : USE; USE;`, ['newer', 'older', 'both']],
    ['a value among arguments', `call(1, ${HAS} ? USE : USE); USE;`, ['newer', 'older', 'both']],
    ['a comparison', `if (${HAS} == 0) USE; else if (${HAS} > 0) USE;`, ['older', 'newer']],
    ['a hint to the compiler', `if (likely(!!${HAS})) USE;`, ['newer']],
    ['a cast', `if ((bool)${HAS}) USE;`, ['newer']],
    ['a variable', `bool has = ${HAS}; USE; if (has) USE; if (!has) return 0; USE;`, ['both', 'newer', 'newer']],
    ['a variable that is set again', `bool has = ${HAS}; has = x; if (has) USE;`, ['both']],
    ['an answer kept where nobody follows it', `USE; state.has = ${HAS}; USE;`, ['both', 'newer']],
    ['the loop of a macro', `if (${HAS}) bpf_for(i, 0, 9) { USE; } USE;`, ['newer', 'both']],
    ['a case', `switch (x) { case 1: if (${HAS}) USE; break; default: USE; }`, ['newer', 'both']],
    ['a loop with a condition', `while (${HAS}) USE; do USE; while (x);`, ['newer', 'both']],
    ['nested questions', `if (${HAS}) { if (!${HAS}) USE; }`, ['none']],
    ['a name with a suffix', 'if (bpf_core_field_exists(struct task_struct___my, age)) USE;', ['newer']],
    ['a helper', 'if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) USE;', ['newer']],
    ['a helper that both have', 'if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get)) USE;', ['both']],
    ['a type that none has', 'if (bpf_core_type_exists(struct css)) USE; else USE;', ['none', 'both']],
    ['statements as an expression', `int a = ({ if (!${HAS}) return 0; USE; 1; }); USE;`, ['newer', 'both']],
  ])('%s', (_name, body, comes) => expect(whoComes(program(body))).toEqual(comes));

  it('follows functions that ask, and macros', () => {
    const before = [
      `static bool has(void)\n{\n\treturn ${HAS};\n}\n`,
      `static bool long_form(void)\n{\n\tif (${HAS})\n\t\treturn true;\n\treturn false;\n}\n`,
      `#define IS_THERE ${HAS}\n#define IS_NOT (!${HAS})\n`,
    ].join('');
    expect(whoComes(program('if (has()) USE; if (!long_form()) return 0; USE;', before))).toEqual(['newer', 'newer']);
    expect(whoComes(program('if (IS_THERE) USE; if (IS_NOT) USE;', before))).toEqual(['newer', 'older']);
  });

  it('follows calls and callbacks into the functions that are reached by them alone', () => {
    const before = 'static int inner(void)\n{\n\tUSE;\n}\nstatic int outer(void)\n{\n\tinner();\n}\n';
    expect(whoComes(program(`if (${HAS}) outer();`, before))).toEqual(['newer']);
    expect(whoComes(program(`if (${HAS}) bpf_loop(1, inner, 0, 0);`, before))).toEqual(['both']);
    expect(whoComes(program(`if (${HAS}) bpf_loop(1, outer, 0, 0);`, before))).toEqual(['newer']);
    expect(whoComes(program(`if (${HAS}) outer(); else inner();`, before))).toEqual(['both']);
  });

  it('goes by the name where the type is not known', () => {
    const guards = guardsOf(program('if (bpf_core_field_exists(task->age)) USE; USE;'));
    const text = program('if (bpf_core_field_exists(task->age)) USE; USE;');
    const [first, second] = [text.indexOf('USE'), text.lastIndexOf('USE')];
    expect(guards.mayRun(older, first, 'age')).toBe(false);
    expect(guards.mayRun(older, first, 'pid')).toBe(true);
    expect(guards.mayRun(older, second, 'age')).toBe(true);
    expect(guards.isQuestion(text.indexOf('age'))).toBe(true);
  });

  it('reads any text to its end, whatever is missing', () => {
    const words = [
      'if',
      'else',
      '(',
      ')',
      '{',
      '}',
      HAS,
      '!',
      '&&',
      '||',
      '?',
      ':',
      ';',
      'return',
      'for',
      'x',
      '=',
      ',',
    ];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...words, 'do', 'while', 'case', 'bpf_core_type_exists(', '[', ']')),
        (some) => {
          const text = program(some.join(' '));
          const guards = guardsOf(text);
          expect(typeof guards.mayRun(older, text.length - 3, 'age')).toBe('boolean');
        },
      ),
      { numRuns: 500 },
    );
    for (const deep of ['(', '{', 'if (x) ', '!(', '[', `${HAS} ? `]) {
      expect(() => whoComes(program(`${deep.repeat(5000)} USE ${HAS}`))).not.toThrow();
    }
  });
});
