// The example app of examples/smart-app, without its page: launched by itself and from
// the EHR, it reads a record and draws it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { begin, finish, record } from '../../../examples/smart-app/page/smart.js';
import { draw, series } from '../../../examples/smart-app/page/chart.js';
import { Browser } from './browser.js';

const { base, user, password, patient, launchURL } = JSON.parse(process.env.SMART);

function memory() {
  const kept = new Map();
  return { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v), removeItem: (k) => kept.delete(k), kept };
}

const asked = new URL(launchURL).searchParams;
for (const [name, launch] of [['by itself', undefined], ['from the EHR', asked.get('launch')]]) {
  test(name, async () => {
    const storage = memory();
    const link = await begin({ iss: base, launch, clientId: 'app', redirectUri: 'http://127.0.0.1:9999/done', storage });
    const back = await new Browser(user, password).open(link, { patient });
    const context = await finish(back, storage);
    assert.equal(context.patient, patient);
    assert.equal(context.banner, !launch);
    assert.equal(storage.kept.size, 0);
    await assert.rejects(finish(back, storage), /no answer/);
    const found = await record(context);
    assert.equal(found.patient.id, patient);
    assert.ok(found.observations.length >= 2);
    assert.ok(found.observations.every((o) => o.subject.reference === `Patient/${patient}`));
  });
}

test('another server is not believed', async () => {
  const storage = memory();
  const link = await begin({ iss: base, clientId: 'app', redirectUri: 'http://127.0.0.1:9999/done', storage });
  const back = await new Browser(user, password).open(link, { patient });
  back.searchParams.set('iss', 'https://evil.example');
  await assert.rejects(finish(back, storage), /another server/);
});

test('what is drawn', () => {
  const at = (value, day, more) => ({ resourceType: 'Observation', status: 'final', code: { text: '<b>heart</b>' }, effectiveDateTime: `2026-01-0${day}T00:00:00Z`, valueQuantity: { value, unit: '/min' }, ...more });
  const list = series([at(72, 2), at(70, 1), at(99, 3, { status: 'entered-in-error' }), at(0, 3, { valueQuantity: undefined }), at(5, 3, { effectiveDateTime: undefined }),
    at(0, 4, { valueQuantity: undefined, component: [{ code: { text: 'systolic' }, valueQuantity: { value: 120, unit: 'mm[Hg]' } }] })]);
  assert.deepEqual(list.map((s) => [s.name, s.points.map((p) => p.value)]), [['<b>heart</b>', [70, 72]], ['systolic', [120]]]);
  const svg = draw(list[0]);
  assert.ok(svg.startsWith('<svg') && svg.endsWith('</svg>') && !svg.includes('<b>') && !svg.includes('NaN'));
  assert.ok(!draw(list[1]).includes('NaN'));
});
