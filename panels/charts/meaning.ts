import type { ChartSpec, MapFigure, RecordField, SummaryData } from '@ringside/core/model';
import { rate } from '../shared/format.ts';
import type { SeriesData } from './merge.ts';
import { type Format, formatOf, signed } from './units.ts';
import { figureText, measureText } from './words.ts';

export type GroupsData = SummaryData & { kind: 'groups' };

/** What the numbers of a chart over time are, whether of rows or of a map's entries. */
export interface SeriesMeaning {
  format: Format;
  /** What the only line is called in a table. */
  name: string;
  /** Where nothing came it is 0. */
  counts: boolean;
  /** The newest bucket is still being filled. */
  filling: boolean;
}

export function seriesMeaning({ source }: ChartSpec, { field }: SeriesData): SeriesMeaning {
  if (source.from === 'map' && source.spec.kind === 'series') {
    const { of, field: path } = source.spec;
    return { format: figureFormat(of, field), name: figureText(of, path), counts: false, filling: false };
  }
  const measure = source.from === 'rows' && source.spec.kind === 'series' ? source.spec.measure : ROWS;
  const counts = measure.of === 'count' || measure.of === 'rate';
  return { format: formatOf(measure.of, field), name: measureText(measure), counts, filling: true };
}

/** What the columns of bars are. */
export interface GroupsMeaning {
  /** Paths of what is grouped by, and what the measures are called. */
  by: string[];
  heads: string[];
  formats: Format[];
  /** The measure that the bars show. */
  order: number;
}

export function groupsMeaning({ source }: ChartSpec, { fields }: GroupsData): GroupsMeaning {
  if (source.from === 'map' && source.spec.kind === 'groups') {
    const { of, field } = source.spec;
    const measures: MapFigure[] = of === 'rate' ? ['rate', 'value'] : ['value', 'rate'];
    const formats = measures.map((measure, i) => figureFormat(measure, fields[i] ?? null));
    return { by: ['key'], heads: measures.map((measure) => figureText(measure, field)), formats, order: 0 };
  }
  const spec = source.from === 'rows' && source.spec.kind === 'groups' ? source.spec : null;
  const measures = spec?.measures ?? [];
  const formats = measures.map(({ of }, i) => formatOf(of, fields[i] ?? null));
  return { by: spec?.by ?? [], heads: measures.map(measureText), formats, order: spec?.order ?? 0 };
}

const ROWS = { of: 'count' as const, field: '' };

/** A change may go downwards. */
function figureFormat(of: MapFigure, field: RecordField | null): Format {
  if (of === 'rate') return (value) => (value === null ? '–' : signed(value, rate));
  return formatOf('last', field);
}
