// A browser that walks the pages of the server by fetch: it keeps cookies, fills forms
// as a user would, and stops where the app is.
const decoded = (text) => text.replace(/&(amp|lt|gt|quot|#34|#39|#43);/g, (_, name) =>
  ({ amp: '&', lt: '<', gt: '>', quot: '"', '#34': '"', '#39': "'", '#43': '+' })[name]);

export class Browser {
  cookies = new Map();

  constructor(name, password) { this.user = { name, password }; }

  async load(url, form) {
    const response = await fetch(url, {
      method: form ? 'POST' : 'GET', body: form, redirect: 'manual',
      headers: { cookie: [...this.cookies].map((pair) => pair.join('=')).join('; '), ...(form && { 'sec-fetch-site': 'same-origin' }) },
    });
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(';')[0].split('=');
      if (/max-age=0/i.test(line)) this.cookies.delete(name); else this.cookies.set(name, value);
    }
    return response;
  }

  // The form of a page that leads to an action, with what stands in it.
  static form(page, action) {
    const text = [...page.matchAll(/<form method="post" action="([^"]*)"[^>]*>(.*?)<\/form>/gs)].filter((m) => m[1] === action).at(-1)[2];
    const form = new URLSearchParams();
    for (const [, attributes] of text.matchAll(/<input ([^>]*)>/g)) {
      const at = (name) => decoded(new RegExp(`(?:^| )${name}="([^"]*)"`).exec(attributes)?.[1] ?? '');
      const box = at('type') === 'checkbox' || at('type') === 'radio';
      if (!box || /(^| )checked/.test(attributes)) form.append(at('name'), at('value'));
    }
    return form;
  }

  // From an app's link through all pages back to the app: where it is sent to. Choose
  // may change the last form.
  async open(link, { patient, encounter = '-', choose = () => {} } = {}) {
    let url = new URL(link), response = await this.load(url);
    for (let step = 0; step < 20; step++) {
      if (response.status >= 300 && response.status < 400) {
        const next = new URL(response.headers.get('location'), url);
        if (next.origin !== url.origin) return next;
        url = next;
        response = await this.load(url);
        continue;
      }
      const page = await response.text();
      let form, action;
      if (page.includes('<h1>Sign in')) {
        form = Browser.form(page, action = 'login');
        form.set('name', this.user.name);
        form.set('password', this.user.password);
      } else if (page.includes('<h1>Choose a patient')) {
        form = Browser.form(page, action = 'consent');
        form.set('patient', patient);
      } else if (page.includes('<h1>Choose an encounter')) {
        form = Browser.form(page, action = 'consent');
        form.set('encounter', encounter);
      } else if (page.includes('action="consent"')) {
        form = Browser.form(page, action = 'consent');
        form.set('decision', 'allow');
        choose(form);
      } else {
        throw new Error(`${url}: ${response.status}: ${page}`);
      }
      url = new URL(action, url);
      response = await this.load(url, form);
    }
    throw new Error('no end');
  }
}
