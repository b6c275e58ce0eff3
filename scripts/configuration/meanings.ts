/** What each key means. A name in capitals stands for one that the operator chooses. */
export const MEANINGS: Readonly<Record<string, string>> = {
  audiences: 'The accepted values of a token’s `aud`: the service’s URL, and every other URL that callers use for it',
  identity: 'How callers are authenticated: [callers.md](callers.md#in-front-of-the-courier)',
  operators: 'Principals that may call `GET /v1/doctor`, written as in `callers`',
  destinations: 'Places in Drive, by the names that callers use. At least one',
  'destinations.NAME.folder':
    'The id of a folder or shared drive, or the folder’s URL in Drive (`https://drive.google.com/drive/folders/ID`)',
  'destinations.NAME.spreadsheet':
    'In place of `folder`: the id of a spreadsheet, or its URL (`https://docs.google.com/spreadsheets/d/ID/edit`). The destination then takes only rows for it: [sheets.md](sheets.md#one-spreadsheet-as-a-destination)',
  'destinations.NAME.credentials':
    'The credentials used to write there: a name under `credentials`, or a list of names. Of several accounts, the first that Drive accepts uploads from writes new files: [policy.md](policy.md#several-accounts)',
  'destinations.NAME.callers':
    'Callers that may write there: an email, `domain:NAME` or `sub:NUMBER` ([callers.md](callers.md)). At least one',
  'destinations.NAME.sources':
    'Cloud Storage objects that may be delivered there (`source.gcs`, bucket notifications, events): everything below `gs://BUCKET/` or `gs://BUCKET/PREFIX/`. For any other object the answer is the same as for one that does not exist: [pubsub-and-buckets.md](pubsub-and-buckets.md#which-objects)',
  'destinations.NAME.path':
    'Folders below `folder`, separated by `/`, for requests without a `path`. Missing folders are created. May have placeholders, such as `{date:yyyy/MM}`: [policy.md](policy.md#names-and-folders-by-date-and-caller)',
  'destinations.NAME.name':
    'The name of the file, for requests without one. May have placeholders, such as `report-{date}.csv`: [policy.md](policy.md#names-and-folders-by-date-and-caller)',
  'destinations.NAME.timeZone':
    'The time zone of `{date:…}` and `{time:…}` in `name` and `path`: an IANA name, such as `Europe/Berlin`',
  'destinations.NAME.onConflict':
    'What to do if the name is taken and the request does not say: create another file of that name, replace the file’s content, leave the file as it is, answer 409 `name-taken`, or append rows ([sheets.md](sheets.md)). With `spreadsheet` the default is `append`',
  'destinations.NAME.convertTo':
    'The Google format to convert files to, for requests that do not say. With `spreadsheet` the default is `sheet`',
  'destinations.NAME.share': 'Permissions to add to each new file. Sharing the folder once is simpler',
  'destinations.NAME.share[].type': 'The kind of permission. It decides which of the next keys apply',
  'destinations.NAME.share[].email': 'The email address, for `user` and `group`',
  'destinations.NAME.share[].domain': 'The domain, for `domain`',
  'destinations.NAME.share[].role': 'The role to grant',
  'destinations.NAME.share[].notify': 'Whether Drive sends an email, for `user` and `group`',
  'destinations.NAME.share[].message': 'Text for that email. Needs `notify: true`',
  'destinations.NAME.share[].expires':
    'How long the permission lasts, up to 365 days: `P30D`, `P2W`, `PT12H`. For `user` and `group`',
  'destinations.NAME.readOnly':
    'Makes each delivered file read-only by a content restriction. `onConflict=replace` removes it for the time of the write: [policy.md](policy.md)',
  'destinations.NAME.noDownload': 'Readers cannot download, print or copy the files. `everyone`: writers cannot either',
  'destinations.NAME.copyRequiresWriterPermission':
    'The older setting for the same: readers cannot copy, print or download',
  'destinations.NAME.writersCanShare': '`false`: writers cannot change the sharing of the files. My Drive only',
  'destinations.NAME.labels':
    'Labels to put on each file: `{LABEL_ID: {FIELD_ID: VALUE}}`. A value is text, a whole number, or `{selection: CHOICE_ID}`, `{date: …}`, `{user: …}`, `{text: …}`, `{integer: …}`, where `{property: NAME}` takes it from the request. A label that is not required: `{LABEL_ID: {required: false, fields: {…}}}`: [policy.md](policy.md#labels)',
  'destinations.NAME.keep':
    'Retention: a rule or a list of rules, of which the first that matches a path applies. Older files go to the trash after a delivery: [policy.md](policy.md#retention)',
  'destinations.NAME.keep.path': 'The paths of the rule: `*` stands for one folder, `**` for any number of them',
  'destinations.NAME.keep.last': 'How many of the newest files to keep',
  'destinations.NAME.keep.days': 'How many days to keep files. With `last`, a file is kept if either applies',
  'destinations.NAME.keep[].path': 'The same, in a list of rules',
  'destinations.NAME.keep[].last': 'The same, in a list of rules',
  'destinations.NAME.keep[].days': 'The same, in a list of rules',
  'destinations.NAME.labels.NAME.NAME.text': 'Text, for a text field',
  'destinations.NAME.labels.NAME.NAME.text.property': 'The property of the request that has the value',
  'destinations.NAME.labels.NAME.NAME.integer': 'A whole number, for a number field',
  'destinations.NAME.labels.NAME.NAME.integer.property': 'The property of the request that has the value',
  'destinations.NAME.labels.NAME.NAME.date': 'A date like `2026-11-29`, for a date field',
  'destinations.NAME.labels.NAME.NAME.date.property': 'The property of the request that has the value',
  'destinations.NAME.labels.NAME.NAME.selection': 'The id of a choice, for a selection field',
  'destinations.NAME.labels.NAME.NAME.selection.property': 'The property of the request that has the value',
  'destinations.NAME.labels.NAME.NAME.user': 'An email address, for a person field',
  'destinations.NAME.labels.NAME.NAME.user.property': 'The property of the request that has the value',
  'destinations.NAME.labels.NAME.required':
    'In the long form of a label: `false` gives a warning in the receipt if the label cannot be set, instead of an error',
  'destinations.NAME.labels.NAME.fields': 'In the long form of a label: its fields, as above',
  'destinations.NAME.labels.NAME.fields.NAME.text': 'The same, in the long form of a label',
  'destinations.NAME.labels.NAME.fields.NAME.text.property': 'The same, in the long form of a label',
  'destinations.NAME.labels.NAME.fields.NAME.integer': 'The same, in the long form of a label',
  'destinations.NAME.labels.NAME.fields.NAME.integer.property': 'The same, in the long form of a label',
  'destinations.NAME.labels.NAME.fields.NAME.date': 'The same, in the long form of a label',
  'destinations.NAME.labels.NAME.fields.NAME.date.property': 'The same, in the long form of a label',
  'destinations.NAME.labels.NAME.fields.NAME.selection': 'The same, in the long form of a label',
  'destinations.NAME.labels.NAME.fields.NAME.selection.property': 'The same, in the long form of a label',
  'destinations.NAME.labels.NAME.fields.NAME.user': 'The same, in the long form of a label',
  'destinations.NAME.labels.NAME.fields.NAME.user.property': 'The same, in the long form of a label',
  'destinations.NAME.allowAnyone':
    'Must be `true` before `share` may contain `type: anyone`, which is everybody on the internet',
  'destinations.NAME.maxBytes':
    'The largest accepted file, in bytes. The default, 5 TiB, is the limit that Drive documents as 5 TB',
  'destinations.NAME.perCaller':
    'Limits of each caller at this destination, in addition to `limits.perCaller`: both apply',
  'destinations.NAME.perCaller.concurrent': 'As `limits.perCaller.concurrent`, for deliveries to this destination',
  'destinations.NAME.perCaller.filesPerMinute': 'As `limits.perCaller.filesPerMinute`, for this destination',
  'destinations.NAME.perCaller.bytesPerDay': 'As `limits.perCaller.bytesPerDay`, for this destination',
  credentials:
    'How the courier authenticates to Drive, by names of your own. Each entry has exactly one of `secret`, `file`, `impersonate`, `adc`: [credentials.md](credentials.md)',
  'credentials.NAME.secret':
    'A secret that contains a credentials file: `projects/PROJECT/secrets/NAME/versions/VERSION`. Without a version: `latest`',
  'credentials.NAME.file': 'The path of a credentials file',
  'credentials.NAME.impersonate': 'The email of a service account to impersonate. No key is needed',
  'credentials.NAME.adc': 'Use the platform’s own identity',
  'credentials.NAME.subject': 'The user to act for, by domain-wide delegation. Not possible with `adc`',
  'credentials.NAME.scopes': 'The OAuth scopes to request',
  'credentials.NAME.cacheSeconds': 'Seconds after which a secret or file is read again',
  ledger:
    'Where the courier records which `Idempotency-Key` belongs to which file: `memory`, for a single instance, or `{firestore: {…}}`',
  'ledger.firestore': 'A Firestore database, for any number of instances. `{}` uses all defaults',
  'ledger.firestore.project': 'The project of the database. Default: the project that the courier runs in',
  'ledger.firestore.database': 'The name of the database',
  'ledger.firestore.collection': 'The collection to use',
  'ledger.firestore.ttlDays': 'Days to remember a key. Must be longer than the longest time between two attempts',
  pubsub: 'Deliveries from messages: [pubsub-and-buckets.md](pubsub-and-buckets.md)',
  'pubsub.subscriptions': 'Push subscriptions to accept, by `projects/PROJECT/subscriptions/NAME`',
  'pubsub.subscriptions.NAME.serviceAccount': 'The email of the service account that the subscription pushes as',
  'pubsub.subscriptions.NAME.destinations': 'Destinations that its messages may use. At least one',
  'pubsub.subscriptions.NAME.topic':
    'The topic of the subscription, for [messages about many objects](many-files.md#from-pubsub). Default: asked of Pub/Sub, for which the courier needs `roles/pubsub.viewer` on the subscription',
  'pubsub.subscriptions.NAME.sources':
    'Cloud Storage objects that its messages may deliver, in addition to the `sources` of the destination; written in the same way',
  'pubsub.subscriptions.NAME.keyFrom':
    'The [key](pubsub-and-buckets.md#once) of messages that have none of their own: from exactly one of `attribute`, `publishTime`. Default: their ids',
  'pubsub.subscriptions.NAME.keyFrom.attribute':
    'Messages in which this attribute has the same value are about the same file',
  'pubsub.subscriptions.NAME.keyFrom.publishTime':
    'Messages that were published in the same hour or minute, in UTC, are about the same file',
  'pubsub.subscriptions.NAME.transferRuns':
    'Delivers the destination tables of [scheduled queries](queries.md#after-a-scheduled-query-of-bigquery) when their runs have succeeded. `{}` uses all defaults',
  'pubsub.subscriptions.NAME.transferRuns.project': "The project of the tables. Default: the courier's own project",
  'pubsub.subscriptions.NAME.transferRuns.destination': 'The destination of the files, if the subscription has several',
  'pubsub.subscriptions.NAME.transferRuns.name':
    'The name of the files, with `{table}` and the placeholders of scheduled queries, such as `{run_date}`. Default: `{table}` with the format as its extension',
  'pubsub.subscriptions.NAME.transferRuns.path': 'The path of the files, with the same placeholders',
  'pubsub.subscriptions.NAME.transferRuns.format': '`csv`, the default, `jsonl` or `xlsx`',
  'pubsub.deadLetterTopic':
    'The topic for messages that can never be delivered: `projects/PROJECT/topics/NAME`. Without it they are only logged',
  'pubsub.eventDestinations':
    'Destinations that events of the function `courierEvent` may use. The platform has authenticated their sender',
  'pubsub.eventSources':
    'Cloud Storage objects that these events may deliver, in addition to the `sources` of the destination; written in the same way',
  receiptTopic:
    'A topic of Pub/Sub to which the facts of the receipts are published: `projects/PROJECT/topics/NAME`. Some may be lost: [pubsub-and-buckets.md](pubsub-and-buckets.md#receipts-as-messages)',
  queries:
    'Queries of BigQuery whose results callers may have delivered, by names of your own: [queries.md](queries.md)',
  'queries.NAME.sql': 'The query, in GoogleSQL, with parameters as `@name`. Set exactly one of `sql`, `sqlFile`',
  'queries.NAME.sqlFile':
    'The path of a file with the query, which is read at the start. A relative path begins at the working directory',
  'queries.NAME.parameters':
    'The type of each parameter: `STRING`, `INT64`, `FLOAT64`, `NUMERIC`, `BIGNUMERIC`, `BOOL`, `DATE`, `DATETIME`, `TIME`, `TIMESTAMP`, or `ARRAY<…>` of one of these',
  'queries.NAME.project':
    'The project in which the query runs, and which pays. Default: the project that the courier runs in',
  'queries.NAME.location': 'Where the datasets of the query are: `US`, `EU`, or a region',
  'queries.NAME.maximumBytesBilled': 'BigQuery refuses to run the query if it would be billed for more bytes',
  'queries.NAME.callers': 'Principals that may run the query, written as in `destinations.NAME.callers`. At least one',
  'queries.NAME.destinations': 'Destinations that its results may be delivered to. At least one',
  'queries.NAME.staging':
    'Where a large result is exported to before it is delivered: [queries.md](queries.md#large-results). Default: no export; all results are read by pages',
  'queries.NAME.staging.prefix':
    'A folder in Cloud Storage, `gs://BUCKET/` or `gs://BUCKET/PREFIX/`, in the location of the query',
  'queries.NAME.staging.aboveBytes': 'Logical bytes of a result; only larger ones are exported',
  'queries.NAME.timeoutSeconds':
    'Seconds after which BigQuery stops the query. Default: BigQuery’s own limit of six hours',
  userProject:
    'The project to bill for reading objects in requester-pays buckets. The courier needs `roles/serviceusage.serviceUsageConsumer` on it. It is sent only if a bucket requires it: [pubsub-and-buckets.md](pubsub-and-buckets.md#set-up-a-bucket)',
  limits: 'Limits of one instance: [operating.md](operating.md#sizing)',
  'limits.bufferBytes': 'Memory for the buffers of all uploads together. `null`: a quarter of the container’s memory',
  'limits.concurrentUploads':
    'Concurrent deliveries of one caller or subscription. Above it the answer is 429 `busy`. All callers together may have a quarter more',
  'limits.requestSeconds': 'The longest time for one request. Do not set it above the platform’s own limit',
  'limits.perCaller':
    'Limits of each caller. Above one the answer is 429 `caller-over-quota`: [operating.md](operating.md#limits-per-caller)',
  'limits.perCaller.concurrent': 'Concurrent requests of one caller in each instance',
  'limits.perCaller.filesPerMinute': 'Files that one caller may send in any 60 seconds to each instance',
  'limits.perCaller.bytesPerDay': 'Bytes that one caller may send in a day (UTC), to all instances together',
};

