import { begin, finish, record } from './smart.js';
import { draw, heading, series } from './chart.js';

const redirectUri = `${location.origin}/callback`;
const status = document.getElementById('status'), form = document.getElementById('start');

function nameOf(patient) {
  const name = patient.name?.find((n) => n.use !== 'old');
  return name?.text ?? [...(name?.given ?? []), name?.family].filter(Boolean).join(' ') ?? patient.id;
}

async function show(context) {
  status.textContent = 'Reading the record…';
  const { patient, observations } = await record(context);
  const found = series(observations);
  status.textContent = `${context.banner ? `${nameOf(patient)}, ${patient.birthDate ?? 'no date of birth'}: ` : ''}${found.length ? `${found.length} measured things` : 'nothing that can be drawn'}`;
  for (const s of found) {
    const figure = document.createElement('figure'), caption = document.createElement('figcaption');
    caption.textContent = heading(s);
    figure.append(caption);
    figure.insertAdjacentHTML('beforeend', draw(s)); // whose texts are escaped
    document.getElementById('charts').append(figure);
  }
}

async function run() {
  const asked = new URLSearchParams(location.search);
  const leave = async (iss, launch) => {
    const { client_id: clientId } = await (await fetch('/client.json')).json();
    location.assign(await begin({ iss, launch, clientId, redirectUri, storage: sessionStorage }));
  };
  if (asked.has('iss') && asked.has('launch')) return leave(asked.get('iss'), asked.get('launch'));
  if (asked.has('state')) {
    const url = location.href;
    history.replaceState(null, '', redirectUri); // the code stays in no history
    return show(await finish(url, sessionStorage));
  }
  status.textContent = 'Which server has the record?';
  form.hidden = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    leave(document.getElementById('iss').value).catch(fail);
  });
}

function fail(error) {
  status.textContent = `That did not work: ${error.message}`;
  form.hidden = false;
}

run().catch(fail);
