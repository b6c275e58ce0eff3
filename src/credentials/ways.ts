import type { CredentialConfig } from '../config/credential.ts';
import { CourierError } from '../errors.ts';
import type { GoogleTransport } from '../google/transport.ts';
import { type AccessToken, CLOUD_PLATFORM, type Minter } from './access-token.ts';
import { createAuthorizedUser } from './authorized-user.ts';
import type { CredentialsDocument, ImpersonatedDocument } from './document.ts';
import { createFederation } from './external-account.ts';
import { createImpersonated } from './impersonate.ts';
import { createServiceAccount } from './service-account.ts';

export interface WayOptions {
  transport: Pick<GoogleTransport, 'send' | 'fetch'>;
  config: Pick<CredentialConfig, 'scopes' | 'subject'>;
  /** Epoch milliseconds. */
  now: () => number;
}

const tokenOf = (mint: () => Promise<AccessToken>) => async (): Promise<string> => (await mint()).value;

/** Whose right it is to act as the target of an `impersonated_service_account`. */
const sourceOf = (source: ImpersonatedDocument['source'], options: WayOptions): (() => Promise<string>) => {
  const { transport, now } = options;
  switch (source.type) {
    case 'service_account':
      return tokenOf(createServiceAccount(source, { transport, now, scopes: [CLOUD_PLATFORM], subject: null }).mint);
    case 'authorized_user':
      return tokenOf(createAuthorizedUser(source, options).mint);
    case 'external_account': {
      const { target } = source;
      const token = tokenOf(createFederation(source, options));
      const caller = { transport, now, token, federated: true };
      return tokenOf(createImpersonated({ ...caller, target, scopes: [CLOUD_PLATFORM], subject: null }).mint);
    }
  }
};

/** What a credentials document gives the right to. @throws CourierError `key-invalid` */
export const minterOf = (document: CredentialsDocument, options: WayOptions): Minter => {
  const { transport, now } = options;
  const { scopes, subject } = options.config;
  switch (document.type) {
    case 'service_account':
      return createServiceAccount(document, { transport, now, scopes, subject });
    case 'authorized_user':
      if (subject !== null)
        throw new CourierError('key-invalid', {
          detail: 'A "subject" cannot go with a person\'s OAuth credentials (authorized_user).',
          remedy: 'Remove "subject", or store a service account\'s key.',
        });
      return createAuthorizedUser(document, options);
    case 'external_account': {
      const token = tokenOf(createFederation(document, options));
      return createImpersonated({ transport, now, token, federated: true, target: document.target, scopes, subject });
    }
    case 'impersonated_service_account': {
      const { target, delegates, source } = document;
      return createImpersonated({
        transport,
        now,
        token: sourceOf(source, options),
        target,
        delegates,
        scopes,
        subject,
      });
    }
  }
};
