/** What came of something that the CA was asked to do. */
export type CaResult<T> =
  | { readonly kind: 'done'; readonly value: T }
  /** `config`: the CA or its surroundings are not in order; `refused`: what was asked for is not done. One line says why. */
  | { readonly kind: 'config' | 'refused'; readonly text: string };

export function done<T>(value: T): CaResult<T> {
  return { kind: 'done', value };
}

export function refused(text: string): { readonly kind: 'refused'; readonly text: string } {
  return { kind: 'refused', text };
}

export function notInOrder(text: string): { readonly kind: 'config'; readonly text: string } {
  return { kind: 'config', text };
}
