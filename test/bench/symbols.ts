/** Memory of the agent and of its reader of symbols while stacks of the kernel and of a large process become names. */
import { readdir, readFile } from 'node:fs/promises';
import { AgentClient } from '../../core/src/agent/client.ts';
import { deployAgent } from '../../core/src/deploy/deployAgent.ts';
import { silentLog } from '../../core/src/log.ts';
import { noPrompter } from '../../core/src/prompt.ts';
import { defaultSshOptions } from '../../core/src/rpc/client.ts';
import { openTransport } from '../../core/src/ssh/openTransport.ts';
import { dist, rssBytes, sleep } from './environment.ts';

const ADDRESSES = 1_000;

/** The most that both hold together, in bytes, and how many of the addresses got a name. */
export async function symbolMemory(): Promise<{ bytes: number; named: number; asked: number }> {
  const onState = (): void => undefined;
  const common = { ssh: defaultSshOptions, prompter: noPrompter, log: silentLog, onState };
  const transport = await openTransport('local', common.ssh, common.prompter, common.log, { onState });
  try {
    const started = await deployAgent(transport, { ...common, resourceDir: dist });
    const agent = await AgentClient.start(started.channel, { log: silentLog });
    const { pid } = agent.hello;
    const watched = watch(pid);
    let named = 0;
    const questions = [
      { pid: 0, addresses: await kernelAddresses() },
      { pid: process.pid, addresses: await ownAddresses() },
    ];
    for (let round = 0; round < 3; round++) {
      named = 0;
      for (const value of questions) {
        const { symbols } = await agent.request({ case: 'symbolize', value }, 'symbolize', {});
        named += symbols.filter((symbol) => symbol.name !== '').length;
      }
    }
    const bytes = await watched();
    await agent.close();
    return { bytes, named, asked: questions.reduce((sum, { addresses }) => sum + addresses.length, 0) };
  } finally {
    transport.dispose();
  }
}

/** Adds up the agent and its children every few milliseconds until it is called; gives the most. */
function watch(pid: number): () => Promise<number> {
  let most = 0;
  const ended = new AbortController();
  const watching = (async () => {
    while (!ended.signal.aborted) {
      const pids = [pid, ...(await childrenOf(pid))];
      const sizes = await Promise.all(pids.map((one) => rssBytes(one).catch(() => 0)));
      most = Math.max(
        most,
        sizes.filter(Number.isFinite).reduce((sum, size) => sum + size, 0),
      );
      await sleep(2);
    }
  })();
  return async () => {
    ended.abort();
    await watching;
    return most;
  };
}

/** A child belongs to the thread that started it. */
async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const lists = threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'latin1').catch(() => ''));
  return (await Promise.all(lists)).flatMap((list) => list.split(' ').filter(Boolean).map(Number));
}

/** Functions of the kernel, taken evenly from all. */
async function kernelAddresses(): Promise<bigint[]> {
  const lines = (await readFile('/proc/kallsyms', 'latin1')).split('\n').filter((line) => / [tT] /.test(line));
  return evenly(lines).map((line) => BigInt(`0x${line.split(' ')[0]!}`) + 4n);
}

/** Addresses in what this process runs: Node's own code is one of the larger programs of a host. */
async function ownAddresses(): Promise<bigint[]> {
  const maps = (await readFile('/proc/self/maps', 'latin1')).split('\n');
  const text = maps.filter((line) => / r-xp .*\/node$/.test(line)).map((line) => line.split(' ')[0]!.split('-'));
  const parts = text.map(([from, to]) => ({ begin: BigInt(`0x${from!}`), end: BigInt(`0x${to!}`) }));
  const { begin, end } = parts.reduce((a, b) => (b.end - b.begin > a.end - a.begin ? b : a));
  const step = (end - begin) / BigInt(ADDRESSES);
  return Array.from({ length: ADDRESSES }, (_, i) => begin + step * BigInt(i));
}

const evenly = <T>(all: T[]): T[] =>
  all.filter((_, i) => i % Math.max(1, Math.floor(all.length / ADDRESSES)) === 0).slice(0, ADDRESSES);
