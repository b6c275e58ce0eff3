'use strict';
// The surroundings of a simulated first delivery: a caller with a token, and a fake Google on this machine that accepts every
// request. It checks nothing and stores nothing. Its keys are created here and exist only as long as the process.
const { createHash, generateKeyPairSync, sign } = require('node:crypto');
const { once } = require('node:events');
const { createServer } = require('node:http');

const AUDIENCE = 'https://rehearsal.invalid';
const EMAIL = 'rehearsal@rehearsal.iam.gserviceaccount.com';
const SECRET = 'projects/rehearsal/secrets/rehearsal';
const BODY = Buffer.from('day,orders\r\n2026-01-01,7\r\n');
const IDS = 1_000;

/** CRC-32C (RFC 3720, B.4), which Secret Manager sends with each secret. */
const crc32c = (bytes) => {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
};

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** An ID token in Google's form, valid for the duration of the simulation. */
const idToken = (privateKey) => {
  const iat = Math.floor(Date.now() / 1000);
  const claims = { iss: 'https://accounts.google.com', aud: AUDIENCE, sub: '1', email: EMAIL, email_verified: true };
  const signed = `${base64url({ alg: 'RS256', kid: '1', typ: 'JWT' })}.${base64url({ ...claims, iat, exp: iat + 600 })}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
};

const fileOf = (request) => ({
  // The id is in the JSON part at the beginning of a multipart upload.
  id: /"id":"([^"]+)"/.exec(request)?.[1] ?? 'none',
  name: 'rehearsal.csv',
  mimeType: 'text/csv',
  size: String(BODY.length),
  sha256Checksum: createHash('sha256').update(BODY).digest('hex'),
  md5Checksum: createHash('md5').update(BODY).digest('hex'),
  createdTime: '2026-01-01T00:00:00.000Z',
  modifiedTime: '2026-01-01T00:00:00.000Z',
});

/** The destination: a folder of a shared drive, with all permissions that the courier needs. */
const FOLDER = {
  id: 'rehearsal-folder',
  name: 'rehearsal',
  mimeType: 'application/vnd.google-apps.folder',
  driveId: 'rehearsal-drive',
  ownedByMe: false,
  trashed: false,
  capabilities: { canAddChildren: true, canListChildren: true, canShare: true },
};

/** The answers by the ending of the URL: JSON, or plain text from the metadata server. */
const answersOf = ({ publicKey, key }) => [
  [/\/oauth2\/v3\/certs$/, () => ({ keys: [{ ...publicKey, kid: '1', alg: 'RS256', use: 'sig' }] })],
  [/\/service-accounts\/default\/email$/, () => EMAIL],
  [/\/project\/project-id$/, () => 'rehearsal'],
  [/\/token$/, () => ({ access_token: 'rehearsal', token_type: 'Bearer', expires_in: 3_599 })],
  [
    /:access$/,
    () => ({
      name: `${SECRET}/versions/1`,
      payload: { data: key.toString('base64'), dataCrc32c: String(crc32c(key)) },
    }),
  ],
  [/\/files\/generateIds$/, () => ({ ids: Array.from({ length: IDS }, (_, index) => `rehearsal-id-${index}`) })],
  [/\/upload\/drive\/v3\/files$/, fileOf],
  [new RegExp(`/drive/v3/files/${FOLDER.id}$`), () => FOLDER],
];

/** @returns environment variables for the courier, a function that sends it a delivery, and one that ends the simulation */
const startRehearsal = async () => {
  const caller = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const account = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const privateKey = account.privateKey.export({ type: 'pkcs8', format: 'pem' });
  const keyFile = { type: 'service_account', project_id: 'rehearsal', private_key_id: '1', private_key: privateKey };
  const key = Buffer.from(
    JSON.stringify({ ...keyFile, client_email: EMAIL, token_uri: 'https://oauth2.googleapis.com/token' }),
  );
  const answers = answersOf({ publicKey: caller.publicKey.export({ format: 'jwk' }), key });

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://rehearsal.invalid');
    const [, answer] = answers.find(([address]) => address.test(pathname)) ?? [];
    let body = '';
    request.on('data', (piece) => {
      body += piece;
    });
    request.on('end', () => {
      const found = answer?.(body);
      response.statusCode = found === undefined ? 404 : 200;
      response.setHeader('metadata-flavor', 'Google');
      if (typeof found !== 'string') response.setHeader('content-type', 'application/json; charset=UTF-8');
      response.end(typeof found === 'string' ? found : JSON.stringify(found ?? { error: { code: 404 } }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${server.address().port}`;
  return {
    env: {
      // Simulates Cloud Run, where callers are authenticated in a different way.
      K_SERVICE: 'rehearsal',
      GCE_METADATA_HOST: host,
      COURIER_GOOGLE_ORIGIN: `http://${host}`,
      COURIER_AUDIENCES: AUDIENCE,
      COURIER_CALLERS: EMAIL,
      COURIER_FOLDER: FOLDER.id,
      COURIER_SECRET: SECRET,
    },
    deliver: (origin) =>
      fetch(`${origin}/v1/files?name=rehearsal.csv`, {
        method: 'POST',
        headers: { authorization: `Bearer ${idToken(caller.privateKey)}`, 'content-type': 'text/csv' },
        body: BODY,
      }),
    end() {
      server.closeAllConnections();
      server.close();
    },
  };
};

module.exports = { startRehearsal };
