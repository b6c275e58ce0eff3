import { join } from 'node:path';
import type { CourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { SUBSCRIPTION } from '../../../local/google/world/names.ts';
import { AUDIENCE, startCourierIn } from '../../support/courier/courier-in-world.ts';
import { blocksIn, PAGES } from '../../support/pages.ts';

export const ROOT = join(import.meta.dirname, '../../..');
export const CLIENT = join(ROOT, 'clients/python/src');
/** The client id of an Apps Script project, which is the audience of its tokens. */
export const SCRIPT_AUDIENCE = '123456789012-abcdef.apps.googleusercontent.com';

export interface RecipeWorld {
  google: LocalGoogle;
  courier: CourierProcess;
  filesNamed(name: string): ReturnType<LocalGoogle['drive']['files']>;
  bytesOf(name: string): Buffer;
  close(): Promise<void>;
}

/** A courier as the recipes' readers have it. */
export const openRecipeWorld = async (): Promise<RecipeWorld> => {
  const google = await startLocalGoogle();
  const { emails, secret } = google.world;
  const courier = await startCourierIn(google, {
    config: {
      audiences: [AUDIENCE, SCRIPT_AUDIENCE],
      destinations: {
        reports: {
          folder: google.places.sharedDrive,
          credentials: 'main',
          callers: [emails.exporter, emails.driveWriter, emails.runtime, emails.alice],
        },
      },
      credentials: { main: { secret: `${secret}/versions/latest` } },
      pubsub: {
        subscriptions: {
          [SUBSCRIPTION]: {
            serviceAccount: emails.pubsubPush,
            destinations: ['reports'],
            sources: [`gs://${google.bucket}/ready/`],
          },
        },
      },
    },
  });
  const filesNamed = (name: string) => google.drive.files().filter((file) => file.name === name && !file.trashed);
  return {
    google,
    courier,
    filesNamed,
    bytesOf(name) {
      const [file] = filesNamed(name);
      if (file === undefined) throw new Error(`no file is named ${name}`);
      return google.drive.bytesOf(file.id);
    },
    async close() {
      await courier.stop();
      await google.close();
    },
  };
};

/** The text of a recipe, for tests that compare it with the implementation. */
export const recipe = (name: string): string => {
  const page = PAGES.find(({ path }) => path === `docs/recipes/${name}.md`);
  if (page === undefined) throw new Error(`there is no recipe ${name}`);
  return page.text;
};

/** The Python blocks of a page. */
export const pythonOf = (path: string): string[] =>
  blocksIn('python')
    .filter(({ page }) => page === path)
    .map(({ text }) => text);
