import { AUDIENCE, goodClaims, NOON_SECONDS } from '../token-signer.ts';
import { type Attempt, type Forge, ODD_VALUES, show } from './forge.ts';

/** Tokens that Google signed, with claims that it would not issue for the courier. */
export const forgeClaims = ({ header, signed }: Forge) => {
  const claims = (): Attempt[] => {
    const wrong: Record<string, unknown[]> = {
      iss: [
        'googleapis.com',
        'https://accounts.google.com/',
        'http://accounts.google.com',
        'HTTPS://ACCOUNTS.GOOGLE.COM',
        'accounts.google.com.evil.example',
        'https://accounts.google.com@evil.example',
        'https://cloud.google.com/iap',
        'https://securetoken.google.com/p',
        ['https://accounts.google.com'],
        'https://sts.google.com',
        'accounts.google.com\0',
      ],
      aud: [
        `${AUDIENCE}/`,
        AUDIENCE.toUpperCase(),
        AUDIENCE.replace('https', 'http'),
        `${AUDIENCE}.evil.example`,
        [AUDIENCE],
        [AUDIENCE, 'x'],
        { 0: AUDIENCE },
        '*',
        '32555940559.apps.googleusercontent.com',
        ` ${AUDIENCE}`,
        AUDIENCE.slice(0, -1),
      ],
      sub: ['\u0661\u0662', 'a b', 's'.repeat(256), ['1'], 'e\u0301'],
      iat: [61, 3600, 1e9, 1e12].map((after) => NOON_SECONDS + after).concat([NOON_SECONDS * 1000]),
      exp: [-60, -61, -3600, -NOON_SECONDS, 86_401, 1e9]
        .map((after) => NOON_SECONDS + after)
        .concat([NOON_SECONDS * 1000]),
      nbf: [61, 62, 3600, 1e9].map((after) => NOON_SECONDS + after).concat([NOON_SECONDS * 1000]),
    };
    const optional: Record<string, unknown[]> = {
      nbf: [undefined, 0, 1],
      sub: ['null', '0'],
      email: [],
      email_verified: [],
    };
    const acceptable = (name: string, value: unknown): boolean => {
      if (optional[name]?.includes(value)) return true;
      // An invalid or unverified address only means that the caller has no email.
      return (
        (name === 'email' && (value === undefined || typeof value === 'string')) ||
        (name === 'email_verified' && (value === undefined || typeof value === 'boolean'))
      );
    };
    return ['iss', 'aud', 'sub', 'iat', 'exp', 'nbf', 'email', 'email_verified'].flatMap((name) => {
      const numbersAsText = ['iat', 'exp', 'nbf'].includes(name)
        ? [String(NOON_SECONDS), `${NOON_SECONDS + 60}`, NOON_SECONDS + 0.5]
        : [];
      return [...ODD_VALUES, ...(wrong[name] ?? []), ...numbersAsText]
        .filter((value) => !acceptable(name, value))
        .map((value) => signed(`${name} ${show(value)}`, goodClaims({ [name]: value })));
    });
  };

  const twice = (): Attempt[] => {
    const again = (json: object, member: string, other: unknown): string[] => {
      const text = JSON.stringify(json).slice(1, -1);
      const escaped = `\\u${member.charCodeAt(0).toString(16).padStart(4, '0')}${member.slice(1)}`;
      return [member, escaped].flatMap((key) => [
        `{"${key}":${JSON.stringify(other)},${text}}`,
        `{${text},"${key}":${JSON.stringify(other)}}`,
      ]);
    };
    return [
      ...Object.entries(goodClaims()).flatMap(([member, value]) =>
        [value, 'other', 1, null].flatMap((other) =>
          again(goodClaims(), member, other).map((json) => signed(`claim ${member} twice: ${show(other)}`, json)),
        ),
      ),
      ...Object.entries(header()).flatMap(([member, value]) =>
        [value, 'none', null].flatMap((other) =>
          again(header(), member, other).map((json) =>
            signed(`header ${member} twice: ${show(other)}`, goodClaims(), json),
          ),
        ),
      ),
    ];
  };

  /** Every combination of times near a boundary, with the expected result. Offsets in seconds from now. */
  const timeGrid = (): { attempt: Attempt; good: boolean }[] =>
    [-90_000, -86_401, -86_400, -3661, -3600, -61, -60, 0, 59, 60, 61, 3600].flatMap((iat) =>
      [-3600, -61, -60, -59, 0, 1, 60, 3599, 3600, 86_340, 86_400, 86_460, 86_461, 90_000].flatMap((exp) =>
        [undefined, -3600, 60, 61].map((nbf) => ({
          attempt: signed(
            `iat ${iat}, exp ${exp}, nbf ${nbf}`,
            goodClaims({
              iat: NOON_SECONDS + iat,
              exp: NOON_SECONDS + exp,
              ...(nbf === undefined ? {} : { nbf: NOON_SECONDS + nbf }),
            }),
          ),
          good: iat <= 60 && exp > -60 && exp > iat && exp - iat <= 86_400 && (nbf ?? 0) <= 60,
        })),
      ),
    );
  const times = (): Attempt[] => timeGrid().flatMap(({ attempt, good }) => (good ? [] : [attempt]));
  const goodTimes = (): Attempt[] => timeGrid().flatMap(({ attempt, good }) => (good ? [attempt] : []));

  return { families: { claims, twice, times }, goodTimes };
};
