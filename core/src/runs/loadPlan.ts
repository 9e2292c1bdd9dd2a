/** How an object goes to an agent: what its own user space would have set, from what the user said and what is inferred. */
import { readFile } from 'node:fs/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ObjectOptionsSchema } from '../agent/generated/agent_pb.ts';
import {
  BpfObject,
  encodeGlobal,
  programSection,
  renameSections,
  SECTION_KEY,
  type ProgramSection,
  withoutRingTypes,
} from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import type { AttachSpec, LeftOutProgram, LoadOptions, ProgramInfo } from '../model/index.ts';
import type { PreparedObject } from './prepare.ts';

export type LoadSpec = Pick<AttachSpec, 'programs' | 'set'> & Partial<Pick<AttachSpec, 'targets' | 'load'>>;

/** What of the host decides how an object is sent. */
export interface Receiver {
  /** It allows objects by the hash of their files, so that DWARF goes along. */
  listsObjects: boolean;
}

export interface LoadPlan {
  /** The object as it is sent. */
  bytes: Uint8Array;
  options: MessageInitShape<typeof ObjectOptionsSchema>;
  /** Types of the host's kernel that are sent along; null = it has its own. */
  kernelBtf: Uint8Array | null;
  /** Names of the programs to attach, with their target keys. */
  programs: { name: string; target: Record<string, string> }[];
  /** Programs that cannot even be loaded before the user says more. */
  leftOut: Omit<LeftOutProgram, 'host'>[];
  /** Sections as the source spells them, by program. */
  sections: Map<string, string>;
  notes: { about: string; text: string }[];
}

/** Keys that an agent has to know when it loads, because the kernel binds the program to its target then. */
const BEFORE_LOAD = new Set(['func', 'event', 'program', 'iface']);
/** Kinds whose function is bound when they are loaded. */
const BOUND_AT_LOAD = new Set(['tracing', 'lsm', 'ext']);
/** Keys that name what a kernel has by name. */
const NAMES = new Set(['func', 'event', 'program']);

/** Errors: unknown-program, unknown-variable, bad-value, target-needed, file-not-found. */
export async function loadPlan(
  object: PreparedObject,
  spec: LoadSpec,
  purpose: 'run' | 'verify',
  receiver: Receiver,
): Promise<LoadPlan> {
  const parsed = BpfObject.parse(object.full);
  const strict = spec.programs.length > 0;
  checkPrograms(object.report.programs, spec.programs);
  const chosen = strict ? (p: ProgramInfo) => spec.programs.includes(p.name) : (p: ProgramInfo) => p.autoload;
  const wanted = object.report.programs.filter(chosen);
  const said = (program: string): Record<string, string> => targetKeys(spec.targets ?? [], program, wanted);
  const described = parsed.programs.map((p) => ({
    program: p,
    section: programSection(parsed, p, said(p.name)[SECTION_KEY] ?? ''),
  }));
  const sectionOf = new Map(described.map((d) => [d.program.name, d.section]));

  const unmet = wanted.filter((p) => !isSaid(sectionOf.get(p.name)!, said(p.name), purpose));
  if (purpose === 'run' && unmet[0] !== undefined && (strict || unmet.length === wanted.length)) {
    throw needed(unmet[0], sectionOf.get(unmet[0].name)!, unmet.length - 1);
  }
  const loaded = wanted.filter((p) => !unmet.includes(p));
  const { renames, mixed } = sectionsToRename(described);
  const bytes = receiver.listsObjects ? withoutRingTypes(object.full, parsed) : object.stripped;
  const programs = loaded.map((p) => ({ name: p.name, target: targetOf(sectionOf.get(p.name)!, said(p.name)) }));
  return {
    bytes: renames.size > 0 ? renameSections(bytes, renames) : bytes,
    options: {
      ...loadOptions(parsed, spec),
      name: runName(object.file),
      // Without a choice and with nothing unmet the object's own word counts, and that of the agent.
      programs: strict || unmet.length > 0 ? loaded.map((p) => p.name) : [],
      leaveOut: !strict,
      programOptions: programs.flatMap(({ name, target }) => programOption(name, target, mixed.get(name))),
    },
    kernelBtf: await readKernelBtf(spec.load),
    programs,
    leftOut: unmet.map((p) => ({
      ...{ program: p.name, section: p.section, instead: '' },
      error: needed(p, sectionOf.get(p.name)!).toData(),
    })),
    sections: new Map(object.report.programs.map((p) => [p.name, p.section])),
    notes: loaded.flatMap((p) => noteOf(p, sectionOf.get(p.name)!)),
  };
}

function checkPrograms(programs: readonly ProgramInfo[], chosen: readonly string[]): void {
  const known = programs.map((p) => p.name);
  for (const name of chosen) {
    if (known.includes(name)) continue;
    throw new RingsideError('unknown-program', `There is no program "${name}".`, {
      remedy: `Programs: ${known.join(', ') || 'none'}.`,
    });
  }
}

/**
 * The user's keys for one program. A key for all goes to those that need it, where some do: an interface for the XDP
 * program of an object is none for its kprobe.
 */
