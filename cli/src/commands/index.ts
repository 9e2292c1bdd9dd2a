import type { ExitCode } from '@ringside/core';
import type { Context } from '../context.ts';
import { adopt } from './adopt.ts';
import { agent } from './agent.ts';
import { attach } from './attach.ts';
import { build } from './build.ts';
import { detach } from './detach.ts';
import { doctor } from './doctor.ts';
import { end } from './end.ts';
import { hosts } from './hosts.ts';
import { inspect } from './inspect.ts';
import { links } from './links.ts';
import { map } from './map.ts';
import { maps } from './maps.ts';
import { newProgram } from './new.ts';
import { exportRecording } from './export.ts';
import { programs } from './programs.ts';
import { project } from './project.ts';
import { replay } from './replay.ts';
import { runs } from './runs.ts';
import { targets } from './targets.ts';
import { test } from './test.ts';
import { verify } from './verify.ts';

export interface Command {
  usage: string;
  summary: string;
  /** More for `--help`: what the output holds. */
  help?: string;
  options: Record<string, { type: 'string' | 'boolean'; multiple?: boolean; short?: string }>;
  run(context: Context): Promise<ExitCode>;
}

/** In the order of a first session. */
export const commands: Record<string, Command> = {
  hosts,
  doctor,
  new: newProgram,
  build,
  inspect,
  verify,
  test,
  targets,
  attach,
  project,
  replay,
  export: exportRecording,
  runs,
  adopt,
  end,
  programs,
  maps,
  links,
  map,
  detach,
  agent,
};
