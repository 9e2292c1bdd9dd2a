import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scanMaps, scanPrograms } from './programScan.ts';

const names = (text: string) => scanPrograms(text).map((p) => `${p.section} ${p.name}`);

describe('scanPrograms', () => {
  test('finds a plain program with its lines', () => {
    const text =
      '#include "vmlinux.h"\n\nSEC("tp/sched/sched_process_exec")\nint handle_exec(struct trace_event_raw_sched_process_exec *ctx)\n{\n}\n';
    expect(scanPrograms(text)).toEqual([
      { name: 'handle_exec', section: 'tp/sched/sched_process_exec', line: 2, nameLine: 3, nameColumn: 4 },
    ]);
  });

  test("takes the name from libbpf's macros", () => {
    expect(names('SEC("tp_btf/x") int BPF_PROG(on_x, struct task_struct *p) {}')).toEqual(['tp_btf/x on_x']);
    expect(names('SEC("kprobe/do_unlinkat")\nint BPF_KPROBE( unlink_entry , int dfd)\n{}')).toEqual([
      'kprobe/do_unlinkat unlink_entry',
    ]);
    expect(names('SEC("ksyscall/read") int BPF_KSYSCALL(on_read) { return 0; }')).toEqual(['ksyscall/read on_read']);
  });

  test('ignores comments, strings, maps, licences and prototypes', () => {
    expect(names('// SEC("xdp")\n// int a(void) {}\n/* SEC("xdp") int b(void) {} */')).toEqual([]);
    expect(names('const char *s = "SEC(\\"xdp\\") int c(void) {}";')).toEqual([]);
    expect(
      names('struct { int x; } events SEC(".maps");\nchar L[] SEC("license") = "GPL";\nint f(void) { return 0; }'),
    ).toEqual([]);
    expect(names('SEC("xdp") int later(struct xdp_md *ctx);')).toEqual([]);
    expect(names('SEC(".rodata.cfg") int value = 3;')).toEqual([]);
  });

  test('a comment between the section and the function, and attributes, do not matter', () => {
    expect(
      names(
        'SEC("xdp") /* int not_me(void) */\n// int nor_me()\n__attribute__((noinline)) static int me(struct xdp_md *ctx) {}',
      ),
    ).toEqual(['xdp me']);
  });

  test('several programs in one file, one section twice', () => {
    const text =
      'SEC("tc") int one(struct __sk_buff *s) { if (s) { return 1; } return 0; }\nSEC("tc")\nint two(struct __sk_buff *s) { return 0; }';
    expect(names(text)).toEqual(['tc one', 'tc two']);
  });

  test('half-written code gives what is there', () => {
    expect(names('SEC("xdp")\nint half(struct xdp_md *ctx)')).toEqual(['xdp half']);
    expect(names('SEC("xdp")\n')).toEqual([]);
    expect(names('SEC("xdp"')).toEqual([]);
    expect(names('/* open comment\nSEC("xdp") int x(void) {}')).toEqual([]);
  });

  test('quotes in comments and apostrophes in comments do not swallow code', () => {
    expect(names('// don\'t\nSEC("xdp") int a(void *c) {}\n/* " */ SEC("tc") int b(void *c) {}')).toEqual([
      'xdp a',
      'tc b',
    ]);
  });

  test('any text gives places inside it, in order, and names that are C identifiers', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'SEC("xdp")',
        'SEC("',
        '")',
        '/*',
        '*/',
        '//',
        '"',
        "'",
        '\\',
        '\n',
        'int f(',
        ')',
        '{',
        '}',
        ';',
        'BPF_PROG(',
        '__attribute__((x))',
        ' a ',
      ),
      fc.string({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }).map((parts) => parts.join('')),
        (text) => {
          const lines = text.split('\n');
          let before = -1;
          for (const program of scanPrograms(text)) {
            expect(lines[program.nameLine]!.startsWith(program.name, program.nameColumn)).toBe(true);
            expect(program.name).toMatch(/^[A-Za-z_]\w*$/);
            expect(program.line).toBeGreaterThanOrEqual(before);
            before = program.line;
          }
        },
      ),
    );
  });

  test('megabytes of unclosed parentheses are no quadratic trap', () => {
    // Looking for the end of each anew would take minutes: the test's own limit ends it.
    expect(scanPrograms('SEC("xdp") int f('.repeat(100_000))).toEqual([]);
  });
});

describe('scanMaps', () => {
  test('finds the maps of a source with where their definitions end', () => {
    const text =
      'struct {\n\t__uint(type, BPF_MAP_TYPE_HASH);\n} counts SEC(".maps");\nstruct inner m SEC(".maps") ;\n// } no SEC(".maps");\nint x SEC(".data");';
    expect(scanMaps(text).map(({ name, end }) => [name, text.slice(end - 8, end)])).toEqual([
      ['counts', '.maps");'],
      ['m', 'maps") ;'],
    ]);
  });

  test('takes any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const { end } of scanMaps(text)) expect(end).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});
