/** All categories, special ones before general ones: the first that matches explains the rejection. */
import type { Failure } from './failure.ts';
import { indexRules, memoryRules } from './indexRules.ts';
import { packetRules } from './packetRules.ts';
import { argumentRules } from './argumentRules.ts';
import { contextRules } from './contextRules.ts';
import { pointerRules } from './pointerRules.ts';
import { limitRules } from './limitRules.ts';
import { calledRules } from './calledRules.ts';
import { codeRules } from './codeRules.ts';
import { returnRules } from './returnRules.ts';
import { referenceRules } from './referenceRules.ts';
import type { Rule } from './rule.ts';
import { sizeRules } from './sizeRules.ts';

const coreRule: Rule = {
  id: 'core-relocation',
  title: 'Field or type missing on this kernel',
  pattern: /CO-RE relocation|invalid func unknown#195896080|call unknown#195896080/,
  about:
    'The program reads a kernel field, type or enum value that this kernel does not have; guard it with bpf_core_field_exists(), bpf_core_type_exists() or bpf_core_enum_value_exists().',
};

const ids =
  (...names: string[]): ((rule: Rule) => boolean) =>
  (rule) =>
    names.includes(rule.id);

const programRules = [...limitRules, ...calledRules, ...returnRules, ...codeRules];

/** Wordings that would also match a more general rule of another group come first. */
const first = [...programRules, ...argumentRules, ...referenceRules].filter(
  ids(
    'uninitialized-stack',
    'wrong-map-type',
    'sleep-not-allowed',
    'invalid-callback-return',
    'call-while-locked',
    'tail-call-map',
    'recursion',
    'gpl-only',
  ),
);

export const rules: readonly Rule[] = [
  coreRule,
  ...new Set<Rule>([
    ...first,
    ...pointerRules,
    ...packetRules,
    ...contextRules,
    ...indexRules,
    ...sizeRules,
    ...memoryRules,
    ...programRules,
    ...referenceRules,
    ...argumentRules,
  ]),
];

/** The rule for what the kernel said, in its own words, latest message first. */
export function findRule(failure: Failure, messages: readonly string[]): { rule: Rule; match: RegExpExecArray } | null {
  for (const text of [...messages].reverse()) {
    for (const rule of rules) {
      const match = rule.pattern.exec(text);
      if (match && (rule.when?.(failure, match) ?? true)) return { rule, match };
    }
  }
  return null;
}
