import type { Attempt, Forge } from './forge.ts';

/** Valid tokens in the wrong place, several at once, and those whose signature the platform removed. */
export const forgeHeaders = ({ stranger, header, good, forgedClaims, stripped, forgedStripped }: Forge) => {
  const headers = (): Attempt[] => {
    const forged = stranger.token(forgedClaims, header());
    const lists: [string, string][][] = [
      [
        ['Authorization', `Bearer ${good}`],
        ['Authorization', `Bearer ${good}`],
      ],
      [
        ['Authorization', `Bearer ${good}`],
        ['authorization', `Bearer ${forged}`],
      ],
      [
        ['Authorization', `Bearer ${forged}`],
        ['AUTHORIZATION', `Bearer ${good}`],
      ],
      [
        ['Authorization', 'Basic dXNlcjpwYXNz'],
        ['Authorization', `Bearer ${good}`],
      ],
      [
        ['Authorization', ''],
        ['Authorization', `Bearer ${good}`],
      ],
    ];
    const values = [
      '',
      'Bearer',
      'Bearer ',
      good,
      `Basic ${good}`,
      `Token ${good}`,
      `JWT ${good}`,
      `Bearer: ${good}`,
      `Bearer=${good}`,
      `Bearer\t${good}`,
      `Bearer "${good}"`,
      `Bearer ${good},`,
      `Bearer ,${good}`,
      `Bearer token=${good}`,
      `Bearer Bearer ${good}`,
      `Bearer ${good} x`,
      `Bearer ${good};x=1`,
      `Bearer${good}`,
      `B\xe9arer ${good}`,
      `Bearer ${stripped}`,
      `Bearer ${stripped}A`,
      `Bearer ${forgedStripped}`,
    ];
    const elsewhere = [
      'X-Serverless-Authorization',
      'Proxy-Authorization',
      'X-Goog-Iap-Jwt-Assertion',
      'X-Forwarded-Authorization',
      'X-Authorization',
      'X-Goog-Authenticated-User-Email',
      'X-Forwarded-Email',
      'Cookie',
      'Authentication',
      'X_Authorization',
      'X-Endpoint-Api-Userinfo',
    ];
    return [
      ...lists.map((list, index) => ({ name: `headers ${index}`, headers: list })),
      ...values.map((value) => ({
        name: `Authorization: ${value.slice(0, 20)}`,
        headers: [['Authorization', value]] as [string, string][],
      })),
      ...elsewhere.flatMap((name) =>
        [good, `Bearer ${good}`, `Bearer ${stripped}`].flatMap((value) => [
          { name: `${name} alone`, headers: [[name, value]] as [string, string][] },
          {
            name: `${name} beside a forged token`,
            headers: [
              ['Authorization', `Bearer ${forged}`],
              [name, value],
            ] as [string, string][],
          },
          {
            name: `${name} beside a removed signature`,
            headers: [
              ['Authorization', `Bearer ${stripped}`],
              [name, value],
            ] as [string, string][],
          },
        ]),
      ),
    ];
  };

  return { headers };
};
