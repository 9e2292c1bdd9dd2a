/** A step as text: for an issue, a chat, a review. */
import type { StateView } from '@ringside/core/model';

export function stepText(state: StateView, source: { name: string; text: string | null } | null): string {
  const line = source?.text?.split('\n')[state.line - 1]?.trim() ?? '';
  const place =
    state.line > 0 && source !== null ? [`${source.name}:${state.line}${line === '' ? '' : `: ${line}`}`] : [];
  const terms = state.frames.flatMap((frame, depth) => [
    ...(state.frames.length > 1
      ? [`  ${frame.function === '' ? `frame ${state.frames.length - 1 - depth}` : frame.function}:`]
      : []),
    ...[...frame.registers, ...frame.stack].map(
      ({ name, variable, text }) => `  ${name.padEnd(6)} ${variable === '' ? '' : `${variable} : `}${text}`,
    ),
  ]);
  return [...place, `${state.insn}: ${state.text}`, ...terms, ''].join('\n');
}
