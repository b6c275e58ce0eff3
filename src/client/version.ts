import packageJson from '../../package.json' with { type: 'json' };

/** Version of the client, from the project's package.json. */
export const VERSION: string = packageJson.version;
