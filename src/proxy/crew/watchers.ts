import type { SessionView } from '../door/session-view.ts';
import type { WorkerEnd } from './messages.ts';

/** On its way to the primary; whoever looks at more than they can take sees no more, and the session does not wait. */
const maxWaiting = 1024 * 1024;

/** Who watches sessions of this worker. */
export class Watchers {
  readonly #line: WorkerEnd;
  readonly #stops = new Map<number, () => void>();

  constructor(line: WorkerEnd) {
    this.#line = line;
  }

  /** @param view undefined: there is no such session any more */
  add(watcher: number, view: SessionView | undefined): void {
    if (view === undefined || view.isOver)
      return this.#line.send({ kind: 'watch-over', watcher, why: 'there is no such session' });
    let waiting = 0;
    const stop = view.watch({
      output: data => {
        if (waiting > maxWaiting) return this.#over(watcher, 'more is shown than can be watched');
        waiting += data.length;
        this.#line.send({ kind: 'output', watcher, data }, undefined, () => {
          waiting -= data.length;
        });
      },
      over: why => this.#over(watcher, why),
    });
    this.#stops.set(watcher, stop);
  }

  remove(watcher: number): void {
    this.#stops.get(watcher)?.();
    this.#stops.delete(watcher);
  }

  #over(watcher: number, why: string): void {
    this.remove(watcher);
    this.#line.send({ kind: 'watch-over', watcher, why });
  }
}
