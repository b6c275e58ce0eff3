/** The right to write to Drive: one for each entry of `credentials`, shared by every delivery that uses it. */
export interface DriveAuth {
  /**
   * A bearer token for Drive, from memory or freshly minted; however many wait, one request is made.
   * @throws CourierError `secret-not-found`, `secret-forbidden`, `secret-corrupt`, `key-invalid`, `key-revoked`, `delegation-refused`, `impersonation-refused`, `scope-insufficient`, `google-unavailable`
   */
  token(): Promise<string>;
  /** Drive answered 401 to this token: forget it (and the key it came from, if Google says that is revoked). */
  rejected(token: string): void;
  /** Who the files are written as, for the remedies: `courier@proj.iam.gserviceaccount.com`, the subject under delegation. Undefined while unknown. */
  account(): string | undefined;
  /** Drops what is cached, because the secret got a new version. */
  rotated(secret: string): void;
}
