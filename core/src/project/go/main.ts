/** main.go: loads the collection, sets what flags say, attaches, shows what comes, and ends in order. */
import { byPrecision } from '../c/main.ts';
import { fixedDirection } from '../derive.ts';
import { Lines } from '../lines.ts';
import type { Hook, Knob, ProjectModel, Stream, Table, TargetKey } from '../model.ts';
import { goCannot } from '../readme.ts';
import type { Types } from '../typed.ts';
import { decoderOf } from './records.ts';

const text = (value: string): string => JSON.stringify(value);

export function mainText(model: ProjectModel, types: Types): string {
  const body = [
    intro(model),
    run(model),
    ...model.streams.map((stream) => streamText(stream, types)),
    ...model.tables.map((table) => tableText(table, types)),
    attachText(model),
    ...(model.hooks.some((hook) => hook.kind === 'perf_event') ? [samples] : []),
  ].join('\n\n');
  const wanted: [string, RegExp][] = [
    ['encoding/binary', /\bbinary\./],
    ['errors', /\berrors\./],
    ['flag', /\bflag\./],
    ['fmt', /\bfmt\./],
    ['log', /\blog\./],
    ['net', /\bnet\./],
    ['os', /\bos\./],
    ['os/signal', /\bsignal\./],
    ['runtime', /\bruntime\./],
    ['strings', /\bstrings\./],
    ['syscall', /\bsyscall\./],
    ['time', /\btime\./],
  ];
  const others: [string, RegExp][] = [
    ['github.com/cilium/ebpf', /\bebpf\./],
    ['github.com/cilium/ebpf/link', /\blink\./],
    ['github.com/cilium/ebpf/perf', /\bperf\./],
    ['github.com/cilium/ebpf/ringbuf', /\bringbuf\./],
    ['github.com/cilium/ebpf/rlimit', /\brlimit\./],
    ['golang.org/x/sys/unix', /\bunix\./],
  ];
  const used = (list: [string, RegExp][]): string =>
    list
      .filter(([, pattern]) => pattern.test(body))
      .map(([name]) => `\t"${name}"`)
      .join('\n');
  return `// Loads ${model.name}.bpf.c, attaches it and prints what it tells, until Ctrl+C.\npackage main\n\nimport (\n${used(wanted)}\n\n${used(others)}\n)\n\n${body}\n`;
}

function intro({ options, knobs }: ProjectModel): string {
  if (options.length === 0 && knobs.length === 0) return 'func init() { flag.Parse() }';
  const lines = new Lines();
  lines.block('var (', ')', () => {
    const rows = [
      ...options.map(
        (o) => [variable(o.flag), `flag.String(${text(o.flag)}, ${text(o.initial ?? '')}, ${text(o.help)})`] as const,
      ),
      ...knobs.map(
        (k) =>
          [
            variable(k.flag),
            `flag.String(${text(k.flag)}, "", ${text(`${k.name}: ${k.type}${k.initial === '' ? '' : `, ${k.initial} unless it is given`}`)})`,
          ] as const,
      ),
    ];
    const width = Math.max(...rows.map(([name]) => name.length));
    for (const [name, value] of rows) lines.add(`${name.padEnd(width)} = ${value}`);
  });
  lines.add('', 'func init() { flag.Parse() }');
  return lines.toString().trimEnd();
}

/** Names of flags get an "opt" in front: none is a keyword, or a name of main.go. */
function variable(flag: string): string {
  return `opt${flag
    .split('-')
    .map((part) => (part === '' ? '' : part[0]!.toUpperCase() + part.slice(1)))
    .join('')}`;
}

