import t from 'tap';
import { parseTrasaID } from '../../src/policy/identity.ts';

t.test('a TRASA ID is an email address or a username, without the blanks around it', async t => {
  for (const typed of ['alice', 'alice@example.com', "a.b_c%d+e'f-g@x.org", 'jürgen@bücher.example', '李@例.example'])
    t.equal(parseTrasaID(` ${typed}\t`), typed);
});

t.test('what cannot be a TRASA ID is none: it may be a password', async t => {
  for (const typed of ['', ' ', 'a b', 'a@b@c', '@x.org', 'a@', 'a\nb', 'a"b', 'hunter2!', 'a@x_y', '\u0000'])
    t.equal(parseTrasaID(typed), undefined, JSON.stringify(typed));
});

t.test('64 characters before the @ and 190 after it are taken, and no more', async t => {
  const [local, domain] = ['l'.repeat(64), 'd'.repeat(190)];
  t.equal(parseTrasaID(`${local}@${domain}`), `${local}@${domain}`);
  t.equal(parseTrasaID(`${local}l@${domain}`), undefined);
  t.equal(parseTrasaID(`${local}@${domain}d`), undefined);
  t.equal(parseTrasaID(local), local);
  t.equal(parseTrasaID(`${local}l`), undefined);
});
