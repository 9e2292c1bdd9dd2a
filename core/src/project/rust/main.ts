/** src/main.rs: opens the object, sets what flags say, attaches, shows what comes, and ends in order. */
import { byPrecision } from '../c/main.ts';
import { fixedDirection } from '../derive.ts';
import { Lines } from '../lines.ts';
import type { Hook, Knob, ProjectModel, Stream, Table, TargetKey } from '../model.ts';
import { identifier } from '../names.ts';
import type { Types } from '../typed.ts';
import { readExpression } from './records.ts';

const text = (value: string): string => JSON.stringify(value);
/** Fields of the options have an "opt_" in front: none is a keyword. */
const optionField = (flag: string): string => `opt_${identifier(flag).toLowerCase()}`;

export function mainText(model: ProjectModel, types: Types, hasRecords: boolean): string {
  const body = [
    optionsText(model),
    entry(model),
    ...model.streams.map((stream) => streamText(stream, types)),
    ...model.tables.map((table) => tableText(table, types)),
    ...(model.knobs.length > 0 ? [setKnob] : []),
    ...helperTexts(model),
  ].join('\n\n');
  const names = [
    'MapCore',
    'MapFlags',
    'ObjectBuilder',
    'PerfBufferBuilder',
    'RingBufferBuilder',
    'OpenObject',
    'ProgramMut',
    'TcHook',
    'TcHookBuilder',
    'UprobeOpts',
  ].filter((name) => new RegExp(`\\b${name}\\b`).test(body));
  if (!names.includes('MapCore') && /\.maps\(\)/.test(body)) names.push('MapCore');
  const uses = [
    `use anyhow::{${['anyhow', 'Context', 'Result'].filter((name) => name !== 'anyhow' || body.includes('anyhow!')).join(', ')}};`,
    'use clap::Parser;',
    `use libbpf_rs::{${names.sort().join(', ')}};`,
    ...(/as_fd\(\)|AsFd/.test(body) ? ['use std::os::fd::AsFd;'] : []),
    ...(/as_raw_fd/.test(body) ? ['use std::os::fd::AsRawFd;'] : []),
    'use std::sync::atomic::{AtomicBool, Ordering};',
    'use std::sync::Arc;',
    'use std::time::Duration;',
  ];
  return `//! Loads ${model.name}.bpf.c, attaches it and prints what it tells, until Ctrl+C.\n${hasRecords ? 'mod records;\n\n' : ''}${uses.join('\n')}\n\n// Maps and programs are found by name: those of C need not be names of Rust.\nstatic OBJECT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/${model.name}.bpf.o"));\n\n${body}\n`;
}

function optionsText({ name, options, knobs }: ProjectModel): string {
  const lines = new Lines('    ');
  lines.add('#[derive(Parser)]', `#[command(name = ${text(name)})]`);
  if (options.length + knobs.length === 0) return lines.add('struct Options {}').toString().trimEnd();
  lines.block('struct Options {', '}', () => {
    for (const option of options)
      lines.add(
        `/// ${option.help}`,
        `#[arg(long = ${text(option.flag)}${option.initial === null ? '' : `, default_value = ${text(option.initial)}, allow_hyphen_values = true`})]`,
        `${optionField(option.flag)}: String,`,
      );
    for (const knob of knobs)
      lines.add(
        `/// ${knob.name}: ${knob.type}${knob.initial === '' ? '' : `, ${knob.initial} unless it is given`}`,
        `#[arg(long = ${text(knob.flag)}, allow_hyphen_values = true)]`,
        `${optionField(knob.flag)}: Option<${knobType(knob)}>,`,
      );
  });
  return lines.toString().trimEnd();
}

function knobType({ kind, size }: Knob): string {
  if (kind === 'chars') return 'String';
  return kind === 'bool' ? 'bool' : `${kind === 'int' ? 'i' : 'u'}${size * 8}`;
}

