/** The limits of Sheets. They are configurable, so that a test does not have to write 10,000,000 cells. */
export interface SheetsLimits {
  /** Rows times columns of all tabs. Source: support.google.com/drive/answer/37603. */
  cellsPerSpreadsheet: number;
  /** Column ZZZ. Source: the same page. */
  columnsPerSheet: number;
  /** Source: the same page ("cells with more than 50,000 characters"). */
  charactersPerCell: number;
  /**
   * Keys and values of the developer metadata of the spreadsheet, and again of each of its sheets. Source:
   * sheets/api/guides/metadata#metadata_storage_limits.
   */
  metadataCharacters: number;
  /**
   * "No hard size limits for an API request … Google recommends a 2 MB maximum payload" (sheets/api/limits). 9 MB were seen to
   * pass. The limit here is the default one of Google's API servers.
   */
  requestBytes: number;
  /** Whether the quota of requests is enforced. Off by default, because tests send more than 60 requests a minute. */
  enforceQuota: boolean;
  /** Requests a minute, for reads and for writes each. Source: sheets/api/limits. */
  requestsPerMinutePerUser: number;
  requestsPerMinutePerProject: number;
  /**
   * Whether a second developer metadata with the same ID is rejected. "If you specify an ID that's already in use, the
   * request will be unsuccessful" (sheets/api/guides/metadata#create_metadata). `allow` is for tests that do not rely on
   * this sentence.
   */
  duplicateMetadataIds: 'refuse' | 'allow';
}

export const DEFAULT_SHEETS_LIMITS: SheetsLimits = {
  cellsPerSpreadsheet: 10_000_000,
  columnsPerSheet: 18_278,
  charactersPerCell: 50_000,
  metadataCharacters: 30_000,
  requestBytes: 10 * 1024 * 1024,
  enforceQuota: false,
  requestsPerMinutePerUser: 60,
  requestsPerMinutePerProject: 300,
  duplicateMetadataIds: 'refuse',
};
