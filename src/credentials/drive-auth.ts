/** Drive credentials: one for each entry of `credentials`, shared by all deliveries that use it. */
export interface DriveAuth {
  /**
   * A bearer token for Drive, from the cache or new. One request is made, however many callers wait.
   * @throws CourierError `secret-not-found`, `secret-forbidden`, `secret-corrupt`, `key-invalid`, `key-revoked`, `delegation-refused`, `impersonation-refused`, `scope-insufficient`, `google-unavailable`
   */
  token(): Promise<string>;
  /** Forgets a token to which Drive answered 401. */
  rejected(token: string): void;
  /** The account that owns new files: a service account, or the subject under delegation. Undefined while unknown. */
  account(): string | undefined;
  /** Clears the caches if the credentials come from this secret, which has a new version. */
  rotated(secret: string): void;
}
