import { Exit, namedTakeable, RingsideError } from '@ringside/core';
import { exactly } from '../args.ts';
import type { Command } from './index.ts';

export const detach: Command = {
  usage: 'detach HOST LINK|PIN|INTERFACE[:KIND[:DIRECTION]] --yes',
  summary: 'take away what another tool has attached or pinned',
  help: `LINK is a number of \`ringside links\`, PIN a path in bpffs, INTERFACE one with XDP or tc on it: eth0, eth0:xdp, eth0:tc:ingress.
Without --yes it only says what would go, and whose it is. What Ringside itself has attached ends with its run (\`ringside end\`).`,
  options: { yes: { type: 'boolean' } },
  async run({ engine, positionals, values, common, json, text, call, progress }) {
    const [host, name] = exactly(positionals, ['HOST', 'LINK|PIN|INTERFACE']);
    const [programs, maps, links] = [
      await engine.programs(host!, call),
      await engine.maps(host!, call),
      await engine.links(host!, call),
    ];
    const { what, words } = namedTakeable(name!, { programs, maps, links });
    if (values['yes'] !== true)
      throw new RingsideError('guard-confirmation-needed', `This would take away from ${host!}: ${words}.`, {
        remedy: "It is not Ringside's. If whoever made it does not need it any more, say --yes.",
      });
    await engine.takeAway(host!, what, call);
    progress.clear();
    if (common.json) json({ host, taken: what });
    else text(`Gone from ${host!}: ${words}.`);
    return Exit.done;
  },
};
