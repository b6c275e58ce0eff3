import { expect, test } from '@jest/globals';
import { identityError } from '../../../src/client/identity/refusal.ts';
import { unreadableFile } from '../../../src/client/send/unreadable.ts';

const tooMany = (code: string) => Object.assign(new Error(`connect ${code} 127.0.0.1:443`), { code });

test.each(['EMFILE', 'ENFILE'])('too many open files (%s) are not a fault of the file or the credentials', (code) => {
  const ofFile = unreadableFile('a: Too many open files', tooMany(code));
  expect(ofFile).toMatchObject({ code: 'file-unreadable', retryable: true, exitCode: 75 });
  expect(ofFile.remedy).toContain('--concurrency');
  const ofToken = identityError(new Error('request failed', { cause: tooMany(code) }), 'someone@example.com');
  expect(ofToken).toMatchObject({ code: 'google-unreachable', retryable: true, exitCode: 75 });
});

test('a file that is missing is not tried again', () => {
  const missing = Object.assign(new Error('no'), { code: 'ENOENT' });
  expect(unreadableFile('a', missing)).toMatchObject({ code: 'file-unreadable', retryable: false, exitCode: 1 });
});
