import { Secret } from '../otp/secret.ts';
import { assemble } from './assemble.ts';
import type { AgentConfig } from './config.ts';
import { readOptions } from './read-options.ts';

/**
 * All options at their defaults: what can be gone by while there is no configuration. It names no server, exempts nobody
 * and is fail secure.
 */
export function standardConfig(): AgentConfig {
  const { values } = readOptions('', {}, () => undefined);
  return assemble('', values, new Secret(''), undefined);
}
