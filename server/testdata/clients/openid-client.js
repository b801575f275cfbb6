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

// RFC 6749 §4.1.2 and RFC 9700 §4.14.2, on the store of a real server.
test('a code exchanged many times at once gives tokens once, and they are taken back', async () => {
  const verifier = client.randomPKCECodeVerifier();
  const config = await discover('app', client.None());
  const back = await new Browser(user, password).open(client.buildAuthorizationUrl(config, {
    redirect_uri: redirect, scope, state: 'x', aud: base, code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  }), { patient });
  const body = new URLSearchParams({ grant_type: 'authorization_code', code: back.searchParams.get('code'), redirect_uri: redirect, client_id: 'app', code_verifier: verifier });
  const answers = await Promise.all(Array.from({ length: 6 }, () => fetch(`${base}/auth/token`, { method: 'POST', body })));
  const won = answers.filter((a) => a.status === 200);
  assert.deepEqual(answers.filter((a) => a.status !== 200).map((a) => a.status), Array(5).fill(400));
  assert.equal(won.length, 1);
  const tokens = await won[0].json();
  assert.equal((await read(`Patient/${patient}`, tokens.access_token)).status, 401);
  assert.equal((await fetch(`${base}/auth/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: 'app' }) })).status, 400);
});

test('a refresh token sent many times at once gives one answer', async () => {
  const tokens = await letIn(await discover('app', client.None()));
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: 'app' });
  const answers = await Promise.all(Array.from({ length: 6 }, () => fetch(`${base}/auth/token`, { method: 'POST', body }).then((r) => r.json())));
  assert.equal(new Set(answers.map((a) => a.refresh_token)).size, 1);
  assert.equal(new Set(answers.map((a) => a.access_token)).size, 1);
  assert.equal((await read(`Patient/${patient}`, answers[0].access_token)).status, 200);
});

test('patients are found by words of their names, and by identifier', async () => {
  const config = await discover('app', client.None());
  const browser = new Browser(user, password);
  await letIn(config, browser, 'openid');
  const link = client.buildAuthorizationUrl(config, {
    redirect_uri: redirect, scope: 'launch/patient', state: 'x', aud: base, code_challenge: await client.calculatePKCECodeChallenge('x'), code_challenge_method: 'S256',
  });
  const page = await (await browser.load(link)).text();
  for (const [find, ids] of [
    ['', ['omar', 'maria']], ['lindq', ['maria']], ['maria lindqvist', ['maria']], ['MARIA', ['maria']], ['maria haddad', []], ['had', ['omar']],
    ['MRN-7', ['maria']], ['nobody', []], ['a,b|c$d\\', []], ['<b>', []], ['%', []],
  ]) {
    const form = Browser.form(page, 'consent');
    form.set('find', find);
    const answer = await (await browser.load(`${base}/auth/consent`, form)).text();
    assert.ok(answer.includes('<h1>Choose a patient') && !answer.includes('<b>'), find);
    assert.deepEqual([...answer.matchAll(/name="patient" value="([^"]*)"/g)].map((m) => m[1]), ids, `found by ${find}`);
  }
});
