import { defineConfig } from 'vitest/config';

// One project per tier. Unit tests stand beside the code as *.test.ts; what needs root, a real sshd or a kernel is
// *.itest.ts (integration) and test/hosts, test/e2e.
// The matrix boots four of them, when it is not asked for this machine's own kernel only.
const matrix = process.env.RINGSIDE_MATRIX_KERNELS === 'local' ? [] : ['matrix'];
const machinesAlone = ['guards', 'kill', 'privileges', ...matrix].map((name) => `test/hosts/${name}.vmtest.ts`);

const connections = 'test/integration/ssh-*.itest.ts';

// Four machines for five minutes: `npm test` leaves it to `npm run test:hosts`.
const verdicts =
  process.env.RINGSIDE_VERDICTS === 'off' ? ['test/hosts/verdicts.vmtest.ts', 'test/hosts/headers.vmtest.ts'] : [];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{core,cli,extension,language-server}/src/**/*.test.ts',
            'panels/**/*.test.{ts,tsx}',
            'scripts/**/*.test.ts',
            'test/{fuzz,corpus,soak}/**/*.test.ts',
          ],
          environment: 'node',
          // A property test is at work for a second or two, several times that beside other work.
          testTimeout: 30_000,
          // Vitest leaves one processor alone, which of two is half.
          maxWorkers: '100%',
        },
      },
      {
        test: {
          name: 'integration',
          include: ['{core,cli,bpf-snippets,language-server}/**/*.itest.ts', 'test/integration/**/*.itest.ts'],
          exclude: ['**/node_modules/**', connections],
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      // Connections: each file has an sshd, users and folders of its own, and waits more than it works.
      {
        test: {
          name: 'integration-ssh',
          include: [connections],
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
      // Virtual machines. Each has one processor, so two files run at a time; those that boot several at once, or that
      // measure how long something takes on a host, run alone.
      {
        test: {
          name: 'hosts',
          include: ['test/hosts/**/*.vmtest.ts'],
          exclude: [...machinesAlone, ...verdicts],
          environment: 'node',
          testTimeout: 300_000,
          hookTimeout: 600_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'hosts-alone',
          include: machinesAlone,
          environment: 'node',
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.e2e.ts'],
          environment: 'node',
          // What is asked again until it holds; a slow machine draws later, not otherwise.
          expect: { poll: { timeout: 15_000 } },
          testTimeout: 180_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
