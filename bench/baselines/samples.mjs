// Baseline "samples": the handler that Google's own samples lead to, put together as a competent user would: whole `google`
// from googleapis, Secret Manager's client at the top, `verifyIdToken`, `files.create` with the body.
import { Readable } from 'node:stream';
import { http } from '@google-cloud/functions-framework';
import { SecretManagerServiceClient } from '@google-cloud/secret-manager';
import { GoogleAuth, OAuth2Client } from 'google-auth-library';
import { google } from 'googleapis';

const { AUDIENCE, CALLER, FOLDER, SECRET } = process.env;

// REST rather than gRPC, because the local Google speaks no gRPC; with `fetch`, so that it can be led there.
const auth = new GoogleAuth({
  scopes: ['https://www.googleapis.com/auth/cloud-platform'],
  clientOptions: { transporterOptions: { fetchImplementation: fetch } },
});
const secrets = new SecretManagerServiceClient({ fallback: true, auth });
const verifier = new OAuth2Client({ transporterOptions: { fetchImplementation: fetch } });
let drive;

const openDrive = async () => {
  const [version] = await secrets.accessSecretVersion({ name: SECRET });
  const key = JSON.parse(version.payload.data.toString());
  const client = new google.auth.JWT({
    email: key.client_email,
    key: key.private_key,
    scopes: ['https://www.googleapis.com/auth/drive'],
    transporterOptions: { fetchImplementation: fetch },
  });
  return google.drive({ version: 'v3', auth: client, fetchImplementation: fetch });
};

http('courier', async (request, response) => {
  const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
  try {
    const ticket = await verifier.verifyIdToken({ idToken: token, audience: AUDIENCE });
    if (ticket.getPayload().email !== CALLER) return response.status(403).send('Forbidden');
  } catch {
    return response.status(401).send('Unauthorized');
  }
  drive ??= openDrive();
  const { data } = await (await drive).files.create({
    requestBody: { name: request.query.name, parents: [FOLDER] },
    media: { mimeType: request.headers['content-type'], body: Readable.from([request.rawBody]) },
    supportsAllDrives: true,
    fields: 'id,name,mimeType,size,md5Checksum,webViewLink',
  });
  return response.status(201).json(data);
});
