// What fhir-kit-client makes of the server at FHIR_BASE.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from 'fhir-kit-client';

const client = new Client({ baseUrl: process.env.FHIR_BASE });
const patient = family => ({ resourceType: 'Patient', name: [{ family, given: ['Kit'] }], active: true });
const observation = (subject, value) => ({
  resourceType: 'Observation', status: 'final', subject: { reference: subject },
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  valueQuantity: { value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
});
const failsWith = status => error => (error.response?.status ?? error.status) === status;

test('capabilities', async () => {
  const statement = await client.capabilityStatement();
  assert.equal(statement.resourceType, 'CapabilityStatement');
  assert.equal(statement.fhirVersion, '4.0.1');
});

test('create, read, update, vread, delete', async () => {
  const made = await client.create({ resourceType: 'Patient', body: patient('Crud') });
  assert.ok(made.id);
  assert.equal((await client.read({ resourceType: 'Patient', id: made.id })).name[0].family, 'Crud');
  const changed = await client.update({ resourceType: 'Patient', id: made.id, body: { ...made, active: false } });
  assert.equal(changed.meta.versionId, '2');
  assert.equal((await client.vread({ resourceType: 'Patient', id: made.id, version: '1' })).active, true);
  await client.delete({ resourceType: 'Patient', id: made.id });
  await assert.rejects(client.read({ resourceType: 'Patient', id: made.id }), failsWith(410));
  await assert.rejects(client.read({ resourceType: 'Patient', id: 'never' }), failsWith(404));
});

test('patch', async () => {
  const made = await client.create({ resourceType: 'Patient', body: patient('Patch') });
  const patched = await client.patch({ resourceType: 'Patient', id: made.id, jsonPatch: [{ op: 'replace', path: '/active', value: false }] });
  assert.equal(patched.active, false);
  assert.equal(patched.meta.versionId, '2');
});

test('conditional create', async () => {
  const body = { ...patient('Once'), identifier: [{ system: 'urn:kit', value: 'once' }] };
  const ifNoneExist = { options: { headers: { 'If-None-Exist': 'identifier=urn:kit|once' } } };
  const first = await client.create({ resourceType: 'Patient', body, ...ifNoneExist });
  const second = await client.create({ resourceType: 'Patient', body, ...ifNoneExist });
  assert.equal(second.id, first.id);
});

test('search and paging, forwards', async () => {
  const made = await client.create({ resourceType: 'Patient', body: patient('Pages') });
  for (let i = 0; i < 5; i++) {
    await client.create({ resourceType: 'Observation', body: observation(`Patient/${made.id}`, 60 + i) });
  }
  let bundle = await client.search({ resourceType: 'Observation', searchParams: { patient: made.id, code: 'http://loinc.org|8867-4', _count: 2, _total: 'accurate' } });
  assert.equal(bundle.total, 5);
  const values = [];
  for (;;) {
    values.push(...bundle.entry.map(e => e.resource.valueQuantity.value));
    const next = client.nextPage({ bundle });
    if (!next) break;
    bundle = await next;
  }
  assert.deepEqual(values.sort(), [60, 61, 62, 63, 64]);
  const byPost = await client.resourceSearch({ resourceType: 'Observation', searchParams: { patient: made.id, _count: 1 }, options: { postSearch: true } });
  assert.equal(byPost.entry.length, 1);
  const included = await client.search({ resourceType: 'Observation', searchParams: { patient: made.id, _include: 'Observation:patient' } });
  assert.ok(included.entry.some(e => e.resource.id === made.id && e.search.mode === 'include'));
  await assert.rejects(client.search({ resourceType: 'Patient', searchParams: { nosuch: 'x' } }), failsWith(400));
});

test('batch and transaction', async () => {
  const transaction = await client.transaction({
    body: {
      resourceType: 'Bundle', type: 'transaction', entry: [
        { fullUrl: 'urn:uuid:7d0a2c0e-7a7f-4bb1-9a4d-6f4e4d1a0001', resource: patient('Tx'), request: { method: 'POST', url: 'Patient' } },
        { resource: observation('urn:uuid:7d0a2c0e-7a7f-4bb1-9a4d-6f4e4d1a0001', 70), request: { method: 'POST', url: 'Observation' } },
      ],
    },
  });
  assert.deepEqual(transaction.entry.map(e => e.response.status.slice(0, 3)), ['201', '201']);
  const [type, id] = transaction.entry[0].response.location.match(/(Patient)\/([^/]+)\/_history/).slice(1);
  const found = await client.search({ resourceType: 'Observation', searchParams: { subject: `${type}/${id}` } });
  assert.equal(found.entry.length, 1);
  const batch = await client.batch({
    body: {
      resourceType: 'Bundle', type: 'batch', entry: [
        { request: { method: 'GET', url: `Patient/${id}` } }, { request: { method: 'GET', url: 'Patient/never' } }],
    },
  });
  assert.deepEqual(batch.entry.map(e => e.response.status.slice(0, 3)), ['200', '404']);
});

test('history of an instance, a type and the system', async () => {
  const made = await client.create({ resourceType: 'Device', body: { resourceType: 'Device', serialNumber: '1' } });
  await client.update({ resourceType: 'Device', id: made.id, body: { ...made, serialNumber: '2' } });
  const instance = await client.history({ resourceType: 'Device', id: made.id });
  assert.equal(instance.type, 'history');
  assert.deepEqual(instance.entry.map(e => e.resource.meta.versionId), ['2', '1']);
  assert.equal((await client.history({ resourceType: 'Device' })).entry.length, 2);
  assert.ok((await client.history()).entry.length >= 2);
});

test('operations', async () => {
  const answer = await client.operation({ name: 'validate', resourceType: 'Patient', input: { resourceType: 'Patient', nosuch: 1 } });
  assert.equal(answer.resourceType, 'OperationOutcome');
  assert.ok(answer.issue.some(i => i.severity === 'error' || i.severity === 'fatal'));
  const made = await client.create({ resourceType: 'Patient', body: patient('Everything') });
  await client.create({ resourceType: 'Observation', body: observation(`Patient/${made.id}`, 61) });
  const everything = await client.operation({ name: '$everything', resourceType: 'Patient', id: made.id, method: 'GET' });
  assert.deepEqual(everything.entry.map(e => e.resource.resourceType).sort(), ['Observation', 'Patient']);
  const expanded = await client.operation({ name: 'expand', resourceType: 'ValueSet', method: 'GET', input: { url: 'http://hl7.org/fhir/ValueSet/administrative-gender' } });
  assert.equal(expanded.expansion.contains.length, 4);
  await assert.rejects(client.operation({ name: 'nosuch', resourceType: 'Patient' }), failsWith(404));
});

test('compartment search', async () => {
  const made = await client.create({ resourceType: 'Patient', body: patient('Compartment') });
  await client.create({ resourceType: 'Observation', body: observation(`Patient/${made.id}`, 62) });
  const found = await client.search({ resourceType: 'Observation', compartment: { resourceType: 'Patient', id: made.id } });
  assert.equal(found.entry.length, 1);
});

test('references are resolved', async () => {
  const made = await client.create({ resourceType: 'Patient', body: patient('Resolve') });
  assert.equal((await client.resolve({ reference: `Patient/${made.id}` })).id, made.id);
});
