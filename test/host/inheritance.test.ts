import t from 'tap';
import { readInheritance } from '../../src/host/inheritance.ts';

interface Process {
  readonly name: string;
  readonly parent: number;
  readonly ignored?: string;
  readonly openFiles?: string;
}

/** A /proc with these processes, for `t.testdir`. */
function proc(processes: Readonly<Record<number, Process>>): Record<string, { status: string; limits: string }> {
  const files = ({ name, parent, ignored = '0'.repeat(16), openFiles = '1024' }: Process) => ({
    status: `Name:\t${name}\nUmask:\t0022\nPPid:\t${parent}\nSigBlk:\t0000000000000000\nSigIgn:\t${ignored}\n`,
    limits:
      'Limit                     Soft Limit           Hard Limit           Units     \n' +
      `Max open files            ${openFiles.padEnd(20)} 524288               files     \n`,
  });
  return Object.fromEntries(Object.entries(processes).map(([pid, process]) => [pid, files(process)]));
}

const sighup = 1;
const sigpipe = 1 << 12;
const sigxfsz = 1 << 24;
const hex = (signals: number): string => signals.toString(16).padStart(16, '0');

t.test("the limit of open files is the parent's", async t => {
  const dir = t.testdir(proc({ 50: { name: 'sshd', parent: 1, openFiles: '2048' } }));
  t.equal(readInheritance(50, dir).openFiles, 2048);
});

t.test('what sshd ignores was ignored before it, but for SIGPIPE', async t => {
  for (const name of ['sshd', 'sshd-session']) {
    const dir = t.testdir(proc({ 50: { name, parent: 1, ignored: hex(sighup | sigxfsz | sigpipe) } }));
    t.equal(readInheritance(50, dir).ignoredSignals, sighup | sigxfsz);
  }
});

t.test('a shell between sshd and us is not believed, the sshd above it is', async t => {
  const dir = t.testdir(
    proc({
      50: { name: 'sshd', parent: 1, ignored: hex(sigxfsz) },
      51: { name: 'fish', parent: 50, ignored: hex(0x1004), openFiles: '512' },
    }),
  );
  t.same(readInheritance(51, dir), { openFiles: 512, ignoredSignals: sigxfsz });
});

t.test('real-time signals are left out: Node does not touch them', async t => {
  const dir = t.testdir(proc({ 50: { name: 'sshd', parent: 1, ignored: 'fffffffe80000001' } }));
  t.equal(readInheritance(50, dir).ignoredSignals, sighup);
});

t.test('without an sshd nearby no signal is ignored', async t => {
  const dir = t.testdir(
    proc({
      1: { name: 'sshd', parent: 0, ignored: hex(sighup) },
      2: { name: 'a', parent: 1 },
      3: { name: 'b', parent: 2 },
      4: { name: 'sshd-agent', parent: 3, ignored: hex(sighup) },
    }),
  );
  t.equal(readInheritance(4, dir).ignoredSignals, 0);
});

t.test('where /proc shows nothing, the usual is taken', async t => {
  t.same(readInheritance(50, t.testdir({})), { openFiles: 1024, ignoredSignals: 0 });
  t.same(readInheritance(50, t.testdir({ 50: { limits: 'what?', status: '' } })), {
    openFiles: 1024,
    ignoredSignals: 0,
  });
});

t.test('the real /proc is understood', async t => {
  t.ok(readInheritance().openFiles > 0);
});
