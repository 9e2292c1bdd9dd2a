/** Packets of capture files: pcap in both byte orders, with micro- and nanoseconds, and pcapng. */

/** What is wrong with a capture file, in a sentence. */
export class CaptureError extends Error {
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
    this.name = 'CaptureError';
  }
}

export interface CapturedPacket {
  bytes: Uint8Array;
  /** Bytes that it had on the wire. */
  length: number;
  /** LINKTYPE_*: 1 is Ethernet. */
  linkType: number;
}

const MOST_PACKET = 1 << 20;

const damaged = (why: string): CaptureError =>
  new CaptureError(`The capture is damaged: ${why}.`, 'Write it again: tcpdump -w FILE, or "Save As" in Wireshark.');

/** Every packet, in the order of the file. @throws CaptureError */
export function* capturedPackets(file: Uint8Array): Generator<CapturedPacket> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 4) throw damaged('it is shorter than its header');
  const magic = view.getUint32(0, true);
  if (magic === 0x0a0d0d0a) yield* pcapngPackets(file, view);
  else if (magic === 0xa1b2c3d4 || magic === 0xa1b23c4d) yield* pcapPackets(file, view, true);
  else if (magic === 0xd4c3b2a1 || magic === 0x4d3cb2a1) yield* pcapPackets(file, view, false);
  else
    throw new CaptureError('This is neither a pcap nor a pcapng file.', 'Write one with tcpdump -w FILE or Wireshark.');
}

/** Packet `number`, counted from 1 as Wireshark does. @throws CaptureError */
export function capturedPacket(file: Uint8Array, number: number): CapturedPacket {
  let count = 0;
  for (const packet of capturedPackets(file)) if (++count === number) return packet;
  throw new CaptureError(
    `The capture has ${count} ${count === 1 ? 'packet' : 'packets'}, and no number ${number}.`,
    'Packets count from 1, as in Wireshark.',
  );
}

function* pcapPackets(file: Uint8Array, view: DataView, little: boolean): Generator<CapturedPacket> {
  if (file.length < 24) throw damaged('it is shorter than its header');
  // The upper bits say how long the frame check sequence is.
  const linkType = view.getUint32(20, little) & 0x0fffffff;
  for (let at = 24; at < file.length;) {
    if (at + 16 > file.length) throw damaged('it ends within a packet');
    const captured = view.getUint32(at + 8, little);
    const length = view.getUint32(at + 12, little);
    at += 16;
    yield { bytes: part(file, at, captured), length, linkType };
    at += captured;
  }
}

function part(file: Uint8Array, at: number, length: number): Uint8Array {
  if (length > MOST_PACKET) throw damaged(`a packet of ${length} bytes`);
  if (at + length > file.length) throw damaged('it ends within a packet');
  return file.subarray(at, at + length);
}

const Block = { section: 0x0a0d0d0a, interface: 1, oldPacket: 2, simple: 3, enhanced: 6 } as const;

function* pcapngPackets(file: Uint8Array, view: DataView): Generator<CapturedPacket> {
  let little = true;
  let interfaces: { linkType: number; snap: number }[] = [];
  for (let at = 0; at < file.length;) {
    if (at + 12 > file.length) throw damaged('it ends within a block');
    if (view.getUint32(at, true) === Block.section) {
      const order = view.getUint32(at + 8, true);
      if (order !== 0x1a2b3c4d && order !== 0x4d3c2b1a) throw damaged('a section does not say its byte order');
      little = order === 0x1a2b3c4d;
      interfaces = [];
    }
    const kind = view.getUint32(at, little);
    const length = view.getUint32(at + 4, little);
    if (length < 12 || length % 4 !== 0 || at + length > file.length) throw damaged('it ends within a block');
    const body = at + 8;
    const room = length - 12;
    const need = (bytes: number): void => {
      if (room < bytes) throw damaged('a block is too short');
    };
    const linkOf = (index: number): { linkType: number; snap: number } => {
      const known = interfaces[index];
      if (!known) throw damaged('a packet names an interface that is not described');
      return known;
    };
    const packet = (offset: number, captured: number, wire: number, linkType: number): CapturedPacket => {
      if (captured > room - offset) throw damaged('a packet is longer than its block');
      return { bytes: part(file, body + offset, captured), length: wire, linkType };
    };
    if (kind === Block.interface) {
      need(8);
      interfaces.push({ linkType: view.getUint16(body, little), snap: view.getUint32(body + 4, little) });
    } else if (kind === Block.enhanced) {
      need(20);
      const { linkType } = linkOf(view.getUint32(body, little));
      yield packet(20, view.getUint32(body + 12, little), view.getUint32(body + 16, little), linkType);
    } else if (kind === Block.oldPacket) {
      need(20);
      const { linkType } = linkOf(view.getUint16(body, little));
      yield packet(20, view.getUint32(body + 12, little), view.getUint32(body + 16, little), linkType);
    } else if (kind === Block.simple) {
      need(4);
      const { linkType, snap } = linkOf(0);
      const wire = view.getUint32(body, little);
      yield packet(4, Math.min(wire, snap === 0 ? wire : snap, room - 4), wire, linkType);
    }
    at += length;
  }
}
