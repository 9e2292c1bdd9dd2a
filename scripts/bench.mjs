// Bundles test/bench and runs it. Needs `npm run setup` and `npm run build` before; never the network.
import { bundleAndRun } from './lib/bundleRun.mjs';

await bundleAndRun('bench', ['test/bench/main.ts', 'test/bench/openLog.ts']);
