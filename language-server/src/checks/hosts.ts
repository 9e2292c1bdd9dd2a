/**
 * What the source uses of the first chosen host's kernel, looked up in the kernels of the others. Says nothing with one
 * host, nothing of what the program asks about itself, and nothing of a host whose kernel is not known.
 */
import { helperFact, parseSection, type Btf } from '@ringside/core/bpf';
import type { Analysis } from '../analysis.ts';
import { Kind } from '../c/lexer.ts';
import { memberAt } from '../c/members.ts';
import { callAt } from '../c/place.ts';
import type { Member } from '../c/types.ts';
import { helperNumber } from '../kernel/kernel.ts';
import { shapeOf, type FieldFacts, type LeanKernel, type OtherHost } from '../kernel/others.ts';
import type { CheckCode, Finding } from './codes.ts';
import { fixedOffsets } from './fixedOffsets.ts';
import type { Guards } from './guards.ts';
import { guardedRead, guardedCall, optionalSection, relocatedValue } from './hostFixes.ts';

type Known = OtherHost & { kernel: LeanKernel };

export function checkHosts(analysis: Analysis, guards: Guards): Finding[] {
  const { world, source } = analysis;
  if (!world.kernel || world.others.length === 0 || !source.model.whole) return [];
  if (guards.version) return [];
  const hosts = world.others.filter((host): host is Known => host.kernel !== null);
  return [
    ...targets(analysis),
    ...(hosts.length === 0 ? [] : [...new Uses(analysis, hosts, guards).findings(), ...fixedOffsets(analysis, hosts)]),
  ];
}

