import type { CheckStatus, DoctorReport } from '@ringside/core/model';

const marks: Record<CheckStatus, string> = { ok: '✓', warn: '!', fail: '✗', unknown: '?' };
/** What stops you first stands first. */
const order: Record<CheckStatus, number> = { fail: 0, warn: 1, unknown: 2, ok: 3 };

/** The doctor's report as a plain text document. */
export function doctorText({ host, compiler, checks, features }: DoctorReport): string {
  const sorted = [...checks].sort((a, b) => order[a.status] - order[b.status]);
  const lines = sorted.flatMap(({ status, title, detail, remedy }) => [
    `${marks[status]} ${title}`,
    ...(detail === '' ? [] : [`    ${detail}`]),
    ...(remedy === '' || status === 'ok' ? [] : [`    → ${remedy}`]),
  ]);
  const attach = Object.entries(features.attach).map(
    ([kind, { ok, reason }]) => `${ok ? '✓' : '✗'} ${kind}${ok || reason === '' ? '' : ` (${reason})`}`,
  );
  return [
    `${host.name}: ${host.distro}, kernel ${host.kernel}, ${host.arch}, ${host.cpus} CPUs`,
    `compiler: ${compiler === null ? 'none' : `${compiler.path} ${compiler.version}${compiler.bpf ? '' : ' (cannot build BPF)'}`}`,
    '',
    ...lines,
    '',
    'What programs can attach to',
    ...attach,
    '',
  ].join('\n');
}
