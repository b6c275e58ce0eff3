import { describe, expect, test } from '@jest/globals';
import { document, faultsOf, read } from '../../support/courier/config-document.ts';

describe('callers and sources', () => {
  test.each(['*', 'allUsers', 'domain:*', 'domain:', 'sub:abc', 'a@b', '@example.com', ''])(
    'rejects the caller "%s"',
    (caller) => {
      const destinations = { r: { ...document.destinations.reports, callers: [caller] } };
      expect(faultsOf(() => read({ destinations }))).toHaveLength(1);
    },
  );

  test.each([
    'domain:gmail.com',
    'domain:GoogleMail.com',
    'domain:gserviceaccount.com',
    'domain:iam.gserviceaccount.com',
    'domain:developer.gserviceaccount.com',
    'domain:appspot.gserviceaccount.com',
    'domain:cloudservices.gserviceaccount.com',
    'domain:gcp-sa-pubsub.iam.gserviceaccount.com',
  ])('rejects the caller or operator "%s", which never matches or matches everybody', (principal) => {
    const destinations = { r: { ...document.destinations.reports, callers: [principal] } };
    expect(faultsOf(() => read({ destinations, operators: [principal] }))).toEqual([
      expect.stringContaining(`operators.0: "${principal}"`),
      expect.stringContaining(`destinations.r.callers.0: "${principal}"`),
    ]);
  });

  test.each(['domain:my-proj.iam.gserviceaccount.com', 'domain:my-proj.example.com.iam.gserviceaccount.com'])(
    'accepts the service accounts of one project: "%s"',
    (caller) => {
      const destinations = { r: { ...document.destinations.reports, callers: [caller] } };
      expect(read({ destinations }).destinations.r?.callers).toEqual([caller]);
    },
  );

  test.each([
    'gs://exports/',
    'gs://exports/ready/',
    'gs://exports/a b/#1/100%/',
    'gs://my_bucket.example.com/x/',
    'bigquery://my-proj.sales.daily',
    'bigquery://my-proj.sales.*',
    'bigquery://example.com:my-proj.sales.Größe-1 a',
  ])('accepts the source "%s"', (source) => {
    const destinations = { r: { ...document.destinations.reports, sources: [source] } };
    expect(read({ destinations }).destinations.r?.sources).toEqual([source]);
  });

  test('accepts a bucket as all its objects, and allows nothing if nothing is listed', () => {
    const destinations = {
      r: { ...document.destinations.reports, sources: ['gs://exports'] },
      s: document.destinations.reports,
    };
    const config = read({ destinations });
    expect(config.destinations.r?.sources).toEqual(['gs://exports/']);
    expect(config.destinations.s?.sources).toEqual([]);
    expect(config.pubsub.eventSources).toEqual([]);
  });

  test.each([
    ['gs://exports/ready', 'must end with "/"'],
    ['gs://exports/ready/a.csv', 'must end with "/"'],
    ['gs://exports/*', 'wildcard'],
    ['gs://exports/ready/*/', 'wildcard'],
    ['gs://*/', 'gs://BUCKET/'],
    ['gs://', 'gs://BUCKET/'],
    ['gs:///x/', 'gs://BUCKET/'],
    ['gs://Exports/', 'gs://BUCKET/'],
    ['s3://exports/', 'gs://BUCKET/'],
    ['exports/', 'gs://BUCKET/'],
    ['https://storage.googleapis.com/exports/', 'gs://BUCKET/'],
    ['gs://exports/../other/', 'segment'],
    ['gs://exports/./', 'segment'],
    ['gs://exports/a\nb/', 'cannot be the beginning'],
    ['bigquery://my-proj.sales', 'bigquery://PROJECT.DATASET.TABLE'],
    ['bigquery://my-proj.*', 'bigquery://PROJECT.DATASET.TABLE'],
    ['bigquery://my-proj.*.*', 'bigquery://PROJECT.DATASET.TABLE'],
    ['bigquery://my-proj.sales.events_*', 'bigquery://PROJECT.DATASET.TABLE'],
    ['bigquery://my-proj.sales.a`b', 'bigquery://PROJECT.DATASET.TABLE'],
    ['bigquery://my-proj/sales/daily', 'bigquery://PROJECT.DATASET.TABLE'],
  ])('rejects the source "%s"', (source, why) => {
    const destinations = { r: { ...document.destinations.reports, sources: [source] } };
    const subscriptions = {
      'projects/p/subscriptions/exports': { serviceAccount: 'a@b.example', destinations: ['r'], sources: [source] },
    };
    expect(faultsOf(() => read({ destinations, pubsub: { subscriptions, eventSources: [source] } }))).toEqual([
      expect.stringMatching(/^destinations\.r\.sources\.0: /),
      expect.stringMatching(/^pubsub\.subscriptions\.projects\/p\/subscriptions\/exports\.sources\.0: /),
      expect.stringMatching(/^pubsub\.eventSources\.0: /),
    ]);
    expect(faultsOf(() => read({ destinations }))[0]).toContain(why);
  });
});
