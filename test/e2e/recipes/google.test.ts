import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pushMessage } from '../../../local/demo/push.ts';
import { SUBSCRIPTION } from '../../../local/google/world/names.ts';
import { AUDIENCE } from '../../support/courier/courier-in-world.ts';
import { openRecipeWorld, type RecipeWorld, ROOT, recipe, SCRIPT_AUDIENCE } from './world.ts';

let world: RecipeWorld;
beforeAll(async () => {
  world = await openRecipeWorld();
}, 60_000);
afterAll(() => world?.close());

/** The folders above a file, from the destination's folder down. */
const pathOf = (name: string): string => {
  const files = world.google.drive.files();
  const names: string[] = [];
  for (let id = world.filesNamed(name)[0]?.parents[0]; id !== undefined; ) {
    const folder = files.find((file) => file.id === id);
    if (folder === undefined || folder.id === world.google.places.sharedDrive) break;
    names.unshift(folder.name);
    id = folder.parents[0];
  }
  return names.join('/');
};

describe('docs/recipes/bigquery-export.md', () => {
  const sql = readFileSync(join(ROOT, 'examples/bigquery/export-orders.sql'), 'utf8');
  const [, uri = ''] = /uri = 'gs:\/\/my-exports\/([^']+)'/.exec(sql) ?? [];
  const rows = [...recipe('bigquery-export').matchAll(/^\| `(ready\/[^`]+)` \| `([^`]+)` \| `([^`]+)` \|$/gm)].map(
    ([, object = '', file = '', folder = '']) => ({ object, file, folder }),
  );

  test('the table shows the objects that the query writes', () => {
    expect(rows.length).toBeGreaterThan(1);
    const shard = (number: number) => uri.replace('%t', '2026-11-24').replace('*', String(number).padStart(12, '0'));
    expect(rows.map(({ object }) => object)).toEqual(rows.map((_, at) => shard(at)));
  });

  test('each shard is delivered once and unchanged, under the name and in the folder that the table shows', async () => {
    const csv = 'order_id,customer,total\r\n1,Ann,12.50\r\n';
    for (const { object, file, folder } of rows) {
      const { generation } = await world.google.storage.putObject(world.google.bucket, object, gzipSync(csv), {
        contentType: 'application/gzip',
      });
      const attributes = {
        eventType: 'OBJECT_FINALIZE',
        bucketId: world.google.bucket,
        objectId: object,
        objectGeneration: String(generation),
        payloadFormat: 'JSON_API_V1',
      };
      // Pub/Sub may deliver a notification twice.
      for (const messageId of ['1', '2']) {
        const status = await pushMessage(world.google, {
          url: world.courier.url,
          audience: AUDIENCE,
          subscription: SUBSCRIPTION,
          serviceAccount: world.google.world.emails.pubsubPush,
          message: { attributes, messageId: `${object}-${messageId}` },
        });
        expect(status).toBe(204);
      }
      expect(world.filesNamed(file)).toHaveLength(1);
      expect(gunzipSync(world.bytesOf(file)).toString()).toBe(csv);
      expect(pathOf(file)).toBe(folder);
    }
  });
});

describe('docs/recipes/app-engine-flexible.md', () => {
  /** App Engine flexible runs on machines whose metadata server ignores requested scopes, as Compute Engine's does. */
  const onMachine = async <T>(work: () => Promise<T>): Promise<T> => {
    world.google.world.setMetadata({ platform: 'compute-engine', honoursScopes: false });
    try {
      return await work();
    } finally {
      world.google.world.setMetadata({ platform: 'cloud-run', honoursScopes: true });
    }
  };
  const metadata = async (path: string): Promise<string> => {
    const account = `http://${world.google.metadataHost}/computeMetadata/v1/instance/service-accounts/default`;
    return (await fetch(`${account}/${path}`, { headers: { 'Metadata-Flavor': 'Google' } })).text();
  };
  const DRIVE_SCOPE = 'https://www.googleapis.com/auth/drive';

  test('the token lacks the requested scope, and Drive responds as the page shows', async () => {
    await onMachine(async () => {
      expect(await metadata('scopes')).not.toContain('auth/drive');
      const { access_token: token } = JSON.parse(await metadata(`token?scopes=${DRIVE_SCOPE}`)) as Record<
        string,
        string
      >;
      const response = await fetch(`${world.google.origin}/www.googleapis.com/drive/v3/files?supportsAllDrives=true`, {
        headers: { authorization: `Bearer ${token}` },
      });
      const text = await response.text();
      expect(response.status).toBe(403);
      for (const word of [
        'insufficientPermissions',
        'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
        'insufficient authentication scopes',
      ]) {
        expect(text).toContain(word);
        expect(recipe('app-engine-flexible')).toContain(word);
      }
    });
  });

  test('the first workaround: the same machine’s ID token delivers a file through the courier', async () => {
    await onMachine(async () => {
      const token = await metadata(`identity?audience=${encodeURIComponent(AUDIENCE)}&format=full`);
      const response = await fetch(`${world.courier.url}/v1/files?name=flexible.csv`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'text/csv' },
        body: 'a,b\r\n',
      });
      expect([response.status, world.bytesOf('flexible.csv').toString()]).toEqual([201, 'a,b\r\n']);
    });
  });
});

