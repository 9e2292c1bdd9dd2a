import type { JSX } from 'preact';
import { visible } from '../shared/format.ts';

export interface Bar {
  label: string;
  /** The number behind the bar's length. */
  size: number;
  /** Columns beside it, as written. */
  texts: string[];
  /** Of what else there is: drawn apart. */
  rest?: boolean;
  onPress?: () => void;
}

export interface BarsProps {
  caption: string;
  heads: string[];
  bars: Bar[];
}

/** Bars that are a table: the same for those who see it and for those who have it read. */
export function Bars({ caption, heads, bars }: BarsProps): JSX.Element {
  const most = Math.max(...bars.map(({ size }) => Math.abs(size)), 0);
  return (
    <div class="bars" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption class="only-read">{caption}</caption>
        <thead>
          <tr>
            {heads.map((head, i) => (
              <th key={i} scope="col" class={i === 0 ? '' : 'right'}>
                {visible(head, 100)}
              </th>
            ))}
            <th scope="col" class="bar-head">
              <span class="only-read">Share of the largest</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {bars.map((bar, i) => (
            <tr key={i} class={bar.rest === true ? 'rest' : ''}>
              <th scope="row" title={visible(bar.label, 500)}>
                {bar.onPress === undefined ? (
                  visible(bar.label, 200)
                ) : (
                  <button type="button" class="link" onClick={bar.onPress}>
                    {visible(bar.label, 200)}
                  </button>
                )}
              </th>
              {bar.texts.map((text, k) => (
                <td key={k} class="right">
                  {visible(text, 100)}
                </td>
              ))}
              <td class="bar-cell">
                <span class="bar" style={{ width: `${most === 0 ? 0 : (100 * Math.abs(bar.size)) / most}%` }} />
                <span class="only-read">{most === 0 ? 0 : Math.round((100 * Math.abs(bar.size)) / most)} %</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
