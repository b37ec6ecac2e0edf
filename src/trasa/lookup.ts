import type { LookupAddress, LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';

type Callback = Parameters<LookupFunction>[2];

/**
 * A name look-up in which those who ask for the same name at the same time share one.
 *
 * getaddrinfo(3) cannot be cancelled and has four threads in this process (UV_THREADPOOL_SIZE), which file access needs
 * as well: a dead resolver and four logins would stop it for everybody.
 */
export function sharedLookup(lookup: LookupFunction): LookupFunction {
  const waiting = new Map<string, Callback[]>();
  return (hostname: string, options: LookupOptions, callback: Callback) => {
    const key = JSON.stringify([hostname, options.family, options.hints, options.all]);
    const others = waiting.get(key);
    if (others !== undefined) {
      others.push(callback);
      return;
    }
    const all = [callback];
    waiting.set(key, all);
    lookup(
      hostname,
      options,
      (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => {
        waiting.delete(key);
        for (const one of all) one(error, address, family);
      },
    );
  };
}
