import { native } from './native.ts';

/** Keeps what this process knows out of core dumps, and out of reach of ptrace(2) by its own user. Throws if it can't. */
export function forbidDumps(): void {
  native().forbidDumps();
}
