import { z } from 'zod';
import { isProjectDomain, isServiceAccountDomain } from '../../text/google/service-account.ts';

export const email = z
  .string()
  // ASCII only: Google's tokens contain no addresses with other letters (see identity/claims.ts).
  .regex(/^[\w.!$%&'+=^`{|}~-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i, 'is not an email address')
  .toLowerCase();

const DOMAIN = String.raw`[a-z0-9-]+(\.[a-z0-9-]+)+`;
export const domain = z.string().regex(new RegExp(`^${DOMAIN}$`, 'i'), 'is not a domain');

const domainPrincipal = new RegExp(`^domain:${DOMAIN}$`, 'i');
const subject = /^sub:\d+$/;

/** Domains of consumer accounts, whose tokens have no `hd`. */
const CONSUMER_DOMAINS: ReadonlySet<string> = new Set(['gmail.com', 'googlemail.com']);

/** Why a text is not a principal, with what to write instead. */
const faultOfText = (text: string): string => {
  const [, kind, address] = /^(user|serviceAccount|group):(.*)$/i.exec(text) ?? [];
  if (kind?.toLowerCase() === 'group')
    return `"${text}": groups are not supported, because tokens don't contain them; list people, or use "domain:NAME"`;
  if (address !== undefined) return `"${text}": write only the address, "${address}"`;
  if (/^all(?:Authenticated)?Users$/i.test(text)) return `"${text}": anonymous and public access are not supported`;
  if (/[\s,;]/.test(text)) return `"${text}" contains several values: list each one separately`;
  const [, domainName] = /^\*?@([a-z0-9.-]+)$/i.exec(text) ?? [];
  if (domainName !== undefined) return `"${text}": to allow a whole organization, write "domain:${domainName}"`;
  return 'is not an email address, "domain:NAME" or "sub:NUMBER"';
};

/** Why a well-formed `domain:NAME` can never match, or would match too much. */
const faultOfDomain = (principal: string): string | undefined => {
  if (!domainPrincipal.test(principal)) return undefined;
  const domain = principal.slice('domain:'.length).toLowerCase();
  if (CONSUMER_DOMAINS.has(domain))
    return `"${principal}" never matches, because consumer accounts belong to no organization; list the addresses instead`;
  if (isServiceAccountDomain(domain) && !isProjectDomain(domain)) {
    return `"${principal}" is not the domain of a single project; use domain:PROJECT.iam.gserviceaccount.com, or list the service accounts`;
  }
  return undefined;
};

/** A caller: an email, `domain:NAME` or `sub:NUMBER`. */
export const principal = z
  .string()
  .superRefine((text, context) => {
    const isKnown = domainPrincipal.test(text) || subject.test(text) || email.safeParse(text).success;
    const message = isKnown ? faultOfDomain(text) : faultOfText(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  })
  .transform((text) => text.toLowerCase());