function entry(model: ProjectModel): string {
  const { hooks, knobs, options, streams, tables } = model;
  const rings = streams.filter((stream) => stream.kind === 'ring');
  const perfs = streams.filter((stream) => stream.kind === 'perf');
  const lines = new Lines('    ');
  lines.block('fn main() -> Result<()> {', '}', () => {
    lines.add(
      `let ${options.length + knobs.length > 0 ? 'options' : '_options'} = Options::parse();`,
      'let ending = Arc::new(AtomicBool::new(false));',
      'let signal = ending.clone();',
      'ctrlc::set_handler(move || signal.store(true, Ordering::Relaxed))?;',
      '',
    );
    lines.add(`let ${knobs.length > 0 ? 'mut ' : ''}open = ObjectBuilder::default().open_memory(OBJECT)?;`);
    for (const knob of knobs)
      lines.block(
        `if let Some(value) = ${knob.kind === 'chars' ? '&' : ''}options.${optionField(knob.flag)} {`,
        '}',
        () => {
          if (knob.kind === 'chars')
            lines.add(
              `let mut bytes = value.clone().into_bytes();`,
              `bytes.resize(${knob.size - 1}, 0);`,
              'bytes.push(0);',
              `set(&mut open, ${text(knob.section)}, ${knob.offset}, &bytes)?;`,
            );
          else
            lines.add(
              `set(&mut open, ${text(knob.section)}, ${knob.offset}, &${knob.kind === 'bool' ? 'u8::from(value)' : 'value'}.to_ne_bytes())?;`,
            );
        },
      );
    lines.add('let object = open.load().context("cannot be loaded")?;', '', 'let mut links = Vec::new();');
    const attached = hooks.filter((hook) => hook.kind !== 'none');
    if (hooks.some((hook) => hook.kind === 'tc')) lines.add('let mut filters = Vec::new();');
    lines.block('for program in object.progs_mut() {', '}', () => {
      lines.add('let name = program.name().to_string_lossy().into_owned();');
      lines.block('match name.as_str() {', '}', () => {
        for (const hook of attached) attachArm(lines, hook);
        for (const hook of hooks.filter((one) => one.kind === 'none'))
          lines.add(`// SEC(${text(hook.section)}): attach it here.`, `${text(hook.program)} => (),`);
        lines.add('_ => (),');
      });
    });
    if (hooks.length === 0 || attached.every((hook) => hook.kind === 'tc'))
      lines.add('let links: Vec<libbpf_rs::Link> = links;');
    lines.add('');
    if (streams.length + tables.length > 0) {
      lines.add('let maps: Vec<_> = object.maps().collect();');
      lines.add(
        'let map = |name: &str| maps.iter().find(|map| map.name() == name).context("the object has this map");',
      );
    }
    if (rings.length > 0) {
      lines.add('let mut rings = RingBufferBuilder::new();');
      for (const ring of rings)
        lines.add(`rings.add(map(${text(ring.map)})?, |b: &[u8]| {\n    on_${ring.map.toLowerCase()}(b);\n    0\n})?;`);
      lines.add('let rings = rings.build()?;');
    }
    perfs.forEach((perf, i) =>
      lines.add(
        `let perf${i} = PerfBufferBuilder::new(map(${text(perf.map)})?)\n    .sample_cb(|_cpu, b: &[u8]| on_${perf.map.toLowerCase()}(b))\n    .lost_cb(|cpu, count| eprintln!(${text(`${perf.map}: {count} records lost on processor {cpu}`)}))\n    .build()?;`,
      ),
    );
    lines.add('eprintln!("attached; Ctrl+C ends it");');
    lines.block('while !ending.load(Ordering::Relaxed) {', '}', () => {
      // A signal that interrupts waiting is no failure: the loop looks at `ending`.
      if (rings.length > 0) lines.add('quiet(rings.poll(Duration::from_millis(100)))?;');
      perfs.forEach((_, i) => lines.add(`quiet(perf${i}.poll(Duration::from_millis(100)))?;`));
      if (streams.length === 0) lines.add('std::thread::sleep(Duration::from_secs(1));');
      for (const table of tables) lines.add(`show_${table.map.toLowerCase()}(map(${text(table.map)})?)?;`);
    });
    if (hooks.some((hook) => hook.kind === 'tc')) lines.add('drop(filters);');
    lines.add('drop(links); // detaches everything', 'Ok(())');
  });
  return lines.toString().trimEnd();
}

const option = (hook: Hook, key: TargetKey): string => `options.${optionField(hook.options[key]!.flag)}`;

