import type { RowsAnswer, RowsAnswers, RowsAsk } from '../model/index.ts';
import { completeExpr } from './completion.ts';
import { exportRows } from './exportRows.ts';
import { measureRows } from './measure.ts';
import { placesOf } from './places.ts';
import { checkExpr } from './rowColours.ts';
import type { RunViews } from './runViews.ts';
import type { RunSummaries } from './summary/summaries.ts';

/** A question that the rows alone answer. */
export type AboutRows = Exclude<RowsAsk, { ask: 'mapSummary' }>;

/** Answers a question about a run's rows. @throws RingsideError when it does not fit the records. */
export function answerRows<Q extends AboutRows>(views: RunViews, summaries: RunSummaries, ask: Q): RowsAnswer<Q> {
  return answer(views, summaries, ask) as RowsAnswer<Q>;
}

function answer(views: RunViews, summaries: RunSummaries, ask: AboutRows): RowsAnswers[RowsAsk['ask']] {
  switch (ask.ask) {
    case 'summary':
      return summaries.page(ask);
    case 'export':
      return exportRows(views, ask);
    case 'find':
      return views.find(ask);
    case 'complete':
      return completeExpr(views.decoder(ask.stream), ask.text, ask.at);
    case 'places':
      return placesOf(views.view(ask.view), ask.seqs);
    case 'measure':
      return measureRows(views.view(ask.view), ask);
    case 'check':
      return checkExpr(ask.where, views.decoder(ask.stream).schema);
  }
}
