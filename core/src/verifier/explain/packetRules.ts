/** Bytes of the packet that were not checked to be there. */
import { guardAbove, type Fix } from './edits.ts';
import type { Failure } from './failure.ts';
import { accessHere, sum } from './memory.ts';
import { memoryAccess } from './path.ts';
import type { Place } from './program.ts';
import { cause, type Explanation, type Rule } from './rule.ts';
import { bytes, capitalize, rangeWords } from './words.ts';

function packet(failure: Failure): Explanation | null {
  if (failure.at < 0) return null;
  const place = failure.place;
  const access = memoryAccess(failure.path.text(failure.at));
  const register = access?.base ?? Number(/R(\d+)/.exec(failure.messages.join(' '))?.[1] ?? NaN);
  const pointer = Number.isNaN(register) ? null : failure.register(register);
  const expression = accessHere(place);
  const named = Number.isNaN(register) ? null : failure.name(failure.at, register);
  const target = expression ? `\`${expression}\`` : 'this access';
  // The message knows how much was checked; the register's state is not printed again by the check.
  const said = /off=(-?\d+) size=(\d+), R\d+\(id=(\d+),off=-?\d+,r=(\d+)\)/.exec(failure.messages.join(' '));
  const proven = said ? Number(said[4]) : (pointer?.packetRange ?? 0);
  const need = said ? Number(said[1]) + Number(said[2]) : null;
  const fixedOffset = said?.[3] === '0';
  const have =
    proven > 0 && fixedOffset
      ? `only the first ${bytes(proven)} of the packet were checked to be there${need === null ? '' : `, and it ends at byte ${need}`}`
      : 'nothing on this path checked that the packet is that long';
  const base =
    /^(\w+)(?:->|\[|\.)/.exec(expression)?.[1] ??
    (/^\w+$/.test(named?.expression ?? '') ? named!.expression : expression.replace(/^\*/, ''));
  return {
    message: `${capitalize(target)} is read from the packet, but ${have}. Compare the end of what is read with data_end first.`,
    causes: [
      named && named.origin.source.kind === 'load'
        ? cause(named.place, 'The pointer into the packet is made here.')
        : null,
    ],
    fixes: [packetCheck(failure, place, base, access?.size ?? 1)],
  };
}

/** "if ((void *)(eth + 1) > data_end) return XDP_PASS;" */
function packetCheck(failure: Failure, place: Place, base: string, size: number): Fix | null {
  const file = failure.program.file(place);
  if (!file || !/^\w+$/.test(base) || failure.insn === null) return null;
  // Only what the function that is written there can see, however it was inlined.
  const names = failure.program.scopes(failure.insn)[0]?.variables.map((v) => v.name) ?? [];
  const known = names.find((n) => /^(?:data_?end|end|pkt_?end)$/i.test(n));
  const context = names.find((n) => /^(?:ctx|skb|xdp|md)$/.test(n));
  const end = known ?? (context ? `(void *)(long)${context}->data_end` : null);
  if (end === null || size < 1) return null;
  return guardAbove(failure, place, `(void *)(${base} + 1) > ${end}`);
}

export const packetRules: readonly Rule[] = [
  {
    id: 'packet-unbounded-offset',
    title: 'Offset into the packet not bounded',
    pattern: /math between pkt pointer and register|value (-?\d+) makes pkt pointer be out of bounds/,
    about:
      'A number is added to a packet pointer that may be negative or larger than any packet (65535); bound it first.',
    explain: (failure) => {
      const parts = sum(failure);
      if (!parts) return null;
      const named = failure.name(failure.at, parts.index);
      const range = rangeWords(failure.register(parts.index));
      return {
        message: `${capitalize(named.text)} ${range}; the verifier lets only a number that is surely between 0 and 65535 be added to a pointer into the packet.`,
        causes: [
          named.origin.source.kind === 'unknown'
            ? null
            : cause(named.place, `${capitalize(named.text)} comes from here.`),
        ],
        fixes: /^\w+$/.test(named.expression) ? [guardAbove(failure, failure.place, `${named.expression} > 1500`)] : [],
      };
    },
  },
  {
    id: 'packet-out-of-bounds',
    title: 'Access outside the packet',
    pattern:
      /invalid access to packet|offset is outside of the packet|(?:min|max) value is outside of the allowed memory range/,
    when: (failure) => failure.messages.some((text) => text.includes('packet')),
    about:
      'Bytes of the packet are used before it was checked that the packet has them; compare the end of the access with data_end first.',
    explain: packet,
  },
];
