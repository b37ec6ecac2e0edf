import t from 'tap';
import { parseStrictJson } from '../../src/trasa/json.ts';

const parse = (text: string) => parseStrictJson(Buffer.from(text));

t.test('JSON is read', async t => {
  t.same(parse('{"a":[1,{"b":"x:{}[]\\""},{"b":null}],"c":{"a":"a"}}'), {
    value: { a: [1, { b: 'x:{}[]"' }, { b: null }], c: { a: 'a' } },
  });
});

t.test('an object that names a member twice is not read, however deep and however spelt', async t => {
  for (const text of [
    '{"status":"failed","status":"success"}',
    '{"status":"failed","st\\u0061tus":"success"}',
    '{"a":[{"b":1,"c":{},"b":2}]}',
    '{"":1,"":1}',
    '{"__proto__":1,"__proto__":1}',
  ])
    t.equal(parse(text), undefined, text);
});

t.test('what is not JSON is not read', async t => {
  for (const text of ['', '{', '{"a":1', '{"a":1}x', "{'a':1}", '<html>', '\ufeff{}', '['.repeat(60_000)])
    t.equal(parse(text), undefined, text.slice(0, 20));
  t.equal(parseStrictJson(Buffer.from([0x22, 0xff, 0x22])), undefined, 'not UTF-8');
});
