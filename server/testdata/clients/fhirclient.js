// What fhirclient (the SMART App Launch library) makes of the server at FHIR_BASE.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fhirclient from 'fhirclient';

const client = new fhirclient.FhirClient(process.env.FHIR_BASE);
const patient = { resourceType: 'Patient', name: [{ family: 'Smart' }], active: true };
const observation = (subject, value) => ({
  resourceType: 'Observation', status: 'final', subject: { reference: subject },
  code: { coding: [{ system: 'http://loinc.org', code: '8310-5' }] },
  valueQuantity: { value, unit: 'Cel', system: 'http://unitsofmeasure.org', code: 'Cel' },
});

test('version', async () => {
  assert.equal(await client.getFhirVersion(), '4.0.1');
  assert.equal(await client.getFhirRelease(), 4);
});

test('create, update, patch, delete', async () => {
  const made = await client.create(patient);
  assert.ok(made.id);
  const changed = await client.update({ ...made, active: false });
  assert.equal(changed.meta.versionId, '2');
  const patched = await client.patch(`Patient/${made.id}`, [{ op: 'replace', path: '/active', value: true }]);
  assert.equal(patched.active, true);
  assert.equal((await client.fhirRequest(`Patient/${made.id}/_history/2`)).active, false);
  await client.delete(`Patient/${made.id}`);
  await assert.rejects(client.fhirRequest(`Patient/${made.id}`), /410|Gone/);
  await assert.rejects(client.fhirRequest('Patient/never'), /404|Not Found/);
});

test('pages, resources and references', async () => {
  const made = await client.create(patient);
  for (let i = 0; i < 5; i++) await client.create(observation(`Patient/${made.id}`, 36 + i / 10));
  const sizes = [];
  for await (const page of client.pages(`Observation?patient=${made.id}&_count=2`)) sizes.push(page.entry.length);
  assert.deepEqual(sizes, [2, 2, 1]);
  const values = [];
  for await (const r of client.resources(`Observation?patient=${made.id}&_count=2`)) values.push(r.valueQuantity.value);
  assert.deepEqual(values.sort(), [36, 36.1, 36.2, 36.3, 36.4]);
  const [first] = (await client.fhirRequest(`Observation?patient=${made.id}&_count=1`)).entry;
  const references = await client.getReferences(first.resource, ['subject']);
  assert.equal(Object.values(references)[0].id, made.id);
});

test('transaction, batch, history, operation', async () => {
  const post = (url, body) => client.fhirRequest(url, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/fhir+json' } });
  const transaction = await post('', { resourceType: 'Bundle', type: 'transaction', entry: [{ resource: patient, request: { method: 'POST', url: 'Patient' } }] });
  assert.equal(transaction.type, 'transaction-response');
  const batch = await post('', { resourceType: 'Bundle', type: 'batch', entry: [{ request: { method: 'GET', url: 'Patient?name=smart' } }] });
  assert.ok(batch.entry[0].resource.entry.length > 0);
  assert.equal((await client.fhirRequest('Patient/_history?_count=1')).entry.length, 1);
  const outcome = await post('Patient/$validate', patient);
  assert.equal(outcome.resourceType, 'OperationOutcome');
});