describe('examples/apps-script', () => {
  interface Fetch {
    url: string;
    options: { payload: number[]; contentType: string; headers: Record<string, string> };
  }

  /** The services of Apps Script that the example calls. Fetches are recorded, and get the given responses. */
  const runScript = (
    call: string,
    answer: { status: number; text: string },
  ): { value: unknown; fetches: Fetch[]; logs: string[] } => {
    const fetches: Fetch[] = [];
    const logs: string[] = [];
    const token = world.google.world.idToken({ email: world.google.world.emails.alice, audience: SCRIPT_AUDIENCE });
    const context = createContext({
      console: { log: (text: string) => logs.push(text) },
      ScriptApp: { getIdentityToken: () => token },
      SpreadsheetApp: {
        getActiveSheet: () => ({
          getDataRange: () => ({
            getValues: () => [
              ['name', 'say'],
              ['Ann', 'a "b", c'],
            ],
          }),
        }),
      },
      Utilities: {
        newBlob: (content: string | Buffer) => ({
          getBytes: () => [...Buffer.from(content)],
          getDataAsString: () => Buffer.from(content).toString(),
        }),
        base64DecodeWebSafe: (text: string) => Buffer.from(text, 'base64url'),
      },
      UrlFetchApp: {
        fetch: (url: string, options: Fetch['options']) => {
          fetches.push({ url, options });
          return { getResponseCode: () => answer.status, getContentText: () => answer.text };
        },
      },
    });
    runInContext(readFileSync(join(ROOT, 'examples/apps-script/Code.js'), 'utf8'), context);
    return { value: runInContext(call, context), fetches, logs };
  };

  test('the request delivers the sheet as the person who runs it, and a second run on the same day creates no second file', async () => {
    const { value, fetches } = runScript('sendSheet()', { status: 201, text: '{"webViewLink": "https://link"}' });
    expect(value).toBe('https://link');
    const [{ url, options } = { url: '', options: { payload: [], contentType: '', headers: {} } }] = fetches;
    const send = async () =>
      fetch(url.replace('https://courier-xyz.a.run.app', world.courier.url), {
        method: 'POST',
        headers: { ...options.headers, 'content-type': options.contentType },
        body: Buffer.from(options.payload),
      });
    const first = await send();
    const receipt = (await first.json()) as { name: string; caller: string };
    expect([first.status, receipt.caller]).toEqual([201, world.google.world.emails.alice]);
    expect((await send()).status).toBe(200);
    expect(world.bytesOf(receipt.name).toString()).toBe('name,say\r\nAnn,"a ""b"", c"\r\n');
  });

  test('the error contains the code and the remedy', () => {
    const text = JSON.stringify({ code: 'destination-forbidden', detail: 'Why.', remedy: 'What to do.' });
    expect(() => runScript('sendSheet()', { status: 403, text })).toThrow('destination-forbidden: Why. What to do.');
  });

  test('prints the audience of its tokens', () => {
    expect(runScript('logAudience()', { status: 200, text: '' }).logs).toEqual([SCRIPT_AUDIENCE]);
  });
});
