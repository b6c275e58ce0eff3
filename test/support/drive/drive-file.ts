import type { DriveFile } from '../../../src/drive/drive.ts';

/** A file as Drive describes it: `report.csv` in `folder`, of three bytes. */
export const driveFile = (change: Partial<DriveFile> = {}): DriveFile => ({
  ...{ id: 'f1', name: 'report.csv', mimeType: 'text/csv', size: 3, parents: ['folder'], trashed: false },
  ...{ webViewLink: 'https://drive.google.com/file/d/f1/view', createdTime: '', modifiedTime: '', appProperties: {} },
  ...{ sha256Checksum: 'a'.repeat(64), md5Checksum: 'b'.repeat(32), headRevisionId: 'r2' },
  ...change,
});