function attachArm(lines: Lines, hook: Hook): void {
  const name = text(hook.program);
  const failed = `.context(${text(`${hook.program} cannot be attached`)})?`;
  const link = (call: string): void => void lines.add(`${name} => links.push(program.${call}${failed}),`);
  const returns = hook.attach.includes('ret');
  switch (hook.kind) {
    case 'xdp': {
      link(`attach_xdp(interface(&${option(hook, 'iface')})?)`);
      return;
    }
    case 'cgroup': {
      link(`attach_cgroup(std::fs::File::open(&${option(hook, 'cgroup')})?.as_raw_fd())`);
      return;
    }
    case 'netns': {
      link(`attach_netns(std::fs::File::open(&${option(hook, 'netns')})?.as_raw_fd())`);
      return;
    }
    case 'kprobe': {
      link(`attach_kprobe(${returns}, &${option(hook, 'func')})`);
      return;
    }
    case 'raw_tp': {
      link(`attach_raw_tracepoint(&${option(hook, 'event')})`);
      return;
    }
    case 'usdt': {
      link(
        `attach_usdt(${option(hook, 'pid')}.parse()?, &${option(hook, 'binary')}, &${option(hook, 'provider')}, &${option(hook, 'probe')})`,
      );
      return;
    }
    case 'uprobe': {
      link(
        `attach_uprobe_with_opts(${option(hook, 'pid')}.parse()?, &${option(hook, 'binary')}, 0, UprobeOpts { retprobe: ${returns}, func_name: Some(${option(hook, 'symbol')}.clone()), ..Default::default() })`,
      );
      return;
    }
    case 'tracepoint':
      lines.block(`${name} => {`, '}', () => {
        lines.add(
          `let (category, event) = ${option(hook, 'event')}.split_once(':').context("CATEGORY:NAME is needed")?;`,
          `links.push(program.attach_tracepoint(libbpf_rs::TracepointCategory::Custom(category.into()), event)${failed});`,
        );
      });
      return;
    case 'perf_event':
      return void lines.add(
        `${name} => attach_samples(&program, ${option(hook, 'freq')}.parse()?, &mut links)${failed},`,
      );
    case 'tc': {
      const direction = fixedDirection(hook.attach);
      const point =
        direction === null
          ? `if ${option(hook, 'direction')} == "egress" { libbpf_rs::TC_EGRESS } else { libbpf_rs::TC_INGRESS }`
          : `libbpf_rs::TC_${direction.toUpperCase()}`;
      lines.block(`${name} => {`, '}', () => {
        lines.add(
          'let mut hook = TcHookBuilder::new(program.as_fd())',
          `    .ifindex(interface(&${option(hook, 'iface')})?)`,
          `    .hook(${point});`,
        );
        lines.add(
          'hook.create().context("the queue for filters cannot be made")?;',
          `filters.push(Filter(hook.attach()${failed}));`,
        );
      });
      return;
    }
    default: {
      link('attach()');
      return;
    }
  }
}

function streamText(stream: Stream, types: Types): string {
  const lines = new Lines('    ');
  const { map, kind, records } = stream;
  lines.block(`fn on_${map.toLowerCase()}(b: &[u8]) {`, '}', () => {
    const shown = byPrecision(stream).map(({ shape, tag }) => {
      const large = `b.len() >= ${shape.size}`;
      const test = tag
        ? `${large} && b[${tag.offset}..${tag.offset + tag.size}] == ${tag.value}u${tag.size * 8}.to_ne_bytes()`
        : records.length === 1 || kind === 'perf'
          ? large
          : `b.len() == ${shape.size}`;
      return [test, `println!(${text(`${map} {:?}`)}, ${readExpression(types, shape, 'b')});`] as const;
    });
    const unknown = `println!(${text(`${map} {} bytes: {b:02x?}`)}, b.len());`;
    if (shown.length === 0) return void lines.add(unknown);
    shown.forEach(([test, print], i) => lines.add(`${i === 0 ? '' : '} else '}if ${test} {`, `    ${print}`));
    lines.add('} else {', `    ${unknown}`, '}');
  });
  return lines.toString().trimEnd();
}

