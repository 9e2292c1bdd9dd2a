// Bundles test/soak and runs it. Needs `npm run package` before, root for its sshd, and nothing but this machine.
import { bundleAndRun } from './lib/bundleRun.mjs';

await bundleAndRun('soak', ['test/soak/main.ts']);
