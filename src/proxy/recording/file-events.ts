import { isUtf8 } from 'node:buffer';

/** Makes events of what two programs say to each other about files. It only listens. */
export interface FileEvents {
  /** A string says what is not in order: then the two may mean something else than what was understood. */
  fromClient(data: Buffer): string | undefined;
  fromHost(data: Buffer): string | undefined;
  /** Nothing comes any more: what is unfinished is told. */
  end(): void;
}

export type Tell = (event: string, facts: object) => void;

/** A name as it came, which need not be text: then its bytes stand beside what can be read of it. */
export function nameFacts(key: string, name: Buffer): Readonly<Record<string, string>> {
  const text = name.toString('utf8');
  return isUtf8(name) ? { [key]: text } : { [key]: text, [`${key}Base64`]: name.toString('base64') };
}
