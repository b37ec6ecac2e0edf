/** What came of reading bytes or text that somebody else made. */
export type Parsed<T> = { readonly kind: 'parsed'; readonly value: T } | Malformed;

/** `text` follows the name of the thing: "is not base64". It may quote foreign text: clean it before it is shown. */
export interface Malformed {
  readonly kind: 'malformed';
  readonly text: string;
}

export function parsed<T>(value: T): Parsed<T> {
  return { kind: 'parsed', value };
}

export function malformed(text: string): Malformed {
  return { kind: 'malformed', text };
}
