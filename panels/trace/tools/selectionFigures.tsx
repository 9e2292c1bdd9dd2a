import type { JSX } from 'preact';
import { count, visible } from '../../shared/format.ts';
import type { TraceState } from '../state.ts';
import { copyOf, spanText, tableOf } from './figures.ts';
import type { RowTools } from './rowTools.ts';

/** Time and numbers of the selected rows: the difference of two, the span, sum, average, least and most of more. */
export function SelectionFigures({ state, tools }: { state: TraceState; tools: RowTools }): JSX.Element | null {
  const selected = tools.selected.value;
  if (selected === null) return null;
  const { figures, rows, busy } = selected;
  const { heads, rows: lines } = tableOf(figures);
  const copy = (): void => {
    state.copyText(copyOf(figures));
    state.note('Copied.');
  };
  return (
    <div class="figures" role="group" aria-label="Figures of the selected rows">
      <div class="figures-head">
        <span>
          {count(rows)} rows · {rows === 2 ? 'time between' : 'span'} <b>{spanText(figures)}</b>
          {busy && ` · measured ${count(figures.rows)}`}
          {figures.missed > 0 && ` · ${count(figures.missed)} have left the store`}
        </span>
        <button type="button" class="small" onClick={copy}>
          Copy
        </button>
      </div>
      <table class="fields">
        <thead>
          <tr>
            {heads.map((head, i) => (
              <th key={head} scope="col" class={i === 0 ? '' : 'right'}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {lines.map(([path = '', ...cells]) => (
            <tr key={path}>
              <th scope="row">{visible(path, 300)}</th>
              {cells.map((cell, i) => (
                <td key={heads[i + 1]} class="right">
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
