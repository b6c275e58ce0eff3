import type { LocalGoogle } from '../../local/google/server.ts';

/** A person who works in Drive while the courier delivers, with the same API calls as the Drive page. */
export interface Person {
  rename(fileId: string, name: string): Promise<void>;
  move(fileId: string, where: { from: string; to: string }): Promise<void>;
  trash(fileId: string): Promise<void>;
}

export const createPerson = ({ origin, world }: Pick<LocalGoogle, 'origin' | 'world'>): Person => {
  const update = async (fileId: string, body: object, query: Readonly<Record<string, string>> = {}): Promise<void> => {
    const bearer = world.accessToken(world.emails.courier, ['https://www.googleapis.com/auth/drive']);
    const parameters = new URLSearchParams({ supportsAllDrives: 'true', ...query });
    const { status } = await fetch(`${origin}/www.googleapis.com/drive/v3/files/${fileId}?${parameters}`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (status !== 200) throw new Error(`the file could not be updated: ${status}`);
  };

  return {
    rename: (fileId, name) => update(fileId, { name }),
    move: (fileId, { from, to }) => update(fileId, {}, { addParents: to, removeParents: from }),
    trash: (fileId) => update(fileId, { trashed: true }),
  };
};
