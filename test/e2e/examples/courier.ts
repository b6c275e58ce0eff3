import type { CourierProcess } from '../../../local/courier-process.ts';
import { type LocalGoogle, startLocalGoogle } from '../../../local/google/server.ts';
import { startCourierIn } from '../../support/courier/courier-in-world.ts';

export interface ExampleWorld {
  google: LocalGoogle;
  courier: CourierProcess;
  /** The content of the file with this name in Drive. @throws unless exactly one file has it */
  contentOf(name: string): Promise<string>;
  close(): Promise<void>;
}

/** A courier that accepts files from every identity that the examples run as. */
export const openExampleWorld = async (): Promise<ExampleWorld> => {
  const google = await startLocalGoogle();
  const { emails, secret } = google.world;
  const courier = await startCourierIn(google, {
    config: {
      destinations: {
        reports: {
          folder: google.places.sharedDrive,
          credentials: 'main',
          callers: [emails.exporter, emails.driveWriter, emails.runtime],
        },
      },
      credentials: { main: { secret: `${secret}/versions/latest` } },
    },
  });
  return {
    google,
    courier,
    async contentOf(name) {
      const found = google.drive.files().filter((file) => file.name === name);
      const [file] = found;
      if (file === undefined || found.length !== 1) throw new Error(`${found.length} files are named ${name}`);
      const scope = 'https://www.googleapis.com/auth/drive';
      const response = await fetch(
        `${google.origin}/www.googleapis.com/drive/v3/files/${file.id}?alt=media&supportsAllDrives=true`,
        {
          headers: { authorization: `Bearer ${google.world.accessToken(emails.ops, [scope])}` },
        },
      );
      return response.text();
    },
    async close() {
      await courier.stop();
      await google.close();
    },
  };
};
