import { z } from 'zod';
import { type DriveClient, parseAnswer } from './client.ts';
import type { Drive } from './drive.ts';
import { describeFolder } from './folder/describe-folder.ts';
import type { Library } from './library.ts';
import { UNITS } from './pacing.ts';

type Account = Pick<Drive, 'share' | 'imports' | 'inspectFolder' | 'aboutAccount'>;

const imports = z.object({
  importFormats: z.record(z.string(), z.array(z.string())).default({}),
  maxImportSizes: z.record(z.string(), z.coerce.number()).default({}),
});

const about = z.object({
  user: z.object({ emailAddress: z.string().default('') }).prefault({}),
  storageQuota: z.object({ limit: z.coerce.number().optional(), usage: z.coerce.number().default(0) }).prefault({}),
});

type Permission = Parameters<Drive['share']>[1];

const permissionOf = ({ type, role, email, domain, expirationTime }: Permission) => ({
  type,
  role,
  ...(email === undefined ? {} : { emailAddress: email }),
  ...(domain === undefined ? {} : { domain }),
  ...(expirationTime === undefined ? {} : { expirationTime }),
});

const notificationOf = ({ type, message }: Permission, notify: boolean) => ({
  // "not allowed for other requests": it is set only if a person can receive the email. Its default is true.
  ...(type === 'user' || type === 'group' ? { sendNotificationEmail: notify } : {}),
  ...(notify && message !== undefined ? { emailMessage: message } : {}),
});

/** What the account may do, and what Drive offers it. */
export const createAccount = (library: Library, client: DriveClient): Account => ({
  async share(id, permission, notify, context) {
    await library(
      // A second request would create the same permission, but also send a second email.
      { operation: 'drive.permissions.create', units: UNITS.other, retry: notify ? 'once' : 'idempotent' },
      context,
      (drive) =>
        drive.permissions.create({
          fileId: id,
          supportsAllDrives: true,
          fields: 'id',
          ...notificationOf(permission, notify),
          requestBody: permissionOf(permission),
        }),
    );
  },
  async imports(context) {
    const answer = await library(
      { operation: 'drive.about.get', units: UNITS.get, retry: 'idempotent' },
      context,
      (drive) => drive.about.get({ fields: 'importFormats,maxImportSizes' }),
    );
    const { importFormats, maxImportSizes } = parseAnswer(() => imports.parse(answer ?? {}));
    return { formats: importFormats, maxSizes: maxImportSizes };
  },
  inspectFolder: (id, context) => describeFolder(client, id, context),
  async aboutAccount(context) {
    const answer = await library(
      { operation: 'drive.about.get', units: UNITS.get, retry: 'idempotent' },
      context,
      (drive) => drive.about.get({ fields: 'user(emailAddress),storageQuota(limit,usage)' }),
    );
    const { user, storageQuota } = parseAnswer(() => about.parse(answer ?? {}));
    return { email: user.emailAddress, storageLimit: storageQuota.limit, storageUsed: storageQuota.usage };
  },
});
