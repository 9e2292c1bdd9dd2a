/**
 * Which guards a program may meet, as far as that can be told without a host: `ringside inspect`. The agent decides when it
 * knows the place (host-agent's guard/), so rules about the ssh connection stand here for "if it is attached on its way".
 */
import type { GuardRule } from '../guardRules.ts';
import { CodeLinks } from './codeLinks.ts';
import { CallKind, decodeInsns, Opcode } from './insns.ts';
import type { MapDefinition } from './maps.ts';
import type { BpfFunction, BpfObject } from './object.ts';
import { Outcomes } from './outcomes.ts';

/** Functions of one program that are looked at. */
const MOST_FUNCTIONS = 2_000;

const dangerous: readonly [GuardRule, readonly number[]][] = [
  ['override-return', [58]],
  ['write-user-memory', [36]],
  ['send-signal', [109, 117]],
];

interface Verdict {
  rule: GuardRule;
  /** Whether a return value lets what the program sees pass. */
  passes: (value: number) => boolean;
  /** Helpers that redirect, rewrite or refuse whatever is returned. */
  meddling?: readonly number[];
}

const packets = [9, 10, 11, 18, 19, 31, 38, 43, 44, 50, 65, 190];
const redirects = [52, 60, 71, 72, 82, 90, 91];
const verdict = (rule: GuardRule, passes: Verdict['passes'], meddling: readonly number[] = []): Verdict => ({
  rule,
  passes,
  meddling,
});
const cgroup = verdict('ssh-cgroup', (v) => (v & 1) === 1, [187]);
const socket = verdict('ssh-socket', (v) => v === 1, [...redirects, ...packets]);

/** By bpftool's name of the program type. */
const verdicts: Readonly<Record<string, Verdict>> = {
  xdp: verdict('ssh-interface', (v) => v === 2, packets),
  sched_cls: verdict('ssh-interface', (v) => [-1, 0, 3].includes(v), packets),
  cgroup_skb: verdict('ssh-cgroup', (v) => v === 1 || v === 3, packets),
  cgroup_sock: cgroup,
  cgroup_device: cgroup,
  cgroup_sock_addr: cgroup,
  cgroup_sysctl: cgroup,
  cgroup_sockopt: cgroup,
  sock_ops: verdict('ssh-cgroup', () => true, [53, 70]),
  sk_skb: socket,
  sk_msg: socket,
  sk_reuseport: socket,
  socket_filter: verdict('ssh-socket', (v) => v >>> 0 >= 0x4_0000),
  netfilter: verdict('ssh-netns', (v) => v === 1),
  sk_lookup: verdict('ssh-netns', (v) => v === 1),
  lsm: verdict('lsm-deny', (v) => v === 0),
};
const lsmCgroup = verdict('lsm-deny', (v) => (v & 1) === 1, [187]);
const fmodRet = verdict('fmod-ret-deny', (v) => v === 0);

export class ProgramGuards {
  readonly #links: CodeLinks;
  readonly #outcomes: Outcomes;
  readonly #schedules: boolean;
  readonly #codes = new Map<BpfFunction, { helpers: number[]; leadsTo: BpfFunction[] }>();

  constructor(object: BpfObject, maps: readonly MapDefinition[]) {
    this.#links = new CodeLinks(object);
    this.#outcomes = new Outcomes(object);
    this.#schedules = maps.some((map) => map.type === 'struct_ops' && isScheduler(object, map));
  }

  of(program: BpfFunction, type: string, attach: string): GuardRule[] {
    const helpers = this.#helpers(program);
    const calls = (numbers: readonly number[]): boolean => numbers.some((number) => helpers.has(number));
    const rules: GuardRule[] = [];
    const own = attach === 'lsm_cgroup' ? lsmCgroup : attach === 'fmod_ret' ? fmodRet : verdicts[type];
    if (own && (calls(own.meddling ?? []) || this.#canHarm(program, own))) rules.push(own.rule);
    if (type === 'struct_ops' && this.#schedules) rules.push('scheduler');
    for (const [rule, numbers] of dangerous) if (calls(numbers)) rules.push(rule);
    return rules;
  }

  #canHarm(program: BpfFunction, { rule, passes }: Verdict): boolean {
    if (rule === 'ssh-cgroup' && passes(0)) return false; // whatever it returns
    const ends = this.#outcomes.of(program);
    // The kernel looks at the lower 32 bits.
    return ends === null || ends.some((value) => !passes(Number(BigInt.asIntN(32, value))));
  }

  /** Numbers of the helpers that the program, what it calls, and its callbacks call. */
  #helpers(program: BpfFunction): Set<number> {
    const helpers = new Set<number>();
    const seen = new Set([program]);
    for (const fn of seen) {
      const own = this.#code(fn);
      for (const helper of own.helpers) helpers.add(helper);
      for (const next of own.leadsTo) if (seen.size < MOST_FUNCTIONS) seen.add(next);
    }
    return helpers;
  }

  #code(fn: BpfFunction): { helpers: number[]; leadsTo: BpfFunction[] } {
    let code = this.#codes.get(fn);
    if (code) return code;
    code = { helpers: [], leadsTo: [] };
    this.#codes.set(fn, code);
    for (const insn of decodeInsns(fn.section.data.subarray(fn.offset, fn.offset + fn.size))) {
      const called = insn.code === Opcode.call;
      if (called && insn.src === CallKind.helper) code.helpers.push(insn.imm);
      const local = called && insn.src === CallKind.local;
      const next = local ? this.#links.callee(fn, insn) : insn.imm64 !== null ? this.#links.addressed(fn, insn) : null;
      if (next) code.leadsTo.push(next);
    }
    return code;
  }
}

function isScheduler(object: BpfObject, map: MapDefinition): boolean {
  const { btf } = object;
  if (!btf) return false;
  const variable = btf.type(map.valueType);
  const type = variable.kind === 'var' ? btf.type(variable.type) : variable;
  return type.name.split('___')[0] === 'sched_ext_ops';
}