function run(model: ProjectModel): string {
  const { knobs, options, streams, tables } = model;
  const lines = new Lines();
  lines.block('func main() {', '}', () => {
    lines.add('if err := run(); err != nil {', '\tlog.Fatal(err)', '}');
  });
  lines.add('', '// run gives what went wrong once everything is taken away again.');
  lines.block('func run() error {', '}', () => {
    for (const option of options.filter((one) => one.initial === null))
      lines.block(`if *${variable(option.flag)} == "" {`, '}', () =>
        lines.add(`return errors.New(${text(`--${option.flag} is needed: ${option.help}`)})`),
      );
    lines.add('if err := rlimit.RemoveMemlock(); err != nil {', '\treturn err', '}');
    lines.add('spec, err := loadBpf()', 'if err != nil {', '\treturn err', '}');
    for (const knob of knobs) knobText(lines, knob);
    lines.add('objects, err := ebpf.NewCollection(spec)');
    lines.block('if err != nil {', '}', () => {
      lines.add('// The whole of what the verifier says.', 'var refused *ebpf.VerifierError');
      lines.add('if errors.As(err, &refused) {', '\treturn fmt.Errorf("%+v", refused)', '}', 'return err');
    });
    lines.add('defer objects.Close()', '');
    lines.add(
      'links, err := attach(objects, spec)',
      'defer func() {',
      '\tfor _, one := range links {',
      '\t\tone.Close()',
      '\t}',
      '}()',
    );
    lines.add('if err != nil {', '\treturn err', '}', '');
    lines.add('ending := make(chan os.Signal, 1)', 'signal.Notify(ending, os.Interrupt, syscall.SIGTERM)');
    streams.forEach((stream, i) => {
      const reader = `reader${i}`;
      const make =
        stream.kind === 'ring'
          ? `ringbuf.NewReader(objects.Maps[${text(stream.map)}])`
          : `perf.NewReader(objects.Maps[${text(stream.map)}], 64*os.Getpagesize())`;
      lines.add(
        `${reader}, err := ${make}`,
        'if err != nil {',
        '\treturn err',
        '}',
        `defer ${reader}.Close()`,
        `go read${streamName(stream)}(${reader})`,
      );
    });
    lines.add('log.Print("attached; Ctrl+C ends it")');
    if (tables.length === 0) lines.add('<-ending', 'return nil');
    else
      lines.add('each := time.NewTicker(time.Second)', 'defer each.Stop()').block('for {', '}', () => {
        lines.add('select {', 'case <-ending:', '\treturn nil', 'case <-each.C:');
        for (const table of tables) lines.add(`\tshow${tableName(table)}(objects.Maps[${text(table.map)}])`);
        lines.add('}');
      });
  });
  return lines.toString().trimEnd();
}

const streamName = (stream: Stream): string => `_${stream.map}`;
const tableName = (table: Table): string => `_${table.map}`;

function knobText(lines: Lines, knob: Knob): void {
  const flag = `*${variable(knob.flag)}`;
  lines.block(`if ${flag} != "" {`, '}', () => {
    if (knob.kind === 'chars') {
      lines.add(`var value [${knob.size}]byte`, `copy(value[:${knob.size - 1}], ${flag})`);
    } else {
      const kind = knob.kind === 'bool' ? 'bool' : `${knob.kind}${knob.size * 8}`;
      lines.add(`var value ${kind}`);
      lines.add(
        `if _, err := fmt.Sscan(${flag}, &value); err != nil {`,
        `\treturn fmt.Errorf("--${knob.flag}: %w", err)`,
        '}',
      );
    }
    lines.add(
      `if err := spec.Variables[${text(knob.name)}].Set(value); err != nil {`,
      `\treturn fmt.Errorf("--${knob.flag}: %w", err)`,
      '}',
    );
  });
}

function streamText(stream: Stream, types: Types): string {
  const lines = new Lines();
  const library = stream.kind === 'ring' ? 'ringbuf' : 'perf';
  lines.block(`func read${streamName(stream)}(reader *${library}.Reader) {`, '}', () => {
    lines.block('for {', '}', () => {
      lines.add(
        'record, err := reader.Read()',
        'if err != nil {',
        `\tif !errors.Is(err, ${library}.ErrClosed) {`,
        `\t\tlog.Printf(${text(`${stream.map}: %v`)}, err)`,
        '\t}',
        '\treturn',
        '}',
      );
      if (stream.kind === 'perf')
        lines.add(
          'if record.LostSamples > 0 {',
          `\tlog.Printf(${text(`${stream.map}: %d records lost on processor %d`)}, record.LostSamples, record.CPU)`,
          '\tcontinue',
          '}',
        );
      const only = stream.records.length === 1;
      lines.add('switch b := record.RawSample; {');
      for (const { shape, tag } of byPrecision(stream)) {
        const large = `len(b) >= ${shape.size}`;
        const number =
          tag && (tag.size === 1 ? `b[${tag.offset}]` : `binary.NativeEndian.Uint${tag.size * 8}(b[${tag.offset}:])`);
        const bySize = only || stream.kind === 'perf' ? large : `len(b) == ${shape.size}`;
        lines.add(`case ${tag ? `${large} && ${number!} == ${tag.value}` : bySize}:`);
        lines.add(`\tfmt.Printf("%s %+v\\n", ${text(stream.map)}, ${decoderOf(types, shape)}(b))`);
      }
      lines.add('default:', `\tfmt.Printf("%s %d bytes: %x\\n", ${text(stream.map)}, len(b), b)`, '}');
    });
  });
  return lines.toString().trimEnd();
}

