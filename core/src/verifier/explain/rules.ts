/** All categories, special ones before general ones: the first that matches explains the rejection. */
import type { Failure } from './failure.ts';
import { argumentRules } from './argumentRules.ts';
import { boundsRules } from './boundsRules.ts';
import { pointerRules } from './pointerRules.ts';
import { programRules } from './programRules.ts';
import { referenceRules } from './referenceRules.ts';
import type { Rule } from './rule.ts';

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
  ...new Set<Rule>([...first, ...pointerRules, ...boundsRules, ...programRules, ...referenceRules, ...argumentRules]),
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
