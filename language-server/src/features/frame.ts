/** What a program needs around it, where the file does not have it yet: headers, and in an empty one the licence. */
import type { TextEdit } from 'vscode-languageserver';
import type { Analysis } from '../analysis.ts';
import type { RangeOf } from './sectionCompletion.ts';

const usual = ['"vmlinux.h"', '<bpf/bpf_helpers.h>'];
const tracing = '<bpf/bpf_tracing.h>';

/** Edits beside the program's own; `head` is its declaration. */
export function frameEdits({ source, models }: Analysis, head: string, rangeOf: RangeOf): TextEdit[] {
  const { model, text } = source;
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const last = model.includes.at(-1);
  // BPF_PROG, BPF_KPROBE and their like.
  const needsTracing = /\bBPF_[A-Z]+\(/.test(head);
  if (last) {
    const has = models.some(({ includes }) => includes.some(({ path }) => path === 'bpf/bpf_tracing.h'));
    if (!needsTracing || has) return [];
    return [{ range: rangeOf(last.end, last.end), newText: `${eol}#include ${tracing}` }];
  }
  const lines = [...usual, ...(needsTracing ? [tracing] : [])].map((path) => `#include ${path}`);
  const hasLicense = model.license !== null || model.sections.some(({ name }) => name === 'license');
  if (!hasLicense) lines.push('', 'char LICENSE[] SEC("license") = "GPL";');
  const start = textStart(text);
  return [{ range: rangeOf(start, start), newText: `${[...lines, ''].join(eol)}${eol}` }];
}

/** Behind a comment that the file begins with: its SPDX line, its authors. */
function textStart(text: string): number {
  return /^(?:\/\/[^\n]*\n|\/\*[^]*?\*\/[ \t]*\r?\n)*/.exec(text)![0].length;
}
