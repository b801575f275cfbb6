// What fhirclient, the SMART App Launch library, makes of the server: launches of a
// public and of an ES384 client, from itself and from the EHR, and refresh.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fhirclient from 'fhirclient';
import { importJWK, SignJWT } from 'jose';
import { Browser } from './browser.js';

const { base, user, password, patient, jwk, launchURL } = JSON.parse(process.env.SMART);
const app = 'http://127.0.0.1:9999';
const scope = 'openid fhirUser offline_access patient/Observation.rs patient/Patient.rs';

// One page of the app: fhirclient sees a request, and answers with a redirect.
function page(url, storage) {
  const u = new URL(url, app);
  const request = { url: u.pathname + u.search, headers: { host: u.host }, socket: {}, session: storage };
  const answer = {};
  const response = { writeHead: (status, headers) => { answer.location = headers.location; }, end: () => {} };
  return { smart: fhirclient(request, response), answer };
}

async function launch(options, entry = '/launch', pages = { patient }) {
  const storage = {};
  const first = page(entry, storage);
  await first.smart.authorize({ redirectUri: `${app}/done`, pkceMode: 'required', ...options });
  const back = await new Browser(user, password).open(first.answer.location, pages);
  return page(back, storage).smart.ready();
}

async function use(client, renew = () => client.refresh()) {
  assert.equal(client.patient.id, patient);
  assert.equal(client.getFhirUser(), 'Practitioner/alice');
  assert.equal((await client.patient.read()).id, patient);
  assert.equal((await client.user.read()).resourceType, 'Practitioner');
  const values = await client.request(`Observation?patient=${patient}&_count=1`, { pageLimit: 0, flat: true });
  assert.equal(values.length, 2);
  const before = client.state.tokenResponse.access_token;
  await renew();
  assert.notEqual(client.state.tokenResponse.access_token, before);
  assert.equal((await client.patient.read()).id, patient);
}

const key = { ...jwk, alg: 'ES384', key_ops: ['sign'] };

test('standalone, public', async () => use(await launch({ iss: base, clientId: 'app', scope: `launch/patient ${scope}` })));

// fhirclient proves who it is for a code, and not for a refresh: that is refused to a
// client that can, so the proof is made here.
test('standalone, ES384', async () => {
  const client = await launch({ iss: base, clientId: 'keys', clientPrivateJwk: key, scope: `launch/patient ${scope}` });
  const token = client.state.tokenResponse.refresh_token;
  await assert.rejects(client.refresh(), /invalid_client/);
  await use(client, async () => {
    const { tokenUri } = client.state;
    const assertion = await new SignJWT({}).setProtectedHeader({ alg: 'ES384', kid: jwk.kid, typ: 'JWT' })
      .setIssuer('keys').setSubject('keys').setAudience(tokenUri).setIssuedAt().setExpirationTime('2m').setJti(crypto.randomUUID())
      .sign(await importJWK(key, 'ES384'));
    const response = await fetch(tokenUri, { method: 'POST', body: new URLSearchParams({
      grant_type: 'refresh_token', refresh_token: token, client_assertion: assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    }) });
    assert.equal(response.status, 200);
    Object.assign(client.state.tokenResponse, await response.json());
  });
});

test('from the EHR, public', async () => use(await launch({ clientId: 'app', scope: `launch ${scope}` }, launchURL)));
