import { Exit, type BuildResult, type Diagnostic } from '@ringside/core';
import { exactly, textOption, usage } from '../args.ts';
import { bold, dim, red, yellow } from '../terminal.ts';
import type { Command } from './index.ts';

export const build: Command = {
  usage: 'build FILE [--host HOST|--vmlinux HEADER|--btf FILE] [-o OUT] [-- CLANG_FLAGS…]',
  summary: 'compile a BPF program for a host',
  options: {
    host: { type: 'string' },
    vmlinux: { type: 'string' },
    btf: { type: 'string' },
    output: { type: 'string', short: 'o' },
  },
  async run({ engine, positionals, values, rest, common, json, text, call, progress }) {
    const [file] = exactly(positionals, ['FILE']);
    const host = textOption(values, 'host');
    const vmlinux = textOption(values, 'vmlinux');
    const btf = textOption(values, 'btf');
    const output = textOption(values, 'output');
    if ([host, vmlinux, btf].filter((o) => o !== undefined).length > 1) {
      throw usage('--host, --vmlinux and --btf exclude each other: each says where the kernel types come from.');
    }
    const result = await engine.build(
      {
        file: file!,
        flags: rest,
        ...(host && { host }),
        ...(vmlinux && { vmlinux }),
        ...(btf && { btf }),
        ...(output && { output }),
      },
      call,
    );
    progress.clear();
    if (common.json) json(result);
    else text(forPeople(result));
    return result.ok ? Exit.done : Exit.source;
  },
};

const paint = { error: red, warning: yellow, note: dim };

export function diagnosticLine(d: Diagnostic): string {
  return `${d.file}:${d.line}:${d.column}: ${paint[d.severity](d.severity)}: ${bold(d.message)}${d.code ? dim(` [${d.code}]`) : ''}`;
}

function forPeople(result: BuildResult): string {
  const lines = result.diagnostics.map(diagnosticLine);
  if (result.ok) lines.push(`${result.object}  ${dim(`${result.ms} ms, ${result.compiler.version}`)}`);
  return lines.join('\n');
}
