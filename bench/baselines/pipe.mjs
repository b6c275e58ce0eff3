// Baseline "pipe" of large files: a bare node:http handler that pipes the body into one request of a resumable session, as
// it comes. It neither hashes nor chunks, holds nothing, and could not continue after an interruption.
import { Agent, request as call, createServer } from 'node:http';
import { pipeline } from 'node:stream';

const { LOCAL_GOOGLE_ORIGIN, ACCESS_TOKEN, FOLDER } = process.env;
const agent = new Agent({ keepAlive: true });
const url = `${LOCAL_GOOGLE_ORIGIN}/www.googleapis.com/upload/drive/v3/files?uploadType=resumable&supportsAllDrives=true&fields=id`;

const openSession = (name, done) => {
  const start = call(url, {
    method: 'POST',
    agent,
    headers: { authorization: `Bearer ${ACCESS_TOKEN}`, 'content-type': 'application/json' },
  });
  start.on('response', (answer) => done(answer.resume().headers.location));
  start.end(JSON.stringify({ name, parents: [FOLDER] }));
};

const server = createServer((request, response) => {
  const name = new URL(request.url, 'http://localhost').searchParams.get('name');
  openSession(name, (location) => {
    const { 'content-length': length } = request.headers;
    const upload = call(location, {
      method: 'PUT',
      agent,
      headers: length === undefined ? {} : { 'content-length': length },
    });
    upload.on('response', (answer) => {
      response.writeHead(answer.statusCode, { 'content-type': 'application/json' });
      answer.pipe(response);
    });
    pipeline(request, upload, (error) => {
      if (error) response.destroy();
    });
  });
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
