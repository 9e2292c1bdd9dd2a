import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { keeper, terminate } from './ending.ts';

/** Loses the first SIGTERM, as ssh does when it comes at the wrong moment. */
const losesTheFirst = 'trap "trap - TERM" TERM; echo ready; while :; do sleep 0.05; done';

describe('an ssh that loses the first signal', () => {
  it('ends when its keeper is let go', async () => {
    const child = spawn('/bin/sh', ['-c', keeper, 'sh', '/bin/sh', '-c', losesTheFirst], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    child.stdin.destroy();
    expect(await once(child, 'exit')).toEqual([128 + 15, null]);
  });

  it('ends when it is terminated', async () => {
    const child = spawn('/bin/sh', ['-c', losesTheFirst], { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(child.stdout, 'data');
    terminate(child);
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
  });
});

describe('the keeper', () => {
  it('ends with the status of what it keeps', async () => {
    const child = spawn('/bin/sh', ['-c', keeper, 'sh', '/bin/sh', '-c', 'exit 7'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    expect(await once(child, 'exit')).toEqual([7, null]);
  });
});
