/**
 * `npm run bench [name …]`: one JSON object a figure on stdout, progress on stderr. Exit status 0 whatever the figures
 * say; 1 when one could not be taken; 2 for a name that does not exist.
 */
import { agentBench } from './agent.ts';
import { connectBench } from './connect.ts';
import { toFigure, type Measured } from './figure.ts';
import { firstEventBench } from './firstEvent.ts';
import { lspBench } from './lsp.ts';
import { mapDumpBench } from './mapDump.ts';
import { panelBench } from './panel.ts';
import { probeCostBench } from './probeCost.ts';
import { sizeBench } from './size.ts';
import { streamBench } from './stream.ts';
import { verdictBench } from './verdict.ts';

export interface Bench {
  summary: string;
  run(say: (text: string) => void): Promise<Measured[]>;
}

const benches: Record<string, Bench> = {
  'first-event': firstEventBench,
  verdict: verdictBench,
  stream: streamBench,
  'probe-cost': probeCostBench,
  agent: agentBench,
  connect: connectBench,
  lsp: lspBench,
  panel: panelBench,
  'map-dump': mapDumpBench,
  size: sizeBench,
};

async function main(names: string[]): Promise<number> {
  if (names.includes('--list')) {
    for (const [name, bench] of Object.entries(benches)) process.stdout.write(`${name.padEnd(12)} ${bench.summary}\n`);
    return 0;
  }
  const unknown = names.filter((n) => !(n in benches));
  if (unknown.length > 0) {
    process.stderr.write(`There is no bench "${unknown.join('", "')}". Known: ${Object.keys(benches).join(', ')}.\n`);
    return 2;
  }
  let failed = false;
  for (const name of names.length > 0 ? names : Object.keys(benches)) {
    const say = (text: string): void => void process.stderr.write(`${name}: ${text}\n`);
    try {
      for (const measured of await benches[name]!.run(say)) {
        process.stdout.write(`${JSON.stringify(toFigure(name, measured))}\n`);
      }
    } catch (error) {
      failed = true;
      say(`could not be taken: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }
  return failed ? 1 : 0;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  },
);