/** "web2 (kernel 5.15.0) and db1 (kernel 5.4.0, as last seen)" */
export function hostsText(hosts: readonly OtherHost[]): string {
  const shown = hosts.slice(0, 3).map(({ name, release, cached }) => {
    const facts = [release === null ? '' : `kernel ${release}`, cached ? 'as last seen' : '']
      .filter(Boolean)
      .join(', ');
    return facts === '' ? name : `${name} (${facts})`;
  });
  if (hosts.length > 3) shown.push(`${hosts.length - 3} more`);
  return shown.length === 1 ? shown[0]! : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)!}`;
}

export const has = (hosts: readonly OtherHost[]): string => (hosts.length === 1 ? 'has' : 'have');

function targets({ source, world }: Analysis): Finding[] {
  return source.model.functions.flatMap(({ section }): Finding[] => {
    if (!section?.literal || section.name.startsWith('?')) return [];
    const { form, target, type, attach } = parseSection(section.name);
    if (form === null || target === null || !/^[\w/:]+$/.test(target)) return [];
    const wanted = { kind: form.target, name: target, type, attach };
    if (!hasTarget(world, world.points, wanted)) return [];
    const without = world.others.filter((host) => lacksTarget(host, wanted));
    if (without.length === 0) return [];
    const name = target.replace(':', '/');
    const message = `${hostsText(without)} ${has(without)} no ${whatIs(wanted)} "${name}"`;
    const start = section.end - target.length;
    return [{ code: 'target-not-on-all-hosts', start, end: section.end, message, fixes: [optionalSection(section)] }];
  });
}

interface WantedTarget {
  kind: string;
  name: string;
  type: string;
  attach: string;
}

function whatIs({ kind, type }: WantedTarget): string {
  if (kind === 'tracepoint') return 'tracepoint';
  if (kind === 'event') return 'raw tracepoint';
  if (kind === 'iter') return 'iterator';
  return type === 'lsm' ? 'LSM hook' : 'function';
}

/** Whether the first host has it, as far as that is known. */
function hasTarget({ kernel }: Analysis['world'], points: Analysis['world']['points'], wanted: WantedTarget): boolean {
  const { kind, name, type, attach } = wanted;
  if (kind === 'tracepoint') return points.tracepointNames.has(name.replace(':', '/'));
  if (kind === 'event') return kernel!.events.has(name);
  if (kind === 'iter') return kernel!.iterators.has(name);
  if (kind !== 'func' || type === 'ext' || attach.endsWith('syscall')) return false;
  if (type === 'lsm') return kernel!.hooks.has(name);
  return (type === 'kprobe' && points.kprobes?.has(name)) || kernel!.functions.has(name);
}

/** True only where it is sure: functions of modules are in no list but the one of kprobes. */
function lacksTarget({ kernel, points }: OtherHost, { kind, name, type }: WantedTarget): boolean {
  if (kind === 'tracepoint') return points?.hasTracepoint(name) === false;
  if (kind === 'event') return kernel !== null && kernel.type(`btf_trace_${name}`) === null;
  if (kind === 'iter') return kernel !== null && kernel.type(`struct bpf_iter__${name}`) === null;
  if (type === 'lsm') return kernel !== null && !kernel.hasFunction(`bpf_lsm_${name}`);
  if (type === 'kprobe') return points?.hasKprobe(name) === false;
  return kernel !== null && !kernel.hasFunction(name) && points?.hasKprobe(name) === false;
}

/** Words of the source that stand for something of the kernel. */
class Uses {
  private readonly found: Finding[] = [];
  /** Types and constants are told once. */
  private readonly told = new Set<string>();

  constructor(
    private readonly analysis: Analysis,
    private readonly hosts: readonly Known[],
    private readonly guards: Guards,
  ) {}

  findings(): Finding[] {
    const { tokens } = this.analysis.source;
    for (let index = 0; index < tokens.length; index++) {
      if (tokens[index]!.kind === Kind.identifier) this.word(index);
    }
    return this.found;
  }

  private word(index: number): void {
    const { source, types } = this.analysis;
    const { text, start } = source.tokens[index]!;
    if (this.guards.isQuestion(start)) return;
    const before = source.tokens[index - 1]?.text;
    if (before === 'struct' || before === 'union' || before === 'enum') {
      this.type(`${before} ${text}`, index);
      return;
    }
    const member = memberAt(source, types, index);
    if (member !== undefined) {
      if (member !== null) this.field(member, index);
      return;
    }
    if (before === '.' || this.isOwn(text, start)) return;
    if (source.tokens[index + 1]?.text === '(') this.call(text, index);
    else if (this.analysis.world.kernel!.constants.has(text)) this.constant(text, index);
    else this.type(text, index);
  }

  /** The hosts that come to a token, where what `name` stands for is used. */
  private hostsAt(index: number, name: string): Known[] {
    const { start } = this.analysis.source.tokens[index]!;
    return this.hosts.filter(({ kernel }) => this.guards.mayRun(kernel, start, name));
  }

  /** Names of the source hide the kernel's. */
  private isOwn(name: string, at: number): boolean {
    const { models, types } = this.analysis;
    if (types.variableAt(name, at) !== null) return true;
    return models.some((model) => model.typedefs.has(name) || model.defines.has(name) || model.constants.has(name));
  }

  private type(name: string, index: number): void {
    const { models, world } = this.analysis;
    if (this.told.has(name)) return;
    if (models.some((model) => model.structs.has(name))) return;
    if (world.kernel!.find(name) === null) return;
    const without = this.hostsAt(index, name).filter(({ kernel }) => kernel.type(name) === null);
    if (without.length === 0) return;
    this.told.add(name);
    this.say('type-not-on-all-hosts', index, `${hostsText(without)} ${has(without)} no ${name}`);
  }

  private field(member: Member, index: number): void {
    const { world } = this.analysis;
    if (member.type.from !== 'kernel' || !/^(struct|union) \w+$/.test(member.owner)) return;
    this.type(member.owner, index);
    const there = this.hostsAt(index, member.name).flatMap((host) => {
      const type = host.kernel.type(member.owner);
      return type && type.fields.size > 0 ? [{ host, field: type.fields.get(member.name) }] : [];
    });
    const without = there.filter(({ field }) => field === undefined).map(({ host }) => host);
    if (without.length > 0) {
      const fix = guardedRead(this.analysis, index, member, this.hosts);
      const message = `${hostsText(without)} ${has(without)} no field ${member.name} in ${member.owner}`;
      this.say('field-not-on-all-hosts', index, message, fix);
    }
    const other = there.filter(({ field }) => field && isReadOtherwise(world.kernel!.btf, member, field));
    if (other.length === 0) return;
    const field = other[0]!.field!;
    const bits = field.bitSize > 0 ? ` : ${field.bitSize}` : '';
    const alike = other.filter((each) => each.field!.declaration === field.declaration).map(({ host }) => host);
    this.say('differs-between-hosts', index, `On ${hostsText(alike)} the field is "${field.declaration}${bits}"`);
  }

  private constant(name: string, index: number): void {
    const { world } = this.analysis;
    const { of, value } = world.kernel!.constants.get(name)!;
    if (this.told.has(name)) return;
    const hosts = this.hostsAt(index, name);
    const isNamed = /^enum \w+$/.test(of);
    const valueOn = (kernel: LeanKernel): bigint | null => {
      const known = isNamed ? kernel.type(of)?.values.get(name) : undefined;
      if (known !== undefined) return known;
      // In an enum without a name, or another one: it is there as long as something has its name.
      return kernel.hasName(name) ? value : null;
    };
    const without = hosts.filter(({ kernel }) => valueOn(kernel) === null);
    if (without.length > 0) {
      this.told.add(name);
      this.say('value-not-on-all-hosts', index, `${hostsText(without)} ${has(without)} no ${name}`);
    }
    const other = hosts.filter(({ kernel }) => ![null, value].includes(valueOn(kernel)));
    const isRelocated = callAt(this.analysis.source.tokens, index - 1)?.name.text === 'bpf_core_enum_value';
    if (other.length === 0 || isRelocated) return;
    const alike = other.filter(({ kernel }) => valueOn(kernel) === valueOn(other[0]!.kernel));
    const message = `On ${hostsText(alike)} ${name} is ${valueOn(other[0]!.kernel)}, not ${value}`;
    this.say('differs-between-hosts', index, message, relocatedValue(this.analysis, index, of));
  }

  private call(name: string, index: number): void {
    const { models, world } = this.analysis;
    const fact = helperFact(name === 'bpf_printk' ? 'bpf_trace_printk' : name);
    if (fact) {
      const number = helperNumber(fact.name);
      if (!world.kernel!.constants.has('BPF_FUNC_map_lookup_elem')) return;
      if (!world.kernel!.hasHelper(fact.name)) return; // of the first host, and told there
      const without = this.hostsAt(index, number).filter(({ kernel }) => {
        const known = kernel.type('enum bpf_func_id')?.values;
        return known?.has('BPF_FUNC_map_lookup_elem') === true && !known.has(number);
      });
      if (without.length === 0) return;
      const message = `${hostsText(without)} ${has(without)} no ${fact.name}: it came with Linux ${fact.since}`;
      this.say('helper-not-on-all-hosts', index, message, guardedCall(this.analysis, index, number));
      return;
    }
    const isOwn = models.some((model) =>
      model.functions.some((each) => each.name === name && each.bodyEnd > each.bodyStart),
    );
    if (isOwn || !world.kernel!.kfuncs.has(name)) return;
    const without = this.hostsAt(index, name).filter(({ kernel }) => !kernel.hasFunction(name));
    if (without.length > 0)
      this.say('helper-not-on-all-hosts', index, `${hostsText(without)} ${has(without)} no kfunc ${name}`);
  }

  private say(code: CheckCode, index: number, message: string, fix: Finding['fixes'][number] | null = null): void {
    const { start, end } = this.analysis.source.tokens[index]!;
    this.found.push({ code, start, end, message, fixes: fix ? [fix] : [] });
  }
}

/** What is relocated anyway is no difference: where a field lies, and how large a struct within is. */
function isReadOtherwise(btf: Btf, { type, bitSize, size }: Member, other: FieldFacts): boolean {
  const shape = bitSize > 0 ? 'bit field' : type.from === 'kernel' ? shapeOf(btf, type.id) : other.shape;
  if (shape === other.shape) return (shape === 'int' || shape === 'array') && size !== other.size;
  // A pointer to what is not described there is still one.
  const isPointer = (text: string): boolean => text === 'ptr' || text.endsWith('*');
  return !(isPointer(shape) && isPointer(other.shape) && (shape === 'ptr' || other.shape === 'ptr'));
}