function targetKeys(
  targets: AttachSpec['targets'],
  program: string,
  wanted: readonly ProgramInfo[],
): Record<string, string> {
  const keys: Record<string, string> = {};
  for (const { program: of, key, value } of targets) {
    if (of !== '' && of !== program) continue;
    const needing = wanted.filter((p) => p.needsTarget.includes(key) || key in p.given);
    if (of === '' && needing.length > 0 && !needing.some((p) => p.name === program)) continue;
    keys[key] = value;
  }
  return keys;
}

/** Enough is known to load the program; to run it, its section may not name a mere placeholder either. */
function isSaid(section: ProgramSection, said: Record<string, string>, purpose: 'run' | 'verify'): boolean {
  if (section.type === 'unspec') return false;
  const open = section.needsTarget.filter((key) => NAMES.has(key) && !(key in said));
  if (open.length === 0) return true;
  const placeholder = section.section.includes('/');
  return (
    !BOUND_AT_LOAD.has(section.type) && (purpose === 'verify' || !placeholder || section.form?.target === 'uprobe')
  );
}

/** What the section gives, then what the user says. */
function targetOf(section: ProgramSection, said: Record<string, string>): Record<string, string> {
  const keys = Object.entries({ ...section.keys, ...said }).filter(([key]) => key !== SECTION_KEY);
  return Object.fromEntries(keys);
}

function needed(program: ProgramInfo, section: ProgramSection, others = 0): RingsideError {
  const { name } = program;
  const what =
    section.type === 'unspec'
      ? `Nothing says what program ${name} in section "${program.section}" is.`
      : `Program ${name} in section "${program.section}" does not say what to attach to: it needs ${section.needsTarget.join(', ')}.`;
  const remedy =
    section.type === 'unspec'
      ? `Say it with a section that libbpf knows: --target ${name}:section=xdp, tc/ingress, kprobe/FUNCTION, tracepoint/CATEGORY/NAME …`
      : `Choose it: ${section.needsTarget.map((key) => `--target ${name}:${key}=…`).join(' ')}.`;
  const more = others > 0 ? `${others} more ${others === 1 ? 'program needs' : 'programs need'} a choice, too.` : '';
  const message = [what, section.inferred, more].filter((part) => part !== '').join(' ');
  return new RingsideError('target-needed', message, { remedy });
}

interface Described {
  program: BpfObject['programs'][number];
  section: ProgramSection;
}

/**
 * ELF sections that get the name that libbpf knows. Where programs of one section turn out to be of different kinds, the
 * name cannot say it for both: their types go along by themselves.
 */
function sectionsToRename(described: readonly Described[]): {
  renames: Map<number, string>;
  mixed: Map<string, ProgramSection>;
} {
  const renames = new Map<number, string>();
  const mixed = new Map<string, ProgramSection>();
  for (const { program, section } of described) {
    if (section.section === program.section.name) continue;
    const same = described.filter((d) => d.program.section.index === program.section.index);
    if (same.every((d) => d.section.section === section.section)) renames.set(program.section.index, section.section);
    else mixed.set(program.name, section);
  }
  return { renames, mixed };
}

function programOption(
  program: string,
  target: Record<string, string>,
  mixed: ProgramSection | undefined,
): { program: string; target: Record<string, string>; type?: string }[] {
  const before = Object.fromEntries(Object.entries(target).filter(([key]) => BEFORE_LOAD.has(key)));
  if (mixed === undefined && Object.keys(before).length === 0) return [];
  return [{ program, target: before, ...(mixed && { type: mixed.type }) }];
}

function loadOptions(parsed: BpfObject, spec: LoadSpec) {
  const { mapSizes = {}, pins = {}, kconfig = '', mapMemoryLimitBytes = 0 } = spec.load ?? {};
  const globals = Object.entries(spec.set).map(([name, text]) => {
    const { variable, bytes } = encodeGlobal(parsed, name, text);
    return { variable, value: bytes };
  });
  return {
    globals,
    mapSizes: Object.entries(mapSizes).map(([map, { maxEntries, valueSize }]) => ({ map, maxEntries, valueSize })),
    pins: Object.entries(pins).map(([map, path]) => ({ map, path })),
    kconfig,
    mapMemoryLimitBytes: BigInt(mapMemoryLimitBytes),
  };
}

async function readKernelBtf(load: LoadOptions | undefined): Promise<Uint8Array | null> {
  if (load?.kernelBtf === undefined) return null;
  try {
    return await readFile(load.kernelBtf);
  } catch (cause) {
    throw new RingsideError('file-not-found', `${load.kernelBtf} cannot be read.`, {
      remedy: 'Give the BTF of the host’s kernel: a copy of /sys/kernel/btf/vmlinux, or of a BTF archive.',
      cause,
    });
  }
}

/** What is done by itself; a placeholder that the user gave a target is the user's own choice. */
function noteOf(program: ProgramInfo, section: ProgramSection): { about: string; text: string }[] {
  const own = section.section === program.section;
  const said = section.inferred === '' || section.form === null || (own && section.needsTarget.length > 0);
  return said ? [] : [{ about: program.name, text: section.inferred }];
}

/** File name without folder and .bpf.c or .o. */
export function runName(file: string): string {
  return file
    .split('/')
    .at(-1)!
    .replace(/(\.bpf)?\.(c|o)$/, '');
}
