import type { ObjectOwner } from '@ringside/core';

/** "nginx 812, ringside-agent 900"; "?" where the host does not say. */
export function ownerText(owners: ObjectOwner[] | null): string {
  return owners === null ? '?' : owners.map((owner) => `${owner.command} ${owner.pid}`).join(', ');
}

/** A figure, or "?" for unknown: a 0 would claim to know. */
export const figure = (value: number | string | null): string =>
  value === null ? '?' : typeof value === 'number' ? value.toLocaleString('en-US') : value;
