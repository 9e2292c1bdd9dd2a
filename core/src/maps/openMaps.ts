/** What an engine has open of maps: readers of lines and watches, by number, as they cross to another thread. */
import type { AgentClient } from '../agent/client.ts';
import { RingsideError } from '../errors.ts';
import type { MapLines } from '../model/index.ts';
import { HostMaps, type MapWatcher } from './hostMaps.ts';

export class OpenMaps {
  private readonly hosts = new WeakMap<AgentClient, HostMaps>();
  private readonly readers = new Map<number, AsyncGenerator<MapLines>>();
  private readonly watches = new Map<number, MapWatcher>();
  private lastId = 0;

  of(agent: AgentClient): HostMaps {
    let maps = this.hosts.get(agent);
    if (!maps) this.hosts.set(agent, (maps = new HostMaps(agent)));
    return maps;
  }

  openLines(lines: AsyncGenerator<MapLines>): number {
    this.readers.set(++this.lastId, lines);
    return this.lastId;
  }

  /** The next lines; null after the last ones, and the reader is closed. */
  async readLines(reader: number): Promise<MapLines | null> {
    const lines = this.readers.get(reader);
    if (!lines) throw new RingsideError('usage', 'This reader of a map is closed.');
    const next = await lines.next();
    if (next.done === true) this.readers.delete(reader);
    return next.done === true ? null : next.value;
  }

  async closeLines(reader: number): Promise<void> {
    const lines = this.readers.get(reader);
    this.readers.delete(reader);
    await lines?.return(undefined);
  }

  openWatch(watch: MapWatcher): number {
    this.watches.set(++this.lastId, watch);
    return this.lastId;
  }

  watch(id: number): MapWatcher {
    const watch = this.watches.get(id);
    if (!watch) throw new RingsideError('usage', 'This watch of a map is closed.');
    return watch;
  }

  async closeWatch(id: number): Promise<void> {
    const watch = this.watches.get(id);
    this.watches.delete(id);
    await watch?.close();
  }
}
