import { describe, expect, test } from '@jest/globals';
import type { Config } from '../../../src/config/config.ts';
import { readConfig } from '../../../src/config/config.ts';
import type { Caller } from '../../../src/domain.ts';
import { createPolicy, type Policy } from '../../../src/identity/policy.ts';
import { createPushPolicy } from '../../../src/identity/push.ts';

const destination = (...callers: string[]) => ({ folder: '0AbCdEf', credentials: 'main', callers });
const configOf = (destinations: object, rest: object = {}): Config =>
  readConfig({
    COURIER_CONFIG: JSON.stringify({
      audiences: ['https://a.example'],
      credentials: { main: { adc: true } },
      destinations,
      ...rest,
    }),
  });

const alice = { sub: '1', email: 'alice@example.com', hostedDomain: 'example.com' };
const policy = createPolicy(
  configOf(
    {
      byEmail: destination('Alice@Example.com'),
      byDomain: destination('domain:Example.COM'),
      bySub: destination('sub:42'),
      robots: destination('domain:my-proj.iam.gserviceaccount.com'),
      agent: destination('service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com'),
    },
    { operators: ['ops@example.com'] },
  ),
);

const isOperator = (rules: Policy, caller: Caller): boolean => {
  try {
    rules.requireOperator(caller);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'caller-not-allowed' });
    return false;
  }
};

describe('which caller may write to which destination', () => {
  test.each<[Caller, string[]]>([
    [alice, ['byEmail', 'byDomain']],
    [{ sub: '42' }, ['bySub']],
    [{ sub: '42', email: 'bob@example.com', hostedDomain: 'example.com' }, ['byDomain', 'bySub']],
    // A consumer account may have any address that receives mail.
    [{ sub: '1', email: 'bob@example.com' }, []],
    [{ sub: '1', email: 'bob@example.com', hostedDomain: 'evil.org' }, []],
    [{ sub: '1', email: 'bob@example.com', hostedDomain: 'sub.example.com' }, []],
    // An organization may have several domains. Its tokens name the organization's primary domain.
    [{ sub: '1', email: 'bob@example.jp', hostedDomain: 'example.com' }, ['byDomain']],
    [{ sub: '1', hostedDomain: 'example.com' }, []],
    [{ sub: '1', email: 'eve@sub.example.com', hostedDomain: 'sub.example.com' }, []],
    [{ sub: '1', email: 'eve@notexample.com', hostedDomain: 'notexample.com' }, []],
    [{ sub: '1', email: 'example.com@evil.org', hostedDomain: 'evil.org' }, []],
    [{ sub: '1', email: 'x@my-proj.iam.gserviceaccount.com' }, ['robots']],
    [{ sub: '1', email: 'x@other.iam.gserviceaccount.com' }, []],
    [{ sub: '1', email: 'x@my-proj.example.com.iam.gserviceaccount.com' }, []],
    [{ sub: '1', email: 'x@evil.my-proj.iam.gserviceaccount.com' }, []],
    [{ sub: '1', email: 'x@my-proj.iam.gserviceaccount.com.evil.org' }, []],
    [{ sub: '1', email: 'x@other.iam.gserviceaccount.com', hostedDomain: 'my-proj.iam.gserviceaccount.com' }, []],
    // A person cannot match a project's domain, nor a service account an organization's.
    [{ sub: '1', email: 'x@example.com', hostedDomain: 'my-proj.iam.gserviceaccount.com' }, []],
    [{ sub: '1', email: 'x@other.iam.gserviceaccount.com', hostedDomain: 'example.com' }, []],
    // Google's own agents are identified by their address alone.
    [{ sub: '1', email: 'service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com' }, ['agent']],
    [{ sub: '1', email: 'service-210987654321@gcp-sa-pubsub.iam.gserviceaccount.com' }, []],
    [{ sub: '1', email: 'service-123456789012@my-proj.iam.gserviceaccount.com' }, []],
    [{ sub: '1', email: '123-compute@developer.gserviceaccount.com' }, []],
    [{ sub: '1', email: 'my-proj@appspot.gserviceaccount.com' }, []],
    [{ sub: '4' }, []],
    [{ sub: 'alice@example.com' }, []],
    [{ sub: '' }, []],
  ])('%j: %j', (caller, names) => {
    expect(policy.destinationsOf(caller)).toEqual(names);
    for (const name of ['byEmail', 'byDomain', 'bySub', 'robots', 'agent']) {
      expect(policy.mayWrite(caller, name)).toBe(names.includes(name));
    }
  });

  test.each(['nowhere', 'constructor', '__proto__', 'toString', ''])('nobody may write to %j', (name) => {
    expect(policy.mayWrite(alice, name)).toBe(false);
  });

  test('only the listed operators are operators', () => {
    expect(isOperator(policy, { sub: '9', email: 'ops@example.com' })).toBe(true);
    expect(isOperator(policy, alice)).toBe(false);
    expect(isOperator(createPolicy(configOf({ a: destination('domain:example.com') })), alice)).toBe(false);
  });

  test('a domain among the operators means the organization, as among callers', () => {
    const rules = createPolicy(configOf({ a: destination('sub:1') }, { operators: ['domain:example.com'] }));
    expect(isOperator(rules, alice)).toBe(true);
    expect(isOperator(rules, { sub: '2', email: 'alice@example.com' })).toBe(false);
    expect(isOperator(rules, { sub: '2', email: 'alice@example.com', hostedDomain: 'evil.org' })).toBe(false);
  });
});

