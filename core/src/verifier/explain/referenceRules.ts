/** What was taken must be given back on every path: records, references, locks, iterators; and what may not happen meanwhile. */
import type { VerdictReason } from '../../model/index.ts';
import { beforeLeaving, type Fix } from './edits.ts';
import type { Failure } from './failure.ts';
import type { Place } from './program.ts';
import { lockAround } from './rcuRepair.ts';
import { cause, lineWords, type Explanation, type Rule } from './rule.ts';
import { argumentsOf, assignedName } from './sourceText.ts';
import { capitalize } from './words.ts';

interface Release {
  what: string;
  verb: string;
  /** The statement that gives it back. */
  statement: (name: string) => string;
}

const releases: readonly [RegExp, Release][] = [
  [
    /ringbuf_reserve_dynptr/,
    {
      what: 'ring-buffer record',
      verb: 'submitted or discarded',
      statement: (n) => `bpf_ringbuf_discard_dynptr(&${n}, 0);`,
    },
  ],
  [
    /ringbuf_reserve/,
    { what: 'ring-buffer record', verb: 'submitted or discarded', statement: (n) => `bpf_ringbuf_discard(${n}, 0);` },
  ],
  [/sk_lookup|skc_lookup/, { what: 'socket', verb: 'released', statement: (n) => `bpf_sk_release(${n});` }],
  [/task_acquire|task_from/, { what: 'task', verb: 'released', statement: (n) => `bpf_task_release(${n});` }],
  [
    /cgroup_acquire|cgroup_from|cgroup_ancestor/,
    { what: 'cgroup', verb: 'released', statement: (n) => `bpf_cgroup_release(${n});` },
  ],
  [
    /cpumask_(?:acquire|create)/,
    { what: 'CPU mask', verb: 'released', statement: (n) => `bpf_cpumask_release(${n});` },
  ],
  [/obj_new/, { what: 'object', verb: 'dropped', statement: (n) => `bpf_obj_drop(${n});` }],
  [/iter_(\w+)_new/, { what: 'iterator', verb: 'destroyed', statement: () => '' }],
  [/kptr_xchg/, { what: 'object', verb: 'released', statement: () => '' }],
];

/** The branches that were taken on the way, for "which path": the last few conditional jumps that lead elsewhere in the source. */
export function decisions(failure: Failure, from: number, name = '', most = 2): VerdictReason['cause'] {
  const found: VerdictReason['cause'] = [];
  for (let at = failure.at - 1; at > from && found.length < most; at--) {
    if (!/^\([0-9a-f]{2}\) if /.test(failure.path.text(at))) continue;
    const here = failure.placeAt(at);
    const next = failure.placeAt(at + 1);
    // That it was taken at all is no decision worth a mention.
    if (name !== '' && new RegExp(`!\\s*${name}\\b|\\b${name}\\s*[!=]=`).test(here.text)) continue;
    if (here.line === 0 || here.line === next.line || found.some((f) => f.line === here.line)) continue;
    const made = cause(here, `On this path it goes on from here to line ${next.line}.`);
    if (made) found.unshift(made);
  }
  return found;
}

