import { effect } from '@preact/signals';
import type { Announcer } from '../shared/announce.ts';
import { count } from '../shared/format.ts';
import type { TraceState } from './state.ts';
import { endSentence, statusOf } from './status.ts';

/** Tells screen readers what changed: the run's state, the filter's result, following, notices. Never single rows. */
export function announceChanges(state: TraceState, announcer: Announcer): () => void {
  const sources: (() => string)[] = [
    () => {
      const run = state.run.value;
      if (run === null) return '';
      const words = run.state === 'ended' ? endSentence(run) : statusOf(run, state.paused.value).label;
      return `${run.name}: ${words}`;
    },
    () => {
      const where = state.where.value;
      const counts = state.counts.peek();
      if (where === '' || counts === null) return '';
      return `Filter applied: ${count(counts.matching)} of ${count(counts.stored)} rows`;
    },
    () => (state.following.value ? 'Following new rows' : 'Not following new rows'),
    () => state.notice.value,
  ];
  const stops = sources.map((words) => {
    let last: string | null = null;
    return effect(() => {
      const text = words();
      // Summaries come twice a second, and what holds when the panel opens is on the page anyway.
      if (last !== null && text !== last && text !== '') announcer.say(text);
      last = text;
    });
  });
  return () => stops.forEach((stop) => stop());
}
