// SMART App Launch 2.2 for a public client: PKCE, state, and the context that comes
// with the token. It knows no page, so that it can be tried without one.
const bytes = (n) => crypto.getRandomValues(new Uint8Array(n));
const base64url = (data) => btoa(String.fromCharCode(...new Uint8Array(data))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

async function json(response) {
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error_description ?? answer.issue?.[0]?.diagnostics ?? `${response.url} answered ${response.status}`);
  return answer;
}

// Where to send the browser so that its user lets the app in; what is needed to take
// the answer is kept in storage until then.
export async function begin({ iss, launch, clientId, redirectUri, storage }) {
  const base = iss.replace(/\/$/, '');
  const smart = await json(await fetch(`${base}/.well-known/smart-configuration`, { headers: { accept: 'application/json' } }));
  if (!smart.code_challenge_methods_supported?.includes('S256')) throw new Error('the server has no PKCE with S256');
  const state = base64url(bytes(16)), verifier = base64url(bytes(32));
  const challenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
  storage.setItem(`smart-${state}`, JSON.stringify({ base, verifier, clientId, redirectUri, issuer: smart.issuer, token: smart.token_endpoint }));
  const link = new URL(smart.authorization_endpoint);
  link.search = new URLSearchParams({
    response_type: 'code', client_id: clientId, redirect_uri: redirectUri, state, aud: iss,
    scope: `${launch ? 'launch' : 'launch/patient'} openid fhirUser online_access patient/Patient.r patient/Observation.rs`,
    code_challenge: challenge, code_challenge_method: 'S256', ...(launch && { launch }),
  });
  return link.href;
}

// Takes the answer in a URL that the server sent the browser to, once.
export async function finish(url, storage) {
  const answer = new URL(url).searchParams;
  const key = `smart-${answer.get('state')}`, kept = JSON.parse(storage.getItem(key) ?? 'null');
  storage.removeItem(key);
  if (!kept) throw new Error('this is no answer to what this browser asked for; please start again');
  if (answer.has('iss') && kept.issuer && answer.get('iss') !== kept.issuer) throw new Error('another server answered'); // RFC 9207
  if (answer.has('error')) throw new Error(answer.get('error_description') ?? answer.get('error'));
  const tokens = await json(await fetch(kept.token, { method: 'POST', body: new URLSearchParams({
    grant_type: 'authorization_code', code: answer.get('code'), redirect_uri: kept.redirectUri, client_id: kept.clientId, code_verifier: kept.verifier,
  }) }));
  if (!tokens.patient) throw new Error('the server named no patient');
  return { base: kept.base, token: tokens.access_token, patient: tokens.patient, banner: tokens.need_patient_banner !== false };
}

async function read({ base, token }, path) {
  const url = new URL(path, `${base}/`);
  if (!url.href.startsWith(`${base}/`)) throw new Error('a page of the answer is elsewhere'); // the token goes nowhere else
  return json(await fetch(url, { headers: { authorization: `Bearer ${token}`, accept: 'application/fhir+json' } }));
}

// The patient, and his observations from the oldest of the latest 1000 on.
export async function record(context) {
  const patient = await read(context, `Patient/${encodeURIComponent(context.patient)}`);
  const observations = [];
  let path = `Observation?patient=${encodeURIComponent(context.patient)}&_sort=-date&_count=200`;
  for (let page = 0; path && page < 5; page++) {
    const bundle = await read(context, path);
    observations.push(...(bundle.entry ?? []).map((e) => e.resource).filter((r) => r?.resourceType === 'Observation'));
    path = bundle.link?.find((l) => l.relation === 'next')?.url;
  }
  return { patient, observations: observations.reverse() };
}
