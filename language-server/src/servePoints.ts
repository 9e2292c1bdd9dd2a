/** The requests of the attach-point explorer. */
import { ErrorCodes, ResponseError, type Connection } from 'vscode-languageserver';
import type { Authoring } from './authoring.ts';
import { describePoint, listPoints, searchPoints, startOf } from './features/points.ts';
import type { World } from './kernel/world.ts';
import {
  isFoundPoint,
  isPointsParams,
  isSearchParams,
  pointRequest,
  pointSearchRequest,
  pointsRequest,
  startRequest,
} from './protocol.ts';

export function servePoints(connection: Connection, authoring: () => Authoring | undefined): void {
  const answer = <P>(
    name: string,
    isParams: (value: unknown) => value is P,
    work: (params: P, world: World) => unknown,
  ) => {
    connection.onRequest(name, (params: unknown): Promise<unknown> | ResponseError => {
      const knowing = authoring();
      if (!knowing || !isParams(params))
        return new ResponseError(ErrorCodes.InvalidParams, `${name}: malformed parameters`);
      return knowing.withWorld((world) => work(params, world));
    });
  };
  answer(pointsRequest, isPointsParams, listPoints);
  answer(pointSearchRequest, isSearchParams, ({ text, limit }, world) => searchPoints(text, limit, world));
  answer(pointRequest, isFoundPoint, ({ kind, name }, world) => describePoint(kind, name, world));
  answer(startRequest, isStart, ({ section }, world) => startOf(section, world));
}

function isStart(value: unknown): value is { section: string } {
  return typeof value === 'object' && value !== null && typeof (value as { section?: unknown }).section === 'string';
}
