/** A TCP relay before a server: cuts connections after so many bytes, or makes the way long and lossy. */
import { connect, createServer, type Socket } from 'node:net';

export interface RelayOptions {
  /** Both ends are cut when so many bytes have come from the client, or from the server. */
  cutUp?: number;
  cutDown?: number;
  /** Milliseconds that every byte takes in each direction. */
  delayMs?: number;
  /** Share of the segments that are sent a second time, which holds up all that come after them for a round trip. */
  loss?: number;
  /** Bytes per second in each direction. */
  rate?: number;
}

export interface Relay {
  port: number;
  /** Bytes so far. */
  up(): number;
  down(): number;
  /** Ends the connections that there are. */
  cut(): void;
  close(): void;
}

const segmentBytes = 1448;
/** What may be on its way in one direction: a window of TCP. */
const windowBytes = 256 * 1024;

/** Moves bytes from one socket to the other, late and in order. */
function slowly(from: Socket, to: Socket, options: RelayOptions, random: () => number): void {
  const { delayMs = 0, loss = 0, rate = Infinity } = options;
  const queue: { segment: Buffer | undefined; at: number }[] = [];
  let arrival = 0;
  let waiting = 0;
  const pump = (): void => {
    for (let next = queue[0]; next; next = queue[0]) {
      const early = next.at - performance.now();
      if (early > 0) {
        setTimeout(pump, Math.ceil(early));
        return;
      }
      queue.shift();
      if (next.segment === undefined) to.end();
      else to.write(next.segment);
      waiting -= next.segment?.length ?? 0;
      if (waiting < windowBytes) from.resume();
    }
  };
  const add = (segment: Buffer | undefined): void => {
    const again = random() < loss ? 2 * delayMs : 0;
    // Nothing overtakes a segment that was lost: TCP delivers in order.
    arrival = Math.max(arrival + ((segment?.length ?? 0) / rate) * 1000, performance.now() + delayMs) + again;
    waiting += segment?.length ?? 0;
    queue.push({ segment, at: arrival });
    if (queue.length === 1) pump();
  };
  from.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += segmentBytes) add(chunk.subarray(at, at + segmentBytes));
    if (waiting >= windowBytes) from.pause();
  });
  from.on('end', () => add(undefined));
}

/** Losses come by a generator of its own, so that two runs lose the same. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export async function startRelay(target: number, options: RelayOptions = {}): Promise<Relay> {
  const sockets = new Set<Socket>();
  const count = { up: 0, down: 0 };
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  const random = generator(6);
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: target, host: '127.0.0.1', noDelay: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [near, far].forEach((each) => each.destroy()));
    }
    const pass = (from: Socket, to: Socket, way: 'up' | 'down', most: number): void => {
      if (options.delayMs !== undefined) {
        slowly(from, to, options, random);
        return;
      }
      from.on('data', (chunk: Buffer) => {
        const part = chunk.subarray(0, Math.max(0, most - count[way]));
        count[way] += part.length;
        if (!to.write(part)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
        // What came before the cut arrives: it is the network that ends, not the kernel that forgets.
        if (count[way] >= most) [near, far].forEach((socket) => socket.end(() => setImmediate(cut)));
      });
    };
    pass(near, far, 'up', options.cutUp ?? Infinity);
    pass(far, near, 'down', options.cutDown ?? Infinity);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    up: () => count.up,
    down: () => count.down,
    cut,
    close: () => {
      server.close();
      cut();
    },
  };
}
