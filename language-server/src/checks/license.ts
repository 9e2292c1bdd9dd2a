/** A program that says nothing about its licence. */
import { parseSection } from '@ringside/core/bpf';
import type { Analysis } from '../analysis.ts';
import type { Finding, Fix } from './codes.ts';

/** Types whose programs are used without any helper for GPL programs. */
const OFTEN_FREE = /^(xdp|sched_|socket_filter|cgroup_|sk_|lwt_|flow_dissector|sock_ops)/;

export function checkLicense({ source, models }: Analysis): Finding[] {
  const { model, text } = source;
  if (models.some((each) => each.license !== null || each.sections.some((section) => section.name === 'license')))
    return [];
  // A macro of the project may stand for it.
  if (/license/i.test(text.replace(/SPDX-License-Identifier/g, ''))) return [];
  const program = model.functions.find(
    (each) => each.section !== null && parseSection(each.section.name).form !== null,
  );
  if (!program) return [];
  const { section } = program;
  if (OFTEN_FREE.test(parseSection(section!.name).type) && !program.calls.length) return [];
  const last = model.includes.at(-1);
  const place = last ? last.end : 0;
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const fix: Fix = {
    title: 'State the licence: GPL',
    edits: [
      {
        start: place,
        end: place,
        text: `${last ? eol + eol : ''}char LICENSE[] SEC("license") = "GPL";${last ? '' : eol}`,
      },
    ],
  };
  const message = 'The program states no licence: char LICENSE[] SEC("license") = "GPL";';
  return [{ code: 'missing-license', start: section!.start, end: section!.end, message, fixes: [fix] }];
}
