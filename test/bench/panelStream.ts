/** How many records a second arrive whole while their panel is open and follows them. */
import { ledgerFigures } from '../e2e/harness/tracePanel.ts';
import type { BenchEditor } from './benchEditor.ts';
import { offer, offeredName, sleep } from './environment.ts';
import type { Measured } from './figure.ts';

const SECONDS = 4;
/** Offered rates, per second: see `offer`. */
const RATES = [500_000, 1_000_000, 0, -1];
/** The ledger that the panel shows is of a moment before. */
const LEDGER_MS = 1_500;

interface Pass {
  offered: number;
  calls: number;
  rate: number;
  delivered: number;
  lost: number;
}

/** Several rates one after the other, in a run whose limits are off. @throws when the run ends meanwhile */
export async function streamFigures(
  { panel }: BenchEditor,
  gen: string,
  say: (text: string) => void,
): Promise<Measured> {
  const passes: Pass[] = [];
  for (const offered of RATES) {
    const before = ledgerFigures(await panel.ledger());
    const { calls, seconds } = await offer(gen, offered, SECONDS);
    await sleep(LEDGER_MS);
    const after = ledgerFigures(await panel.ledger());
    if ((await panel.status()) !== 'live')
      throw new Error(`the run is ${await panel.status()} after ${offeredName(offered)}`);
    const pass = {
      ...{ offered, calls, rate: calls / seconds },
      ...{ delivered: after.delivered - before.delivered, lost: after.lost - before.lost },
    };
    // A figure that is not known is none: not 0.
    if (Number.isNaN(pass.delivered + pass.lost))
      throw new Error('the ledger does not say what was delivered and lost');
    passes.push(pass);
    say(
      `panel open, offered ${offeredName(offered)}: ${Math.round(pass.rate)}/s, delivered ${pass.delivered} of ${calls}, lost ${pass.lost}`,
    );
  }
  const whole = passes.filter(({ calls, delivered, lost }) => lost === 0 && delivered === calls);
  return {
    figure: 'records_per_second_panel_open',
    unit: '1/s',
    better: 'higher',
    samples: [Math.round(Math.max(0, ...whole.map(({ rate }) => rate)))],
    goal: 1_000_000,
    note: `64-byte records, ${SECONDS} s each, nothing lost; ${passes.map(({ offered, rate, calls, delivered, lost }) => `offered ${offeredName(offered)}: ${Math.round(rate)}/s, ${delivered} of ${calls} delivered, ${lost} lost`).join('; ')}`,
  };
}
