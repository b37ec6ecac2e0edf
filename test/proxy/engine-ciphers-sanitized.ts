/** `node engine-ciphers-sanitized.ts ADDON SEED`: what a sanitized addon is led through by engine-ciphers.test.ts. */
import { constants } from 'node:os';
import type { NativeCiphers } from '../../src/proxy/engine/native-ciphers.ts';
import { Chance } from './chance.ts';

const [, , addon = '', seed = '1'] = process.argv;
const chance = new Chance(Number(seed));
const exports = {};
process.dlopen({ exports }, addon, constants.dlopen.RTLD_NOW);
const ciphers = exports as NativeCiphers;

let passed = 0;
let refused = 0;
for (let i = 0; i < 4_000; i++) {
  const [keyBytes, ivBytes] = chance.of([
    [16, 12],
    [32, 12],
    [64, 0],
  ] as const);
  const [key, iv] = [chance.bytes(keyBytes), chance.bytes(ivBytes)];
  const room = chance.below(300);
  const bytes = Buffer.from(new Uint8Array(room)); // of its own, with the sanitizer's red zones around it
  const [at, length, sequence] = [chance.below(room + 3), chance.below(room + 3), chance.below(2 ** 32)];
  try {
    ciphers.seal(ciphers.makeKey(true, key, iv), sequence, bytes, at, length);
    const opens = ciphers.makeKey(false, key, iv);
    if (ciphers.lengthOf(opens, sequence, bytes, at) !== 0) throw new Error('another length');
    if (!ciphers.open(opens, sequence, bytes, at, length)) throw new Error('not opened');
    if (bytes.subarray(at + 4, at + 4 + length).some(byte => byte !== 0)) throw new Error('other bytes');
    passed++;
  } catch (error) {
    if (!/wrong arguments/.test(String(error))) throw error;
    refused++;
  }
}
console.log(`sealed and opened ${passed}, refused ${refused}`);
