/** NAME.c: opens the skeleton, sets what flags say, attaches, shows what comes, and ends in order. */
import { fixedDirection } from '../derive.ts';
import { Lines } from '../lines.ts';
import {
  isComposite,
  shapesOf,
  type Hook,
  type Knob,
  type ProjectModel,
  type Shape,
  type Stream,
  type Table,
} from '../model.ts';
import { identifier } from '../names.ts';
import { attachText, attachHelpers } from './attach.ts';
import { Enums, printFunction, scalarHolder } from './print.ts';

/** @param types the C type of each struct shape, by the shape's name */
export function mainText(model: ProjectModel, types: ReadonlyMap<string, string>, header: string): string {
  const enums = new Enums();
  const printers = shapesOf(model).map((shape) => printFunction(shape, typeOf(shape, types), enums));
  const handlers = model.streams.map((stream) => streamText(stream, types));
  const tables = model.tables.map((table) => tableText(table, types, model.name));
  const parts = [
    intro(model),
    includes(model, header),
    `static volatile sig_atomic_t ending;\n\nstatic void on_signal(int number)\n{\n\t(void)number;\n\tending = 1;\n}`,
    optionsText(model),
    ...helpers([...printers, ...handlers, ...tables].join('\n')),
    ...enums.texts,
    ...printers,
    ...handlers,
    ...tables,
    ...attachHelpers(model),
    setUp(model),
    run(model),
    entry(model),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function typeOf(shape: Shape, types: ReadonlyMap<string, string>): string {
  return types.get(shape.name) ?? scalarHolder(shape);
}

function intro({ name, hooks }: ProjectModel): string {
  return `// Loads ${name}.bpf.c, attaches ${hooks.map((hook) => hook.program).join(', ') || 'nothing'} and prints what it tells, until Ctrl+C.`;
}

function includes({ name, hooks }: ProjectModel, header: string): string {
  const kinds = new Set(hooks.map((hook) => hook.kind));
  const more = [
    ...(kinds.has('xdp') || kinds.has('tc') ? ['net/if.h'] : []),
    ...(kinds.has('cgroup') || kinds.has('netns') ? ['fcntl.h'] : []),
    ...(kinds.has('perf_event') ? ['linux/perf_event.h', 'sys/syscall.h'] : []),
  ];
  const system = [
    'arpa/inet.h',
    'endian.h',
    'errno.h',
    'getopt.h',
    'signal.h',
    'stdbool.h',
    'stdint.h',
    'stdio.h',
    'stdlib.h',
    'string.h',
    'unistd.h',
    ...more,
  ].sort();
  return `${system.map((file) => `#include <${file}>`).join('\n')}\n#include <bpf/bpf.h>\n#include <bpf/libbpf.h>\n#include "${header}"\n#include "${name}.skel.h"`;
}

/** What is typed on the command line, kept by name. */
function optionsText({ options }: ProjectModel): string {
  if (options.length === 0) return '';
  const fields = options.map((option) => `\tconst char *${identifier(option.flag)};`);
  const initial = options
    .filter((option) => option.initial !== null)
    .map((option) => `\t.${identifier(option.flag)} = ${JSON.stringify(option.initial)},`);
  return `/* What programs attach to. */\nstatic struct {\n${fields.join('\n')}\n} options = {\n${initial.join('\n')}${initial.length > 0 ? '\n' : ''}};`;
}

const helperTexts: Record<string, string> = {
  print_text: `/* Text that ends at its first NUL; what cannot be printed is written as \\xHH. */
static void print_text(const char *text, size_t size)
{
	for (size_t i = 0; i < size && text[i]; i++) {
		unsigned char c = text[i];

		if (c < ' ' || c == 0x7f)
			printf("\\\\x%02x", c);
		else
			putchar(c);
	}
}`,
  print_bytes: `static void print_bytes(const void *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		printf("%02x", ((const unsigned char *)data)[i]);
}`,
  print_address: `static void print_address(int family, const void *address)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(family, address, text, sizeof(text));
	printf("%s", text);
}`,
};

function helpers(used: string): string[] {
  return Object.entries(helperTexts)
    .filter(([name]) => used.includes(`${name}(`))
    .map(([, text]) => text);
}

/** The callback of a ring or perf buffer. */
function streamText(stream: Stream, types: ReadonlyMap<string, string>): string {
  const lines = new Lines();
  const { map, kind, records } = stream;
  const head =
    kind === 'ring'
      ? `static int on_${map}(void *context, void *data, size_t size)`
      : `static void on_${map}(void *context, int cpu, void *data, __u32 size)`;
  lines.block(`${head}\n{`, '}', () => {
    lines.add('(void)context;', ...(kind === 'perf' ? ['(void)cpu;'] : []));
    const done = kind === 'ring' ? 'return 0;' : 'return;';
    for (const record of byPrecision(stream)) {
      const { shape, tag } = record;
      const test =
        records.length === 1
          ? `size >= ${shape.size}`
          : tag
            ? tagTest(tag, shape.size)
            : `size ${kind === 'ring' ? '==' : '>='} ${shape.size}`;
      lines.block(`if (${test}) {`, '}', () => {
        const type = typeOf(shape, types);
        const array = isComposite(shape) || shape.size === scalarSize(shape) ? '' : `[${shape.size}]`;
        lines.add(`${type} record${array};\n`, `memcpy(&record, data, ${shape.size});`);
        lines.add(
          `printf("${map}${isComposite(shape) ? '' : ' '}");`,
          `print_${shape.name}(${array === '' ? '&' : ''}record);`,
        );
        if (shape.fields.some((field) => field.size === 0)) {
          lines.add('printf(" rest=");', `print_bytes((const char *)data + ${shape.size}, size - ${shape.size});`);
        }
        lines.add("putchar('\\n');", done);
      });
    }
    lines.add(`printf("${map} %zu bytes: ", (size_t)size);`, 'print_bytes(data, size);', "putchar('\\n');");
    if (kind === 'ring') lines.add('return 0;');
  });
  if (kind === 'perf')
    lines.add(
      '',
      `static void on_lost_${map}(void *context, int cpu, __u64 count)\n{\n\t(void)context;\n\tfprintf(stderr, "${map}: %llu records lost on processor %d\\n", (unsigned long long)count, cpu);\n}`,
    );
  return lines.toString().trimEnd();
}

/** Records that a tag tells first; then by size, the largest first. */
export function byPrecision({ records }: Stream): Stream['records'] {
  return records.toSorted((a, b) => Number(b.tag !== null) - Number(a.tag !== null) || b.shape.size - a.shape.size);
}

function tagTest({ offset, size, value }: { offset: number; size: number; value: number }, whole: number): string {
  return `size >= ${whole} && *(const __u${size * 8} *)((const char *)data + ${offset}) == ${value}U`;
}

/** Bytes of the variable that holds a scalar; 1 for what is held as an array of bytes. */
function scalarSize(shape: Shape): number {
  return scalarHolder(shape) === 'unsigned char' ? 1 : shape.size;
}

function declared(shape: Shape, types: ReadonlyMap<string, string>, name: string, more = ''): string {
  const array = isComposite(shape) || shape.size === scalarSize(shape) ? '' : `[${shape.size}]`;
  return `${typeOf(shape, types)} ${name}${more}${array}`;
}

/** Prints the entries of a map, in the order of the kernel. */
function tableText(table: Table, types: ReadonlyMap<string, string>, name: string): string {
  const { map, key, value, perCpu, isArray } = table;
  const lines = new Lines();
  const address = (shape: Shape, expr: string): string =>
    isComposite(shape) || shape.size === scalarSize(shape) ? `&${expr}` : expr;
  const print = (shape: Shape, expr: string): void => {
    lines.add(`print_${shape.name}(${address(shape, expr)});`);
  };
  lines.block(`static void show_${map}(struct ${name}_bpf *skel)\n{`, '}', () => {
    lines.add(`int fd = bpf_map__fd(skel->maps.${map});`, `${declared(key, types, 'key')};`);
    const stride = Math.ceil(value.size / 8) * 8;
    if (perCpu)
      lines.add(`int cpus = libbpf_num_possible_cpus();`, `char *values = cpus > 0 ? calloc(cpus, ${stride}) : NULL;`);
    lines.add(
      `${declared(value, types, 'value')};`,
      `static const char zero[${value.size}];`,
      'void *before = NULL;',
      '',
    );
    lines.add('(void)zero;');
    if (perCpu) lines.add('if (!values)', '\treturn;');
    lines.block(`while (bpf_map_get_next_key(fd, before, &key) == 0) {`, '}', () => {
      lines.add(
        'before = &key;',
        `if (bpf_map_lookup_elem(fd, &key, ${perCpu ? 'values' : '&value'}) != 0)`,
        '\tcontinue;',
      );
      const body = (): void => {
        if (isArray || perCpu) lines.add(`if (memcmp(&value, zero, ${value.size}) == 0)`, '\tcontinue;');
        lines.add(`printf("${map} ");`);
        print(key, 'key');
        if (perCpu) lines.add('printf(" on processor %d:", cpu);');
        else lines.add('printf(":");');
        if (!isComposite(value)) lines.add('printf(" ");');
        print(value, 'value');
        lines.add("putchar('\\n');");
      };
      if (perCpu)
        lines.block('for (int cpu = 0; cpu < cpus; cpu++) {', '}', () => {
          lines.add(`memcpy(&value, values + cpu * ${stride}, ${value.size});`);
          body();
        });
      else body();
    });
    if (perCpu) lines.add('free(values);');
  });
  return lines.toString().trimEnd();
}

/** Command line into options and knobs. */
function setUp(model: ProjectModel): string {
  const { name, knobs, options } = model;
  const lines = new Lines();
  const flags = [...options.map((option) => option.flag), ...knobs.map((knob) => knob.flag)];
  lines.block('static void usage(FILE *out)\n{', '}', () => {
    lines.add(`fputs("usage: ${name}${flags.length > 0 ? ' [OPTIONS]' : ''}\\n"`);
    for (const option of options)
      lines.add(
        `      "  --${option.flag} VALUE\\t${option.help}${option.initial === null ? '' : ` (${option.initial})`}\\n"`,
      );
    for (const knob of knobs)
      lines.add(
        `      "  --${knob.flag} VALUE\\t${quoted(`${knob.name}: ${knob.type}${knob.initial === '' ? '' : ` (${knob.initial})`}`)}\\n"`,
      );
    lines.add('      "  --help\\n", out);');
  });
  lines.add('');
  if (knobs.some((knob) => knob.kind !== 'chars')) lines.add(numberHelper, '');
  lines.block(
    `/* Gives 0 to go on, 1 after --help, -1 when it is wrong. */\nstatic int read_options(struct ${name}_bpf *skel, int argc, char **argv)\n{`,
    '}',
    () => {
      lines.block('static const struct option known[] = {', '};', () => {
        flags.forEach((flag, i) => lines.add(`{ "${flag}", required_argument, NULL, ${i + 1} },`));
        lines.add(`{ "help", no_argument, NULL, 'h' },`, '{ NULL, 0, NULL, 0 },');
      });
      lines.add('int option;', '');
      if (knobs.length === 0) lines.add('(void)skel;');
      lines.block('while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {', '}', () => {
        lines.block('switch (option) {', '}', () => {
          options.forEach((option, i) =>
            lines.add(`case ${i + 1}:`, `\toptions.${identifier(option.flag)} = optarg;`, '\tbreak;'),
          );
          knobs.forEach((knob, i) => knobCase(lines, knob, options.length + i + 1));
          lines.add("case 'h':", '\tusage(stdout);', '\treturn 1;', 'default:', '\tusage(stderr);', '\treturn -1;');
        });
      });
      lines.block('if (optind < argc) {', '}', () => lines.add('usage(stderr);', 'return -1;'));
      for (const option of options.filter((one) => one.initial === null))
        lines.block(`if (!options.${identifier(option.flag)}) {`, '}', () =>
          lines.add(`fprintf(stderr, "${name}: --${option.flag} is needed: ${option.help}\\n");`, 'return -1;'),
        );
      lines.add('return 0;');
    },
  );
  return lines.toString().trimEnd();
}

const numberHelper = `/* A number between two bounds, decimal or 0x…; anything else ends the program. */
static long long number(const char *flag, const char *text, long long least, unsigned long long most)
{
	char *end;
	long long value;

	errno = 0;
	value = text[0] == '-' ? strtoll(text, &end, 0) : (long long)strtoull(text, &end, 0);
	if (errno != 0 || end == text || *end != '\\0' || (text[0] == '-' && value < least) ||
	    (text[0] != '-' && (unsigned long long)value > most)) {
		fprintf(stderr, "--%s %s: not a number that fits\\n", flag, text);
		exit(2);
	}
	return value;
}`;

function knobCase(lines: Lines, knob: Knob, number: number): void {
  const place = `skel->${knob.section.slice(1).replace(/\W/g, '_')}->${knob.name}`;
  lines.add(`case ${number}:`);
  if (knob.kind === 'chars') lines.add(`\tsnprintf((char *)${place}, ${knob.size}, "%s", optarg);`);
  else if (knob.kind === 'bool')
    lines.add(
      `\t${place} = strcmp(optarg, "true") == 0 || (strcmp(optarg, "false") != 0 && number("${knob.flag}", optarg, 0, 1));`,
    );
  else {
    const bits = BigInt(knob.size * 8);
    const least =
      knob.kind === 'uint' ? '0' : knob.size === 8 ? '(-9223372036854775807LL - 1)' : `${-(1n << (bits - 1n))}LL`;
    const most = `${(1n << (knob.kind === 'uint' ? bits : bits - 1n)) - 1n}ULL`;
    lines.add(`\t${place} = number("${knob.flag}", optarg, ${least}, ${most});`);
  }
  lines.add('\tbreak;');
}

const quoted = (text: string): string => text.replace(/[\\"]/g, '\\$&').replace(/[^\x20-\x7e]/g, '?');

/** The loop, and what it needs to begin. */
function run(model: ProjectModel): string {
  const { name, streams, tables } = model;
  const rings = streams.filter((stream) => stream.kind === 'ring');
  const perfs = streams.filter((stream) => stream.kind === 'perf');
  const lines = new Lines();
  lines.block(
    `/* Until a signal comes. Gives 0, or a negative errno. */\nstatic int watch(struct ${name}_bpf *skel)\n{`,
    '}',
    () => {
      if (rings.length > 0) lines.add('struct ring_buffer *rings = NULL;');
      perfs.forEach((perf) => lines.add(`struct perf_buffer *${perf.map}_buffer = NULL;`));
      lines.add('int err = 0;', '');
      if (streams.length === 0 && tables.length === 0) lines.add('(void)skel;');
      rings.forEach((ring, i) => {
        if (i === 0)
          lines.add(
            `rings = ring_buffer__new(bpf_map__fd(skel->maps.${ring.map}), on_${ring.map}, NULL, NULL);`,
            'if (!rings) {',
            '\terr = -errno;',
            '\tgoto out;',
            '}',
          );
        else
          lines.add(
            `err = ring_buffer__add(rings, bpf_map__fd(skel->maps.${ring.map}), on_${ring.map}, NULL);`,
            'if (err)',
            '\tgoto out;',
          );
      });
      for (const perf of perfs)
        lines.add(
          `${perf.map}_buffer = perf_buffer__new(bpf_map__fd(skel->maps.${perf.map}), 64, on_${perf.map}, on_lost_${perf.map}, NULL, NULL);`,
          `if (!${perf.map}_buffer) {`,
          '\terr = -errno;',
          '\tgoto out;',
          '}',
        );
      lines.block('while (!ending) {', '}', () => {
        const wait = Math.max(1, Math.round(100 / Math.max(1, perfs.length + Math.min(1, rings.length))));
        const poll = (call: string): void =>
          void lines.add(`err = ${call};`, 'if (err < 0 && err != -EINTR)', '\tgoto out;');
        if (rings.length > 0) poll(`ring_buffer__poll(rings, ${wait})`);
        for (const perf of perfs) poll(`perf_buffer__poll(${perf.map}_buffer, ${wait})`);
        if (streams.length === 0) lines.add('sleep(1);');
        for (const table of tables) lines.add(`show_${table.map}(skel);`);
        lines.add('fflush(stdout);');
      });
      lines.add('err = 0;');
      if (streams.length > 0) lines.add('out:');
      if (rings.length > 0) lines.add('ring_buffer__free(rings);');
      perfs.forEach((perf) => lines.add(`perf_buffer__free(${perf.map}_buffer);`));
      lines.add('return err;');
    },
  );
  return lines
    .toString()
    .trimEnd()
    .replace(/^\tout:$/m, 'out:');
}

function entry(model: ProjectModel): string {
  const { name, hooks } = model;
  const lines = new Lines();
  const skel = `${name}_bpf`;
  lines.block('int main(int argc, char **argv)\n{', '}', () => {
    lines.add(`struct ${skel} *skel = ${skel}__open();`, 'int err;', '');
    lines.add(
      'if (!skel) {',
      `\tfprintf(stderr, "${name}: cannot be opened: %s\\n", strerror(errno));`,
      '\treturn 1;',
      '}',
    );
    lines.add('err = read_options(skel, argc, argv);');
    lines.add('if (err) {', `\t${skel}__destroy(skel);`, '\treturn err < 0 ? 2 : 0;', '}');
    for (const hook of hooks.filter(isByHand))
      lines.add(
        `bpf_program__set_autoattach(skel->progs.${hook.program}, false);${hook.kind === 'none' ? ` /* ${quoted(hook.section)}: attach it here, after loading */` : ''}`,
      );
    lines.add('', `err = ${skel}__load(skel);`);
    failure(lines, name, 'cannot be loaded (libbpf says why, above)');
    lines.add(`err = ${skel}__attach(skel);`);
    failure(lines, name, 'cannot be attached');
    for (const hook of hooks) attachText(lines, hook, name, fixedDirection(hook.attach));
    lines.add('', 'signal(SIGINT, on_signal);', 'signal(SIGTERM, on_signal);');
    lines.add(`fprintf(stderr, "${name}: attached; Ctrl+C ends it\\n");`, 'err = watch(skel);');
    lines.add('if (err)', `\tfprintf(stderr, "${name}: %s\\n", strerror(-err));`);
    lines.add('out:');
    if (hooks.some((hook) => hook.kind === 'tc')) lines.add('detach_tc();');
    lines.add(`${skel}__destroy(skel); /* detaches everything */`, 'return err != 0;');
  });
  return lines
    .toString()
    .trimEnd()
    .replace(/^\tout:$/m, 'out:');
}

const isByHand = (hook: Hook): boolean => hook.kind !== 'auto';

function failure(lines: Lines, name: string, what: string): void {
  lines.add('if (err) {', `\tfprintf(stderr, "${name}: ${what}: %s\\n", strerror(-err));`, '\tgoto out;', '}');
}
