import type { Config } from '../config.ts';
import type { Caller } from '../delivery.ts';
import { CourierError } from '../errors.ts';

/** Who may write where. */
export interface Policy {
  mayWrite(caller: Caller, destination: string): boolean;
  /** The names of the destinations that this caller may write to, as the configuration orders them. */
  destinationsOf(caller: Caller): string[];
  isOperator(caller: Caller): boolean;
  /**
   * The destination that a caller means: the one it names, else the only one that there is, else `default`.
   * @throws CourierError `destination-forbidden`, the same for one that does not exist
   */
  resolveDestination(named: string | undefined, caller: Caller): string;
}

const HOW_TO_NAME_ONE =
  'Name one with "destination=…" (in a form before the file; "courier send --to …"); GET /v1/destinations ("courier destinations") lists them.';

/** Tells a caller nothing but what it may know: how many of the destinations are its own. */
const unnamed = (own: number): CourierError => {
  const detail = 'The request names no destination';
  if (own === 0) return new CourierError('destination-forbidden', { detail: `${detail}.` });
  const why =
    own === 1
      ? 'and the only one that this caller may write to is not called "default"'
      : 'this caller may write to several, and none of them is called "default"';
  return new CourierError('destination-forbidden', { detail: `${detail}, ${why}.`, remedy: HOW_TO_NAME_ONE });
};

type Principals = ReadonlySet<string>;
const NOBODY: Principals = new Set();

/**
 * True when one of the principals is this caller: its email, its number, or the very domain of its email (not those below it).
 * Service accounts live in domains of Google's: `PROJECT.iam.gserviceaccount.com` is one project's own, while
 * `developer.gserviceaccount.com` and `appspot.gserviceaccount.com` hold the default accounts of everybody's projects.
 */
const includes = (principals: Principals, { sub, email }: Caller): boolean => {
  if (principals.has(`sub:${sub}`)) return true;
  if (email === undefined) return false;
  return principals.has(email) || principals.has(`domain:${email.slice(email.lastIndexOf('@') + 1)}`);
};

/** The rules of the configuration, whose principals are lower-case already, as callers' emails are. */
export const createPolicy = ({ destinations, operators }: Pick<Config, 'destinations' | 'operators'>): Policy => {
  const writers: ReadonlyMap<string, Principals> = new Map(
    Object.entries(destinations).map(([name, { callers }]) => [name, new Set(callers)]),
  );
  const names = [...writers.keys()];
  const operatorSet: Principals = new Set(operators);
  const implied = names.length === 1 && names[0] !== undefined ? names[0] : 'default';

  const mayWrite = (caller: Caller, destination: string): boolean =>
    includes(writers.get(destination) ?? NOBODY, caller);

  const destinationsOf = (caller: Caller): string[] => names.filter((name) => mayWrite(caller, name));

  return {
    mayWrite,
    destinationsOf,
    isOperator: (caller) => includes(operatorSet, caller),
    resolveDestination(named, caller) {
      const meant = named ?? implied;
      if (mayWrite(caller, meant)) return meant;
      throw named === undefined ? unnamed(destinationsOf(caller).length) : new CourierError('destination-forbidden');
    },
  };
};
