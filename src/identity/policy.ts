import { isServiceAccount, isServiceAccountDomain, projectDomainOf } from '../config/service-account.ts';
import type { Config } from '../config/config.ts';
import type { Caller } from '../domain.ts';
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
 * The domain that a caller belongs to, as `domain:` means it: for a person the organization that keeps the account, never the
 * ending of the address; for a service account its own project's domain.
 */
const domainOf = ({ email, hostedDomain }: Caller): string | undefined => {
  if (email === undefined) return undefined;
  if (isServiceAccount(email)) return projectDomainOf(email);
  return hostedDomain !== undefined && isServiceAccountDomain(hostedDomain) ? undefined : hostedDomain;
};

/** True when one of the principals is this caller: its email, its number, or its domain (not those above or below it). */
const includes = (principals: Principals, caller: Caller): boolean => {
  const { sub, email } = caller;
  if (principals.has(`sub:${sub}`) || (email !== undefined && principals.has(email))) return true;
  const domain = domainOf(caller);
  return domain !== undefined && principals.has(`domain:${domain}`);
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
