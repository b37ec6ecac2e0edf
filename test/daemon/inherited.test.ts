import t from 'tap';
import { inheritedPlace } from '../../src/daemon/listen.ts';

t.test('sockets from systemd (the real ones are in process.test.ts)', async t => {
  t.equal(inheritedPlace({}, 7), undefined, 'none');
  t.equal(inheritedPlace({ LISTEN_FDS: '1' }, 7), undefined, 'for nobody');
  t.equal(inheritedPlace({ LISTEN_FDS: '1', LISTEN_PID: '8' }, 7), undefined, 'for another process');
  for (const count of ['0', '2', '', 'x', '01'])
    t.throws(() => inheritedPlace({ LISTEN_FDS: count, LISTEN_PID: '7' }, 7), { message: /one is expected/ }, count);
});