function tableText(table: Table, types: Types): string {
  const { map, key, value, perCpu, isArray } = table;
  const lines = new Lines();
  lines.block(`func show${tableName(table)}(m *ebpf.Map) {`, '}', () => {
    lines.add('var key []byte', perCpu ? 'var values [][]byte' : 'var value []byte', 'entries := m.Iterate()');
    lines.block(`for entries.Next(&key, &${perCpu ? 'values' : 'value'}) {`, '}', () => {
      const skip = (): void =>
        void lines.add(
          `if len(value) < ${value.size} || strings.Trim(string(value), "\\x00") == "" {`,
          '\tcontinue // an entry that nobody has written',
          '}',
        );
      const shown = `${decoderOf(types, key)}(key), ${perCpu ? 'cpu, ' : ''}${decoderOf(types, value)}(value)`;
      if (perCpu)
        lines.block('for cpu, value := range values {', '}', () => {
          skip();
          lines.add(`fmt.Printf("${map} %+v on processor %d: %+v\\n", ${shown})`);
        });
      else {
        if (isArray) skip();
        lines.add(`fmt.Printf("${map} %+v: %+v\\n", ${shown})`);
      }
    });
    lines.add('if err := entries.Err(); err != nil {', `\tlog.Printf("${map}: %v", err)`, '}');
  });
  return lines.toString().trimEnd();
}

function attachText(model: ProjectModel): string {
  const lines = new Lines();
  lines.add('// attach gives the links also of what was attached before something failed.');
  lines.block(
    'func attach(objects *ebpf.Collection, spec *ebpf.CollectionSpec) (links []link.Link, err error) {',
    '}',
    () => {
      const attached = model.hooks.filter((hook) => hook.kind !== 'none' && !goCannot(hook));
      if (attached.length > 0) lines.add('var one link.Link');
      for (const hook of model.hooks) {
        if (!attached.includes(hook)) {
          lines.add(`// ${hook.program}, SEC(${text(hook.section)}): attach it here.`);
          continue;
        }
        if (hook.kind === 'perf_event') {
          lines.add(
            `if links, err = attachSamples(objects.Programs[${text(hook.program)}], ${option(hook, 'freq')}, links); err != nil {`,
            `\treturn links, fmt.Errorf("${hook.program}: %w", err)`,
            '}',
          );
          continue;
        }
        lines.block('{', '}', () => {
          before(lines, hook);
          lines.add(
            `if one, err = ${linkCall(hook)}; err != nil {`,
            `\treturn links, fmt.Errorf("${hook.program}: %w", err)`,
            '}',
            'links = append(links, one)',
          );
        });
      }
      if (!model.hooks.some((hook) => hook.kind === 'cgroup')) lines.add('_ = spec');
      lines.add('return links, nil');
    },
  );
  return lines.toString().trimEnd();
}

const option = (hook: Hook, key: TargetKey): string => `*${variable(hook.options[key]!.flag)}`;

/** Statements that make what the call names. */
function before(lines: Lines, hook: Hook): void {
  const fail = (): void =>
    void lines.add('if err != nil {', `\treturn links, fmt.Errorf("${hook.program}: %w", err)`, '}');
  const opened = (statement: string): void => {
    lines.add(statement);
    fail();
  };
  if (hook.kind === 'xdp' || hook.kind === 'tc') opened(`iface, err := net.InterfaceByName(${option(hook, 'iface')})`);
  if (hook.kind === 'tc') {
    const direction = fixedDirection(hook.attach);
    lines.add(`side := ebpf.AttachTCX${direction === 'egress' ? 'Egress' : 'Ingress'}`);
    if (direction === null)
      lines.add(`if ${option(hook, 'direction')} == "egress" {`, '\tside = ebpf.AttachTCXEgress', '}');
  }
  if (hook.kind === 'netns') {
    opened(`place, err := os.Open(${option(hook, 'netns')})`);
    lines.add('defer place.Close()');
  }
  const isUser = hook.kind === 'uprobe' || (hook.kind === 'auto' && /^u(ret)?probe$/.test(hook.attach));
  if (isUser) {
    const binary = hook.kind === 'uprobe' ? option(hook, 'binary') : text(hook.target!.split(':')[0]!);
    opened(`executable, err := link.OpenExecutable(${binary})`);
  }
  if (hook.kind === 'uprobe')
    lines.add(
      'var pid int',
      `if _, err := fmt.Sscan(${option(hook, 'pid')}, &pid); err != nil {`,
      '\treturn links, err',
      '}',
      'if pid < 0 {',
      '\tpid = 0 // all',
      '}',
    );
  if (hook.kind === 'tracepoint') lines.add(`category, event, _ := strings.Cut(${option(hook, 'event')}, ":")`);
}

