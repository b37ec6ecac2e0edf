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

/** What `work` throws (the disk is full, a file is not ours to write) becomes a refusal that names `what`. */
export function trying<T>(what: string, work: () => CaResult<T>): CaResult<T> {
  try {
    return work();
  } catch (error) {
    return thrown(what, error);
  }
}

/** The same of work that waits. */
export async function tryingTo<T>(what: string, work: () => Promise<CaResult<T>>): Promise<CaResult<T>> {
  try {
    return await work();
  } catch (error) {
    return thrown(what, error);
  }
}

export function notInOrder(text: string): { readonly kind: 'config'; readonly text: string } {
  return { kind: 'config', text };
}

function thrown(what: string, error: unknown): CaResult<never> {
  return refused(`${what}: ${error instanceof Error ? error.message : String(error)}`);
}
