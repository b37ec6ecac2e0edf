import { X509Certificate } from 'node:crypto';
import t from 'tap';
import { systemCas } from '../../src/trasa/system-cas.ts';

t.test('there is always a list of CAs', async t => {
  t.equal(new X509Certificate(systemCas()).ca, true);
});