function linkCall(hook: Hook): string {
  const program = `objects.Programs[${text(hook.program)}]`;
  const returns = hook.attach.includes('ret');
  switch (hook.kind) {
    case 'xdp':
      return `link.AttachXDP(link.XDPOptions{Program: ${program}, Interface: iface.Index})`;
    case 'tc':
      return `link.AttachTCX(link.TCXOptions{Program: ${program}, Interface: iface.Index, Attach: side})`;
    case 'cgroup':
      return `link.AttachCgroup(link.CgroupOptions{Path: ${option(hook, 'cgroup')}, Attach: spec.Programs[${text(hook.program)}].AttachType, Program: ${program}})`;
    case 'netns':
      return `link.AttachNetNs(int(place.Fd()), ${program})`;
    case 'kprobe':
      return `link.${returns ? 'Kretprobe' : 'Kprobe'}(${option(hook, 'func')}, ${program}, nil)`;
    case 'uprobe':
      return `executable.${returns ? 'Uretprobe' : 'Uprobe'}(${option(hook, 'symbol')}, ${program}, &link.UprobeOptions{PID: pid})`;
    case 'tracepoint':
      return `link.Tracepoint(category, event, ${program}, nil)`;
    case 'raw_tp':
      return `link.AttachRawTracepoint(link.RawTracepointOptions{Name: ${option(hook, 'event')}, Program: ${program}})`;
    default:
      return bySection(hook, program, returns);
  }
}

/** What libbpf would do for the section by itself. */
function bySection({ attach, target }: Hook, program: string, returns: boolean): string {
  const place = target ?? '';
  if (attach === 'tracepoint') {
    const [category = '', event = ''] = place.split(':');
    return `link.Tracepoint(${text(category)}, ${text(event)}, ${program}, nil)`;
  }
  if (attach === 'raw_tp')
    return `link.AttachRawTracepoint(link.RawTracepointOptions{Name: ${text(place)}, Program: ${program}})`;
  if (attach === 'lsm') return `link.AttachLSM(link.LSMOptions{Program: ${program}})`;
  if (attach === 'iter') return `link.AttachIter(link.IterOptions{Program: ${program}})`;
  if (/^(tp_btf|fentry|fexit|fmod_ret)$/.test(attach))
    return `link.AttachTracing(link.TracingOptions{Program: ${program}})`;
  if (/multi$/.test(attach))
    return `link.${returns ? 'KretprobeMulti' : 'KprobeMulti'}(${program}, link.KprobeMultiOptions{Symbols: []string{${text(place)}}})`;
  const [, symbol = '', offset = '0'] = /^(.*?)(?:\+(0x[0-9a-f]+|\d+))?$/i.exec(place.replace(/^[^:]*:/, '')) ?? [];
  const by = Number(offset);
  if (/^u/.test(attach))
    return `executable.${returns ? 'Uretprobe' : 'Uprobe'}(${text(symbol)}, ${program}, ${by > 0 ? `&link.UprobeOptions{Offset: ${by}}` : 'nil'})`;
  const name = /syscall$/.test(attach) ? `sys_${symbol}` : symbol;
  return `link.${returns ? 'Kretprobe' : 'Kprobe'}(${text(name)}, ${program}, ${by > 0 ? `&link.KprobeOptions{Offset: ${by}}` : 'nil'})`;
}

const samples = `// attachSamples attaches to a clock of every processor.
func attachSamples(program *ebpf.Program, frequency string, links []link.Link) ([]link.Link, error) {
	var rate uint64
	if _, err := fmt.Sscan(frequency, &rate); err != nil {
		return links, err
	}
	for cpu := range runtime.NumCPU() {
		attr := unix.PerfEventAttr{
			Type:   unix.PERF_TYPE_SOFTWARE,
			Config: unix.PERF_COUNT_SW_CPU_CLOCK,
			Bits:   unix.PerfBitFreq,
			Sample: rate,
		}
		fd, err := unix.PerfEventOpen(&attr, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if err != nil {
			return links, err
		}
		one, err := link.AttachRawLink(link.RawLinkOptions{Target: fd, Program: program, Attach: ebpf.AttachPerfEvent})
		if err != nil {
			return links, err
		}
		links = append(links, one)
	}
	return links, nil
}`;
