import type { Config } from '../config/config.ts';
import { type Caller, callerName, impliedDestination } from '../domain.ts';
import { CourierError } from '../errors.ts';
import { isServiceAccount, isServiceAccountDomain, projectDomainOf } from '../text/google/service-account.ts';

/** Decides who may write where. */
export interface Policy {
  mayWrite(caller: Caller, destination: string): boolean;
  /** True if the caller is one of the `callers` of the query. */
  mayRun(caller: Caller, query: string): boolean;
  /** The names of the destinations that this caller may write to, in the order of the configuration. */
  destinationsOf(caller: Caller): string[];
  /** @throws CourierError `destination-forbidden` unless the caller may write to some destination */
  requireAnyDestination(caller: Caller): void;
  /** @throws CourierError `caller-not-allowed` unless the caller is an operator */
  requireOperator(caller: Caller): void;
  /**
   * The destination that a caller means (see `impliedDestination`).
   * @throws CourierError `destination-forbidden`, also for a destination that does not exist
   */
  resolveDestination(named: string | undefined, caller: Caller): string;
}

const HOW_TO_SPECIFY =
  'Specify one with "destination=…" (in a form before the file; "courier send --to …"). GET /v1/destinations ("courier destinations") lists them.';

const ASK_FOR_EMAIL =
  'Request an ID token that includes the email: "gcloud auth print-identity-token --include-email", format=full at the metadata server, or includeEmail for generateIdToken.';

/**
 * Names the caller and what it is not authorized to do. If the token has no email, the token itself is usually the mistake.
 */
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
const noNamedDestination = (caller: Caller, own: number): CourierError => {
  if (own === 0) return noDestination(caller);
  const why =
    own === 1
      ? 'and the only one that this caller may write to is not named "default"'
      : 'and this caller may write to several, none of which is named "default"';
  const reason = 'destination-missing';
  const detail = `The request specifies no destination, ${why}.`;
  return new CourierError('destination-forbidden', { reason, detail, remedy: HOW_TO_SPECIFY });
};

type Principals = ReadonlySet<string>;
const NOBODY: Principals = new Set();

/**
 * The domain of a caller, as `domain:` means it: for a person the organization that manages the account, never the domain of the
 * email address; for a service account the domain of its project.
 */
const domainOf = ({ email, hostedDomain }: Caller): string | undefined => {
  if (email === undefined) return undefined;
  if (isServiceAccount(email)) return projectDomainOf(email);
  return hostedDomain !== undefined && isServiceAccountDomain(hostedDomain) ? undefined : hostedDomain;
};

/** True if one of the principals matches this caller: its email, its `sub`, or its domain (no parent or child domains). */
const includes = (principals: Principals, caller: Caller): boolean => {
  const { sub, email } = caller;
  if (principals.has(`sub:${sub}`) || (email !== undefined && principals.has(email))) return true;
  const domain = domainOf(caller);
  return domain !== undefined && principals.has(`domain:${domain}`);
};

/** The rules of the configuration. Its principals are lower-case, as callers' emails are. */
export const createPolicy = ({
  destinations,
  operators,
  queries = {},
}: Pick<Config, 'destinations' | 'operators'> & Partial<Pick<Config, 'queries'>>): Policy => {
  const writers: ReadonlyMap<string, Principals> = new Map(
    Object.entries(destinations).map(([name, { callers }]) => [name, new Set(callers)]),
  );
  const names = [...writers.keys()];
  const operatorSet: Principals = new Set(operators);

  const mayWrite = (caller: Caller, destination: string): boolean =>
    includes(writers.get(destination) ?? NOBODY, caller);

  const destinationsOf = (caller: Caller): string[] => names.filter((name) => mayWrite(caller, name));

  return {
    mayWrite,
    mayRun: (caller, query) => includes(new Set(queries[query]?.callers), caller),
    destinationsOf,
    requireAnyDestination(caller) {
      if (destinationsOf(caller).length === 0) throw noDestination(caller);
    },
    requireOperator(caller) {
      if (!includes(operatorSet, caller)) throw notAuthorized('caller-not-allowed', caller, 'run the doctor');
    },
    resolveDestination(named, caller) {
      const meant = impliedDestination(named, names);
      if (mayWrite(caller, meant)) return meant;
      const own = destinationsOf(caller).length;
      if (named === undefined || own === 0) throw noNamedDestination(caller, own);
      throw notAuthorized('destination-forbidden', caller, 'write to this destination');
    },
  };
};
