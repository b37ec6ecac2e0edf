/** What came of an administrator's command. `text` is one line that says what to do. */
export type Result<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly text: string };

export function done<T>(value: T): Result<T> {
  return { kind: 'done', value };
}

export function failure(text: string): { readonly kind: 'failed'; readonly text: string } {
  return { kind: 'failed', text };
}
