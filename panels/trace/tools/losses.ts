import type { Remedy, RunSummary, StreamLedger } from '@ringside/core/model';
import { count } from '../../shared/format.ts';

/** One place where records stay behind: how many, why, and what can be done. */
export interface LossPlace {
  place: string;
  /** "unknown" when nobody knows. */
  figure: string;
  /** It counts towards what was produced. */
  counts: boolean;
  why: string;
  todo: string;
  remedies: { remedy: Remedy; label: string }[];
  warn: boolean;
}

type Run = Pick<RunSummary, 'replay' | 'store'>;

/** Where the records of a stream are, in the order of their way; `left` = rows that have left the store here. */
export function lossesOf(stream: StreamLedger, run: Run, left: number | null): LossPlace[] {
  return [
    kernelLoss(stream),
    agentLoss(stream),
    filtered(stream),
    linkLoss(stream),
    ...notRecorded(stream),
    delivered(stream),
    evicted(run, left),
  ];
}

/** "= 15", or what is missing for a sum. */
export function sumText(stream: StreamLedger): string {
  const { produced, delivered, filtered, lostKernel, lostAgent, lostTransport, notRecorded = 0 } = stream;
  if (produced === null || lostKernel === null || notRecorded === null)
    return `At least ${count(delivered + filtered + lostAgent + lostTransport)} were produced; how many exactly is unknown.`;
  const sum = delivered + filtered + lostKernel + lostAgent + lostTransport + notRecorded;
  return sum === produced
    ? `Together ${count(sum)}: all that were produced.`
    : `Together ${count(sum)} of ${count(produced)} produced: ${count(Math.abs(produced - sum))} are not accounted for. Please report this.`;
}

const GROW = { remedy: 'ring', label: 'Double the Ring' } as const;
const KNOBS = { remedy: 'globals', label: 'Change Globals…' } as const;

function kernelLoss({ name, lostKernel }: StreamLedger): LossPlace {
  const why =
    lostKernel === null
      ? `The kernel does not tell how often ${name} was full.`
      : lostKernel > 0
        ? `The buffer ${name} was full when the program wanted to write: it was filled faster than it was read.`
        : `The buffer ${name} was never full.`;
  return {
    ...{ place: 'kernel: buffer full', figure: count(lostKernel), counts: true, why, warn: (lostKernel ?? 0) > 0 },
    todo: lostKernel === 0 ? '' : 'Make the buffer larger, or let the program write less.',
    remedies: lostKernel === 0 ? [] : [GROW, KNOBS],
  };
}

function agentLoss({ lostAgent }: StreamLedger): LossPlace {
  const some = lostAgent > 0;
  return {
    ...{ place: 'agent', figure: count(lostAgent), counts: true, warn: some },
    why: some
      ? 'The agent dropped them by its policy: they came faster than they could be sent.'
      : 'The agent dropped none.',
    todo: some ? 'Let the program write less: filter in the kernel, or sample.' : '',
    remedies: some ? [KNOBS] : [],
  };
}

function filtered({ filtered: left }: StreamLedger): LossPlace {
  return {
    ...{ place: 'filtered on the host', figure: count(left), counts: true, warn: false, remedies: [] },
    why:
      left > 0
        ? 'The filter that the run was attached with left them out on purpose.'
        : 'The run was attached without a filter that the host could apply.',
    todo:
      left > 0 ? 'To see them, attach again without that filter: the filter of this panel hides rows here alone.' : '',
  };
}

function linkLoss({ lostTransport }: StreamLedger): LossPlace {
  const some = lostTransport > 0;
  return {
    ...{ place: 'link', figure: count(lostTransport), counts: true, warn: some },
    why: some
      ? 'The agent sent them, and they did not arrive: the connection broke.'
      : 'All that was sent has arrived, as far as it is known now.',
    todo: some ? 'The log says when the connection broke and why.' : '',
    remedies: some ? [{ remedy: 'log', label: 'Show Log' }] : [],
  };
}

function notRecorded({ notRecorded: missing }: StreamLedger): LossPlace[] {
  if (missing === undefined || missing === 0) return [];
  return [
    {
      ...{ place: 'not recorded', figure: count(missing), counts: true, warn: true },
      why: 'They arrived, but the disk was too slow for the recording, or the file ends before.',
      todo: 'Record to a faster disk.',
      remedies: [{ remedy: 'recording', label: 'Choose the Folder' }],
    },
  ];
}

function delivered({ delivered: rows, outOfOrder = 0 }: StreamLedger): LossPlace {
  const late = outOfOrder > 0 ? ` ${count(outOfOrder)} of them came after newer ones and stand out of order.` : '';
  return {
    ...{ place: 'delivered', figure: count(rows), counts: true, why: `They arrived here.${late}`, todo: '' },
    ...{ remedies: [], warn: false },
  };
}

function evicted({ store, replay }: Run, left: number | null): LossPlace {
  const size = store === undefined ? 'The store' : `The store of ${megabytes(store.maxBytes)}`;
  const some = (left ?? 0) > 0;
  return {
    ...{ place: 'left the store', figure: count(left), counts: false, warn: false },
    why: some
      ? `${size} was full: the oldest delivered rows made room. They were counted, and are gone.`
      : `${size} still holds every delivered row.`,
    todo: some
      ? replay
        ? 'The recording has them still: filter it with a range of time.'
        : 'Make the store larger (from the next attach on), or record the run.'
      : '',
    remedies: some && !replay ? [{ remedy: 'store', label: 'Open the Setting' }] : [],
  };
}

/** "holds 12.3 MB of 256 MB" */
export function memoryText({ store }: Pick<RunSummary, 'store'>): string {
  return store === undefined ? '' : `${megabytes(store.bytes)} of ${megabytes(store.maxBytes)}`;
}

/** As the setting of the store counts: 1 MB is 2^20 bytes. */
const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MB`;
