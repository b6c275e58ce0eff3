// Baseline "limit" of small files: a bare node:http handler that only forwards the body to Drive, in one multipart request
// with a ready access token. It does not authenticate callers, checks nothing, and holds the body in memory.
import { randomUUID } from 'node:crypto';
import { Agent, request as call, createServer } from 'node:http';

const { LOCAL_GOOGLE_ORIGIN, ACCESS_TOKEN, FOLDER } = process.env;
const agent = new Agent({ keepAlive: true });
const url = `${LOCAL_GOOGLE_ORIGIN}/www.googleapis.com/upload/drive/v3/files?uploadType=multipart&supportsAllDrives=true&fields=id`;

const server = createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    const boundary = randomUUID();
    const name = new URL(request.url, 'http://localhost').searchParams.get('name');
    const metadata = JSON.stringify({ name, parents: [FOLDER] });
    const body = Buffer.concat([
      Buffer.from(
        `--${boundary}\r\ncontent-type: application/json\r\n\r\n${metadata}\r\n--${boundary}\r\ncontent-type: text/csv\r\n\r\n`,
      ),
      ...pieces,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
    const upload = call(url, {
      method: 'POST',
      agent,
      headers: {
        authorization: `Bearer ${ACCESS_TOKEN}`,
        'content-type': `multipart/related; boundary=${boundary}`,
        'content-length': body.length,
      },
    });
    upload.on('response', (answer) => {
      response.writeHead(answer.statusCode, { 'content-type': 'application/json' });
      answer.pipe(response);
    });
    upload.on('error', () => response.writeHead(502).end());
    upload.end(body);
  });
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
