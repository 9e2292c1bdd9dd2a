/** Sizes given to helpers. */
import { unboundedIndex } from './indexRules.ts';
import { cause, type Rule } from './rule.ts';
import { size } from './sizes.ts';
import { argumentsOf } from './sourceText.ts';
import { capitalize, rangeWords } from './words.ts';

export const sizeRules: readonly Rule[] = [
  {
    id: 'size-not-constant',
    title: 'Size must be a constant',
    pattern: /R(\d+) (?:is not a known constant|must be a known constant|is not a const\b|unbounded size, use)/,
    when: (failure, { input }) => !input.includes('unbounded') || failure.called() === 'bpf_ringbuf_reserve',
    about:
      'This helper reserves or checks memory when the program is loaded, so its size has to be a constant; for a size known at run time use bpf_ringbuf_output() or a dynptr.',
    explain: (failure, match) => {
      if (failure.at < 0) return null;
      const register = Number(/R(\d+)/.exec(match.input)![1]);
      const named = failure.name(failure.at, register);
      const called = failure.called() || 'the helper';
      const instead =
        called === 'bpf_ringbuf_reserve'
          ? ' Reserve the largest size, or use bpf_ringbuf_reserve_dynptr() or bpf_ringbuf_output().'
          : '';
      const fix = argumentsOf(failure.place.text, called)?.[register - 1];
      return {
        message: `${fix ? `\`${fix}\`` : capitalize(named.text)} ${rangeWords(failure.register(register))}, but ${called}() needs a constant there.${instead}`,
        causes: [named.origin.source.kind === 'unknown' ? null : cause(named.place, 'The value comes from here.')],
      };
    },
  },
  {
    id: 'unbounded-size',
    title: 'Size not bounded',
    pattern:
      /R\d+ min value is negative, either use unsigned|unbounded memory access, use 'var &= const'|unbounded size, use|invalid zero-size|R\d+ invalid zero-sized|invalid mem_size/,
    about:
      'The size passed to a helper may be negative, zero or larger than the buffer; bound it with comparisons or a mask.',
    explain: (failure, match) => size(failure, match) ?? unboundedIndex(failure),
  },
];
