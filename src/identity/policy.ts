import { isServiceAccount, isServiceAccountDomain, projectDomainOf } from '../config/service-account.ts';
import type { Config } from '../config/config.ts';
import { type Caller, callerName } from '../domain.ts';
import { CourierError } from '../errors.ts';

/** Who may write where. */
export interface Policy {
  mayWrite(caller: Caller, destination: string): boolean;
  /** The names of the destinations that this caller may write to, as the configuration orders them. */
  destinationsOf(caller: Caller): string[];
  isOperator(caller: Caller): boolean;
  /** @throws CourierError `destination-forbidden` unless the caller may write to some destination */
  requireAnyDestination(caller: Caller): void;
  /** @throws CourierError `caller-not-allowed` unless the caller is an operator */
  requireOperator(caller: Caller): void;
  /**
   * The destination that a caller means: the one it names, else the only one that there is, else `default`.
   * @throws CourierError `destination-forbidden`, the same for one that does not exist
   */
  resolveDestination(named: string | undefined, caller: Caller): string;
}

const HOW_TO_NAME_ONE =
  'Name one with "destination=…" (in a form before the file; "courier send --to …"); GET /v1/destinations ("courier destinations") lists them.';

const ASK_FOR_EMAIL =
  'Request an ID token that includes the email: "gcloud auth print-identity-token --include-email", format=full at the metadata server, or includeEmail for generateIdToken.';

/** Says who the caller is and what it is not authorized to do; without an email the token itself is usually the mistake. */
const notAuthorized = (code: 'destination-forbidden' | 'caller-not-allowed', caller: Caller, what: string) =>
  caller.email === undefined
    ? new CourierError(code, {
        detail: `The token has no verified email. Its subject ${caller.sub} is not authorized to ${what}.`,
        remedy: `${ASK_FOR_EMAIL} Or ask the operator to add "sub:${caller.sub}".`,
      })
    : new CourierError(code, { detail: `You are ${callerName(caller)}, which is not authorized to ${what}.` });

const noDestination = (caller: Caller): CourierError =>
  notAuthorized('destination-forbidden', caller, 'write to any destination');

/** Reveals only how many destinations the caller may write to itself. */
const unnamed = (caller: Caller, own: number): CourierError => {
  if (own === 0) return noDestination(caller);
  const why =
    own === 1
      ? 'and the only one that this caller may write to is not called "default"'
      : 'this caller may write to several, and none of them is called "default"';
  const detail = `The request names no destination, ${why}.`;
  return new CourierError('destination-forbidden', { detail, remedy: HOW_TO_NAME_ONE });
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
    requireAnyDestination(caller) {
      if (destinationsOf(caller).length === 0) throw noDestination(caller);
    },
    requireOperator(caller) {
      if (!includes(operatorSet, caller)) throw notAuthorized('caller-not-allowed', caller, 'run the doctor');
    },
    resolveDestination(named, caller) {
      const meant = named ?? implied;
      if (mayWrite(caller, meant)) return meant;
      const own = destinationsOf(caller).length;
      if (named === undefined || own === 0) throw unnamed(caller, own);
      throw notAuthorized('destination-forbidden', caller, 'write to this destination');
    },
  };
};