/** What each variable sets. */
export const VARIABLES: Readonly<Record<string, string>> = {
  COURIER_CONFIG: 'The document itself, as YAML or JSON',
  COURIER_CONFIG_FILE: 'The path of the document, in place of `COURIER_CONFIG`',
  COURIER_AUDIENCES: '`audiences`, separated by commas',
  COURIER_IDENTITY: '`identity`',
  COURIER_CALLERS: '`callers` of the destination, separated by commas',
  COURIER_OPERATORS: '`operators`, separated by commas',
  COURIER_FOLDER: '`folder` of the destination',
  COURIER_SOURCES: '`sources` of the destination, separated by commas',
  COURIER_SECRET: '`secret` of its credentials',
  COURIER_KEY_FILE: '`file` of its credentials, in place of `COURIER_SECRET`',
  COURIER_IMPERSONATE: '`impersonate` of its credentials, in place of `COURIER_SECRET`',
  COURIER_SUBJECT: '`subject` of its credentials',
  COURIER_LEDGER: '`memory` or `firestore`, with all defaults',
  PORT: 'The port to listen on. 0 means any free port',
  LOG_LEVEL: '`trace`, `debug`, `info`, `warn`, `error` or `silent`',
  COURIER_GOOGLE_ORIGIN:
    'For development and tests: the [local Google](local-google.md) that receives every call. Loopback addresses only',
  K_SERVICE:
    'Set by Cloud Run, and by Knative. If it is set, the courier gets its own identity from the platform. Whether the platform is Cloud Run (for `identity: cloud-run-iam`) is decided by the metadata server alone',
  COURIER_COMMIT:
    'The commit that `GET /v1/health` reports. Default: the one that the build found in git (with `-dirty` if files had changed), else `null`',
  GOOGLE_CLOUD_PROJECT: 'The project that the courier runs in. Default: the answer of the metadata server',
  FUNCTION_TARGET: 'The function to serve, `courier` or `courierEvent`. Set by the platform',
  GOOGLE_APPLICATION_CREDENTIALS:
    'A credentials file with the courier’s own identity, for platforms that do not provide one',
  OTEL_EXPORTER_OTLP_ENDPOINT:
    'Where to send metrics and traces, by OTLP over HTTP. Without it they are not sent ([operating.md](operating.md#what-to-watch))',
};
