/** Events from DATA frames to rows: the store, decoding, filters, views, the ledger, map dumps and prints. */
export { EventStore, EventStream, DEFAULT_STORE_BYTES } from './store.ts';
export type { ClockOffsets, EventStoreOptions, RowPlace, SpanReservation, StoreHost } from './store.ts';
export { SPAN_HEADER_BYTES, RECORD_HEADER_BYTES, NO_CPU } from './slab.ts';
export { parseIpv4, parseIpv6 } from './address.ts';
export {
  bigReader,
  compileReader,
  decodeRecord,
  fieldBytes,
  fitsNumber,
  isBigEndian,
  isInteger,
  isSigned,
  jsonInteger,
  numberReader,
  recordBytes,
} from './decode.ts';
export type { Reader as RowReader } from './decode.ts';
export { column, columns, leaves, leavesOf, recordSelector, resolvePath, unknownRecord } from './schema.ts';
export type { HostNames } from './hostNames.ts';
export { clockText, eventTime, wallTime } from './time.ts';
export { renderCell, renderDetail } from './render.ts';
export { hexDump, hexText, visibleText } from './text.ts';
export { compileExpr } from './expr/compile.ts';
export type { Filter } from './expr/compile.ts';
export { Batch, BATCH_ROWS } from './expr/batch.ts';
export { Slab } from './slab.ts';
export type { RecordSource } from './slab.ts';
export { nothing } from './expr/wire.ts';
export type { Wire } from './expr/wire.ts';
export { RowDecoder } from './rows.ts';
export { View } from './view.ts';
export type { ViewOptions, ViewPage } from './view.ts';
export { EventTap } from './tap.ts';
export { PerCpuMerge } from './perCpuMerge.ts';
export { RunViews } from './runViews.ts';
export { FORGOTTEN_AFTER_MS, RunSummaries } from './summary/summaries.ts';
export { answerRows } from './ask.ts';
export { ledgerFault, streamLedger } from './ledger.ts';
export type { AgentCounters, LedgerInput } from './ledger.ts';
export { decodeMapEntries } from './maps.ts';
export type { MapEntry, MapLayout } from './maps.ts';
export { encodePrints, printEvent, printsSchema, PRINTS_STREAM, textSchema } from './prints.ts';
export type { PrintLine } from './prints.ts';