describe('the destination of a request', () => {
  const resolve = (destinations: object, named?: string) => {
    try {
      return createPolicy(configOf(destinations)).resolveDestination(named, alice);
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  const mine = destination('alice@example.com');
  const others = destination('bob@example.com');

  test.each<[string, object, string | undefined, string]>([
    ['the one it names', { a: mine, default: mine }, 'a', 'a'],
    ['the only one', { a: mine }, undefined, 'a'],
    ['else the one called default', { a: mine, default: mine }, undefined, 'default'],
    ['not one that happens to be first', { a: mine, b: mine }, undefined, 'destination-forbidden'],
    ['not the only one when it is for others', { a: others }, undefined, 'destination-forbidden'],
    ['not the only one under another name', { a: mine }, 'b', 'destination-forbidden'],
  ])('%s', (_, destinations, named, expected) => {
    expect(resolve(destinations, named)).toBe(expected);
  });

  test.each<[string, object, string, string]>([
    [
      'several of its own',
      { a: mine, b: mine },
      'The request specifies no destination, and this caller may write to several, none of which is named "default".',
      'Specify one with "destination=…" (in a form before the file; "courier send --to …"). GET /v1/destinations ("courier destinations") lists them.',
    ],
    [
      'one of its own among those of others',
      { a: mine, default: others },
      'The request specifies no destination, and the only one that this caller may write to is not named "default".',
      'Specify one with',
    ],
    [
      'none of its own',
      { a: others, b: others },
      'You are alice@example.com, which is not authorized to write to any destination.',
      'ask the operator',
    ],
  ])('a caller that has %s and names none gets a remedy', (_, destinations, detail, remedy) => {
    const { resolveDestination } = createPolicy(configOf(destinations));
    expect(() => resolveDestination(undefined, alice)).toThrow(
      expect.objectContaining({ code: 'destination-forbidden', detail, remedy: expect.stringContaining(remedy) }),
    );
  });

  test.each<[string, object, Caller, string | undefined, string, string]>([
    [
      'with an email, to a named one',
      { mine, theirs: others },
      alice,
      'theirs',
      'You are alice@example.com',
      'operator',
    ],
    ['with an email, to none at all', { theirs: others }, alice, 'theirs', 'any destination', 'operator'],
    ['without an email', { mine, theirs: others }, { sub: '42' }, 'mine', 'no verified email', '--include-email'],
  ])('a caller %s gets its own identity in the error', (_, destinations, caller, named, detail, remedy) => {
    const { resolveDestination } = createPolicy(configOf(destinations));
    expect(() => resolveDestination(named, caller)).toThrow(
      expect.objectContaining({
        code: 'destination-forbidden',
        detail: expect.stringContaining(detail),
        remedy: expect.stringContaining(remedy),
      }),
    );
  });

  test('a caller without any destination and one that is no operator get their own identity in the error', () => {
    const { requireAnyDestination, requireOperator } = createPolicy(configOf({ theirs: others }));
    const who = expect.stringContaining('You are alice@example.com');
    expect(() => requireAnyDestination(alice)).toThrow(
      expect.objectContaining({ code: 'destination-forbidden', detail: who }),
    );
    expect(() => requireOperator(alice)).toThrow(expect.objectContaining({ code: 'caller-not-allowed', detail: who }));
  });

  test('the response to a request without a destination does not reveal other callers’ destinations', () => {
    const answers = [
      { a: mine, b: others },
      { a: mine, default: others },
    ].map((destinations) => {
      try {
        return createPolicy(configOf(destinations)).resolveDestination(undefined, alice);
      } catch (error) {
        return (error as { detail: string }).detail;
      }
    });
    expect(answers[0]).toBe(answers[1]);
  });

  test('unknown and forbidden destinations look the same', () => {
    const { resolveDestination } = createPolicy(configOf({ mine, theirs: others }));
    const seen = ['theirs', 'unknown'].map((named) => {
      try {
        return resolveDestination(named, alice);
      } catch (error) {
        const { code, message, detail, remedy, status } = error as Record<string, unknown>;
        return JSON.stringify({ code, message, detail, remedy, status });
      }
    });
    expect(seen[0]).toContain('destination-forbidden');
    expect(seen[0]).toBe(seen[1]);
  });
});

describe('a push', () => {
  const push = createPushPolicy({
    subscriptions: {
      'projects/p/subscriptions/one': {
        serviceAccount: 'one@p.iam.gserviceaccount.com',
        destinations: ['reports'],
        sources: [],
      },
      'projects/p/subscriptions/two': {
        serviceAccount: 'two@p.iam.gserviceaccount.com',
        destinations: ['a', 'b'],
        sources: ['gs://b/'],
      },
    },
  });
  const one = { sub: '1', email: 'one@p.iam.gserviceaccount.com' };

  test('comes from an account of a subscription', () => {
    expect(push.isPushAccount(one)).toBe(true);
    expect(push.isPushAccount({ sub: '1', email: 'three@p.iam.gserviceaccount.com' })).toBe(false);
    expect(push.isPushAccount({ sub: 'one@p.iam.gserviceaccount.com' })).toBe(false);
  });

  test('may write where its own subscription may, and not where another one may', () => {
    expect(push.mayPush(one, 'projects/p/subscriptions/one')).toMatchObject({
      destinations: ['reports'],
      sources: [],
    });
    expect(push.mayPush(one, 'projects/p/subscriptions/two')).toBeUndefined();
    expect(push.mayPush(one, 'projects/p/subscriptions/three')).toBeUndefined();
    expect(push.mayPush(one, 'constructor')).toBeUndefined();
    expect(push.mayPush({ sub: '1' }, 'projects/p/subscriptions/one')).toBeUndefined();
  });
});
