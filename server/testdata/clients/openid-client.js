// What openid-client (a certified OpenID Connect client) makes of the server, which SMART
// describes as JSON.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as client from 'openid-client';
import { Browser } from './browser.js';

const { base, user, password, patient, secret, jwk } = JSON.parse(process.env.SMART);
const redirect = 'http://127.0.0.1:9999/done';
const scope = 'openid fhirUser launch/patient offline_access patient/Observation.rs patient/Patient.rs';

const discover = (id, proof) => client.discovery(new URL(base), id, undefined, proof, { execute: [client.allowInsecureRequests] });

// The authorization code flow with PKCE, state and nonce; gives the tokens.
async function letIn(config, browser = new Browser(user, password), wanted = scope) {
  const verifier = client.randomPKCECodeVerifier(), state = client.randomState(), nonce = client.randomNonce();
  const link = client.buildAuthorizationUrl(config, {
    redirect_uri: redirect, scope: wanted, state, nonce, aud: base,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  });
  const back = await browser.open(link, { patient });
  return client.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true });
}

const read = (path, token) => fetch(`${base}/${path}`, { headers: { authorization: `Bearer ${token}` } });

for (const [name, id, proof] of [
  ['public', 'app', async () => client.None()],
  ['symmetric, Basic', 'secret', async () => client.ClientSecretBasic(secret)],
  ['symmetric, in the body', 'secret', async () => client.ClientSecretPost(secret)],
  ['asymmetric, ES384', 'keys', async () => client.PrivateKeyJwt({ kid: jwk.kid, key: await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-384' }, false, ['sign']) })],
]) {
  test(`code, PKCE, nonce, refresh, introspection, revocation: ${name}`, async () => {
    const config = await discover(id, await proof());
    const tokens = await letIn(config);
    const claims = tokens.claims();
    assert.equal(claims.iss, base);
    assert.equal(claims.fhirUser, `${base}/Practitioner/alice`);
    assert.equal(tokens.patient, patient);
    assert.deepEqual(new Set(tokens.scope.split(' ')), new Set(scope.split(' ')));
    assert.equal((await read(`Patient/${patient}`, tokens.access_token)).status, 200);
    assert.equal((await read('Practitioner/alice', tokens.access_token)).status, 200);

    const next = await client.refreshTokenGrant(config, tokens.refresh_token);
    assert.notEqual(next.refresh_token, tokens.refresh_token);
    assert.equal(next.patient, patient);
    const fewer = await client.refreshTokenGrant(config, next.refresh_token, { scope: 'patient/Patient.rs' });
    assert.equal(fewer.scope, 'patient/Patient.rs');
    if (id !== 'app') {
      const told = await client.tokenIntrospection(config, next.access_token);
      assert.equal(told.active, true);
      assert.equal(told.client_id, id);
      assert.equal(told.patient, patient);
      assert.equal(told.sub, claims.sub);
      assert.deepEqual(new Set(told.scope.split(' ')), new Set(scope.split(' ')));
    }
    await client.tokenRevocation(config, fewer.refresh_token);
    await assert.rejects(client.refreshTokenGrant(config, fewer.refresh_token));
    assert.equal((await read(`Patient/${patient}`, next.access_token)).status, 401);
  });
}

test('a user who is known is known again, and takes scopes away', async () => {
  const config = await discover('app', client.None());
  const browser = new Browser(user, password);
  const first = await letIn(config, browser);
  const second = await letIn(config, browser, 'openid');
  assert.equal(first.claims().sub, second.claims().sub);
  const denied = await browser.open(client.buildAuthorizationUrl(config, {
    redirect_uri: redirect, scope: 'openid', state: 'x', aud: base, code_challenge: await client.calculatePKCECodeChallenge('x'), code_challenge_method: 'S256',
  }), { choose: (form) => form.set('decision', 'deny') });
  assert.equal(denied.searchParams.get('error'), 'access_denied');
});

test('a backend service by private_key_jwt', async () => {
  const key = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-384' }, false, ['sign']);
  const config = await discover('backend', client.PrivateKeyJwt({ kid: jwk.kid, key }));
  const tokens = await client.clientCredentialsGrant(config, { scope: 'system/Patient.rs' });
  assert.equal(tokens.scope, 'system/Patient.rs');
  assert.equal(tokens.refresh_token, undefined);
  assert.equal((await read('Patient?_count=1', tokens.access_token)).status, 200);
});
