/**
 * Which message is allowed when: one table for both sides, in the manner of OpenSSH's mon_dispatch (monitor.c). What is
 * not in the table is a protocol error and ends the connection; for the door that means deny.
 */
import type { DaemonMessage, DoorMessage } from './messages.ts';

export type State =
  | 'opening' // connected, nothing said
  | 'deciding' // the daemon thinks, or waits for the server or a phone
  | 'asking' // a question is open
  | 'cancelled' // the door gave up
  | 'recording' // the person is in, and the session is recorded
  | 'decided'; // over

interface Row {
  readonly door: Readonly<Partial<Record<DoorMessage['kind'], State>>>;
  readonly daemon: Readonly<Partial<Record<DaemonMessage['kind'], State>>>;
}

/** State → sender → verb → state. A decision with `record=yes` leads to `recording` instead of `decided`. */
export const stateTable: Readonly<Record<State, Row>> = {
  opening: {
    door: { attempt: 'deciding', cancel: 'cancelled' }, // whoever only wants to know whether the daemon is there
    daemon: { decision: 'decided' },
  },
  deciding: {
    door: { answer: 'deciding', unable: 'deciding', cancel: 'cancelled' },
    daemon: { info: 'deciding', error: 'deciding', prompt: 'asking', withdraw: 'deciding', decision: 'decided' },
  },
  asking: {
    door: { answer: 'deciding', unable: 'deciding', cancel: 'cancelled' },
    daemon: { info: 'asking', error: 'asking', withdraw: 'deciding', decision: 'decided' },
  },
  cancelled: {
    door: {},
    daemon: {
      info: 'cancelled',
      error: 'cancelled',
      prompt: 'cancelled',
      withdraw: 'cancelled',
      decision: 'decided',
    },
  },
  recording: {
    door: { record: 'recording', answer: 'recording', unable: 'recording', cancel: 'recording' },
    daemon: { recorded: 'recording' },
  },
  decided: {
    door: {},
    daemon: {},
  },
};

/** `late`: allowed, and about something that is over already; nobody acts on it. */
export type Verdict = 'taken' | 'late' | 'refused';

/** One side's view of one exchange; it is shown every message, sent and received, in its order. */
export class Exchange {
  #state: State = 'opening';
  /** Id of the newest question; ids only grow, so that an answer finds its question however messages cross. */
  #newest = 0;

  get state(): State {
    return this.#state;
  }

  fromDoor(message: DoorMessage): Verdict {
    const next = stateTable[this.#state].door[message.kind];
    if (next === undefined) return 'refused';
    if (message.kind === 'answer' || message.kind === 'unable') return this.#aboutQuestion(message.id, next);
    if (message.kind === 'cancel' && this.#state === 'recording') return 'late';
    this.#state = next;
    return 'taken';
  }

  fromDaemon(message: DaemonMessage): Verdict {
    const next = stateTable[this.#state].daemon[message.kind];
    if (next === undefined) return 'refused';
    if (next === 'cancelled') return 'late'; // it crossed the door's `cancel`
    if (message.kind === 'withdraw') return this.#aboutQuestion(message.id, next);
    if (message.kind === 'prompt') {
      if (message.id <= this.#newest) return 'refused';
      this.#newest = message.id;
    }
    this.#state = message.kind === 'decision' && message.record ? 'recording' : next;
    return 'taken';
  }

  /** A question may be answered and withdrawn at the same moment: the later of the two says nothing new. */
  #aboutQuestion(id: number, next: State): Verdict {
    if (id > this.#newest) return 'refused';
    if (this.#state !== 'asking' || id !== this.#newest) return 'late';
    this.#state = next;
    return 'taken';
  }
}
