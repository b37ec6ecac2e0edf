import type { PushMark } from '../auth/ports.ts';

/** Where live pushes are marked. */
export interface PushMarks {
  begin(target: string): PushMark | Promise<PushMark>;
}

/** One live push per target; not kept over a restart, as no push is. */
export class LivePushes implements PushMarks {
  readonly #targets = new Set<string>();

  /** @returns ends it; undefined if there is one already */
  begin(target: string): (() => void) | undefined {
    if (this.#targets.has(target)) return undefined;
    this.#targets.add(target);
    let live = true;
    return () => {
      if (live) this.#targets.delete(target);
      live = false;
    };
  }
}
