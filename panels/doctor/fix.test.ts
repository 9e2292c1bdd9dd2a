import fc from 'fast-check';
import { expect, test } from 'vitest';
import { copyText, fixParts } from './fix.ts';

test('commands in backticks are copied without the words around them', () => {
  const remedy = 'Connect as root; or give it: `setcap cap_bpf+ep /a` and `reboot`.';
  expect(copyText(remedy)).toBe('setcap cap_bpf+ep /a\nreboot');
  expect(fixParts(remedy).filter((part) => part.command)).toHaveLength(2);
});

test('a remedy that is a command as a whole is one', () => {
  expect(fixParts('mount -t bpf bpf /sys/fs/bpf')).toEqual([{ text: 'mount -t bpf bpf /sys/fs/bpf', command: true }]);
  expect(copyText('sysctl net.core.bpf_jit_enable=1')).toBe('sysctl net.core.bpf_jit_enable=1');
});

test('words are copied as they are', () => {
  expect(copyText('Mount it.')).toBe('Mount it.');
  expect(copyText('Quote it as ` here.')).toBe('Quote it as ` here.');
});

test('no text is lost, whatever the remedy says', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (remedy) => {
      const shown = fixParts(remedy).map((part) => part.text);
      expect(shown.join('').replaceAll('`', '')).toBe(remedy.replaceAll('`', ''));
    }),
  );
});