function unreleased(failure: Failure): Explanation | null {
  const text = failure.messages.join('\n');
  const taken = /Unreleased reference id=\d+ alloc_insn=(\d+)/.exec(text)?.[1];
  if (taken === undefined) return null;
  const insn = Number(taken);
  const place = failure.program.place(insn);
  let at = failure.at;
  while (at >= 0 && failure.path.insn(at) !== insn) at--;
  const called = failure.called(at);
  const release = releases.find(([pattern]) => pattern.test(called))?.[1];
  const name =
    called.includes('iter_') || called.includes('dynptr')
      ? (argumentsOf(place.text, called)
          ?.at(called.includes('dynptr') ? 3 : 0)
          ?.replace(/^&/, '') ?? '')
      : assignedName(place.text);
  const subject = name ? `\`${name}\`` : 'what was taken';
  const what = release ? `the ${release.what} ${subject}` : subject;
  const line = lineWords(place, failure.place);
  const statement = called.includes('iter_')
    ? `${called.replace(/_new$/, '_destroy')}(&${name});`
    : (release?.statement(name) ?? '');
  const leave = leaving(failure);
  return {
    message: `The program ends here while it still holds ${what}, taken ${called ? `by ${called}() ` : ''}${line && `in ${line}`}. It has to be ${release?.verb ?? 'released'} on every path, this one included.`,
    causes: [
      cause(place, `${name ? `\`${name}\`` : 'It'} is taken here.`),
      ...decisions(failure, at, /^\w+$/.test(name) ? name : ''),
    ],
    fixes: /^\w+$/.test(name) && statement ? [beforeLeaving(failure, leave, statement, name)] : [],
    place: leave,
  };
}

/** The return that the path took: several returns share one exit instruction, which often stands at the closing brace. */
export function leaving(failure: Failure): Place {
  const exit = failure.place;
  const file = failure.program.file(exit);
  if (!file || !/^\s*\}/.test(file.line(exit.line))) return exit;
  // The last conditional jump names the if; a return below it, without another statement between, is the one taken.
  for (let at = failure.at - 1; at >= 0 && at > failure.at - 60; at--) {
    const here = failure.placeAt(at);
    if (here.file !== exit.file || here.line === 0) continue;
    if (/^\s*return\b/.test(file.line(here.line))) return { ...here, column: file.indent(here.line).length + 1 };
    if (!/^\([0-9a-f]{2}\) if /.test(failure.path.text(at))) {
      if (here.line !== exit.line) return exit;
      continue;
    }
    const next = failure.placeAt(at + 1);
    if (next.line !== exit.line) return exit;
    for (let line = here.line; line <= here.line + 3 && line < exit.line; line++) {
      const found = /\breturn\b/.exec(file.line(line));
      if (found)
        return { ...exit, line, column: found.index + 1, endColumn: file.line(line).length + 1, text: file.line(line) };
    }
    return exit;
  }
  return exit;
}

interface Region {
  what: string;
  enter: RegExp;
  leave: (args: string[] | null) => string;
}

const regions: readonly [RegExp, Region][] = [
  [
    /bpf_spin_(?:un)?lock/,
    { what: 'the spin lock', enter: /call bpf_spin_lock#/, leave: (a) => `bpf_spin_unlock(${a?.[0] ?? ''});` },
  ],
  [
    /bpf_res_spin_(?:un)?lock/,
    { what: 'the spin lock', enter: /call bpf_res_spin_lock/, leave: (a) => `bpf_res_spin_unlock(${a?.[0] ?? ''});` },
  ],
  [
    /bpf_rcu_read_(?:un)?lock/,
    { what: 'the RCU read lock', enter: /call bpf_rcu_read_lock/, leave: () => 'bpf_rcu_read_unlock();' },
  ],
  [
    /bpf_preempt_(?:disable|enable)/,
    { what: 'preemption disabled', enter: /call bpf_preempt_disable/, leave: () => 'bpf_preempt_enable();' },
  ],
  [
    /bpf_local_irq_(?:save|restore)/,
    {
      what: 'interrupts disabled',
      enter: /call bpf_local_irq_save/,
      leave: (a) => `bpf_local_irq_restore(${a?.[0] ?? ''});`,
    },
  ],
];

function held(failure: Failure, match: RegExpExecArray): Explanation | null {
  const region = regions.find(([pattern]) => pattern.test(match.input))?.[1];
  if (!region) return null;
  let at = failure.at;
  while (at >= 0 && !region.enter.test(failure.path.text(at))) at--;
  const place = at < 0 ? null : failure.placeAt(at);
  const called = failure.called(at);
  const statement = region.leave(place ? argumentsOf(place.text, called) : null);
  const leave = leaving(failure);
  const line = lineWords(place, failure.place);
  const fix: Fix | null =
    place && !/\(\)/.test(statement.replace(/_\w+lock\(\)|enable\(\)/, ''))
      ? beforeLeaving(failure, leave, statement)
      : null;
  return {
    message: `The program ends here with ${region.what} still held${line && ` (taken in ${line})`}. Call ${statement.replace(/\(.*$/, '')}() on every path before it returns.`,
    causes: [cause(place, 'It is taken here.'), ...decisions(failure, at)],
    fixes: [fix],
    place: leave,
  };
}

function whileLocked(failure: Failure): Explanation | null {
  if (failure.at < 0) return null;
  let at = failure.at;
  while (at >= 0 && !/call bpf_(?:res_)?spin_lock/.test(failure.path.text(at))) at--;
  const called = failure.called() || 'A function';
  const place = at < 0 ? null : failure.placeAt(at);
  return {
    message: `${called}() is called while a spin lock is held (taken in ${lineWords(place, failure.place) || 'this function'}); between lock and unlock only plain reads and writes are allowed. Call it before the lock and keep the result in a variable.`,
    causes: [cause(place, 'The lock is taken here.')],
  };
}

export const referenceRules: readonly Rule[] = [
  {
    id: 'unreleased-reference',
    title: 'Not released on this path',
    pattern: /Unreleased reference|reference leak|would lead to reference leak/,
    about:
      'The program ends while it still holds something it took (a ring-buffer record, a socket, a task …); give it back on every path.',
    explain: unreleased,
  },
  {
    id: 'lock-not-released',
    title: 'Still locked on this path',
    pattern: /cannot be used inside bpf_\w+|bpf_\w+lock is missing|bpf_\w+ed region|unlock.*missing/,
    when: (_, match) => !/sleepable|function calls/.test(match.input),
    about:
      'The program ends, or calls a function that returns, while it holds a spin lock or the RCU read lock, or has preemption or interrupts disabled.',
    explain: held,
  },
  {
    id: 'call-while-locked',
    title: 'Call while a lock is held',
    pattern:
      /function calls are not allowed while holding a lock|(?:helper|function) \w* ?call.*(?:lock|irq|preempt).*region|calling kernel function \S+ is not allowed in/,
    about: 'Between bpf_spin_lock() and bpf_spin_unlock() no helper and no function may be called.',
    explain: whileLocked,
  },
  {
    id: 'lock-misuse',
    title: 'Lock used the wrong way',
    pattern: /bpf_(?:res_)?spin_(?:un)?lock|has no valid bpf_spin_lock|Locking two bpf_spin_locks/,
    about:
      'Only one spin lock may be held at a time, it must lie at a fixed place of a map value, and must be unlocked through the same pointer.',
  },
  {
    id: 'dynptr-misuse',
    title: 'Dynptr not initialised, or of the wrong kind',
    pattern:
      /[Ee]xpected (?:an? )?(?:un)?initialized dynptr|Expected a dynptr|dynptr has to be at a constant offset|cannot (?:overwrite|pass in) (?:referenced )?dynptr|dynptr/,
    about:
      'A dynptr is made by one of the bpf_dynptr_from_…() or bpf_ringbuf_reserve_dynptr() functions before it is used, and must not be overwritten while it holds something.',
    explain: (failure) => {
      if (failure.at < 0) return null;
      const called = failure.called() || 'The function';
      const argument = Number(/arg #?(\d+)/.exec(failure.messages.join(' '))?.[1] ?? 0);
      const name = argumentsOf(failure.place.text, called)?.[argument]?.replace(/^&/, '');
      return {
        message: `${name ? `\`${name}\`` : 'The dynptr'} is used by ${called}() before it was made. Call bpf_dynptr_from_skb(), bpf_dynptr_from_xdp(), bpf_dynptr_from_mem() or bpf_ringbuf_reserve_dynptr() for it first.`,
      };
    },
  },
  {
    id: 'iterator-misuse',
    title: 'Iterator not started',
    pattern: /expected (?:an? )?(?:un)?initialized iter_\w+|iter_\w+/,
    about:
      'An open-coded iterator is used as bpf_iter_…_new(), then _next() in a loop, then _destroy(); bpf_for_each() and bpf_for() do it all.',
    explain: (failure, match) => {
      if (failure.at < 0) return null;
      const kind = /iter_(\w+)/.exec(match[0])?.[1] ?? '';
      const called = failure.called() || 'The function';
      const name = argumentsOf(failure.place.text, called)?.[0]?.replace(/^&/, '');
      const already = /uninitialized/.test(match.input);
      return {
        message: already
          ? `${name ? `\`${name}\`` : 'The iterator'} is in use already; destroy it with bpf_iter_${kind}_destroy() before it is started again.`
          : `${name ? `\`${name}\`` : 'The iterator'} was not started before ${called}() uses it: call bpf_iter_${kind}_new() first.`,
      };
    },
  },
  {
    id: 'rcu-lock-missing',
    title: 'Read without the RCU read lock',
    pattern: /R(\d+) must be a rcu pointer/,
    about:
      'Some pointers in kernel structs are good only while the RCU read lock is held: call bpf_rcu_read_lock() before the pointer is read, and bpf_rcu_read_unlock() after its last use. Programs that cannot sleep hold it all the time.',
    explain: (failure, match) => {
      if (failure.at < 0) return null;
      const register = Number(match[1]);
      const named = failure.name(failure.at, register);
      const called = failure.called() || 'the function';
      const given = argumentsOf(failure.place.text, called)?.[register - 1];
      const subject = given ? `\`${given}\`` : capitalize(named.text);
      return {
        message: `${subject} was read from a kernel struct outside of the RCU read lock, so the object behind it may be gone any time. Call bpf_rcu_read_lock() before it is read and bpf_rcu_read_unlock() after ${called}().`,
        causes: [cause(named.place, 'The pointer is read here, without the lock.')],
        fixes: [lockAround(failure, named.place)],
      };
    },
  },
  {
    id: 'reference-misuse',
    title: 'Not a reference that can be given back',
    pattern:
      /R(\d+) must be referenced|expects referenced PTR|R\d+ type=\S+ expected=(?:ringbuf_mem|alloc_mem|mem)$|release (?:helper|kernel function)|must be (?:referenced|trusted)/,
    about:
      'Only what was taken by an acquiring function (and may not be moved since) can be released or passed where a trusted pointer is asked for.',
    explain: (failure, match) => {
      if (failure.at < 0) return null;
      const register = Number(match[1] ?? 1);
      const named = failure.name(failure.at, register);
      const called = failure.called() || 'the function';
      const trusted = /trusted/.test(match.input);
      const given = argumentsOf(failure.place.text, called)?.[register - 1];
      const subject = given ? `\`${given}\`` : capitalize(named.text);
      return {
        message: trusted
          ? `${subject} is a pointer that was read from a kernel struct, which may be gone any time; ${called}() needs one that is held: a program argument, or one from bpf_…_acquire().`
          : `${subject} is not something that ${called}() can give back: it was not taken by an acquiring function, or was given back already.`,
        causes: [cause(named.place, 'The pointer comes from here.')],
      };
    },
  },
];