function tableText(table: Table, types: Types): string {
  const { map, key, value, perCpu, isArray } = table;
  const lines = new Lines('    ');
  lines.block(`fn show_${map.toLowerCase()}(map: &impl MapCore) -> Result<()> {`, '}', () => {
    lines.block('for key in map.keys() {', '}', () => {
      const shown = [readExpression(types, key, '&key'), readExpression(types, value, '&value')];
      const skip = `if value.iter().all(|&byte| byte == 0) {\n    continue; // an entry that nobody has written\n}`;
      if (perCpu) {
        lines.add('let Some(values) = map.lookup_percpu(&key, MapFlags::ANY)? else {\n    continue;\n};');
        lines.block('for (cpu, value) in values.iter().enumerate() {', '}', () => {
          lines.add(
            skip,
            `println!(${text(`${map} {:?} on processor {cpu}: {:?}`)}, ${shown[0]!}, ${readExpression(types, value, 'value')});`,
          );
        });
      } else {
        lines.add('let Some(value) = map.lookup(&key, MapFlags::ANY)? else {\n    continue;\n};');
        if (isArray) lines.add(skip);
        lines.add(`println!(${text(`${map} {:?}: {:?}`)}, ${shown.join(', ')});`);
      }
    });
    lines.add('Ok(())');
  });
  return lines.toString().trimEnd();
}

const setKnob = `/// Writes a variable's first value, before the program is loaded.
fn set(open: &mut OpenObject, section: &str, offset: usize, bytes: &[u8]) -> Result<()> {
    for mut map in open.maps_mut() {
        // libbpf puts the object's name before that of the section.
        if map.name().to_string_lossy().ends_with(section) {
            let data = map.initial_value_mut().context("the section has a value")?;
            data[offset..offset + bytes.len()].copy_from_slice(bytes);
            return Ok(());
        }
    }
    Err(anyhow!("the object has no {section}"))
}`;

function helperTexts({ hooks, streams }: ProjectModel): string[] {
  const kinds = new Set(hooks.map((hook) => hook.kind));
  return [
    ...(streams.length > 0
      ? [
          `/// A signal that interrupts waiting is no failure: the loop looks whether it is to end.
fn quiet(polled: libbpf_rs::Result<()>) -> Result<()> {
    match polled {
        Err(error) if error.kind() != libbpf_rs::ErrorKind::Interrupted => Err(error.into()),
        _ => Ok(()),
    }
}`,
        ]
      : []),
    ...(kinds.has('xdp') || kinds.has('tc')
      ? [
          `/// The number of a network interface.
fn interface(name: &str) -> Result<i32> {
    let path = format!("/sys/class/net/{name}/ifindex");
    let number = std::fs::read_to_string(path).with_context(|| format!("there is no interface {name}"))?;
    Ok(number.trim().parse()?)
}`,
        ]
      : []),
    ...(kinds.has('tc') ? [tcFilter] : []),
    ...(kinds.has('perf_event') ? [samples] : []),
  ];
}

const tcFilter = `/// Filters of tc outlive their process: they are taken away also when something after them fails.
struct Filter(TcHook);

impl Drop for Filter {
    fn drop(&mut self) {
        if let Err(error) = self.0.detach() {
            eprintln!("a filter stays: {error}");
        }
    }
}`;

const samples = `/// Attaches to a clock of every processor.
fn attach_samples(program: &ProgramMut<'_>, frequency: u64, links: &mut Vec<libbpf_rs::Link>) -> Result<()> {
    for cpu in 0..libbpf_rs::num_possible_cpus()? {
        let mut attr = perf_event_open_sys::bindings::perf_event_attr {
            type_: perf_event_open_sys::bindings::PERF_TYPE_SOFTWARE,
            size: std::mem::size_of::<perf_event_open_sys::bindings::perf_event_attr>() as u32,
            config: u64::from(perf_event_open_sys::bindings::PERF_COUNT_SW_CPU_CLOCK),
            ..Default::default()
        };
        attr.set_freq(1);
        attr.__bindgen_anon_1.sample_freq = frequency;
        // SAFETY: the attributes live as long as the call.
        let fd = unsafe { perf_event_open_sys::perf_event_open(&mut attr, -1, cpu as i32, -1, 0) };
        if fd < 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        links.push(program.attach_perf_event(fd)?);
    }
    Ok(())
}`;
